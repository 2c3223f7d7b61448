"""The background process: claims rounds, imports, encodings and exports by lease, runs them, publishes."""
