"""What reviews say, from their counts: each group against the others, the course of time, and what changed lately."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal

from webapp.figures.periods import Period, Unit, between, fitting, period_of
from webapp.figures.proportions import (
    Difference,
    Proportion,
    difference,
    discoveries,
    p_value,
)
from webapp.store.insights import Reading

# Of what is said to stand out, the share that may be chance.
FALSE_DISCOVERIES = 0.05
# With fewer reviews on either side nothing is said of a difference.
FEWEST = 20
RECENT, BEFORE = timedelta(days=30), timedelta(days=180)
StandsOut = Literal["above", "below", ""]
Counts = Counter[int]


@dataclass(frozen=True, slots=True)
class Group:
    """A product or category: its reviews by label id, how many of them have the watched label, and all others'."""

    name: str
    counts: Counts
    stars: float | None
    share: Proportion
    rest: Proportion
    stands_out: StandsOut = ""

    @property
    def difference(self) -> Difference | None:
        """Its share less that of all others."""
        return difference(self.share, self.rest)


@dataclass(frozen=True)
class Step:
    """One period of the course."""

    period: Period
    counts: Counts
    share: Proportion


@dataclass(frozen=True, slots=True)
class Change:
    """A share that is not what it was; `group` is None for all reviews together."""

    group: str | None
    recent: Proportion
    before: Proportion

    @property
    def difference(self) -> Difference | None:
        """The recent share less that before."""
        return difference(self.recent, self.before)


@dataclass(frozen=True)
class Insights:
    """All of it for one watched label. `recent` and `before` are the days that changes compare, None where none are.

    groups come the largest first, changes the largest difference first, steps in the order of time.
    """

    counts: Counts
    share: Proportion
    groups: list[Group]
    unit: Unit
    steps: list[Step]
    group_steps: list[Step]
    changes: list[Change]
    recent: Period | None
    before: Period | None


@dataclass(slots=True)
class _Counted:
    """Reviews of one group as they come in: by label id; of the recent days and of those before, all and watched ones.

    Small, since some files have nearly as many products as reviews.
    """

    labels: Counts = field(default_factory=Counter)
    recent: int = 0
    recent_hits: int = 0
    before: int = 0
    before_hits: int = 0
    stars: float = 0.0
    rated: int = 0

    def change(self, group: str | None) -> Change:
        """The share then and now."""
        return Change(
            group, Proportion(self.recent_hits, self.recent), Proportion(self.before_hits, self.before)
        )


def insights(
    readings: Iterable[Reading], newest_day: str | None, label_id: int, group: str = "", since: str = ""
) -> Insights:
    """Count in one pass. `group` has its own course.

    `newest_day` is that of the newest reading, `since` the first day that any may have, empty where all may come.
    """
    recent, before = _windows(newest_day, since)
    # Days are compared as they are written: a million dates would take longer than everything else.
    recent_from = recent.start.isoformat() if recent else None
    before_from = before.start.isoformat() if before else ""
    groups: defaultdict[str, _Counted] = defaultdict(_Counted)
    days: defaultdict[str, Counts] = defaultdict(Counter)
    group_days: defaultdict[str, Counts] = defaultdict(Counter)
    for name, day, label, stars in readings:
        counted = groups[name or ""]
        counted.labels[label] += 1
        if stars is not None:
            counted.stars += stars
            counted.rated += 1
        if day is not None and recent_from is not None:
            days[day][label] += 1
            if name == group:
                group_days[day][label] += 1
            if day >= recent_from:
                counted.recent += 1
                counted.recent_hits += label == label_id
            elif day >= before_from:
                counted.before += 1
                counted.before_hits += label == label_id
    overall = _together(groups.values())
    groups.pop("", None)
    compared, changes = _judged(_groups(groups, overall.labels, label_id), _changes(groups, overall))
    unit = fitting(date.fromisoformat(min(days)), date.fromisoformat(max(days))) if days else "month"
    return Insights(
        overall.labels,
        _share(overall.labels, label_id),
        compared,
        unit,
        _steps(days, label_id, unit),
        _steps(group_days, label_id, unit),
        changes,
        recent,
        before,
    )


def _windows(newest_day: str | None, since: str) -> tuple[Period | None, Period | None]:
    """The days that changes compare: the recent ones, then those before; none that nobody asked for."""
    if newest_day is None:
        return None, None
    newest, first = date.fromisoformat(newest_day), date.fromisoformat(since) if since else date.min
    recent = Period(max(newest - RECENT + timedelta(days=1), first), newest)
    if recent.start == first:
        return recent, None
    return recent, Period(max(recent.start - BEFORE, first), recent.start - timedelta(days=1))


def _together(groups: Iterable[_Counted]) -> _Counted:
    total = _Counted()
    for each in groups:
        total.labels.update(each.labels)
        total.recent += each.recent
        total.recent_hits += each.recent_hits
        total.before += each.before
        total.before_hits += each.before_hits
    return total


def _share(counts: Counts, label_id: int) -> Proportion:
    return Proportion(counts[label_id], counts.total())


def _groups(counted: Mapping[str, _Counted], overall: Counts, label_id: int) -> list[Group]:
    total = _share(overall, label_id)
    found = []
    for name, count in counted.items():
        share = _share(count.labels, label_id)
        stars = count.stars / count.rated if count.rated else None
        found.append(Group(name, count.labels, stars, share, total - share))
    return found


def _changes(counted: Mapping[str, _Counted], overall: _Counted) -> list[Change]:
    """Of all together, and of each group that is not all there is: it would say the same again."""
    everything = overall.labels.total()
    groups = (count.change(name) for name, count in counted.items() if count.labels.total() < everything)
    return [overall.change(None), *groups]


def _judged(groups: list[Group], changes: list[Change]) -> tuple[list[Group], list[Change]]:
    """All groups, marked where they stand out, and the changes that are some; both in the order of Insights.

    They are judged together, so that chance makes few among all that a page lists.
    """
    real = _beyond_chance(
        [
            *((group.share, group.rest) for group in groups),
            *((change.recent, change.before) for change in changes),
        ]
    )
    marked = [_marked(group) if real[place] else group for place, group in enumerate(groups)]
    changed = [change for place, change in enumerate(changes, start=len(groups)) if real[place]]
    return (
        sorted(marked, key=lambda group: (-group.share.n, group.name)),
        sorted(changed, key=lambda change: -abs((change.recent.value or 0) - (change.before.value or 0))),
    )


def _marked(group: Group) -> Group:
    above = (group.share.value or 0) > (group.rest.value or 0)
    return replace(group, stands_out="above" if above else "below")


def _steps(days: Mapping[str, Counts], label_id: int, unit: Unit) -> list[Step]:
    """Periods without a review are steps too, so that time runs evenly."""
    if not days:
        return []
    first, last = date.fromisoformat(min(days)), date.fromisoformat(max(days))
    periods: dict[Period, Counts] = {period: Counter() for period in between(first, last, unit)}
    for day, counts in days.items():
        periods[period_of(date.fromisoformat(day), unit)].update(counts)
    return [Step(period, counts, _share(counts, label_id)) for period, counts in periods.items()]


def _beyond_chance(pairs: list[tuple[Proportion, Proportion]]) -> list[bool]:
    """Which pairs of shares differ; too few reviews on either side never do."""
    told = [place for place, pair in enumerate(pairs) if min(pair[0].n, pair[1].n) >= FEWEST]
    found = discoveries([p_value(*pairs[place]) for place in told], FALSE_DISCOVERIES)
    real = {told[place] for place in found}
    return [place in real for place in range(len(pairs))]
