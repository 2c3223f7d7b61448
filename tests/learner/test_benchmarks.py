"""The commands that repeat our figures still run; what they print is judged by people."""

import csv
import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from rated_reviews import rated

from learner.encoders import Encoder

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
    ("script", "more"),
    [
        ("stars.py", ["--seeds", "1"]),
        ("strategies.py", ["--seeds", "1", "--budget", "60", "--pool", "200", "--test", "100"]),
        ("coverage.py", ["--runs", "2", "--sizes", "50"]),
        ("stopping.py", ["--seeds", "1", "--budget", "60"]),
    ],
)
def test_it_runs_on_a_file_and_prints_figures(
    file: Path, tiny_encoder: Encoder, tmp_path: Path, script: str, more: list[str]
) -> None:
    command = [sys.executable, ROOT / "benchmarks" / script, file, "--features", tmp_path, *more]
    command += ["--encoder", tiny_encoder.name, "--encoders", tiny_encoder.folder.parent]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) > 3
