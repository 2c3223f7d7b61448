"""Two versions of a text side by side: which lines changed, and which words in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

# Chinese has no spaces: each of its characters is a word here.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|\s+|."
)
CONTEXT = 2
# Longer stretches, or ones with less in common, read better as one text struck out and another put in.
LONGEST_STRETCH = 2_000
LEAST_ALIKE = 0.4


@dataclass(frozen=True)
class Piece:
    """Some text that stayed (same), came (added) or went (removed)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Line:
    """One line of the comparison; `skipped` stands for that many lines which are the same in both."""

    pieces: list[Piece]
    skipped: int = 0


def compare(old: str, new: str) -> list[Line]:
    """The lines that changed, each with a little around it; nothing at all where the texts are the same."""
    before, after = old.split("\n"), new.split("\n")
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    lines: list[Line] = []
    upto = 0
    for group in matcher.get_grouped_opcodes(CONTEXT):
        if group[0][1] > upto:
            lines.append(Line([], group[0][1] - upto))
        for kind, i1, i2, j1, j2 in group:
            lines += _stretch(kind, before[i1:i2], after[j1:j2])
        upto = group[-1][2]
    if lines and upto < len(before):
        lines.append(Line([], len(before) - upto))
    return lines


def _stretch(kind: str, before: list[str], after: list[str]) -> Iterator[Line]:
    if kind == "equal":
        yield from (Line([Piece("same", line)]) for line in before)
        return
    paired = min(len(before), len(after)) if kind == "replace" else 0
    for old, new in zip(before[:paired], after[:paired], strict=True):
        yield from _changed_line(old, new)
    yield from (Line([Piece("removed", line)]) for line in before[paired:])
    yield from (Line([Piece("added", line)]) for line in after[paired:])


def _changed_line(old: str, new: str) -> Iterator[Line]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    if max(len(before), len(after)) > LONGEST_STRETCH or matcher.ratio() < LEAST_ALIKE:
        yield Line([Piece("removed", old)])
        yield Line([Piece("added", new)])
        return
    pieces = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            pieces.append(Piece("same", "".join(before[i1:i2])))
        else:
            pieces += [Piece("removed", "".join(before[i1:i2])), Piece("added", "".join(after[j1:j2]))]
    yield Line([piece for piece in pieces if piece.text])
