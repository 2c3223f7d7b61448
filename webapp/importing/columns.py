"""Which column of a file plays which role."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ColumnMap:
    """The column that plays each role; None where none does."""

    text: str | None = None
    id: str | None = None
    rating: str | None = None
    product: str | None = None
    author: str | None = None
    date: str | None = None
    category: str | None = None
    label: str | None = None
    split: str | None = None
    language: str | None = None
