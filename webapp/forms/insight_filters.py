"""Which reviews the insights are about, and which label they watch, as an address carries it."""

from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from webapp.forms.fields_of_address import day, name_from_a_file, one_of
from webapp.store.insights import COLUMNS
from webapp.store.projects import Label, Project
from webapp.words.label_words import label_tone

ORDERS = ("reviews", "share")


@dataclass(frozen=True)
class Asked:
    """`by` is empty where the file is to decide; `group` is one product or category, empty for all."""

    label: Label
    by: str = ""
    group: str = ""
    since: str = ""
    until: str = ""
    order: str = "reviews"


def parse(typed: MultiDict[str, str], project: Project) -> Asked:
    """What an address asks for; what is unknown counts as not set. The label of complaints is watched if none is."""
    return Asked(
        project.label_named(typed.get("label", "")) or complaints(project.labels),
        one_of(typed, "by", COLUMNS),
        name_from_a_file(typed, "group"),
        day(typed, "since"),
        day(typed, "until"),
        one_of(typed, "order", ORDERS) or ORDERS[0],
    )


def complaints(labels: list[Label]) -> Label:
    """The label that says negative, in English or Chinese; the first where none does."""
    return next((label for label in labels if label_tone(label.name) == "negative"), labels[0])


def arguments(asked: Asked, **changed: Any) -> dict[str, Any]:
    """What an address needs to ask the same, or with something changed."""
    values = {**vars(asked), "label": asked.label.name, **changed}
    usual = ("order", ORDERS[0])
    return {name: value for name, value in values.items() if value and (name, value) != usual}
