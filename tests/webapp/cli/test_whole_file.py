"""A file that a command writes is there whole, or as it was before."""

import os
import threading
from pathlib import Path

import pytest

from webapp.cli.whole_file import written_whole


def test_what_was_there_stays_until_all_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("before")
    with written_whole(out) as partial:
        partial.write_text("after")
        assert out.read_text() == "before"
    assert out.read_text() == "after" and list(tmp_path.iterdir()) == [out]


def test_an_error_half_way_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("before")

    def break_off() -> None:
        with written_whole(out) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert out.read_text() == "before" and list(tmp_path.iterdir()) == [out]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    link, out = tmp_path / "link.csv", tmp_path / "elsewhere" / "out.csv"
    out.parent.mkdir()
    link.symlink_to(out)
    with written_whole(link) as partial:
        partial.write_text("after")
    assert link.is_symlink() and out.read_text() == "after"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    """As /dev/stdout is: to put a file in its place would take it from everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with written_whole(pipe) as place:
        place.write_text("after")
    reader.join()
    assert read == ["after"] and pipe.is_fifo()
