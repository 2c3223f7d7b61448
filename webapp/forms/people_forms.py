"""New people and new passwords: what was typed, or what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import current_app
from flask_babel import gettext as _

from webapp.access import passwords
from webapp.forms.form import Form, Reader
from webapp.store.users import NAME_LIMIT, ROLES


@dataclass(frozen=True)
class NewPerson:
    """`password` is None where one is to be made."""

    name: str
    role: str
    password: str | None


def new_person(source: Mapping[str, str]) -> Form[NewPerson]:
    """A name, a role, and a password or none."""
    read = Reader(source)
    name = read.text("name", NAME_LIMIT)
    role = read.choice("role", ROLES, "annotator")
    password = new_password(source, name)
    read.errors |= password.errors
    typed = password.value.password if password.value else None
    return read.form(NewPerson(name, role, typed))


@dataclass(frozen=True)
class NewPassword:
    """`password` is None where one is to be made."""

    password: str | None


def new_password(source: Mapping[str, str], name: str) -> Form[NewPassword]:
    """A typed password for the person of that name, or none: then one is made. It is never shown again as typed."""
    read = Reader(source)
    password = read.typed.pop("password", "")
    wrong = _problem(password, name) if password else None
    if wrong:
        read.errors["password"] = wrong
    return read.form(NewPassword(password or None))


def own_password(source: Mapping[str, str], name: str) -> dict[str, str]:
    """What is wrong with a new password that its owner typed twice, by field."""
    new = source.get("new", "")
    wrong = _problem(new, name)
    if wrong:
        return {"new": wrong}
    return {} if new == source.get("again", "") else {"again": _("The two new passwords differ.")}


def _problem(password: str, name: str) -> str | None:
    hosts = current_app.config["HOSTS"]
    words = {
        "short": _("Use at least %(n)s characters. A short sentence is good.", n=passwords.SHORTEST),
        "long": _("Use at most %(n)s characters.", n=passwords.LONGEST),
        "easy": _(
            "This is among the first that others would guess. Take some words that do not belong together."
        ),
        "named": _("This is little more than the names of the account and of this server. Take other words."),
    }
    found = passwords.weakness(password, [name, *(hosts.split(",") if isinstance(hosts, str) else hosts)])
    return words[found] if found else None
