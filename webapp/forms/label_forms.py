"""A label's name, and what becomes of its labels when it goes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from webapp.forms.form import Form, Reader
from webapp.store.label_sets import LONGEST_NAME


def label_name(source: Mapping[str, str]) -> Form[str]:
    """The name of a new or a renamed label."""
    read = Reader(source)
    return read.form(read.text("name", LONGEST_NAME))


@dataclass(frozen=True)
class Retirement:
    """What becomes of the labels given with a label that goes: they become `into`, or None withdraws them."""

    into: int | None


def retirement(source: Mapping[str, str], others: Collection[int]) -> Form[Retirement]:
    """Move to one of the other labels, or withdraw."""
    read = Reader(source)
    fate = read.choice("fate", ("move", "withdraw"))
    into = read.typed.get("into", "")
    if fate == "move" and into not in map(str, others):
        read.errors["into"] = _("Choose one of the list.")
    return read.form(Retirement(int(into) if fate == "move" and into.isdecimal() else None))
