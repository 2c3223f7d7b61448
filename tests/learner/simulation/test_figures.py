"""Figures of constructed runs, calculated by hand."""

from dataclasses import replace

import numpy as np
import pytest

from learner.errors import SettingsError
from learner.simulation.arms import Arm, Plan, Task, arms_of, names
from learner.simulation.figures import area, arm_results, labels_to, ratio
from learner.simulation.replay import Run
from learner.simulation.results import Ratio

from .made_up import LEARNER, MARGIN, RANDOM

INF = np.inf


def a_run(*scores: float, labels: tuple[int, ...] = (10, 20, 40)) -> Run:
    return Run(
        list(labels),
        {"accuracy": list(scores), "macro_f1": [s - 0.1 for s in scores]},
        [1.0] * len(scores),
        [],
    )


def test_the_area_under_a_curve() -> None:
    # (0.5 + 0.7) / 2 * 10 + (0.7 + 0.8) / 2 * 20 = 21, over 30 labels
    assert area([10, 20, 40], [0.5, 0.7, 0.8]) == pytest.approx(0.7)
    assert area([10, 20, 40], [1.0, 1.0, 1.0]) == 1.0
    assert area([10], [0.6]) == 0.6


def test_labels_to_a_score_are_those_of_the_first_round_that_has_it() -> None:
    runs = [a_run(0.5, 0.7, 0.8), a_run(0.8, 0.6, 0.9), a_run(0.5, 0.6, 0.7)]
    assert labels_to(runs, "accuracy", 0.8).tolist() == [40, 10, INF]


def test_targets_are_the_best_score_of_all_arms_and_their_own() -> None:
    weak, strong = LEARNER, replace(LEARNER, classifier="finetune")
    arms = {Arm(weak, "margin"): [a_run(0.5, 0.72, 0.8)], Arm(strong, "margin"): [a_run(0.8, 0.9, 0.9)]}
    full = {weak: {"accuracy": 0.8, "macro_f1": 0.7}, strong: {"accuracy": 1.0, "macro_f1": 0.9}}
    first, _ = arm_results(arms, full)
    own, best = first.targets["accuracy"]["own"], first.targets["accuracy"]["best"]
    assert (own.score, own.labels_to["0.90"].median) == (0.8, 20)
    assert (best.score, best.labels_to["0.90"].median, best.labels_to["0.90"].by_seed) == (1.0, None, [None])


def test_the_median_is_beyond_the_budget_where_half_of_the_runs_never_got_there() -> None:
    runs = [a_run(0.5, 0.9, 0.9), a_run(0.5, 0.6, 0.6)]
    found = arm_results({MARGIN: runs}, {LEARNER: {"accuracy": 0.9, "macro_f1": 0.9}})[0]
    needed = found.targets["accuracy"]["own"].labels_to["0.99"]
    assert (needed.median, needed.by_seed) == (None, [20, None])


def test_a_ratio_is_the_median_of_pairs_with_its_interval() -> None:
    own, random = np.array([10.0, 20, 30, 40, 50]), np.array([20.0, 40, 60, 80, 100])
    assert ratio(own, random, 100) == Ratio(0.5, 0.5, 0.5, 0.5)
    # Pairs 0.25, 0.5, 1: the ratio of medians would be 20/40 too, their means not.
    found = ratio(np.array([10.0, 20, 80]), np.array([40.0, 40, 80]), 100)
    assert (found.at_least, found.at_most) == (0.5, 0.5)
    assert found.low == 0.25 and found.high == 1.0
    assert ratio(np.array([10.0]), np.array([40.0]), 100) == Ratio(0.25, 0.25, None, None)


def test_runs_that_ended_too_early_bound_the_ratio_from_their_side() -> None:
    budget = 100
    # Random never got there: it needs more than 100, so the ratio is below 20/100.
    assert ratio(np.array([20.0] * 3), np.array([INF] * 3), budget) == Ratio(0.0, 0.2, 0.0, 0.2)
    # The arm never got there: the ratio is above 100/40.
    assert ratio(np.array([INF] * 3), np.array([40.0] * 3), budget) == Ratio(2.5, None, 2.5, None)
    # Neither: nothing is known.
    assert ratio(np.array([INF] * 3), np.array([INF] * 3), budget) == Ratio(0.0, None, 0.0, None)
    # One censored pair of three moves the interval, not the median.
    found = ratio(np.array([20.0, 20, 20]), np.array([40.0, 40, INF]), budget)
    assert (found.at_least, found.at_most, found.low, found.high) == (0.5, 0.5, 0.0, 0.5)


def test_a_censored_ratio_holds_whatever_the_runs_would_have_needed() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        own, random = rng.uniform(10, 300, 7), rng.uniform(10, 300, 7)
        true = float(np.median(own / random))
        seen = [np.where(needed > 100, INF, needed) for needed in (own, random)]
        found = ratio(*seen, budget=100)
        assert found.at_least <= true <= (INF if found.at_most is None else found.at_most)


def test_rounds_go_from_the_start_to_the_budget() -> None:
    assert Plan((0,), 20, 20, 50).labels() == [20, 40, 50]
    assert Plan((0,), 20, 20, 60).labels() == [20, 40, 60]
    assert Plan((0,), 20, 20, 10).labels() == [10]
    settings = Plan((0,), 20, 20, 60).settings_of(Task(LEARNER, "margin", 7))
    assert (settings.seed, settings.strategy, settings.audit_share) == (7, "margin", 0.0)


def test_every_combination_is_an_arm_with_a_name_of_its_own() -> None:
    arms = arms_of(["margin", "random"], ["head", "finetune"], ["a", "b"], stars=True)
    assert len(arms) == len(set(names(arms))) == 16
    assert names([MARGIN, RANDOM]) == ["margin-diverse", "random"]


def test_auto_is_no_arm_since_it_would_always_keep_head() -> None:
    with pytest.raises(SettingsError, match="auto cannot be simulated; choose among head, contrastive"):
        arms_of(["margin"], ["head", "auto"], ["a"])
