"""SetFit on the tiny encoder, for real and without a network or a trace on disk."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sentiment import LABELS, reviews

from learner.classifiers.contrastive import MOST_TEXTS, ContrastiveClassifier
from learner.classifiers.examples import Examples
from learner.classifiers.interface import dataset
from learner.classifiers.tuned_model import TunedModel
from learner.encoders import Encoder
from learner.errors import Cancelled, NotEnoughLabels, TrainingDiverged
from learner.settings import ContrastiveSettings


def a_classifier(encoder: Encoder, **settings: object) -> ContrastiveClassifier:
    values = {
        "loss": "cosine",
        "pairs": 5,
        "batch_size": 16,
        "max_steps": 8,
        "learning_rate": 1e-3,
        **settings,
    }
    return ContrastiveClassifier(LABELS, encoder, ContrastiveSettings.from_dict(values), seed=1)


@pytest.mark.slow
def test_pairs_teach_and_the_result_is_a_plain_classifier(tiny_encoder: Encoder, tmp_path: Path) -> None:
    from transformers import pipeline

    classifier = a_classifier(tiny_encoder, max_steps=60, learning_rate=5e-3)
    steps: list[tuple[int, int]] = []
    classifier.fit(dataset(*reviews(90), 3), progress=lambda _, done, total: steps.append((done, total)))
    unseen, truth = reviews(60, seed=2)
    proba = classifier.model.predict_proba(unseen)
    assert (proba.argmax(axis=1) == truth).mean() > 0.8
    assert steps[-1] == (57, 57) and [done for done, _ in steps] == sorted(done for done, _ in steps)

    classifier.model.save(tmp_path)
    assert np.allclose(TunedModel.read(tmp_path, LABELS).predict_proba(unseen), proba, atol=1e-6)
    plain = pipeline("text-classification", model=str(tmp_path))(unseen, truncation=True)
    assert [item["label"] for item in plain] == [LABELS[i] for i in proba.argmax(axis=1)]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["cosine", "cosent", "supcon"])
def test_every_loss_brings_likes_together(tiny_encoder: Encoder, loss: str) -> None:
    texts, y = reviews(60)
    bold = {"learning_rate": 1e-3, "epochs": 2}

    def apart(classifier: ContrastiveClassifier) -> float:
        """How much further apart unlikes are than likes."""
        _, points = classifier.model.scores(texts)
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
        cosine, alike = points @ points.T, y[:, None] == y
        return float((1 - cosine[~alike].mean()) / (1 - cosine[alike].mean()))

    trained, barely = (
        apart(a_classifier(tiny_encoder, loss=loss, max_steps=steps, **bold).fit(dataset(texts, y, 3)))
        for steps in (60, 1)
    )
    assert trained > 1.2 * barely


@pytest.mark.slow
def test_same_seed_same_model_and_the_process_keeps_its_randomness(tiny_encoder: Encoder) -> None:
    train_set = dataset(*reviews(24), 3)
    np.random.seed(7)
    expected = np.random.random()
    np.random.seed(7)
    first, second = (a_classifier(tiny_encoder).fit(train_set).predict_proba(train_set) for _ in range(2))
    assert np.random.random() == expected
    assert (first == second).all()


def test_cancelling_stops_within_a_step(tiny_encoder: Encoder) -> None:
    seen: list[int] = []

    def stop(phase: str, done: int, total: int) -> None:
        seen.append(done)
        if done == 2:
            raise Cancelled("The round was cancelled.")

    with pytest.raises(Cancelled):
        a_classifier(tiny_encoder).fit(dataset(*reviews(60), 3), progress=stop)
    assert seen[-1] == 2


def test_steps_too_large_end_in_words(tiny_encoder: Encoder) -> None:
    settings = ContrastiveSettings(max_steps=8, learning_rate=1e30)
    with pytest.raises(TrainingDiverged, match="smaller learning rate"):
        ContrastiveClassifier(LABELS, tiny_encoder, settings).fit(dataset(*reviews(24), 3))


def test_pairs_need_two_labels_of_two_classes(tiny_encoder: Encoder) -> None:
    texts, _ = reviews(5)
    with pytest.raises(NotEnoughLabels, match="Fewer have: neutral; positive"):
        a_classifier(tiny_encoder).fit(dataset(texts, np.array([0, 0, 0, 0, 1]), 3))


def test_many_labels_are_drawn_from_those_that_count() -> None:
    from learner.classifiers.contrastive import _rows_for_pairs

    texts, y = reviews(MOST_TEXTS + 500)
    weights = np.ones(len(y))
    weights[:300] = 0.0
    rows = _rows_for_pairs(Examples(texts, y, weights), LABELS, seed=0)
    assert len(rows) == len(set(rows)) == MOST_TEXTS and rows.min() >= 300


@pytest.mark.slow
def test_training_leaves_no_file_anywhere(tiny_encoder: Encoder, tmp_path: Path) -> None:
    """In a process of its own, with a home, a working directory and a temporary folder that were empty."""
    code = (
        "import sys; from pathlib import Path; from learner import encoders;"
        "from learner.classifiers.contrastive import ContrastiveClassifier as C;"
        "from learner.classifiers.interface import dataset; from learner.settings import ContrastiveSettings as S;"
        "import numpy as np; folder = Path(sys.argv[1]);"
        "C(['a', 'b'], encoders.resolve(folder.parent, folder.name), S(max_steps=2))"
        ".fit(dataset(['good', 'bad'] * 4, np.arange(8) % 2, 2))"
    )
    places = {name: tmp_path / name for name in ("home", "work", "tmp")}
    for place in places.values():
        place.mkdir()
    environment = {**os.environ, "HOME": str(places["home"]), "TMPDIR": str(places["tmp"])}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_encoder.folder)],
        cwd=places["work"], env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
    assert [str(path) for path in tmp_path.rglob("*") if path.is_file()] == []
