"""What an address says, where anything unknown counts as not said."""

from collections.abc import Collection
from datetime import date

from werkzeug.datastructures import MultiDict

LONGEST_SEARCH = 200
# Of products and categories, which some shops call by a whole sentence.
LONGEST_NAME = 1_000


def words(typed: MultiDict[str, str], name: str) -> str:
    """A text, cut to what is searched for."""
    return typed.get(name, "").strip()[:LONGEST_SEARCH]


def name_from_a_file(typed: MultiDict[str, str], name: str) -> str:
    """A product or category, without the spaces round it. No other blank goes: SQL's trim leaves them too."""
    return typed.get(name, "")[:LONGEST_NAME].strip(" ")


def one_of(typed: MultiDict[str, str], name: str, choices: Collection[str]) -> str:
    """One of the choices."""
    value = typed.get(name, "")
    return value if value in choices else ""


def day(typed: MultiDict[str, str], name: str) -> str:
    """A day as browsers send it."""
    try:
        return date.fromisoformat(typed.get(name, "")).isoformat()
    except ValueError:
        return ""
