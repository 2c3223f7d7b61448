"""winnow token: keys for programs that use the HTTP API."""

import click
from sqlite_utils import Database

from webapp.cli.context import ROW_ID, pass_database
from webapp.cli.output import json_option, print_rows
from webapp.instance import Instance
from webapp.store import tokens, users
from webapp.store.connection import utc_now
from webapp.store.errors import NotFound
from webapp.store.tokens import DAYS, LONGEST_DAYS, SCOPES, Token


def _split(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> set[str]:
    """One or more scopes in one word, as in annotate,read; wrong usage for any other."""
    found = {word.strip() for words in value for word in words.split(",")}
    for word in sorted(found - set(SCOPES)):
        raise click.BadParameter(f"{word!r} is none of {', '.join(SCOPES)}.", ctx, param)
    return found


@click.group("token")
def token_command() -> None:
    """Create, list and revoke tokens for the HTTP API."""


@token_command.command("create")
@click.argument("user_name", metavar="USER")
@click.option(
    "--scope",
    "scopes",
    callback=_split,
    multiple=True,
    required=True,
    metavar="SCOPE",
    help=f"What it may do: {', '.join(SCOPES)}. Several with commas, or the option again.",
)
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), default=DAYS, show_default=True, metavar="N")
@click.option("--name", default="", help="What it is for, to tell it apart in lists.")
@pass_database
def create(instance: Instance, db: Database, user_name: str, scopes: set[str], days: int, name: str) -> None:
    """Create a token that acts as USER; it is printed once, as the last word, and kept nowhere."""
    found = users.by_name(db, user_name)
    if found is None:
        raise NotFound(f"There is no user named {user_name}. See: winnow user list")
    token, secret = tokens.create(db, found[0].id, scopes, None, utc_now(), days, name)
    click.echo(
        f"Token {token.id} of {token.user} ({', '.join(token.scopes)}) until {token.expires_at}. Keep it safe: it is"
        " shown this once."
    )
    click.echo(secret)


@token_command.command("list")
@json_option
@pass_database
def list_(instance: Instance, db: Database, as_json: bool) -> None:
    """List all tokens, newest first, without what is secret of them."""
    rows = [_row(token) for token in tokens.everything(db)]
    print_rows(rows, as_json, "There is no token yet. Create one with: winnow token create USER --scope read")


@token_command.command("revoke")
@click.argument("token_id", metavar="ID", type=ROW_ID)
@pass_database
def revoke(instance: Instance, db: Database, token_id: int) -> None:
    """Revoke a token by its id: it opens nothing from now on."""
    tokens.revoke(db, token_id, None, utc_now())
    click.echo(f"Token {token_id} is revoked.")


def _row(token: Token) -> dict[str, object]:
    over = "revoked" if token.revoked_at else "expired" if token.is_over(utc_now()) else "active"
    return {
        "id": token.id,
        "prefix": token.prefix,
        "user": token.user,
        "name": token.name,
        "scopes": " ".join(token.scopes),
        "state": over,
        "created": token.created_at,
        "expires": token.expires_at,
        "last_used": token.last_used_at,
    }
