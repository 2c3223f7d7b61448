"""What commands share: which instance they work on, and its open database."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sqlite_utils import Database

    from webapp.instance import Instance

# The id of a row; SQLite has none beyond.
ROW_ID = click.IntRange(1, 2**63 - 1)
Function = TypeVar("Function", bound=Callable[..., Any])


def instance_option(function: Function) -> Function:
    """Accept --instance, before the command's name or after it."""
    return click.option(
        "--instance",
        type=click.Path(file_okay=False, path_type=Path),
        expose_value=False,
        callback=_remember,
        help="The instance folder.  [default: $WINNOW_INSTANCE, else ./instance]",
    )(function)


def pass_instance(function: Callable[..., None]) -> Callable[..., None]:
    """Give the command its instance as first argument, and the --instance option."""

    @instance_option
    @wraps(function)
    def command(*args: Any, **kwargs: Any) -> None:
        function(_instance(), *args, **kwargs)

    return command


def pass_database(function: Callable[..., None]) -> Callable[..., None]:
    """Give the command its instance and the open, migrated database, closed at the end."""

    @instance_option
    @wraps(function)
    def command(*args: Any, **kwargs: Any) -> None:
        from webapp import instance_lock
        from webapp.instance import open_instance

        instance = _instance()
        with instance_lock.shared(instance):
            db: Database = open_instance(instance)
            try:
                function(instance, db, *args, **kwargs)
            finally:
                db.close()

    return command


def _remember(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.find_root().obj = value


def _instance() -> "Instance":
    from webapp.instance import locate

    return locate(click.get_current_context().find_root().obj)
