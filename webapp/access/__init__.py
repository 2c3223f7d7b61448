"""Who comes in, and what every request must pass."""
