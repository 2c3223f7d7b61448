"""Insights from counts: shares, what stands out by more than chance, what changed lately."""

import random
from collections import Counter
from datetime import date, timedelta

from webapp.figures.insights import BEFORE, RECENT, Insights, insights
from webapp.figures.periods import Period
from webapp.figures.proportions import Proportion
from webapp.store.insights import Reading

BAD, GOOD = 1, 2
NEWEST = date(2026, 6, 30)


def said(bad: int, good: int, group: str | None = None, day: date | None = NEWEST) -> list[Reading]:
    """So many of each on one day, with the stars that go with them."""
    when = day.isoformat() if day else None
    return [Reading(group, when, BAD, 1.0)] * bad + [Reading(group, when, GOOD, 5.0)] * good


def read(*readings: list[Reading], group: str = "", since: str = "") -> Insights:
    """All of them, with BAD as the watched label."""
    together = [one for some in readings for one in some]
    days = [reading.day for reading in together if reading.day]
    return insights(together, max(days, default=None), BAD, group, since)


def test_shares_are_of_all_reviews_with_or_without_group_and_day() -> None:
    found = read(said(2, 8, "kettle"), said(3, 7, None, None))
    assert (found.share, found.counts) == (Proportion(5, 20), Counter({BAD: 5, GOOD: 15}))
    (kettle,) = found.groups
    assert (kettle.share, kettle.rest, kettle.stars) == (Proportion(2, 10), Proportion(3, 10), 4.2)


def test_a_group_far_from_all_others_stands_out_and_a_small_one_never() -> None:
    usual = [said(20, 80, f"usual {number}") for number in range(6)]
    found = read(said(60, 40, "bad"), said(1, 99, "good"), said(19, 0, "tiny"), *usual)
    out = {group.name: group.stands_out for group in found.groups if group.stands_out}
    assert out == {"bad": "above", "good": "below"}
    assert found.groups[-1].name == "tiny"  # the largest come first


def test_a_single_group_has_nothing_to_be_compared_with() -> None:
    (group,) = read(said(50, 50, "only")).groups
    assert (group.stands_out, group.difference) == ("", None)


def test_among_many_groups_chance_makes_few_stand_out() -> None:
    """100 projects of 60 groups that are all alike: with a test of 5 % each, nearly all would have a false alarm."""
    chance = random.Random(5)
    alarms = 0
    for _ in range(100):
        groups = []
        for number in range(60):
            size = chance.randint(20, 200)
            bad = sum(chance.random() < 0.15 for _ in range(size))
            groups.append(said(bad, size - bad, f"group {number}"))
        alarms += any(group.stands_out for group in read(*groups).groups)
    assert alarms <= 9


def test_groups_and_changes_are_judged_together() -> None:
    """A change that would do alone, with p = 0.04, is none among a hundred comparisons."""
    before = NEWEST - timedelta(days=60)
    alone = [said(15, 25, None), said(8, 32, None, before)]
    assert len(read(*alone, said(7, 23), said(3, 27, None, before)).changes) == 1
    alike = [said(6, 14, f"group {number}", None) for number in range(100)]
    found = read(*alone, said(7, 23), said(3, 27, None, before), *alike)
    assert found.changes == []


def test_a_group_that_is_all_there_is_changes_only_once() -> None:
    found = read(said(30, 30, "only"), said(10, 90, "only", NEWEST - timedelta(days=60)))
    assert [change.group for change in found.changes] == [None]


def test_what_changed_lately_is_found_for_all_and_for_each_group() -> None:
    before = NEWEST - timedelta(days=60)
    found = read(
        said(30, 30, "worse"), said(10, 90, "worse", before),
        said(10, 90, "same"), said(10, 90, "same", before),
        said(9, 0, "new"), said(1, 99, "gone", before),
    )  # fmt: skip
    assert [change.group for change in found.changes] == ["worse", None]
    assert found.changes[0].recent == Proportion(30, 60) and found.changes[0].before == Proportion(10, 100)
    assert found.changes[0].difference is not None and found.changes[0].difference.low > 0


def test_lately_are_30_days_up_to_the_newest_review_and_the_180_before() -> None:
    edges = [
        NEWEST - RECENT + timedelta(days=1),
        NEWEST - RECENT,
        NEWEST - RECENT - BEFORE + timedelta(days=1),
    ]
    too_old = NEWEST - RECENT - BEFORE
    found = read(
        said(0, 40), said(40, 0, None, edges[0]), said(100, 0, None, edges[1]), said(100, 0, None, edges[2]),
        said(0, 10_000, None, too_old),
    )  # fmt: skip
    (change,) = found.changes
    assert (change.recent, change.before) == (Proportion(40, 80), Proportion(200, 200))
    assert found.recent == Period(edges[0], NEWEST) and found.before == Period(edges[2], edges[1])


def test_only_days_that_were_asked_for_are_compared() -> None:
    some, recent = said(5, 5), Period(NEWEST - RECENT + timedelta(days=1), NEWEST)
    found = read(some, since="2026-05-01")
    assert (found.recent, found.before) == (recent, Period(date(2026, 5, 1), date(2026, 5, 31)))
    assert (read(some, since="2026-05-31").before) == Period(date(2026, 5, 31), date(2026, 5, 31))
    assert (read(some, since="2026-06-01").recent, read(some, since="2026-06-01").before) == (recent, None)
    assert read(some, since="2026-06-15").recent == Period(date(2026, 6, 15), NEWEST)


def test_the_course_has_every_period_and_a_group_its_own() -> None:
    spring = date(2026, 3, 2)
    found = read(said(1, 3, "kettle"), said(2, 2, "mug", spring), group="mug")
    assert found.unit == "week" and len(found.steps) == 18
    assert [step.share.n for step in found.steps if step.share.n] == [4, 4]
    assert [(step.period.start, step.share) for step in found.group_steps] == [(spring, Proportion(2, 4))]


def test_without_days_there_is_no_course_and_no_change() -> None:
    found = read(said(5, 5, "kettle", None))
    assert (found.steps, found.changes, found.recent, found.before) == ([], [], None, None)


def test_nothing_read_says_nothing() -> None:
    found = read()
    assert (found.share.value, found.groups, found.steps, found.changes) == (None, [], [], [])
