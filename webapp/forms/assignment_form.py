"""Who is limited to which reviews."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from webapp.forms.form import Form, Reader


@dataclass(frozen=True)
class AssignmentTyped:
    """Whom to limit, and to what; None fits all."""

    user_id: int
    language: str | None
    category: str | None


def assignment(source: Mapping[str, str]) -> Form[AssignmentTyped]:
    """A person with a language, a category or both."""
    read = Reader(source)
    user = read.text("user", 20)
    if user and not user.isdecimal():
        read.errors["user"] = _("Choose one of the list.")
    language, category = read.typed.get("language") or None, read.typed.get("category") or None
    if language is None and category is None:
        read.errors["language"] = _("Choose a language, a category or both.")
    return read.form(AssignmentTyped(int(user) if user.isdecimal() else 0, language, category))
