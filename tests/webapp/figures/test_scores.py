"""Scores in the shape that pages show."""

from collections.abc import Iterator

import pytest
from flask import Flask

from webapp.figures.scores import curve_series, score_table
from webapp.store.model_versions import CurvePoint, Metric
from webapp.store.projects import Label

LABELS = [Label(1, "bad:worse", 0), Label(2, "good", 1)]


@pytest.fixture(autouse=True)
def _words(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def a_metric(name: str, value: float, n: int = 50, slice: str = "all") -> Metric:
    return Metric("holdout", slice, name, value, value - 0.1, value + 0.1, n)


def test_the_matrix_counts_by_true_and_predicted_label_and_shades_by_share() -> None:
    counts = {
        ("bad:worse", "bad:worse"): 9,
        ("bad:worse", "good"): 1,
        ("good", "bad:worse"): 0,
        ("good", "good"): 40,
    }
    metrics = [a_metric(f"confusion:{true}:{other}", count) for (true, other), count in counts.items()]
    rows = score_table(metrics, LABELS).matrix
    assert [[cell.count for cell in row.cells] for row in rows] == [[9, 1], [0, 40]]
    assert [[cell.shade for cell in row.cells] for row in rows] == [[5, 1], [0, 5]]
    assert [row.total for row in rows] == [10, 40]
    assert [cell.is_hit for cell in rows[0].cells] == [True, False]


def test_a_label_without_a_score_has_a_gap() -> None:
    table = score_table([a_metric("accuracy", 0.8), a_metric("f1", 0.7, slice="good")], LABELS)
    assert table.labels[0][1] == [None, None, None, None]
    assert [metric and metric.value for metric in table.labels[1][1]] == [None, None, 0.7, None]
    assert table.is_measured and table.matrix == []


def test_a_score_on_too_few_labels_is_not_drawn() -> None:
    few, enough = a_metric("accuracy", 0.9, n=19), a_metric("accuracy", 0.7, n=20)
    points = [CurvePoint(1, 1, 20, False, few, None), CurvePoint(2, 2, 40, True, enough, None)]
    series = curve_series(points)
    assert [line.name for line in series] == ["accuracy"]
    assert [(p.x, p.y) for p in series[0].points] == [(40, 0.7)]


def test_a_version_without_any_score_has_no_curve() -> None:
    assert curve_series([CurvePoint(1, 1, 20, True, None, None)]) == []
    assert not score_table([], LABELS).is_measured
