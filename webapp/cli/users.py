"""winnow user: accounts."""

import sys

import click
from sqlite_utils import Database

from webapp.cli.context import pass_database
from webapp.cli.output import json_option, print_rows
from webapp.cli.setting_up import new_password, show_password
from webapp.instance import Instance
from webapp.passwords import LONGEST, SHORTEST, hash_password
from webapp.store import users
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
    """Create an account."""
    password = _password(password_stdin)
    user = users.add(db, name, hash_password(password), role)
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
    """Set a new password and end the sessions of that account."""
    user = named(db, name)
    password = _password(password_stdin)
    users.set_password(db, user.id, hash_password(password), by=None)
    click.echo(f"{user.name} has a new password and is logged out everywhere.")
    if not password_stdin:
        show_password(user.name, password)


def _password(from_stdin: bool) -> str:
    if not from_stdin:
        return new_password()
    password = sys.stdin.readline().rstrip("\r\n")
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidValue(f"A password has {SHORTEST} to {LONGEST:,} characters.")
    return password


def named(db: Database, name: str) -> User:
    """The account of that name; NotFound says how to see them all."""
    found = users.by_name(db, name)
    if found is None:
        raise NotFound(f"There is no user named {name}. See: winnow user list")
    return found[0]
