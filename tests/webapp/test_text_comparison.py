"""Two versions compared: both can be read back from it, and only what changed is marked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.text_comparison import Line, Piece, compare

LINES = st.lists(st.text("ab 好,", max_size=6), max_size=8).map("\n".join)


@given(LINES, LINES)
@settings(max_examples=200, deadline=None)
def test_both_texts_can_be_read_back(old: str, new: str) -> None:
    lines = compare(old, new)
    assert bool(lines) == (old != new)
    if lines:
        assert sorted(_side(lines, "removed", old)) == sorted(old.split("\n"))


def _side(lines: list[Line], kind: str, text: str) -> list[str]:
    """The lines of one side; those left out are taken from the text itself."""
    whole, found = text.split("\n"), []
    for line in lines:
        if line.skipped:
            found += whole[len(found) : len(found) + line.skipped]
        elif any(piece.kind in ("same", kind) for piece in line.pieces) or not line.pieces:
            found.append("".join(piece.text for piece in line.pieces if piece.kind in ("same", kind)))
    return found


def test_a_changed_word_is_marked_within_its_line() -> None:
    assert compare("skip what is unclear", "flag what is unclear") == [
        Line([Piece("removed", "skip"), Piece("added", "flag"), Piece("same", " what is unclear")])
    ]


def test_chinese_is_compared_character_by_character() -> None:
    assert compare("反话按本意标注", "反话按字面标注") == [
        Line(
            [Piece("same", "反话按"), Piece("removed", "本意"), Piece("added", "字面"), Piece("same", "标注")]
        )
    ]


@pytest.mark.parametrize("size", [20, 2_000])
def test_long_stretches_that_are_the_same_are_left_out(size: int) -> None:
    lines = [f"line {number}" for number in range(size)]
    shown = compare("\n".join(lines), "\n".join([*lines[:10], "new", *lines[10:]]))
    assert [line.skipped for line in shown] == [8, 0, 0, 0, 0, 0, size - 12]


def test_unlike_lines_are_struck_out_and_put_in_whole() -> None:
    assert compare("alpha beta", "好的") == [
        Line([Piece("removed", "alpha beta")]),
        Line([Piece("added", "好的")]),
    ]
