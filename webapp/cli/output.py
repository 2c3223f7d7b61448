"""What commands print: tables, JSON, and one progress line."""

import json
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
    """Long work's progress on stderr: one line that is redrawn, or a line now and then in a file."""

    def __init__(self, **words: str) -> None:
        """`words` name some phases otherwise than usual."""
        self._words = PHASES | words
        self._live = sys.stderr.isatty()
        self._phase, self._since, self._drawn = "", 0.0, float("-inf")

    def __call__(self, phase: str, done: int, total: int) -> None:
        """Show how far a phase is."""
        now = time.monotonic()
        if phase != self._phase:
            self.end()
            self._phase, self._since, self._drawn = phase, now, float("-inf")
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
        name = self._words.get(self._phase, self._phase)
        if not total:
            return name
        left = (now - self._since) * (total - done) / done if done else None
        eta = f", {left:.0f} s left" if left is not None and left >= 1 else ""
        return f"{name}: {100 * done / total:.0f} %{eta}"
