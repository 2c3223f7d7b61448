"""The keys of the labelling page: what they do, how they are drawn, and each person's own."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask
from flask_babel import LazyString, gettext, lazy_gettext

from webapp.forms.form import Form

MOST_LABELS = 9
ARROWS = {"arrowleft": "←", "arrowright": "→", "arrowup": "↑", "arrowdown": "↓"}


@dataclass(frozen=True)
class Command:
    """Something that a key does; `name` is also its field's."""

    name: str
    words: LazyString
    default: str


COMMANDS = (
    *(
        Command(f"label-{place}", lazy_gettext("Label %(place)s", place=place), str(place))
        for place in range(1, MOST_LABELS + 1)
    ),
    Command("skip", lazy_gettext("Skip"), "s"),
    Command("flag", lazy_gettext("Flag"), "f"),
    Command("note", lazy_gettext("Write a note"), "n"),
    Command("undo", lazy_gettext("Undo"), "u"),
    Command("earlier", lazy_gettext("My last review"), "arrowleft"),
    Command("later", lazy_gettext("Forward to the queue"), "arrowright"),
    Command("guidelines", lazy_gettext("Guidelines"), "g"),
    Command("help", lazy_gettext("This help"), "?"),
)
DEFAULTS = {command.name: command.default for command in COMMANDS}


def init_app(app: Flask) -> None:
    """Give templates the filter `key`: a key as it is drawn."""
    app.jinja_env.filters["key"] = drawn


def of(own: Mapping[str, str]) -> dict[str, str]:
    """The key of every command, with a person's own where they chose one."""
    return {name: own.get(name, default) for name, default in DEFAULTS.items()}


def drawn(key: str) -> str:
    """S, 1, ?, ←: what stands on the key."""
    return ARROWS.get(key, key.upper())


def parse(source: Mapping[str, str]) -> Form[dict[str, str]]:
    """One key each and none twice; the value holds only those that differ from the default."""
    typed = {name: source.get(name, drawn(default)).strip() for name, default in DEFAULTS.items()}
    errors: dict[str, str] = {}
    chosen: dict[str, str] = {}
    for name, text in typed.items():
        key = _key(text)
        if key is None:
            errors[name] = gettext("Give one key: a letter, a digit, a sign or an arrow.")
        elif key in chosen.values():
            errors[name] = gettext("This key is taken already.")
        else:
            chosen[name] = key
    own = {name: key for name, key in chosen.items() if key != DEFAULTS[name]}
    return Form(typed, errors, None if errors else own)


def filled(own: Mapping[str, str]) -> Form[dict[str, str]]:
    """A person's keys as the form shows them."""
    return Form({name: drawn(key) for name, key in of(own).items()}, {}, dict(own))


def _key(text: str) -> str | None:
    """The key's name as the page's script knows it; None for what is not one key."""
    arrow = next((name for name, sign in ARROWS.items() if text in (sign, name)), None)
    if arrow:
        return arrow
    return text.lower() if len(text) == 1 and text.isprintable() else None
