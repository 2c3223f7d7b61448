"""The commands that repeat our figures still run; what they print is judged by people."""

import csv
import gzip
import re
from pathlib import Path

import pytest
from killing import forkserver, run_script
from rated_reviews import rated

from learner.encoders import Encoder
from learner.settings import STRATEGIES

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("negative", "neutral", "positive")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rated and labelled reviews, a third of them to measure on."""
    path = tmp_path_factory.mktemp("data") / "shop.csv.gz"
    texts, y = rated(300)
    with gzip.open(path, "wt", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label", "rating", "split"])
        for row, (text, label) in enumerate(zip(texts, y, strict=True)):
            writer.writerow([text, LABELS[label], 1 + 2 * label, "test" if row % 6 < 2 else "train"])
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "more", "row", "rows"),
    [
        ("stars.py", ["--seeds", "1"], r"(\s+0\.\d{3}/0\.\d{3}){5}$", 4),
        (
            "strategies.py",
            ["--seeds", "1", "--budget", "60", "--pool", "200", "--test", "100"],
            r"^[a-z-]+ +(0\.\d{3}/0\.\d{3} +){2}0\.\d{3} +0\.\d{3} +\d+\.\d\d$",
            len(STRATEGIES),
        ),
        ("coverage.py", ["--runs", "2", "--sizes", "50"], r"^(holdout|audit) +50 .* \d+\.\d% of 2 ", 21),
        (
            "stopping.py",
            ["--seeds", "1", "--budget", "60"],
            r" stops at +\d+ .* loses +-?\d+\.\d\d points",
            5,
        ),
    ],
)
def test_it_runs_on_a_file_and_prints_figures(
    file: Path, tiny_encoder: Encoder, tmp_path: Path, script: str, more: list[str], row: str, rows: int
) -> None:
    words = [ROOT / "benchmarks" / script, file, "--features", tmp_path / "features", *more]
    words += ["--encoder", tiny_encoder.name, "--encoders", tiny_encoder.folder.parent]
    process = forkserver().Process(target=run_script, args=([str(word) for word in words], tmp_path))
    process.start()
    process.join()
    assert process.exitcode == 0, (tmp_path / "stderr").read_text("utf-8")[-2000:]
    printed = (tmp_path / "stdout").read_text("utf-8").splitlines()
    assert len([line for line in printed if re.search(row, line)]) == rows, printed
