"""Masks: how many made-up values they find, what they leave alone, on real reviews too, and in linear time."""

import csv
import gzip
import time
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from masking_set import Item, items

from webapp.importing import EXCERPT, ColumnMap, Row
from webapp.masking import RULES, Masker, Masking, rules_named
from webapp.store.errors import InvalidValue

EVERY = list(items())
MASKER = Masker(Masking(tuple(RULES), keep_original=True), lambda author: f"person-{len(author)}")


def is_found(item: Item) -> bool:
    """The value is gone, under the right token, and all else stands."""
    return MASKER.text(item.text) == item.text.replace(item.value, RULES[item.rule].token)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("rule", RULES)
def test_recall_of_each_rule(rule: str, language: str) -> None:
    asked = [item for item in EVERY if (item.rule, item.language) == (rule, language)]
    missed = [item.text for item in asked if not is_found(item)]
    assert len(asked) >= 40 and len(missed) <= 0.05 * len(asked), missed


def test_precision() -> None:
    assert sum(not item.rule for item in EVERY) >= 300
    wrong = {item.text: MASKER.text(item.text) for item in EVERY if not item.rule}
    wrong = {text: masked for text, masked in wrong.items() if text != masked}
    assert wrong == {}
    others = Counter[str]()
    for item in EVERY:
        others.update(name for name in MASKER.mask(item.text).rules if name != item.rule and item.rule)
    assert others.total() <= 0.01 * len(EVERY), others


@pytest.mark.parametrize(("file", "most"), [("womens_clothing", 0.2), ("alexa", 1.0), ("jd_aircon_zh", 3.0)])
def test_false_alarms_on_real_reviews(shared: Path, file: str, most: float) -> None:
    """At most so many of 1,000; what was found was looked at and is what it is taken for."""
    with gzip.open(shared / "data" / f"{file}.csv.gz", "rt", encoding="utf-8", newline="") as rows:
        texts = [row["text"] for row in islice(csv.DictReader(rows), 5_000)]
    masked = [text for text in texts if MASKER.mask(text).rules]
    assert len(masked) <= most * len(texts) / 1_000, masked


# Each begins what a rule looks for, again and again, and never ends it.
HOSTILE = [
    "a" * 50_000,
    "a." * 25_000 + "@",
    "a@" * 25_000,
    "@" + "a." * 25_000,
    "www." * 12_000,
    "http://" * 7_000,
    "a-" * 25_000 + ".com/",
    "1 " * 25_000,
    "1-" * 25_000,
    "+1 (1) " * 7_000,
    "(020) " * 8_000,
    "DE12 " * 10_000,
    "4111 " * 10_000,
    "order number " * 4_000,
    "订单号：" * 12_000,
    "电话" * 25_000,
    "call " * 10_000 + "1",
    "微信号：" * 12_000 + "a",
    "a at gmail dot " * 3_000,
    "a (at) " * 7_000,
    "１２３" * 16_000,
    "a@b.com " * 12_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_no_text_takes_long(text: str) -> None:
    """Four times the text takes some four times as long. A pattern that backtracks takes sixteen times, or for ever."""
    eighth = len(text) // 8
    short = _seconds(text[:eighth] + text[-eighth:])  # a quarter, with the beginning and the end of the whole
    long = _seconds(text)
    assert long < 0.05 or long < 9 * short, (short, long)
    assert long < 5


def _seconds(text: str) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        MASKER.mask(text)
        best = min(best, time.process_time() - started)
    return best


def test_a_token_is_not_masked_again() -> None:
    for item in EVERY:
        once = MASKER.text(item.text)
        if item.rule and is_found(item):
            assert MASKER.text(once) == once


def test_wide_digits_are_found_and_the_rest_keeps_its_width() -> None:
    assert MASKER.text("电话：１３８００１３８０００，ＯＫ！") == "电话：[phone]，ＯＫ！"


def test_rules_are_chosen_by_name() -> None:
    assert rules_named("all") == tuple(RULES)
    assert rules_named("none") == ()
    assert rules_named("phone, email") == ("email", "phone")
    with pytest.raises(InvalidValue, match="no mask shoe"):
        rules_named("email,shoe")
    some = Masker(Masking(("email",)), str)
    assert some.text("a@b.com or 212-555-0100") == "[e-mail] or 212-555-0100"


def test_a_row_is_masked_but_for_what_has_a_role() -> None:
    columns = ColumnMap(text="t", author="who", id="no", product="p", rating="stars")
    cells = {"t": "ring 212-456-0100", "who": "ann@shop.com", "no": "13800138000", "p": "4111111111111111",
             "stars": "5", "note": "see www.ann.com/me", "phone": "13800138000"}  # fmt: skip
    masked = MASKER.row(Row(2, cells), columns)
    assert masked.row.cells == {
        **cells,
        "t": "ring [phone]",
        "who": "person-12",
        "note": "see [link]",
        "phone": "[phone]",
    }
    assert masked.original == "ring 212-456-0100"
    assert sorted(masked.rules) == ["email", "phone", "phone", "url"]


def test_a_text_is_masked_whatever_else_its_column_is() -> None:
    columns = ColumnMap(text="t", id="t", category="t")
    assert MASKER.row(Row(2, {"t": "ring 212-456-0100"}), columns).row.cells == {"t": "ring [phone]"}


@pytest.mark.parametrize(
    "value", ["joe.smith@example.com", "212-456-0100", "138 0013 8000", "www.ann.com/me"]
)
def test_an_excerpt_holds_no_half_of_what_would_be_masked(value: str) -> None:
    for cut in range(1, len(value)):
        text = ("很好用 " * 60)[: EXCERPT - cut] + value[:cut]
        assert value[:4] not in MASKER.excerpt(text)
        assert MASKER.excerpt(text).startswith("很好用 很好用")
    assert MASKER.excerpt(f"short {value[:6]}") == f"short {value[:6]}"


@pytest.mark.parametrize("text", ["ann(At)shop(Dot)com", "ann At Gmail Dot com", "ann AT GMAIL DOT COM"])
def test_hidden_addresses_are_found_in_any_case(text: str) -> None:
    assert MASKER.text(text) == "[e-mail]"


def test_no_original_is_kept_of_a_text_that_did_not_change_or_unless_asked() -> None:
    columns = ColumnMap(text="t")
    assert MASKER.row(Row(2, {"t": "fine"}), columns).original is None
    assert Masker(Masking(tuple(RULES)), str).row(Row(2, {"t": "a@b.com"}), columns).original is None
