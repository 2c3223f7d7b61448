"""The search tries settings on the validation part alone, and adopts what is better beyond noise."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from learner import checkpoint
from learner.classifiers import create
from learner.classifiers.interface import dataset
from learner.encoders import Encoder
from learner.errors import Cancelled
from learner.round import Labelled, RoundTask, Unlabelled, run_round
from learner.search import SearchingClassifier, suggested
from learner.setting_rules import Span
from learner.settings import CLASSIFIERS, MIN_VALIDATION, RoundSettings
from learner.time_budget import OutOfTime, TooSlow, Watch

LABELS = ["negative", "positive"]
# So strong a regularisation that rare words count for nothing.
HOPELESS = {"c": 1e-4, "class_weights": False}


def reviews(n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """One in four is negative."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 4 > 0).astype(np.int64)
    things = ["phone", "shirt", "battery", "story", "screen"]
    words = (["bad", "awful", "hate"], ["good", "love", "great"])
    return [f"the {rng.choice(things)} is {rng.choice(words[i])} {rng.integers(99)}" for i in y], y


def searching(trials: int = 12, head: dict[str, Any] = HOPELESS, **search: Any) -> RoundSettings:
    return RoundSettings.from_dict({"head": head, "search": {"trials": trials, **search}})


@pytest.fixture
def task(tiny_encoder: Encoder, tmp_path: Path) -> RoundTask:
    def part(n: int, seed: int) -> Labelled:
        texts, y = reviews(n, seed)
        return Labelled(1000 * seed + np.arange(n), texts, y, np.ones(n, bool))

    pool = part(40, 4)
    return RoundTask(
        settings=replace(searching(), query_size=10),
        label_names=LABELS,
        encoder=tiny_encoder,
        train=part(60, 1),
        validation=part(80, 2),
        holdout=part(40, 3),
        pool=Unlabelled(pool.ids, pool.texts),
        features=tmp_path / "features",
        checkpoint=tmp_path / "checkpoints" / "1",
        serving=None,
    )


def test_a_hopeless_strength_is_replaced_and_stored_with_the_round(task: RoundTask) -> None:
    result = run_round(task)
    search = result.report.search
    assert search is not None and search.trials == 12 and search.before is not None
    assert search.after is not None and search.after > search.before + 0.2
    assert search.changed["head.c"] > HOPELESS["c"]
    stored = RoundSettings.from_dict(checkpoint.verify(result.checkpoint).settings)
    assert stored.head.c == search.changed["head.c"] and stored.search.trials == 0
    accuracy = {metric.part: metric.value for metric in result.metrics if metric.name == "accuracy"}
    assert accuracy["holdout"] > 0.9
    assert list(result.timings)[:3] == ["encode", "train", "search"]
    again = run_round(replace(task, checkpoint=task.checkpoint.with_name("2")))
    assert again.report.search is not None and again.report.search.changed == search.changed


def test_the_holdout_has_no_say(task: RoundTask) -> None:
    found = run_round(task).report.search
    wrong = replace(task.holdout, y=1 - task.holdout.y)
    other = run_round(replace(task, holdout=wrong, checkpoint=task.checkpoint.with_name("2"))).report.search
    assert found is not None and other is not None
    assert (other.changed, other.before, other.after) == (found.changed, found.before, found.after)
    # The validation part has: what it calls good decides.
    turned = replace(task.validation, y=1 - task.validation.y)
    third = run_round(replace(task, validation=turned, checkpoint=task.checkpoint.with_name("3")))
    assert third.report.search is not None and third.report.search.after != found.after


def fit(encoder: Encoder, folder: Path, settings: RoundSettings, held: int = 80, **more: Any) -> Any:
    classifier = create(settings, LABELS, encoder, folder / "features")
    assert isinstance(classifier, SearchingClassifier)
    train, validation = dataset(*reviews(60, 1), 2), dataset(*reviews(held, 2), 2)
    return classifier.fit(train, validation=validation, **more)


def test_good_settings_stay(tiny_encoder: Encoder, tmp_path: Path) -> None:
    searched = fit(tiny_encoder, tmp_path, searching(head={"c": 10.0, "class_names": False}))
    assert searched.search.changed == {} and searched.search.reason.startswith("The given settings stay")
    assert searched.decided.head.c == 10.0


def test_a_small_validation_part_refuses_the_search(tiny_encoder: Encoder, tmp_path: Path) -> None:
    searched = fit(tiny_encoder, tmp_path, searching(), held=MIN_VALIDATION - 1)
    assert f"takes {MIN_VALIDATION} validation labels" in searched.search.reason
    assert searched.search.trials == 0 and searched.decided.head.c == HOPELESS["c"]


def test_cancelled_in_the_middle(task: RoundTask) -> None:
    trials: list[int] = []

    def stop(phase: str, done: int, total: int) -> None:
        if phase == "search":
            trials.append(100 * done // total)
            if done > total / 2:
                raise Cancelled("The round was cancelled.")

    with pytest.raises(Cancelled):
        run_round(task, stop)
    assert trials == sorted(trials) and 50 <= trials[-1] < 60
    assert not task.checkpoint.parent.exists()


def test_the_search_ends_with_its_time(tiny_encoder: Encoder, tmp_path: Path) -> None:
    now = 0.0

    def progress(phase: str, done: int, total: int) -> None:
        nonlocal now
        now += 10

    settings = searching(trials=1000, minutes=5)
    made = partial(create, labels=LABELS, encoder=tiny_encoder, features=tmp_path)
    classifier = SearchingClassifier(settings, LABELS, made, clock=lambda: now)
    train, validation = dataset(*reviews(60, 1), 2), dataset(*reviews(80, 2), 2)
    classifier.fit(train, validation=validation, progress=progress)
    assert 0 < classifier.search.trials < 30 and classifier.search.unfinished == 1


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if name != "auto"])
def test_what_is_tried_lies_within_the_safe_ranges(name: str) -> None:
    settings = RoundSettings(classifier=name)
    study = optuna.create_study()
    tried = {}
    for _ in range(20):
        other = suggested(study.ask(), settings)
        assert RoundSettings.from_dict(other.to_dict()) == other
        tried |= {str(other.to_dict()[name]): 1}
    assert len(tried) > 1


def test_spans_lie_within_the_safe_ranges() -> None:
    for name, group in RoundSettings().to_dict().items():
        if isinstance(group, dict):
            for each in type(getattr(RoundSettings(), name)).__dataclass_fields__.values():
                span = each.metadata["search"]
                if isinstance(span, Span):
                    assert each.metadata["low"] <= span.low < span.high <= each.metadata["high"]


@pytest.mark.slow
def test_a_tuned_classifier_is_searched_too(tiny_encoder: Encoder, tmp_path: Path) -> None:
    settings = RoundSettings.from_dict(
        {
            "classifier": "finetune",
            "finetune": {"epochs": 1, "learning_rate": 1e-7},
            "search": {"trials": 2},
        }
    )
    searched = fit(tiny_encoder, tmp_path, settings)
    assert searched.search.trials == 2 and searched.decided.classifier == "finetune"


def test_a_watch_tells_the_end_from_the_first_steps() -> None:
    now = 30.0
    watch = Watch(lambda *_: None, 100, clock=lambda: now)
    watch("train", 0, 1)
    for step in range(9):
        now = 30.0 + step
        watch("train", step, 200)
    now += 1
    with pytest.raises(TooSlow) as slow:
        watch("train", 9, 200)
    assert (slow.value.expected, slow.value.available) == (200, 61)
    now = 100
    with pytest.raises(OutOfTime):
        watch("encode", 1, 2)
