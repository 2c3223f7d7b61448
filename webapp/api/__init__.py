"""The HTTP API for programs: JSON under /api/v1, a token instead of a login. Start reading in routes.py."""
