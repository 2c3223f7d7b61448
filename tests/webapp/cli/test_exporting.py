import csv
import gzip
import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from damaged import damage_the_root
from sqlite_utils import Database

from webapp.instance import Instance

Winnow = Callable[..., Result]


@pytest.fixture
def phones(winnow: Winnow, db: Database, reviews_file: Path) -> str:
    winnow("project", "create", "Phones", "--labels", "negative,positive")
    assert winnow("import", "Phones", reviews_file, "--label", "label").exit_code == 0
    return "Phones"


@pytest.fixture
def trained(winnow: Winnow, phones: str, encoder: str) -> str:
    result = winnow("round", "start", phones, "--encoder", encoder, "--wait")
    assert result.exit_code == 0, result.output
    return phones


def test_labels_come_in_the_format_that_the_name_ends_in(winnow: Winnow, phones: str, tmp_path: Path) -> None:
    assert "60 labels" in winnow("export", "labels", phones, tmp_path / "labels.jsonl").stdout
    lines = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text("utf-8").splitlines()]
    assert {line["label"] for line in lines} == {"negative", "positive"}
    winnow("export", "labels", phones, tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open(encoding="utf-8", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == [line["text"] for line in lines]
    winnow("export", "labels", phones, tmp_path / "labels.parquet")
    assert (tmp_path / "labels.parquet").read_bytes().startswith(b"PAR1")


def test_the_consensus_is_found_as_it_is_exported(winnow: Winnow, phones: str, tmp_path: Path) -> None:
    out = tmp_path / "consensus.jsonl"
    assert "60 reviews" in winnow("export", "labels", phones, out, "--consensus").stdout
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert list(lines[0]) == "id external_id text label method confidence votes part".split()
    assert {(line["method"], line["confidence"], line["votes"]) for line in lines} == {("single", 1.0, 1)}


def test_an_export_that_cannot_be_written_leaves_nothing(winnow: Winnow, phones: str, tmp_path: Path) -> None:
    result = winnow("export", "labels", phones, tmp_path / "no-such-folder" / "labels.csv")
    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr


@pytest.mark.parametrize("table", ["reviews", "annotations"])
def test_a_damaged_database_is_told_in_a_line_with_what_to_do(
    winnow: Winnow, phones: str, instance: Instance, tmp_path: Path, table: str
) -> None:
    damage_the_root(instance.database, table)
    result = winnow("export", "labels", phones, tmp_path / "labels.csv")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert "is damaged" in result.stderr and "winnow restore" in result.stderr
    assert not (tmp_path / "labels.csv").exists()


def test_a_project_without_a_model_says_what_to_do(winnow: Winnow, phones: str, tmp_path: Path) -> None:
    result = winnow("export", "model", phones, tmp_path / "model")
    assert result.exit_code == 1
    assert "winnow round start" in result.stderr


@pytest.mark.slow
def test_a_head_is_exported_as_a_graph_whose_example_runs(
    winnow: Winnow, trained: str, tmp_path: Path
) -> None:
    result = winnow("export", "model", trained, tmp_path / "model")
    assert result.exit_code == 0, result.output
    example = [sys.executable, str(tmp_path / "model" / "example.py")]
    said = subprocess.run(example, capture_output=True, text=True, check=True, cwd=tmp_path / "model").stdout
    assert "negative" in said or "positive" in said
    assert winnow("export", "model", trained, tmp_path / "model").exit_code == 1  # never over what is there


@pytest.mark.slow
def test_a_head_has_no_hugging_face_folder_and_says_so(winnow: Winnow, trained: str, tmp_path: Path) -> None:
    result = winnow("export", "model", trained, tmp_path / "model", "--format", "hf")
    assert result.exit_code == 1
    assert "onnx" in result.stderr.lower()
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
def test_texts_are_labelled_by_the_model_that_serves(winnow: Winnow, trained: str, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text('text\n"this good phone is number 20"\n"this bad phone is number 31"\n""\n', "utf-8")
    result = winnow("predict", trained, file, tmp_path / "out.csv")
    assert result.exit_code == 0, result.output
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as out:
        rows = list(csv.DictReader(out))
    assert [row["row"] for row in rows] == ["2", "3"]
    for row in rows:
        scores = {label: float(row[label]) for label in ("negative", "positive")}
        assert sum(scores.values()) == pytest.approx(1, abs=1e-3)
        assert row["label"] == max(scores, key=scores.__getitem__)


def test_predictions_never_take_the_place_of_the_texts(
    winnow: Winnow, phones: str, reviews_file: Path
) -> None:
    before = reviews_file.read_bytes()
    same = reviews_file.parent / "link.csv"
    same.symlink_to(reviews_file)
    for out in (reviews_file, same):
        result = winnow("predict", phones, reviews_file, out)
        assert result.exit_code == 2 and "Name another file" in result.stderr
    assert reviews_file.read_bytes() == before


def test_a_folder_that_is_called_as_the_project_does_not_hide_it(
    winnow: Winnow, phones: str, reviews_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (phones, "other"):
        Path(folder).mkdir()
    assert "has no model yet" in winnow("predict", phones, reviews_file, "out.csv").stderr
    assert "is no checkpoint" in winnow("predict", "other", reviews_file, "out.csv").stderr
    assert "There is no project" in winnow("predict", "another", reviews_file, "out.csv").stderr


@pytest.mark.slow
def test_predictions_that_break_off_leave_what_was_there(
    winnow: Winnow, trained: str, tmp_path: Path
) -> None:
    file, out = tmp_path / "new.csv.gz", tmp_path / "out.csv"
    # Longer than the look at its beginning.
    lines = [f"this good phone is number {number},{secrets.token_hex(1_000)}" for number in range(400)]
    packed = gzip.compress("\n".join(["text,noise", *lines]).encode())
    file.write_bytes(packed[: len(packed) * 9 // 10])
    out.write_text("yesterday's")
    result = winnow("predict", trained, file, out, "--text", "text")
    assert result.exit_code == 1 and result.stderr.startswith("Error: ")
    assert out.read_text() == "yesterday's"
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.slow
def test_an_exported_model_is_told_from_a_checkpoint(winnow: Winnow, trained: str, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("text\nthis good phone\n", "utf-8")
    assert winnow("export", "model", trained, tmp_path / "model").exit_code == 0
    result = winnow("predict", tmp_path / "model", file, tmp_path / "out.csv")
    assert result.exit_code == 1
    assert "example.py" in result.stderr and not (tmp_path / "out.csv").exists()
