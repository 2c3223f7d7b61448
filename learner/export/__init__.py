"""Leaving Winnow: a trained model as files that run without it."""
