import csv
import io
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from webapp import demo
from webapp.demo import DemoReview, DemoUnavailable


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def package(path: Path, texts: str, votes: str) -> Path:
    """A source distribution built as the real one is."""
    inner = packed(
        {
            f"hutto_ICWSM_2014/{demo.TEXTS}": texts.encode(),
            f"hutto_ICWSM_2014/{demo.VOTES}": votes.encode("utf-8-sig"),
        }
    )
    path.write_bytes(packed({f"vaderSentiment-3.3.2/{demo.INNER}": inner}))
    return path


def test_texts_and_votes_are_read_from_the_package(tmp_path: Path) -> None:
    path = package(
        tmp_path / "package.tar.gz",
        "1_1\t-0.9\tno picture .\r\n1_2\t2.0\tit works!\r\n",
        "1_1\t-0.9\t0.7\t[0, -1, -2]\n1_2\t2.0\t0.1\t[2, 3, 0]\n",
    )
    first, second = demo.read(path)
    assert (first.id, first.text, first.votes) == ("1_1", "no picture .", (0, -1, -2))
    assert (first.majority, second.majority) == ("negative", "positive")


def test_a_package_without_the_reviews_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.tar.gz").write_bytes(packed({"other-1.0/setup.py": b""}))
    with pytest.raises(DemoUnavailable):
        demo.read(tmp_path / "other.tar.gz")


@pytest.mark.parametrize(
    ("votes", "label"),
    [((1, 2, -1), "positive"), ((0, 0, 1), "neutral"), ((-1, -1, 1, 1, 0), None), ((0,), "neutral")],
)
def test_the_majority_decides_and_a_tie_decides_nothing(votes: tuple[int, ...], label: str | None) -> None:
    assert DemoReview("1", "text", votes).majority == label


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, str]]:
    """The file that is imported, of 900 sentences; some are ties, some near-duplicates."""
    votes = [(1, 2), (-1, -2), (0, 0), (1, -1)]
    reviews = [DemoReview(str(n), f"sentence {n % 850}{'!' * (n // 850)}", votes[n % 4]) for n in range(900)]
    demo.write_csv(reviews, tmp_path / "demo.csv")
    with (tmp_path / "demo.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_only_the_measuring_parts_bear_labels(rows: list[dict[str, str]]) -> None:
    assert Counter(row["split"] for row in rows) == {"pool": 300, "holdout": 400, "validation": 200}
    assert all((row["label"] == "") == (row["split"] == "pool") for row in rows)


def test_no_sentence_is_drawn_twice(rows: list[dict[str, str]]) -> None:
    drawn = [row["text"].rstrip("!") for row in rows if row["split"] != "pool"]
    assert len(drawn) == len(set(drawn))


def test_without_a_package_index_it_says_how_to_start_without_the_demo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(DemoUnavailable, match="winnow init"):
        demo.fetch()
