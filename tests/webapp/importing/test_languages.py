import pytest

from webapp.importing import ColumnMap, ParsedReview, Row, guess_columns, parse_language, parse_review


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("en", "en"),
        ("EN", "en"),
        ("en-US", "en"),
        ("zh_CN", "zh"),
        ("zh-Hans-CN", "zh"),
        ("zho", "zh"),
        ("eng", "en"),
        ("ｅｎ", "en"),
        (" de ", "de"),
        ("English", "en"),
        ("Deutsch", "de"),
        ("中文", "zh"),
        ("英语", "en"),
        ("français", "fr"),
        ("xx", None),
        ("und", None),
        ("Berlin", None),
        ("5", None),
        ("en US", None),
        ("<script>", None),
        ("", None),
    ],
)
def test_a_language_is_its_primary_code(text: str, code: str | None) -> None:
    assert parse_language(text) == code


@pytest.mark.parametrize("name", ["language", "Lang", "locale", "language_code", "语言"])
def test_a_column_of_languages_is_found_by_its_name(name: str) -> None:
    rows = [{"text": "fine", name: value} for value in ("en-US", "zh_CN", "")]
    assert guess_columns(["text", name], rows) == ColumnMap(text="text", language=name)


def test_a_column_of_places_is_none_of_languages() -> None:
    rows = [{"text": "a fine place", "locale": "Berlin"}]
    assert guess_columns(["text", "locale"], rows).language is None


def test_a_language_that_cannot_be_told_is_noted_and_kept() -> None:
    columns = ColumnMap(text="text", language="lang")
    good = parse_review(Row(1, {"text": "好", "lang": "zh-TW"}), columns, [])
    bad = parse_review(Row(2, {"text": "?", "lang": "Klingon?"}), columns, [])
    none = parse_review(Row(3, {"text": "?", "lang": ""}), columns, [])
    assert all(isinstance(each, ParsedReview) for each in (good, bad, none))
    assert (good.language, good.extra) == ("zh", {})  # type: ignore[union-attr]
    assert (bad.language, bad.notes, bad.extra) == (None, ("bad_language",), {"lang": "Klingon?"})  # type: ignore[union-attr]
    assert (none.language, none.notes) == (None, ())  # type: ignore[union-attr]
