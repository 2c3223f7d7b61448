"""Agreement against worked examples from the literature, against the data files, and where it cannot be told."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from learner.agreement import FEWEST_COMMON, Figure, alpha, cohen_kappas, fleiss_kappa, measure

# Krippendorff 2011, section C: four observers, twelve units, five values, a dot where nothing was observed.
KRIPPENDORFF = ("1233214 12...", "123322412 5.3", ".33323422 51.", "123324412 51.")
# Fleiss 1971, table 1: 30 patients, 6 psychiatrists, 5 diagnoses; and the example of 10 subjects and 14 raters that
# encyclopedias work through.
FLEISS = """
0 0 0 6 0  0 3 0 0 3  0 1 4 0 1  0 0 0 0 6  0 3 0 3 0  2 0 4 0 0  0 0 4 0 2  2 0 3 1 0  2 0 0 4 0  0 0 0 0 6
1 0 0 5 0  1 1 0 4 0  0 3 3 0 0  1 0 0 5 0  0 2 0 3 1  0 0 5 0 1  3 0 0 1 2  5 1 0 0 0  0 2 0 4 0  1 0 2 0 3
0 0 0 0 6  0 1 0 5 0  0 2 0 1 3  2 0 0 4 0  1 0 0 4 1  0 5 0 1 0  4 0 0 0 2  0 2 0 4 0  1 0 5 0 0  0 0 0 0 6
"""


RATERS = """
0 0 0 0 14  0 2 6 4 2  0 0 3 5 6  0 3 9 2 0  2 2 8 1 1
7 7 0 0 0  3 2 6 3 0  2 5 3 2 2  6 5 2 1 0  0 2 2 3 7
"""


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def krippendorff_counts() -> np.ndarray:
    rows = [row.replace(" ", "") for row in KRIPPENDORFF]
    return np.array(
        [[sum(row[unit] == str(value) for row in rows) for value in range(1, 6)] for unit in range(12)]
    )


def test_alpha_of_krippendorffs_example() -> None:
    figure = alpha(krippendorff_counts(), rng())
    assert figure.value == pytest.approx(0.743, abs=0.0005)
    assert figure.n == 11  # the twelfth unit has one value
    assert figure.low is not None and figure.high is not None and figure.low < 0.743 < figure.high


@pytest.mark.parametrize(("table", "kappa"), [(FLEISS, 0.430), (RATERS, 0.210)])
def test_kappa_of_fleiss_examples(table: str, kappa: float) -> None:
    counts = np.array(table.split(), dtype=np.int64).reshape(-1, 5)
    assert fleiss_kappa(counts, rng()).value == pytest.approx(kappa, abs=0.0005)


def test_cohens_kappa_by_hand() -> None:
    """20 both yes, 15 both no, 5 and 10 apart: (0.7 - 0.5) / (1 - 0.5) = 0.4."""
    ours = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    theirs = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    votes = votes_of(ours, theirs)
    (pair,) = cohen_kappas(*votes, 2, rng())
    assert (pair.first, pair.second, pair.same, pair.kappa.n) == (0, 1, pytest.approx(0.7), 50)
    assert pair.kappa.value == pytest.approx(0.4)
    report = measure(*votes, 2)
    assert report.cohen.value == pytest.approx(0.4)
    # The interval of the mean over a single pair is that pair's, drawn in another way.
    assert report.cohen.low == pytest.approx(pair.kappa.low, abs=0.05)


def votes_of(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each column one annotator's labels of review 0, 1, 2, ..."""
    size = len(columns[0])
    return (
        np.tile(np.arange(size), len(columns)),
        np.repeat(np.arange(len(columns)), size),
        np.concatenate(columns),
    )


def test_each_label_against_the_rest() -> None:
    """Two people agree on label 0 throughout and draw lots between 1 and 2."""
    draw = rng()
    zero = np.arange(300) % 3 == 0
    columns = [np.where(zero, 0, draw.integers(1, 3, 300)) for _ in range(2)]
    report = measure(*votes_of(*columns), 3)
    zeros, ones, twos = report.labels
    assert zeros.value == pytest.approx(1.0) and zeros.n == 100
    assert ones.value is not None and twos.value is not None
    assert ones.value < 0.5 and twos.value < 0.5


def test_agreement_and_chance_give_alpha() -> None:
    report = measure(*votes_of(rng().integers(0, 3, 200), np.arange(200) % 3), 3)
    assert report.same.value is not None and report.chance is not None
    assert report.alpha.value == pytest.approx(1 - (1 - report.same.value) / (1 - report.chance))
    assert report.alpha.low is not None and report.alpha.high is not None
    assert report.alpha.low < 0 < report.alpha.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Two people, two balanced labels, each wrong one time in ten: alpha is 1 - 0.18 / 0.5."""
    covered = 0
    for seed in range(100):
        draw = np.random.default_rng(seed)
        true = draw.integers(0, 2, 150)
        columns = [np.where(draw.random(150) < 0.1, 1 - true, true) for _ in range(2)]
        counts = np.column_stack([2 - sum(columns), sum(columns)])
        figure = alpha(counts, draw)
        assert figure.low is not None and figure.high is not None
        covered += figure.low <= 0.64 <= figure.high
    assert 88 <= covered <= 99


def test_windows_follow_the_order_of_labels() -> None:
    """Two people who agree on the later half of the reviews only."""
    draw = rng()
    first = draw.integers(0, 2, 240)
    second = np.where(np.arange(240) < 120, draw.integers(0, 2, 240), first)
    pairs = np.column_stack([first, second]).ravel()
    report = measure(np.repeat(np.arange(240), 2), np.tile([0, 1], 240), pairs, 2)
    assert [(window.start, window.end) for window in report.windows[:2]] == [(1, 30), (31, 60)]
    assert len(report.windows) == 8
    values = [window.alpha.value or 0 for window in report.windows]
    assert max(values[:4]) < 0.7 and values[4:] == [1.0] * 4


def test_what_cannot_be_told_is_none() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    report = measure(nothing, nothing, nothing, 3)
    assert report.reviews == 0
    assert {report.alpha, report.fleiss, report.cohen, report.same} == {Figure(None, None, None, 0)}
    assert report.pairs == [] and report.windows == [] and report.chance is None
    alike = np.zeros(FEWEST_COMMON, dtype=np.int64)
    report = measure(*votes_of(alike, alike), 3)
    assert report.alpha == Figure(None, None, None, FEWEST_COMMON)
    assert report.fleiss.value is None and report.pairs[0].kappa.value is None and report.cohen.value is None
    assert report.same.value == 1.0


@pytest.mark.parametrize(
    ("file", "kappa"), [("sst_dev_crowd_annotations", 0.588), ("yelp_crowd_annotations", 0.615)]
)
def test_fleiss_of_real_crowd_votes(shared: Path, file: str, kappa: float) -> None:
    """As stated beside the files, which take "mixed" for a fourth label."""
    with gzip.open(shared / "data" / f"{file}.csv.gz", "rt", encoding="utf-8") as votes:
        rows = list(csv.DictReader(votes))
    columns = [
        np.unique([row[name] for row in rows], return_inverse=True)[1] for name in ("item_id", "label")
    ]
    counts = np.bincount(columns[0] * 4 + columns[1], minlength=4 * (columns[0].max() + 1)).reshape(-1, 4)
    figure = fleiss_kappa(counts, rng())
    assert figure.value == pytest.approx(kappa, abs=0.0005)
    assert alpha(counts, rng()).value == pytest.approx(kappa, abs=0.001)
