"""One progress line: a bar where somebody looks, plain lines in a file."""

import io
import sys

import pytest

from webapp.cli.output import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "60")
    progress = ProgressLine()
    progress("simulate", 10, 40)
    progress.end()
    drawn = screen.getvalue().split("\r")[-1].replace("\x1b[K", "").rstrip("\n")
    assert drawn.startswith("replaying rounds:  25 %|") and drawn.endswith("left") and len(drawn) == 59
    progress("save", 0, 0)
    assert screen.getvalue().endswith("saving")


def test_a_file_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    progress = ProgressLine(simulate="playing")
    progress("simulate", 10, 40)
    progress("simulate", 11, 40)  # too soon for another line
    progress("save", 1, 4)
    progress.end()
    assert file.getvalue() == "playing: 25 %\nsaving: 25 %\n"
