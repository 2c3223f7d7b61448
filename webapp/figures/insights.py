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


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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
    """All of it for one watched label. `recent` and `before` are the days that changes compare, None without days.

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


@dataclass
class _Counted:
    """Reviews of one group as they come in: by label id, of all days, of the recent ones, of those before."""

    labels: Counts = field(default_factory=Counter)
    recent: Counts = field(default_factory=Counter)
    before: Counts = field(default_factory=Counter)
    stars: float = 0.0
    rated: int = 0


def insights(readings: Iterable[Reading], newest_day: str | None, label_id: int, group: str = "") -> Insights:
    """Count in one pass; `newest_day` is that of the newest reading. `group` has its own course."""
    recent, before = _windows(newest_day)
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
                counted.recent[label] += 1
            elif day >= before_from:
                counted.before[label] += 1
    overall = _together(groups.values())
    groups.pop("", None)
    unit = fitting(date.fromisoformat(min(days)), date.fromisoformat(max(days))) if days else "month"
    return Insights(
        overall.labels,
        _share(overall.labels, label_id),
        _groups(groups, overall.labels, label_id),
        unit,
        _steps(days, label_id, unit),
        _steps(group_days, label_id, unit),
        _changes(groups, overall, label_id),
        recent,
        before,
    )


def _windows(newest_day: str | None) -> tuple[Period, Period] | tuple[None, None]:
    """The days that changes compare: the recent ones, then those before."""
    if newest_day is None:
        return None, None
    newest = date.fromisoformat(newest_day)
    recent = Period(newest - RECENT + timedelta(days=1), newest)
    return recent, Period(recent.start - BEFORE, recent.start - timedelta(days=1))


def _together(groups: Iterable[_Counted]) -> _Counted:
    total = _Counted()
    for each in groups:
        total.labels.update(each.labels)
        total.recent.update(each.recent)
        total.before.update(each.before)
    return total


def _share(counts: Counts, label_id: int) -> Proportion:
    return Proportion(counts[label_id], counts.total())


def _groups(counted: Mapping[str, _Counted], overall: Counts, label_id: int) -> list[Group]:
    """Those that stand out are found together, so that among many groups chance does not make some."""
    total = _share(overall, label_id)
    found = []
    for name, count in counted.items():
        share = _share(count.labels, label_id)
        stars = count.stars / count.rated if count.rated else None
        found.append(Group(name, count.labels, stars, share, total - share))
    standing_out = _beyond_chance([(group.share, group.rest) for group in found])
    return sorted(
        (_marked(group) if is_out else group for group, is_out in zip(found, standing_out, strict=True)),
        key=lambda group: (-group.share.n, group.name),
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


def _changes(groups: Mapping[str, _Counted], overall: _Counted, label_id: int) -> list[Change]:
    sides: list[tuple[str | None, _Counted]] = [(None, overall), *groups.items()]
    compared = [
        Change(name, _share(count.recent, label_id), _share(count.before, label_id)) for name, count in sides
    ]
    changed = _beyond_chance([(change.recent, change.before) for change in compared])
    return sorted(
        (change for change, is_one in zip(compared, changed, strict=True) if is_one),
        key=lambda change: -abs((change.recent.value or 0) - (change.before.value or 0)),
    )


def _beyond_chance(pairs: list[tuple[Proportion, Proportion]]) -> list[bool]:
    """Which pairs of shares differ; too few reviews on either side never do."""
    told = [place for place, pair in enumerate(pairs) if min(pair[0].n, pair[1].n) >= FEWEST]
    found = discoveries([p_value(*pairs[place]) for place in told], FALSE_DISCOVERIES)
    real = {told[place] for place in found}
    return [place in real for place in range(len(pairs))]
