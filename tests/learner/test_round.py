"""A round from labels to ranking: what it publishes and refuses, and that it leaves nothing half done."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from learner import checkpoint
from learner.encoders import Encoder
from learner.errors import Cancelled, NotEnoughLabels
from learner.label_counts import check_labels
from learner.progress import PHASES
from learner.round import Labelled, RoundResult, RoundTask, Unlabelled, run_round, seed_queue
from learner.settings import RoundSettings

LABELS = ["negative", "positive"]
WORDS = {
    0: ["bad", "terrible", "awful", "hate", "broken"],
    1: ["good", "great", "excellent", "love", "perfect"],
}
THINGS = ["phone", "shirt", "battery", "story", "screen", "product", "delivery", "colour"]


def review(rng: np.random.Generator, label: int) -> str:
    one, other = rng.choice(WORDS[label], 2)
    return (
        f"the {rng.choice(THINGS)} is {one} and {other}, i recommend {rng.choice(THINGS)} {rng.integers(999)}"
    )


def labelled(n: int, first_id: int, random: bool = True) -> Labelled:
    rng = np.random.default_rng(first_id)
    y = np.arange(n) % 2
    ids = first_id + np.arange(n)
    return Labelled(ids, [review(rng, label) for label in y], y.astype(np.int64), np.full(n, random))


def nothing() -> Labelled:
    return Labelled(np.zeros(0, np.int64), [], np.zeros(0, np.int64), np.zeros(0, bool))


@pytest.fixture
def task(tiny_encoder: Encoder, tmp_path: Path) -> RoundTask:
    pool = labelled(120, 1000)
    return RoundTask(
        settings=RoundSettings(query_size=20, audit_share=0.2),
        label_names=LABELS,
        encoder=tiny_encoder,
        train=labelled(40, 0),
        validation=labelled(30, 200),
        holdout=labelled(30, 300),
        pool=Unlabelled(pool.ids, pool.texts),
        features=tmp_path / "features",
        checkpoint=tmp_path / "checkpoints" / "1",
        serving=None,
    )


def test_a_round_publishes_all_that_the_project_needs(task: RoundTask, encoders_root: Path) -> None:
    told: list[str] = []
    result = run_round(task, lambda phase, done, total: told.append(phase))
    assert set(told) <= set(PHASES) and told.index("train") < told.index("evaluate") < told.index("save")
    accuracy = {m.part: m for m in result.metrics if m.name == "accuracy"}
    assert set(accuracy) == {"holdout", "validation", "audit"}
    assert accuracy["audit"].n == task.train.random.sum()
    assert accuracy["holdout"].value > 0.8 and accuracy["holdout"].n == 30
    assert result.verdict.code == "first" and result.verdict.serves
    assert len(result.queue) == 20
    assert {item.origin for item in result.queue} >= {"uncertain", "audit"}
    assert {item.id for item in result.queue} <= set(task.pool.ids.tolist())
    scored = (task.pool, task.holdout, task.validation)
    assert result.scored_ids.tolist() == [each for part in scored for each in part.ids.tolist()]
    assert result.probabilities.dtype == np.float32
    assert set(result.timings) == {"encode", "train", "evaluate", "score", "query", "save"}
    served = checkpoint.load(result.checkpoint, encoders_root, task.features, result.manifest_sha256)
    texts = [text for part in scored for text in part.texts]
    assert np.array_equal(served.predict_proba(texts), result.probabilities)


def test_same_snapshot_and_seed_same_ranking(task: RoundTask) -> None:
    first = run_round(task)
    again = run_round(replace(task, checkpoint=task.checkpoint.with_name("2")))
    assert again.queue == first.queue
    assert np.array_equal(again.probabilities, first.probabilities)
    other = run_round(replace(task, settings=replace(task.settings, seed=1)))
    assert {i.id for i in other.queue if i.origin == "audit"} != {
        i.id for i in first.queue if i.origin == "audit"
    }


def test_rounds_of_one_seed_draw_their_random_reviews_independently(task: RoundTask) -> None:
    """From one state, a pool that lacks ten reviews would give all that stood beside those of the round before."""
    large = labelled(3000, 1000)
    drawn = []
    for number, ended in enumerate((0, 10, 20)):
        queue = run_round(
            replace(
                task,
                settings=replace(task.settings, strategy="random", query_size=60, score_limit=50),
                train=labelled(40 + ended, 0),
                pool=Unlabelled(large.ids[ended:], large.texts[ended:]),
                checkpoint=task.checkpoint.with_name(str(number)),
            )
        ).queue
        drawn.append(np.array([item.id for item in queue]))
    beside = [(np.abs(first[:, None] - second).min(axis=1) <= 10).mean() for first, second in pairwise(drawn)]
    assert max(beside) < 0.7  # by chance 34 %


def test_a_worse_version_is_saved_but_does_not_serve(task: RoundTask) -> None:
    good = run_round(task)
    same = run_round(replace(task, serving=good.checkpoint, checkpoint=task.checkpoint.with_name("2")))
    assert (same.verdict.code, same.verdict.serves) == ("same", True)
    wrong = replace(task.train, y=1 - task.train.y)
    bad = run_round(
        replace(task, train=wrong, serving=good.checkpoint, checkpoint=task.checkpoint.with_name("3"))
    )
    assert (bad.verdict.code, bad.verdict.serves) == ("worse", False)
    assert checkpoint.verify(bad.checkpoint).labels == LABELS
    mended = run_round(replace(task, serving=bad.checkpoint, checkpoint=task.checkpoint.with_name("4")))
    assert mended.verdict.code == "better"


def test_shuffled_labels_are_refused(task: RoundTask) -> None:
    good = run_round(task)
    shuffled = replace(task.train, y=np.random.default_rng(0).permutation(task.train.y))
    bad = run_round(
        replace(task, train=shuffled, serving=good.checkpoint, checkpoint=task.checkpoint.with_name("2"))
    )
    assert (bad.verdict.code, bad.verdict.serves) == ("worse", False)
    assert "Worse than the serving version" in bad.verdict.reason


def test_the_stop_set_is_answered_by_the_new_version_whether_labelled_or_not(task: RoundTask) -> None:
    ids = np.concatenate([task.pool.ids[:10], task.train.ids[:5]])
    stop_set = Unlabelled(ids, task.pool.texts[:10] + task.train.texts[:5])
    result = run_round(replace(task, stop_set=stop_set))
    served = checkpoint.load(result.checkpoint, task.encoder.folder.parent, task.features)
    assert result.stop_answers.tolist() == served.predict_proba(stop_set.texts).argmax(axis=1).tolist()
    assert len(run_round(replace(task, checkpoint=task.checkpoint.with_name("2"))).stop_answers) == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda task, served: replace(task, validation=nothing()),
        lambda task, served: replace(task, label_names=["bad", "good"]),
        lambda task, served: (served / "model" / "head.safetensors").unlink() or task,
    ],
)
def test_without_a_fair_comparison_the_new_version_serves(
    task: RoundTask, spoil: Callable[[RoundTask, Path], RoundTask]
) -> None:
    served = run_round(task).checkpoint
    spoilt = spoil(task, served)
    result = run_round(replace(spoilt, serving=served, checkpoint=task.checkpoint.with_name("2")))
    assert (result.verdict.code, result.verdict.serves) == ("unmeasured", True)


def test_a_version_is_compared_by_what_its_labels_are_called_and_where_they_stand_today(
    task: RoundTask,
) -> None:
    served = run_round(task).checkpoint
    turned = {
        part: replace(getattr(task, part), y=1 - getattr(task, part).y)
        for part in ("train", "validation", "holdout")
    }
    names = ["fine", "poor"]  # what was LABELS[1], then LABELS[0]
    today = replace(
        task, **turned, label_names=names, serving=served, serving_labels=names[::-1],
        checkpoint=task.checkpoint.with_name("2"),
    )  # fmt: skip
    result = run_round(today)
    assert result.verdict.code == "same"
    assert checkpoint.verify(result.checkpoint).labels == names


def test_no_holdout_no_validation_no_pool(task: RoundTask) -> None:
    empty = Unlabelled(np.zeros(0, np.int64), [])
    result = run_round(replace(task, holdout=nothing(), validation=nothing(), pool=empty))
    assert {metric.part for metric in result.metrics} == {"audit"} and result.queue == []
    assert result.probabilities.shape == (0, 2)


@pytest.mark.parametrize(
    ("y", "names", "hint"),
    [
        ([], LABELS, "no label"),
        ([1, 1, 1], LABELS, "one of these: negative"),
        ([0, 1], ["negative", "neutral", "positive"], "at least 1 more"),
        ([0, 0], ["all"], "single class"),
    ],
)
def test_too_few_labels_are_refused_with_what_to_do(y: list[int], names: list[str], hint: str) -> None:
    with pytest.raises(NotEnoughLabels, match=hint):
        check_labels(np.asarray(y, dtype=np.int64), names)


def test_a_class_without_labels_does_not_hold_up_the_others(task: RoundTask) -> None:
    result = run_round(replace(task, label_names=[*LABELS, "neutral"]))
    assert result.probabilities.shape == (180, 3)
    assert result.probabilities[:, 2].max() < 1e-6


@pytest.mark.parametrize("phase", ["encode", "train", "evaluate", "query", "save"])
def test_cancelled_in_any_phase_leaves_no_checkpoint(task: RoundTask, phase: str) -> None:
    def stop(current: str, done: int, total: int) -> None:
        if current == phase:
            raise Cancelled("The round was cancelled.")

    with pytest.raises(Cancelled):
        run_round(task, stop)
    assert not task.checkpoint.parent.exists() or not list(task.checkpoint.parent.iterdir())


def test_the_score_limit_draws_from_the_pool(task: RoundTask) -> None:
    result = run_round(replace(task, settings=replace(task.settings, score_limit=50)))
    scored = set(result.scored_ids.tolist()) & set(task.pool.ids.tolist())
    assert len(scored) == 50
    assert {item.id for item in result.queue if item.origin != "audit"} <= scored


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classifier", "brief"),
    [
        ("finetune", {"epochs": 2, "learning_rate": 1e-3}),
        ("lora", {"epochs": 2, "learning_rate": 1e-2, "self_training": True}),
        ("contrastive", {"max_steps": 10, "learning_rate": 1e-3, "self_training": True}),
    ],
)
def test_a_tuned_round_ends_in_a_checkpoint_that_predicts_the_same(
    task: RoundTask, encoders_root: Path, classifier: str, brief: dict[str, object]
) -> None:
    settings = RoundSettings.from_dict({"classifier": classifier, "query_size": 10, classifier: brief})
    result: RoundResult = run_round(replace(task, settings=settings))
    served = checkpoint.load(result.checkpoint, encoders_root)
    pool = result.probabilities[: len(task.pool.ids)]
    assert np.allclose(served.predict_proba(task.pool.texts), pool, atol=1e-5)
    assert len(result.queue) == 10


def test_a_cold_start_covers_both_sides(task: RoundTask) -> None:
    from learner.features import FeatureCache

    features = FeatureCache(task.features, task.encoder).encode(task.pool.texts)
    queue = seed_queue(features, task.pool.ids, 10, seed=0)
    assert {item.id % 2 for item in queue} == {0, 1}
    assert [item.origin for item in queue] == ["seed"] * 10
