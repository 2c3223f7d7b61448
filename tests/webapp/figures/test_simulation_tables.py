"""A simulation's figures as tables: CSV and JSON say the same, and a bound never looks like a number."""

import csv
import io
import json
from typing import Any

import pytest
from builders import NOON, a_project
from simulated import a_simulation
from sqlite_utils import Database

from webapp.figures.simulation_tables import curves, curves_csv, figures_csv, labels_words, ratio_words, table

RATIO = ("at_least", "at_most", "low", "high")


@pytest.fixture
def result(web_db: Database) -> dict[str, Any]:
    found: dict[str, Any] = a_simulation(web_db, a_project(web_db), NOON).result["figures"]
    return found


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def number(cell: str) -> float | None:
    return float(cell) if cell else None


def same(cell: str, value: float | None) -> bool:
    found = number(cell)
    return found == value if value is None or found is None else found == pytest.approx(value, rel=1e-5)


def test_csv_and_json_agree(result: dict[str, Any]) -> None:
    values = json.loads(json.dumps(result, allow_nan=False))
    by_arm = {arm["name"]: arm for arm in values["arms"]}
    points = rows(curves_csv(result))
    assert len(points) == 2 * 2 * 3
    for row in points:
        curve = by_arm[row["arm"]]["curves"][row["score"]]
        point = next(each for each in curve if each["labels"] == int(row["labels"]))
        assert all(same(row[name], point[name]) for name in ("mean", "low", "high"))
    figures = rows(figures_csv(result))
    assert len(figures) == 2 * 2 * 2 * 3
    for row in figures:
        arm = by_arm[row["arm"]]
        target = arm["targets"][row["score"]][row["target"]]
        needed = target["labels_to"][row["share"]]
        ratio = (target["ratio_to_random"] or {}).get(row["share"], dict.fromkeys(RATIO))
        assert same(row["labels"], needed["median"]) and int(row["seeds"]) == len(needed["by_seed"])
        assert int(row["seeds_that_got_there"]) == sum(each is not None for each in needed["by_seed"])
        assert all(same(row[f"ratio_{name}"], ratio[name]) for name in ratio)
        assert same(row["area"], arm["area"][row["score"]]["value"])
        assert same(row["train_p95"], arm["seconds"]["train"]["p95"])


def test_the_table_says_what_the_runs_show(result: dict[str, Any]) -> None:
    margin, _, random, _ = table(result)
    # 95 % of 0.8 is 0.76: margin has it at 40 labels, random at 60 with one seed and never with the other.
    assert margin["labels to 90/95/99 %"].split(" / ")[1] == "40"
    assert random["labels to 90/95/99 %"].split(" / ")[1] == "> 60"
    assert margin["ratio to random at 95 %"] == "0.33–0.67 (0.00–0.67)"
    assert [series.style for series in curves(result, "accuracy")] == ["series-1", "series-random"]


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        ((0.5, 0.5, 0.4, 0.6), "0.50 (0.40–0.60)"),
        ((0.5, 0.5, None, None), "0.50"),
        ((2.5, None, 2.0, None), "≥ 2.50 (2.00–∞)"),
        ((0.0, 0.4, 0.0, 0.5), "≤ 0.40 (0.00–0.50)"),
        ((0.0, None, 0.0, None), "–"),
    ],
)
def test_a_bound_is_written_as_one(ratio: tuple[float | None, ...], words: str) -> None:
    assert ratio_words(dict(zip(RATIO, ratio, strict=True))) == words
    assert ratio_words(None) == "–"
    assert (labels_words(None, 300), labels_words(45.0, 300)) == ("> 300", "45")
