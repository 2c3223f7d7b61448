"""The search for texts in the bytes of every file."""

from pathlib import Path

from webapp import byte_search


def test_a_file_that_goes_while_others_are_searched_is_no_fault(tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        (tmp_path / name).write_text("the canary sang all night")

    def removed(phase: str, done: int, total: int) -> None:
        (tmp_path / "second").unlink(missing_ok=True)

    assert byte_search.search(tmp_path, ["canary sang"], (), removed).found == ["first", "third"]
