"""What alpha means is judged by its interval."""

from typing import Any

import pytest
from flask import Flask

from webapp.figures.agreement import FEWEST_TO_TELL, over_time, verdict


def alpha(low: float | None, high: float | None, n: int = 200) -> dict[str, Any]:
    return {
        "value": None if low is None or high is None else (low + high) / 2,
        "low": low,
        "high": high,
        "n": n,
    }


@pytest.mark.parametrize(
    ("figure", "title"),
    [
        (alpha(0.81, 0.9), "People agree closely"),
        (alpha(0.79, 0.9), "People agree, with doubtful cases"),
        (alpha(0.3, 0.66), "People often disagree"),
        (alpha(0.5, 0.9), "Too close to call"),
        (alpha(0.9, 0.95, FEWEST_TO_TELL - 1), "Too early to tell"),
        (alpha(None, None), "It cannot be told"),
    ],
)
def test_the_verdict_follows_the_interval(app: Flask, figure: dict[str, Any], title: str) -> None:
    with app.test_request_context():
        assert verdict(figure).title == title


def test_windows_that_cannot_be_told_are_left_out(app: Flask) -> None:
    windows = [{"end": 30, "alpha": alpha(0.5, 0.7)}, {"end": 60, "alpha": alpha(None, None)}]
    with app.test_request_context():
        (series,) = over_time(windows)
        assert over_time(windows[1:]) == []
    assert [(point.x, round(point.y, 2)) for point in series.points] == [(30, 0.6)]
