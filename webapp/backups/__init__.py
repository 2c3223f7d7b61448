"""Backups of an instance: made, kept, checked and put back."""
