"""winnow user: accounts."""

import sys
from datetime import datetime, timedelta

import click
from sqlite_utils import Database

from webapp.access.passwords import LONGEST, SHORTEST, hash_password, weakness
from webapp.cli.context import pass_database
from webapp.cli.output import json_option, print_rows
from webapp.cli.setting_up import new_password, show_password
from webapp.defaults import TEMPORARY_PASSWORD_HOURS
from webapp.instance import Instance
from webapp.store import users
from webapp.store.connection import utc_now
from webapp.store.errors import InvalidValue, NotFound
from webapp.store.users import ROLES, User

password_option = click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the password from stdin, one line.  [default: make one and print it]",
)


@click.group("user")
def user_command() -> None:
    """Add, list and disable accounts, set passwords."""


@user_command.command("add")
@click.argument("name")
@click.option(
    "--role", type=click.Choice(ROLES), required=True, help="Annotators label; admins do everything."
)
@password_option
@pass_database
def add(instance: Instance, db: Database, name: str, role: str, password_stdin: bool) -> None:
    """Create an account.

    A password that is made is for one login within three days, where its owner chooses their own. One read from
    stdin stays: it is for scripts, and for oneself.
    """
    password = _password(password_stdin, name)
    expires = None if password_stdin else _end_of_password()
    user = users.add(db, name, hash_password(password), role, expires=expires)
    click.echo(f"Added {user.name} ({user.role}).")
    if not password_stdin:
        show_password(user.name, password)


@user_command.command("list")
@json_option
@pass_database
def list_(instance: Instance, db: Database, as_json: bool) -> None:
    """List all accounts."""
    rows = [
        {"name": user.name, "role": user.role, "created": user.created_at, "disabled": user.disabled_at}
        for user in users.everyone(db)
    ]
    print_rows(rows, as_json, "There is no account yet. Add one with: winnow user add NAME --role admin")


@user_command.command("disable")
@click.argument("name")
@pass_database
def disable(instance: Instance, db: Database, name: str) -> None:
    """Close an account: it is logged out everywhere, its labels stay."""
    user = named(db, name)
    users.disable(db, user.id, by=None)
    click.echo(f"{user.name} can no longer log in.")


@user_command.command("passwd")
@click.argument("name")
@password_option
@pass_database
def passwd(instance: Instance, db: Database, name: str, password_stdin: bool) -> None:
    """Set a new password for one login within three days, and end the sessions of that account."""
    user = named(db, name)
    password = _password(password_stdin, name)
    users.set_password(db, user.id, hash_password(password), None, _end_of_password())
    click.echo(f"{user.name} has a new password and is logged out everywhere.")
    if not password_stdin:
        show_password(user.name, password)


def _password(from_stdin: bool, name: str) -> str:
    if not from_stdin:
        return new_password()
    try:
        password = sys.stdin.readline().rstrip("\r\n")
        password.encode()  # in a plain locale bytes that are no text come through, and cannot be hashed
    except UnicodeError as error:
        raise InvalidValue("The password is no text in UTF-8.") from error
    wrong = weakness(password, [name])
    if wrong in ("short", "long"):
        raise InvalidValue(f"A password has {SHORTEST} to {LONGEST:,} characters.")
    if wrong:
        raise InvalidValue("This password is too easy to guess. Take some words that do not belong together.")
    return password


def _end_of_password() -> datetime:
    return utc_now() + timedelta(hours=TEMPORARY_PASSWORD_HOURS)


def named(db: Database, name: str) -> User:
    """The account of that name; NotFound says how to see them all."""
    found = users.by_name(db, name)
    if found is None:
        raise NotFound(f"There is no user named {name}. See: winnow user list")
    return found[0]
