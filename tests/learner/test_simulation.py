"""Replaying a labelled file: fair arms, honest figures, plain values out."""

import json
from pathlib import Path

import numpy as np
import pytest

from learner.encoders import Encoder
from learner.errors import Cancelled, NotEnoughLabels
from learner.simulation import Arm, SimulationResult, simulate

LABELS = ["negative", "positive"]
MARGIN, RANDOM = Arm("head", "margin-diverse"), Arm("head", "random")


def corpus(n: int) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(0)
    words = [["bad", "terrible", "awful"], ["good", "great", "excellent"]]
    y = rng.integers(0, 2, n)
    return [
        f"the {rng.choice(['phone', 'shirt'])} {i} is {rng.choice(words[label])}" for i, label in enumerate(y)
    ], y


def run(encoder: Encoder, folder: Path, **options: object) -> SimulationResult:
    texts, y = corpus(100)
    given = {"arms": [MARGIN, RANDOM], "seeds": [0, 1], "start": 6, "batch": 6, "budget": 27} | options
    return simulate(texts, y, LABELS, encoder, folder, **given)  # type: ignore[arg-type]


def test_curves_reach_the_budget_and_figures_follow_from_them(tiny_encoder: Encoder, tmp_path: Path) -> None:
    result = run(tiny_encoder, tmp_path)
    margin, random = result.arms
    assert (result.train_reviews, result.test_reviews) == (80, 20)
    for arm in (margin, random):
        assert [point.labels for point in arm.curves["accuracy"]] == [6, 12, 18, 24, 27]
        assert all(p.low is not None and p.low <= p.mean for p in arm.curves["macro_f1"])
        assert arm.full_data["accuracy"] > 0.7 and arm.seconds_per_round > 0
    assert margin.full_data == random.full_data
    needed = random.labels_to["macro_f1"]["0.90"]
    assert needed is None or needed >= 6
    assert all(value in (None, 1.0) for value in random.ratio_to_random["accuracy"].values())
    assert (
        json.loads(json.dumps(result.to_dict(), allow_nan=False))["arms"][0]["arm"]["strategy"]
        == "margin-diverse"
    )


def test_the_same_simulation_gives_the_same_curves(tiny_encoder: Encoder, tmp_path: Path) -> None:
    first, again = run(tiny_encoder, tmp_path), run(tiny_encoder, tmp_path)
    assert [arm.curves for arm in first.arms] == [arm.curves for arm in again.arms]
    assert first.arms[0].curves != first.arms[1].curves


def test_without_a_random_arm_there_is_no_ratio(tiny_encoder: Encoder, tmp_path: Path) -> None:
    result = run(tiny_encoder, tmp_path, arms=[MARGIN], seeds=[3])
    assert set(result.arms[0].ratio_to_random["macro_f1"].values()) == {None}
    assert {(point.low, point.high) for point in result.arms[0].curves["accuracy"]} == {(None, None)}


def test_a_start_of_one_class_goes_on_until_there_are_two(tiny_encoder: Encoder, tmp_path: Path) -> None:
    result = run(tiny_encoder, tmp_path, start=1, batch=5)
    assert result.arms[0].curves["accuracy"][0].mean < 0.8
    assert result.arms[0].curves["accuracy"][-1].mean > 0.5


def test_the_given_test_part_is_the_one_measured(tiny_encoder: Encoder, tmp_path: Path) -> None:
    test = np.arange(100) >= 60
    result = run(tiny_encoder, tmp_path, test=test, seeds=[0], budget=500)
    assert (result.train_reviews, result.test_reviews, result.budget) == (60, 40, 60)
    with pytest.raises(NotEnoughLabels, match="no test part"):
        run(tiny_encoder, tmp_path, test=np.zeros(100, bool))


def test_a_simulation_can_be_cancelled(tiny_encoder: Encoder, tmp_path: Path) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if phase == "train" and done == 1:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        run(tiny_encoder, tmp_path, progress=stop)
