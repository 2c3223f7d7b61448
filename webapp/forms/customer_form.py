"""Whose reviews to erase."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from webapp.forms.form import Form, Reader


@dataclass(frozen=True)
class CustomerTyped:
    """Whose reviews to erase, and where; None: in all projects."""

    customer: str
    project_id: int | None


def customer(source: Mapping[str, str], projects: Collection[int]) -> Form[CustomerTyped]:
    """A customer's id, exactly as it stood in the file, and a project or all."""
    read = Reader(source)
    typed = read.typed.get("customer", "")
    if not typed.strip():
        read.errors["customer"] = _("Please fill this in.")
    project = read.choice("project", {"", *map(str, projects)})
    return read.form(CustomerTyped(typed, int(project) if project.isdecimal() else None))
