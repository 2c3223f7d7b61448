"""What people type and choose, parsed once."""
