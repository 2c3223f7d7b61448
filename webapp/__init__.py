"""Winnow's web application, store, worker and command line. Importing it loads no Flask and no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask


def create_app(folder: Path | None = None, overrides: Mapping[str, Any] | None = None) -> "Flask":
    """The application of one instance; see `webapp.application`."""
    from webapp import application

    return application.create_app(folder, overrides)
