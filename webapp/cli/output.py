"""What commands print: tables, JSON, and one progress line."""

import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

PHASES = {
    "import": "reading rows",
    "encode": "encoding texts",
    "train": "training",
    "search": "searching for better settings",
    "evaluate": "measuring",
    "score": "scoring the pool",
    "query": "choosing reviews",
    "save": "saving",
    "export": "exporting",
    "publish": "publishing",
    "consensus": "finding each review's label",
    "agreement": "measuring agreement",
    "suspects": "looking for doubtful labels",
    "simulate": "replaying rounds",
}
REDRAW_SECONDS = 0.2
# Where the output is a file, a line now and then is enough.
LINE_SECONDS = 10.0


def print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool, nothing: str) -> None:
    """Rows of equal keys as a table, or as JSON; `nothing` is said when there are none."""
    if as_json:
        click.echo(json.dumps([dict(row) for row in rows], indent=2, ensure_ascii=False))
        return
    if not rows:
        click.echo(nothing)
        return
    header = [name.upper() for name in rows[0]]
    cells = [["" if value is None else str(value) for value in row.values()] for row in rows]
    widths = [max(len(line[column]) for line in [header, *cells]) for column in range(len(header))]
    for line in [header, *cells]:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


class ProgressLine:
    """Long work's progress on stderr: a bar that is redrawn, or a line now and then in a file."""

    def __init__(self, **words: str) -> None:
        """`words` name some phases otherwise than usual."""
        self._words = PHASES | words
        self._live = sys.stderr.isatty()
        self._phase, self._since, self._drawn, self._begun_at = "", 0.0, float("-inf"), 0

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Show how far a phase is."""
        now = time.monotonic()
        if phase != self._phase:
            self.end()
            # What was there before, as runs of an earlier call, says nothing about the pace.
            self._phase, self._since, self._drawn, self._begun_at = phase, now, float("-inf"), done
        if now - self._drawn < (REDRAW_SECONDS if self._live else LINE_SECONDS):
            return
        self._drawn = now
        text = self._text(done, total, now)
        click.echo(f"\r\033[K{text}" if self._live else text, err=True, nl=not self._live)

    def end(self) -> None:
        """Leave the line as it stands."""
        if self._live and self._phase:
            click.echo(err=True)
        self._phase = ""

    def _text(self, done: int, total: int, now: float) -> str:
        name, elapsed = self._words.get(self._phase, self._phase), now - self._since
        if not total:
            return name
        if self._live:
            return _bar(name, done, total, elapsed, self._begun_at)
        fresh = done - self._begun_at
        left = elapsed * (total - done) / fresh if fresh > 0 else None
        eta = f", {left:.0f} s left" if left is not None and left >= 1 else ""
        return f"{name}: {100 * done / total:.0f} %{eta}"


def _bar(name: str, done: int, total: int, elapsed: float, begun_at: int) -> str:
    """As wide as the terminal, with the time that is left."""
    from tqdm import tqdm  # only commands that take long need it

    columns = shutil.get_terminal_size().columns - 1  # a full line would wrap
    shown = "{desc}: {percentage:3.0f} %|{bar}| {remaining} left"
    return str(
        tqdm.format_meter(
            done, total, elapsed, ncols=columns, prefix=name, bar_format=shown, initial=begun_at
        )
    )
