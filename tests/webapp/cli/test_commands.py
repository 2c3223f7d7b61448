"""What holds for every command."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from webapp.cli import COMMANDS, main

README = Path(__file__).parents[3] / "README.md"


def leaves(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    ctx = click.Context(command)
    for name in command.list_commands(ctx):
        inner = command.get_command(ctx, name)
        assert inner is not None
        yield from leaves(inner, (*path, name))


ALL = dict(leaves(main))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_has_help_and_stands_in_the_readme(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    assert ALL[path].help
    assert f"winnow {' '.join(path)}" in README.read_text("utf-8")


def test_the_list_of_commands_says_of_each_what_its_own_help_says() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout
    for name, (_, about) in COMMANDS.items():
        command = main.get_command(click.Context(main), name)
        assert command is not None and (command.help or "").startswith(about), name
        assert f"  {name} " in shown


def test_wrong_usage_is_exit_code_2(winnow: Callable[..., Result]) -> None:
    assert winnow("round", "start").exit_code == 2
    assert winnow("no-such-command").exit_code == 2


def test_a_known_error_is_one_line_and_exit_code_1(winnow: Callable[..., Result]) -> None:
    result = winnow("round", "list", "nowhere")
    assert result.exit_code == 1
    assert result.stderr == "Error: There is no project nowhere. Projects: none yet.\n"


def test_a_missing_instance_is_said_with_the_way_out(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["user", "list", "--instance", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "winnow init" in result.stderr


def test_the_environment_names_the_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_INSTANCE", str(tmp_path / "from-environment"))
    assert "from-environment" in CliRunner().invoke(main, ["user", "list"]).stderr


def test_the_instance_can_be_named_before_or_after_the_command(tmp_path: Path) -> None:
    for words in (
        ["--instance", str(tmp_path / "a"), "user", "list"],
        ["user", "list", "--instance", str(tmp_path / "a")],
    ):
        assert str(tmp_path / "a") in CliRunner().invoke(main, words).stderr


def test_loading_the_commands_loads_nothing_heavy() -> None:
    code = (
        "import sys, click, webapp.cli as c; ctx = click.Context(c.main)\n"
        "[c.main.get_command(ctx, name) for name in c.COMMANDS]\n"
        "print({'torch', 'transformers', 'small_text', 'sklearn', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
