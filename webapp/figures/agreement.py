"""A quality job's figures in the shape that pages show: what they mean, and their course over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from webapp.figures.charts import Point, Series
from webapp.store.jobs import Job

# With fewer reviews that several people labelled the interval spans half the scale.
FEWEST_TO_TELL = 30
# Krippendorff, "Content analysis", 2004, p. 241: rely on 0.8; 0.667 is the lowest for tentative conclusions.
RELIABLE, TENTATIVE = 0.8, 0.667


@dataclass(frozen=True)
class Verdict:
    """What alpha says of the labels; `kind` is a badge's."""

    kind: str
    title: str
    text: str


def verdict(alpha: Mapping[str, Any]) -> Verdict:
    """Judged by the interval, so that luck is not taken for agreement."""
    low, high = alpha["low"], alpha["high"]
    if alpha["n"] < FEWEST_TO_TELL:
        return Verdict("", _("Too early to tell"), _too_few(alpha["n"]))
    if low is None or high is None:
        return Verdict("", _("It cannot be told"), _("So far everybody gave one and the same label."))
    if low >= RELIABLE:
        text = _("Different people label alike: the labels can be relied on.")
        return Verdict("good", _("People agree closely"), text)
    if low >= TENTATIVE:
        text = _("Most labels can be relied on. Look at the labels and pairs below that agree least.")
        return Verdict("accent", _("People agree, with doubtful cases"), text)
    if high < TENTATIVE:
        text = _("A label depends much on who gives it. Look at the cases people differ on, and say in the guidelines how to decide them.")  # fmt: skip # noqa: E501
        return Verdict("warn", _("People often disagree"), text)
    return Verdict(
        "",
        _("Too close to call"),
        _("The interval is too wide: further reviews with several labels narrow it."),
    )


def headline(latest: Job | None) -> Mapping[str, Any] | None:
    """Alpha of the newest quality job, where it rests on enough reviews to be shown."""
    alpha: Mapping[str, Any] | None = latest.result["agreement"]["alpha"] if latest else None
    return alpha if alpha and alpha["n"] >= FEWEST_TO_TELL and alpha["low"] is not None else None


def _too_few(n: int) -> str:
    return str(
        _(
            "Reviews labelled by more than one person so far: %(n)s. From %(least)s on, agreement is shown here.",
            n=n,
            least=FEWEST_TO_TELL,
        )
    )


def over_time(windows: Sequence[Mapping[str, Any]]) -> list[Series]:
    """Alpha of each window, at its last review."""
    points = [
        Point(window["end"], alpha["value"], alpha["low"], alpha["high"])
        for window in windows
        if (alpha := window["alpha"])["value"] is not None
    ]
    return [Series(_("alpha"), points)] if points else []
