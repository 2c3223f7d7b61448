"""Signs of trouble: what raises one, and what does not."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from webapp.figures.proportions import Proportion
from webapp.figures.trouble_signs import signs_of
from webapp.store.annotators import AnnotatorReport, Figures
from webapp.store.projects import Label, Project, ProjectSettings

LABELS = [Label(1, "negative", 0), Label(2, "neutral", 1), Label(3, "positive", 2)]
PROJECT = Project(1, "Phones", "en", LABELS, ProjectSettings(), None, None, "", None)
USUAL = Figures(
    Counter({1: 100, 2: 100, 3: 100}), 6, 2, 300, 6.0, 90.0, Proportion(90, 100), Proportion(45, 50)
)


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def kinds(own: Figures, others: Figures = USUAL, language: str = "en") -> list[str]:
    report = AnnotatorReport(1, "ada", False, own, others, 0, 0, None, 0, Counter())
    return [sign.kind for sign in signs_of(report, replace(PROJECT, language=language))]


def test_whoever_works_like_the_others_shows_no_sign() -> None:
    assert kinds(USUAL) == []


@pytest.mark.parametrize(
    ("seconds", "characters", "language", "found"),
    [
        (1.5, 90, "en", ["fast"]),
        (1.5, 20, "en", ["fast"]),  # below two seconds, however short the text
        (1.9, 90, "en", ["fast"]),
        (2.5, 90, "en", []),  # slower than a third of the others' six seconds
        (1.99, 90, "zh", ["fast"]),
    ],
)
def test_too_fast_is_faster_than_reading_and_than_a_third_of_the_others(
    seconds: float, characters: float, language: str, found: list[str]
) -> None:
    assert kinds(replace(USUAL, seconds=seconds, characters=characters), language=language) == found


def test_a_long_text_needs_longer_than_two_seconds() -> None:
    others = replace(USUAL, seconds=30.0)
    assert kinds(replace(USUAL, seconds=6.0, characters=480.0), others) == ["fast"]
    assert kinds(replace(USUAL, seconds=6.0, characters=200.0), others) == []


def test_one_label_counts_only_beyond_chance_and_by_a_margin() -> None:
    assert kinds(replace(USUAL, labels=Counter({3: 60, 1: 20, 2: 20}))) == ["one-label"]
    assert kinds(replace(USUAL, labels=Counter({3: 12, 1: 4, 2: 5}), skips=0)) == []  # chance does that
    assert kinds(replace(USUAL, labels=Counter({3: 4_500, 1: 2_750, 2: 2_750}))) == []  # sure, but small


def test_a_label_that_the_others_never_give_is_not_impossible() -> None:
    others = replace(USUAL, labels=Counter({1: 20}))
    assert kinds(replace(USUAL, labels=Counter({3: 20})), others) == ["one-label"]


def test_low_agreement_means_the_whole_interval_lies_below() -> None:
    assert kinds(replace(USUAL, agreement=Proportion(60, 100))) == ["agreement"]
    assert kinds(replace(USUAL, agreement=Proportion(85, 100))) == []
    assert kinds(replace(USUAL, checks=Proportion(3, 11))) == ["checks"]
    assert kinds(replace(USUAL, checks=Proportion(0, 3))) == []


def test_skipping_much_is_twice_the_others_and_a_tenth() -> None:
    assert kinds(replace(USUAL, skips=100)) == ["skips"]
    assert kinds(replace(USUAL, skips=20)) == []


def test_a_person_alone_shows_no_sign() -> None:
    fast = replace(USUAL, seconds=0.3, labels=Counter({3: 300}), skips=300)
    assert kinds(fast, Figures()) == []


def test_a_sign_gives_its_figures() -> None:
    report = AnnotatorReport(
        1, "ada", False, replace(USUAL, checks=Proportion(3, 11)), USUAL, 0, 0, None, 0, Counter()
    )
    (sign,) = signs_of(report, PROJECT)
    for figure in ("3 of 11", "27.3%", "90.0%"):
        assert figure in sign.text
