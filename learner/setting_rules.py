"""How a setting says what it is for and what is safe, and how settings are read from plain values."""

from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from typing import Any, Self, get_args

from learner.errors import SettingsError


@dataclass(frozen=True)
class Span:
    """Where the search looks for a better number, inside the safe range."""

    low: float
    high: float
    log: bool = False


def setting(
    default: Any,
    about: str,
    low: float | None = None,
    high: float | None = None,
    choices: Any = None,
    search: Span | tuple[Any, ...] = (),
) -> Any:
    """One field with its default, a line for people, and its safe range or choices.

    search: what the search for better settings tries, a span of numbers or some values; nothing: it stays as it is.
    """
    about_it = {"about": about, "low": low, "high": high, "choices": choices, "search": search}
    return field(default=default, metadata=about_it)


class Settings:
    """Reading a settings dataclass from plain JSON values and writing it back."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from plain values, defaults for what is missing; SettingsError holds a message per field."""
        accepted, errors = _read(cls, values)
        if errors:
            raise SettingsError(errors)
        return cls(**accepted)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that `from_dict` reads back to an equal object."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]


def _read(cls: type[Any], values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The accepted values and the messages for the others, by field; groups as `group.field`."""
    known = {item.name: item for item in fields(cls)}
    accepted: dict[str, Any] = {}
    errors = {
        name: f"is not a setting; known are {', '.join(known)}." for name in values if name not in known
    }
    for name, item in known.items():
        if name not in values:
            continue
        if isinstance(item.type, type) and issubclass(item.type, Settings):
            _read_group(item.type, name, values[name], accepted, errors)
            continue
        try:
            accepted[name] = _check(values[name], item.type, dict(item.metadata))
        except ValueError as problem:
            errors[name] = str(problem)
    return accepted, errors


def _read_group(
    group: type[Settings], name: str, values: Any, accepted: dict[str, Any], errors: dict[str, str]
) -> None:
    if not isinstance(values, dict):
        errors[name] = "must be a group of settings."
        return
    inner, problems = _read(group, values)
    errors.update({f"{name}.{key}": message for key, message in problems.items()})
    if not problems:
        accepted[name] = group(**inner)


def _check(value: Any, kind: Any, rule: dict[str, Any]) -> Any:
    """The value in the type its field wants; ValueError with a message for people."""
    wanted = set(get_args(kind) or [kind])
    if value is None and type(None) in wanted:
        return None
    if rule["choices"] is not None:
        if not isinstance(value, str) or value not in rule["choices"]:
            raise ValueError(f"{value!r} is not known; choose one of {', '.join(rule['choices'])}.")
    elif bool in wanted:
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {value!r}.")
    elif str in wanted:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("must be a name.")
    else:
        return _check_number(value, int in wanted, rule)
    return value


def _check_number(value: Any, whole: bool, rule: dict[str, Any]) -> int | float:
    number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if not number or (whole and value != int(value)):
        raise ValueError(f"must be {'a whole number' if whole else 'a number'}, not {value!r}.")
    if not rule["low"] <= value <= rule["high"]:
        raise ValueError(f"must be from {rule['low']:g} to {rule['high']:g}, not {value:g}.")
    return int(value) if whole else float(value)
