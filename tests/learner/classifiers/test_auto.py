"""`auto` takes what the validation part proves, in the time that is granted, and says why."""

from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from learner import checkpoint
from learner.classifiers import create
from learner.classifiers.auto import AutoClassifier, _shortened
from learner.classifiers.interface import dataset
from learner.encoders import Encoder
from learner.errors import Cancelled
from learner.progress import Progress, silent
from learner.round import Labelled, RoundTask, Unlabelled, run_round
from learner.settings import MIN_VALIDATION, RoundSettings
from learner.time_budget import TooSlow

LABELS = ["no", "yes"]
# What tuning the tiny encoder takes to learn anything at all.
TAMED = {"epochs": 12, "learning_rate": 5e-3, "dropout": 0.0, "patience": 20}


def either_or(n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """The thing and the word decide together: no weighing of single words can tell, so head cannot."""
    rng = np.random.default_rng(seed)
    thing, word, other = rng.integers(2, size=n), rng.integers(2, size=n), rng.integers(4, size=n)
    texts = [
        f"the {['battery', 'screen'][a]} is {['good', 'bad'][b]} {['nice', 'ok', 'cheap', 'fast'][c]}"
        for a, b, c in zip(thing, word, other, strict=True)
    ]
    return texts, (thing != word).astype(np.int64)


def plain(n: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """One word decides: head knows it all."""
    texts, _ = either_or(n, seed)
    return texts, np.array([" bad " in text for text in texts], dtype=np.int64)


Data = Callable[[int, int], tuple[list[str], np.ndarray]]


class Fitted:
    """`auto` trained on some data, with what it was told of."""

    def __init__(self, encoder: Encoder, features: Path) -> None:
        self.create = partial(create, labels=LABELS, encoder=encoder, features=features)

    def __call__(
        self,
        data: Data = either_or,
        labels: int = 120,
        held: int = 100,
        progress: Progress = silent,
        clock: Callable[[], float] | None = None,
        finetune: dict[str, Any] | None = None,
        **auto: Any,
    ) -> AutoClassifier:
        values = {"min_labels": 100, "candidate": "finetune", **auto}
        settings = RoundSettings.from_dict(
            {"classifier": "auto", "auto": values, "finetune": {**TAMED, **(finetune or {})}}
        )
        timed = {"clock": clock} if clock else {}
        classifier = AutoClassifier(settings, LABELS, self.create, **timed)
        train, validation = data(labels, 0), data(held, 1)
        classifier.prepare(train[0] + validation[0])
        classifier.fit(dataset(*train, 2), validation=dataset(*validation, 2), progress=progress)
        classifier.calibrate(dataset(*train, 2), np.ones(labels, bool), dataset(*validation, 2))
        return classifier


@pytest.fixture
def fitted(tiny_encoder: Encoder, tmp_path: Path) -> Fitted:
    return Fitted(tiny_encoder, tmp_path / "features")


def ticking(seconds: float) -> Callable[[], float]:
    """A clock that is so much later each time it is read."""
    ticks = count()
    return lambda: next(ticks) * seconds


def test_auto_is_made_by_its_name(tiny_encoder: Encoder, tmp_path: Path) -> None:
    made = create(RoundSettings(classifier="auto"), LABELS, tiny_encoder, tmp_path)
    assert isinstance(made, AutoClassifier)


@pytest.mark.parametrize(
    ("labels", "held", "why"),
    [(99, 100, "from 100 training labels"), (100, MIN_VALIDATION - 1, f"there are {MIN_VALIDATION - 1}")],
)
def test_with_too_few_labels_head_is_taken_untried(fitted: Fitted, labels: int, held: int, why: str) -> None:
    told: list[tuple[str, int]] = []
    auto = fitted(labels=labels, held=held, progress=lambda phase, done, total: told.append((phase, total)))
    assert auto.decided.classifier == "head" and why in auto.choice.reason
    assert [each.classifier for each in auto.choice.candidates] == ["head"]
    assert max(total for phase, total in told if phase == "train") == 1  # no step of tuning


def test_weak_labels_do_not_count(tiny_encoder: Encoder, tmp_path: Path) -> None:
    settings = RoundSettings.from_dict({"classifier": "auto", "auto": {"min_labels": 100}})
    auto = AutoClassifier(settings, LABELS, Fitted(tiny_encoder, tmp_path).create)
    weights = np.r_[np.ones(99), np.full(21, 0.5)]
    auto.fit(dataset(*either_or(120), 2), weights, dataset(*either_or(100, 1), 2))
    assert "there are 99" in auto.choice.reason


def test_without_a_validation_part_head_is_taken(tiny_encoder: Encoder, tmp_path: Path) -> None:
    settings = RoundSettings.from_dict({"classifier": "auto", "auto": {"min_labels": 2}})
    auto = create(settings, LABELS, tiny_encoder, tmp_path).fit(dataset(*plain(20), 2))
    assert auto.decided is not None and auto.decided.classifier == "head"
    assert (auto.model.predict_proba(["the screen is bad ok"]).argmax(axis=1) == 1).all()


@pytest.mark.slow
def test_tuning_is_taken_where_only_tuning_can_tell(fitted: Fitted) -> None:
    auto = fitted()
    assert auto.decided.classifier == auto.choice.chosen == "finetune"
    assert "better than head beyond noise" in auto.choice.reason
    head, tuned = auto.choice.candidates
    assert head.macro_f1 is not None and tuned.macro_f1 is not None
    assert tuned.macro_f1 > 0.9 and head.macro_f1 < 0.75
    assert tuned.epochs == TAMED["epochs"] and tuned.expected_seconds is not None
    unseen, truth = either_or(100, 2)
    assert (auto.model.predict_proba(unseen).argmax(axis=1) == truth).mean() > 0.9


@pytest.mark.slow
def test_head_is_kept_where_tuning_brings_nothing(fitted: Fitted) -> None:
    auto = fitted(plain)
    assert auto.decided.classifier == "head" and "not better beyond noise" in auto.choice.reason
    assert len(auto.choice.candidates) == 2


def test_the_candidate_never_sees_the_validation_part(
    fitted: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    from learner.classifiers.finetune import FinetuneClassifier

    seen = []
    fit = FinetuneClassifier.fit

    def watched(self: FinetuneClassifier, *given: Any, **named: Any) -> FinetuneClassifier:
        seen.append((given, named))
        return fit(self, *given, **named)

    monkeypatch.setattr(FinetuneClassifier, "fit", watched)
    fitted(labels=100, held=MIN_VALIDATION, finetune={"epochs": 1})
    ((given, named),) = seen
    assert given[2] is None and "validation" not in named


def test_too_slow_by_its_first_steps_head_is_kept(fitted: Fitted) -> None:
    """The clock is a minute later at each step: 96 steps do not go into 20 minutes, nor do two epochs."""
    steps: list[int] = []
    auto = fitted(
        clock=ticking(60), budget_minutes=20, progress=lambda phase, done, total: steps.append(done)
    )
    assert auto.decided.classifier == "head" and "and 20 are granted" in auto.choice.reason
    assert max(steps) < 12  # told by the first few, not by the end of the budget


def test_fewer_epochs_are_trained_where_all_do_not_go_into_the_budget(fitted: Fitted) -> None:
    auto = fitted(clock=ticking(1), budget_minutes=1.2)
    (tuned,) = [each for each in auto.choice.candidates if each.classifier == "finetune"]
    assert tuned.epochs is not None and 2 <= tuned.epochs < TAMED["epochs"]


def test_fewer_steps_on_pairs_are_trained_where_all_do_not_go_into_the_budget(fitted: Fitted) -> None:
    """240 labels give 300 steps, of which 200 are allowed; the clock grants about half of them."""
    steps: list[int] = []
    auto = fitted(
        labels=240,
        candidate="contrastive",
        clock=ticking(1),
        budget_minutes=3,
        progress=lambda phase, done, total: steps.append(total),
    )
    (tuned,) = [each for each in auto.choice.candidates if each.classifier == "contrastive"]
    assert tuned.epochs is None
    assert 200 in steps and 50 <= steps[-1] < 200


def test_self_training_is_shortened_too_though_it_tells_of_thousandths() -> None:
    settings = RoundSettings.from_dict(
        {"classifier": "contrastive", "contrastive": {"max_steps": 200, "self_training": True}}
    )
    shorter = _shortened(settings, TooSlow(steps=1000, expected=100.0, available=50.0))
    assert shorter.contrastive.max_steps == 90
    with pytest.raises(TooSlow):
        _shortened(settings, TooSlow(steps=1000, expected=100.0, available=10.0))


def test_whatever_was_foretold_training_ends_with_its_time(fitted: Fitted) -> None:
    """The first steps are quick, a later one takes for ever."""
    now = 0.0

    def slowing(phase: str, done: int, total: int) -> None:
        nonlocal now
        now += 1e6 if total > 1 and done == 40 else 0.01

    auto = fitted(clock=lambda: now, progress=slowing)
    assert auto.decided.classifier == "head" and "was stopped" in auto.choice.reason


def test_a_pool_that_would_take_too_long_to_score_keeps_head(fitted: Fitted) -> None:
    """A hundred reviews take 20 seconds, 4,096 of the pool wait, and ten minutes are granted."""
    now = 0.0

    def progress(phase: str, done: int, total: int) -> None:
        nonlocal now
        now += 0.001 if done < total else 20

    settings = RoundSettings.from_dict(
        {
            "classifier": "auto",
            "auto": {"min_labels": 100, "candidate": "finetune"},
            "finetune": {**TAMED, "epochs": 1},
        }
    )
    auto = AutoClassifier(settings, LABELS, fitted.create, clock=lambda: now)
    train, validation = either_or(100, 0), either_or(100, 1)
    auto.prepare(train[0] * 200)
    auto.fit(dataset(*train, 2), validation=dataset(*validation, 2), progress=progress)
    assert auto.decided.classifier == "head" and "scoring the pool" in auto.choice.reason


def test_cancelling_ends_the_candidate_too(fitted: Fitted) -> None:
    def stop(phase: str, done: int, total: int) -> None:
        if total > 1 and done > 2:
            raise Cancelled("The round was cancelled.")

    with pytest.raises(Cancelled):
        fitted(progress=stop)


def part(n: int, seed: int, data: Data = either_or) -> Labelled:
    texts, y = data(n, seed)
    return Labelled(1000 * seed + np.arange(n), texts, y, np.ones(n, bool))


@pytest.mark.slow
def test_a_round_ends_in_an_ordinary_checkpoint_of_what_was_chosen(
    tiny_encoder: Encoder, encoders_root: Path, tmp_path: Path
) -> None:
    settings = {
        "classifier": "auto", "auto": {"min_labels": 100, "candidate": "finetune"}, "finetune": TAMED, "query_size": 5,
        "search": {"trials": 1},
    }  # fmt: skip
    pool = part(50, 4)
    task = RoundTask(
        settings=RoundSettings.from_dict(settings), label_names=LABELS, encoder=tiny_encoder,
        train=part(120, 0), validation=part(100, 1), holdout=part(40, 2),
        pool=Unlabelled(pool.ids, pool.texts), features=tmp_path / "features",
        checkpoint=tmp_path / "checkpoints" / "1", serving=None,
    )  # fmt: skip
    result = run_round(task)
    about = checkpoint.verify(result.checkpoint)
    assert result.report.classifier == about.classifier == "finetune"
    assert result.report.choice is not None and result.report.search is not None
    assert result.report.search.trials == 1
    assert RoundSettings.from_dict(about.settings).classifier == "finetune"
    served = checkpoint.load(result.checkpoint, encoders_root)
    assert np.allclose(served.predict_proba(pool.texts), result.probabilities[:50], atol=1e-5)
    assert len(result.queue) == 5
