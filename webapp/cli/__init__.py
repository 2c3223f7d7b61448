"""The command line. Each command's module is loaded when it is called: `winnow --help` is quick, and needs no torch."""

import importlib
from typing import Any

import click

from webapp.cli.context import instance_option

# Module and one line for people, in the order of `winnow --help`.
COMMANDS = {
    "demo": ("serving", "Start with real, human-rated reviews, ready to label in the browser."),
    "init": ("setting_up", "Create the instance folder, the secret key, the database and the first admin."),
    "migrate": ("setting_up", "Bring the database up to date after an upgrade."),
    "backup": ("keeping", "Back up the instance into one file, while it is at work."),
    "restore": ("keeping", "Put a backup in the place of the instance."),
    "doctor": ("keeping", "Look for everything that can be wrong with the instance, and say what to do."),
    "run": ("serving", "Run the web server and the worker together."),
    "web": ("serving", "Run the web server alone."),
    "worker": ("serving", "Run one worker alone: rounds, imports, encodings, exports."),
    "predictor": ("serving", "Run the predictor alone: what answers for the model over the HTTP API."),
    "user": ("users", "Add, list and disable accounts, set passwords."),
    "audit": ("auditing", "Export the log of who did what."),
    "token": ("tokens", "Create, list and revoke tokens for the HTTP API."),
    "project": ("projects", "Create and list projects."),
    "import": ("importing", "Import a file of reviews into a project."),
    "erase": ("erasing", "Erase a customer or an annotator for good, and list what was erased."),
    "encoder": ("encoders", "Add, tune and list encoders."),
    "round": ("rounds", "Start, list, show and cancel rounds."),
    "export": ("exporting", "Export the labelled data or the model."),
    "predict": ("predicting", "Label a file of texts with a trained model."),
    "simulate": ("simulating", "Replay a labelled file: what each strategy would have needed."),
}

DAMAGED = (
    "Stop Winnow, keep the file, and restore the newest backup with `winnow restore`. `winnow doctor` says how far"
    " the damage goes."
)


class Commands(click.Group):
    """Loads a command's module when it is asked for, and answers every known error with one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"webapp.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what can go wrong becomes a line on stderr and exit code 1."""
        import pysqlite3

        from learner.errors import LearnerError
        from webapp.importing.errors import FileError
        from webapp.store.errors import StoreError
        from webapp.store.soundness import tells_of_damage

        try:
            return super().invoke(ctx)
        except (StoreError, LearnerError, FileError) as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            raise  # the reader of our output has seen enough; click ends quietly
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            raise click.ClickException(f"{error.strerror or error}{where}") from error
        except pysqlite3.DatabaseError as error:
            if tells_of_damage(error):
                raise click.ClickException(f"The database is damaged ({error}). {DAMAGED}") from error
            if isinstance(error, pysqlite3.OperationalError):
                raise click.ClickException(f"The database refused: {error}. Try again.") from error
            raise


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@instance_option
@click.version_option(package_name="winnow")
def main() -> None:
    """Winnow: a sentiment classifier for your own reviews, for the fewest human labels."""
