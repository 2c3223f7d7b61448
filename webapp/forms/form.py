"""Forms, parsed once: into a value, or into a message a field with everything typed kept to show again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from flask_babel import gettext as _

from webapp.words.amounts import number

Value = TypeVar("Value")


@dataclass
class Form(Generic[Value]):
    """`value` is None as long as there are errors; a view may add errors that only the store knows."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    value: Value | None = None

    def checked(self) -> Value:
        """The value of a form without errors."""
        assert self.value is not None and not self.errors, "look at form.errors first"
        return self.value


class Reader:
    """Reads fields one by one; what does not fit becomes a message beside its field."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self.typed = {name: source[name] for name in source}
        self.errors: dict[str, str] = {}

    def text(self, name: str, limit: int, required: bool = True) -> str:
        """One line, trimmed."""
        value = self.typed.get(name, "").strip()
        if required and not value:
            self.errors[name] = _("Please fill this in.")
        elif len(value) > limit:
            self.errors[name] = _("At most %(limit)s characters.", limit=limit)
        return value

    def choice(self, name: str, choices: Collection[str], default: str = "") -> str:
        """One of the choices; the default when the field was not sent."""
        value = self.typed.get(name, default)
        if value not in choices:
            self.errors[name] = _("Choose one of the list.")
        return value

    def flag(self, name: str) -> bool:
        """Whether the box is ticked."""
        return name in self.typed

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number in its range."""
        return int(self.number(name, low, high, whole=True))

    def number(self, name: str, low: float, high: float, whole: bool = False) -> float:
        """A number in its range; a comma may stand for the point."""
        try:
            value = float(self.typed.get(name, "").strip().replace(",", "."))
        except ValueError:
            value = float("nan")
        if not low <= value <= high or (whole and value != int(value)):
            words = _("a whole number") if whole else _("a number")
            ends = {"low": low, "high": high}
            shown = {end: number(bound) if whole else f"{bound:g}" for end, bound in ends.items()}
            self.errors[name] = _("Must be %(kind)s from %(low)s to %(high)s.", kind=words, **shown)
            return low
        return value

    def form(self, value: Value) -> Form[Value]:
        """The parsed form; the value counts only if nothing was wrong."""
        return Form(self.typed, self.errors, None if self.errors else value)
