from pathlib import Path

import pytest

from webapp.importing import (
    ColumnMap,
    ParsedReview,
    Row,
    RowError,
    open_file,
    parse_rating,
    parse_review,
    preview,
)

LABELS = ["negative", "neutral", "positive"]
COLUMNS = ColumnMap("text", "id", "stars", "product", "user", "date", "category", "label", "split")


def parse(text: str = "fine", **cells: str) -> ParsedReview | RowError:
    return parse_review(Row(7, {"text": text, **cells}), COLUMNS, LABELS)


def review(text: str = "fine", **cells: str) -> ParsedReview:
    parsed = parse(text, **cells)
    assert isinstance(parsed, ParsedReview)
    return parsed


def refused(text: str = "fine", **cells: str) -> str:
    parsed = parse(text, **cells)
    assert isinstance(parsed, RowError)
    assert parsed.row == 7
    return parsed.code


def test_every_role_finds_its_place_and_the_rest_is_kept() -> None:
    assert review(
        " as it is\r\n",
        id="007",
        stars="4.0",
        product="p",
        user="u",
        date="2016/5/1",
        category="c",
        label=" Positive ",
        split="TEST",
        colour="red",
        size="",
    ) == ParsedReview(
        7,
        "007",
        " as it is\r\n",
        4.0,
        "p",
        "u",
        "2016-05-01",
        "c",
        "positive",
        "holdout",
        {"colour": "red", "size": ""},
        (),
    )


def test_what_is_not_understood_is_noted_and_kept() -> None:
    parsed = review(stars="eleven", date="5/1/2016", label="mixed")
    assert (parsed.rating, parsed.reviewed_at, parsed.label) == (None, None, None)
    assert parsed.notes == ("bad_rating", "bad_date", "unknown_label")
    assert parsed.extra == {"stars": "eleven", "date": "5/1/2016", "label": "mixed"}


def test_empty_cells_are_nothing_and_no_fault() -> None:
    parsed = review(id="", stars=" ", product="", user="", date="", category="", label="", split="")
    assert parsed == ParsedReview(7, None, "fine", None, None, None, None, None, None, None, {}, ())


@pytest.mark.parametrize("text", ["", "  \r\n\t", "\u3000", "\ufeff", "\u200b \u200d"])
def test_a_text_with_nothing_to_see_is_empty(text: str) -> None:
    assert refused(text) == "empty"


def test_a_text_may_have_a_hundred_thousand_characters() -> None:
    assert review("x" * 100_000).text == "x" * 100_000
    assert refused("x" * 100_001) == "too_long"


@pytest.mark.parametrize("bad", ["a\0b", "half \ud83d"])
def test_what_cannot_be_stored_is_refused_in_any_column(bad: str) -> None:
    assert refused(bad) == refused(colour=bad) == "bad_text"
    assert refused(**{bad: "value"}) == "bad_text"


@pytest.mark.parametrize(
    ("split", "part"),
    [
        ("train", "pool"),
        ("Test", "holdout"),
        ("dev", "validation"),
        ("val", "validation"),
        ("测试集", "holdout"),
        ("", None),
    ],
)
def test_the_split_names_a_part(split: str, part: str | None) -> None:
    assert review(split=split).part == part


def test_an_unknown_split_is_refused() -> None:
    assert refused(split="monday") == "bad_split"


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ("1", 1),
        ("4.5", 4.5),
        ("4,5", 4.5),
        ("５", 5),
        ("4.0 out of 5 stars", 4),
        ("3/5", 3),
        ("4 stars", 4),
        ("2星", 2),
        ("★★★★☆", 4),
        ("⭐⭐", 2),
        ("0", None),
        ("6", None),
        ("-3", None),
        ("nan", None),
        ("40", None),
        ("4/10", None),
    ],
)
def test_stars_are_read(text: str, stars: float | None) -> None:
    assert parse_rating(text) == stars


def test_the_messy_shared_file_gives_every_text_as_it_was(shared_data: Path) -> None:
    path = shared_data / "messy_raw.csv.gz"
    guess = preview(path).guess
    rows = [row for row in open_file(path).rows() if isinstance(row, Row)]
    parsed = [parse_review(row, guess, LABELS) for row in rows]
    empty = [item for item in parsed if isinstance(item, RowError)]
    assert len(rows) == 321
    assert [item.code for item in empty] == ["empty"] * 12
    for row, item in zip(rows, parsed, strict=True):
        assert isinstance(item, RowError) or item.text == row.cells["text"]


def test_the_shared_splits_and_labels_are_understood(shared_data: Path) -> None:
    path = shared_data / "amazon_devices.csv.gz"
    guess = preview(path).guess
    parsed = [parse_review(row, guess, LABELS) for row in open_file(path).rows() if isinstance(row, Row)]
    reviews = [item for item in parsed if isinstance(item, ParsedReview)]
    assert len(reviews) == 34_625
    assert sum(item.part == "holdout" for item in reviews) == 6_925
    assert sum(item.label == "negative" for item in reviews) == 812
    assert sum(item.reviewed_at is None for item in reviews) == 29
    assert not any(item.notes for item in reviews)
