"""Insights in the shape that people get: lines of a chart, sentences, CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from webapp.figures.charts import Point, Series
from webapp.figures.insights import Change, Counts, Insights, Step
from webapp.figures.periods import Period, period_words
from webapp.figures.proportions import Proportion
from webapp.labels_export import BYTE_ORDER_MARK, guard_cell
from webapp.store.projects import Label
from webapp.words.label_words import label_name, label_tone

# With fewer reviews in a period the interval spans half the scale.
FEWEST_DRAWN = 10


@dataclass(frozen=True)
class Course:
    """What a chart over time draws: lines whose points are places on an axis of names."""

    lines: list[Series]
    names: list[str]


def course(found: Insights, label: Label, by: str, group: str) -> Course | None:
    """The watched label's share over time, a group's beside that of all reviews.

    None where one point says it all, or where there is none of the group.
    Periods with few reviews have no point: their share is luck, and its band would hide all others.
    """
    told = [step for step in found.steps if step.share.n >= FEWEST_DRAWN]
    if len(told) < 2:
        return None
    axis = [step.period for step in found.steps if told[0].period <= step.period <= told[-1].period]
    names = [period_words(period, found.unit) for period in axis]
    if not group:
        tone = f"tone tone-{label_tone(label.name, label.position)}"
        return Course([Series(label_name(label.name), _points(told, axis), tone)], names)
    own = [step for step in found.group_steps if step.share.n >= FEWEST_DRAWN]
    if not own:
        return None
    # Not in the tone of the label: that of neutral is the very gray of all reviews.
    this = Series(
        _("this product") if by == "product" else _("this category"), _points(own, axis), "series-1"
    )
    return Course([this, Series(_("all reviews"), _points(told, axis), "series-random")], names)


def groups_csv(found: Insights, labels: Sequence[Label], kind: str) -> str:
    """A row for each group: its reviews and shares by label; the watched share with its interval beside all others'."""
    header = [
        kind, "reviews", *_label_columns(labels), "share", "low", "high", "share_of_others", "stands_out", "stars",
    ]  # fmt: skip
    rows = (
        [
            guard_cell(group.name), group.share.n, *_label_cells(group.counts, labels), *_share_cells(group.share),
            _cell(group.rest.value), group.stands_out, _cell(group.stars),
        ]
        for group in found.groups
    )  # fmt: skip
    return _csv(header, rows)


def steps_csv(steps: Sequence[Step], labels: Sequence[Label]) -> str:
    """A row for each period: its days, its reviews and shares by label; the watched share with its interval."""
    rows = (
        [
            step.period.start, step.period.end, step.share.n, *_label_cells(step.counts, labels),
            *_share_cells(step.share),
        ]
        for step in steps
    )  # fmt: skip
    return _csv(["from", "until", "reviews", *_label_columns(labels), "share", "low", "high"], rows)


def rose(change: Change) -> bool:
    """Whether the share grew."""
    return (change.recent.value or 0) > (change.before.value or 0)


def _points(steps: Sequence[Step], axis: Sequence[Period]) -> list[Point]:
    places = {period: place for place, period in enumerate(axis)}
    return [
        Point(places[step.period], step.share.value, step.share.low, step.share.high)
        for step in steps
        if step.share.value is not None
    ]


def _label_columns(labels: Sequence[Label]) -> list[str]:
    return [guard_cell(label.name) for label in labels]


def _label_cells(counts: Counts, labels: Sequence[Label]) -> list[int]:
    return [counts[label.id] for label in labels]


def _share_cells(share: Proportion) -> list[str]:
    return [_cell(value) for value in (share.value, share.low, share.high)]


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO(BYTE_ORDER_MARK)
    out.seek(0, io.SEEK_END)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
