"""The clock of a request, which tests can move."""

from datetime import datetime

from flask import current_app


def now() -> datetime:
    """The present moment in UTC."""
    moment: datetime = current_app.config["CLOCK"]()
    return moment
