import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from webapp.cli.simulating import processes

Winnow = Callable[..., Result]


@pytest.mark.slow
def test_a_simulation_writes_figures_and_curves(
    winnow: Winnow, encoder: str, reviews_file: Path, tmp_path: Path
) -> None:
    columns = ("--text", "text", "--label", "label", "--encoder", encoder)
    columns += ("--stars", "stars")
    size = ("--seeds", 2, "--start", 4, "--batch", 4, "--budget", 12)
    result = winnow("simulate", reviews_file, *columns, *size, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for arm in ("margin-diverse", "random", "margin-diverse+stars", "random+stars"):
        assert f"\n{arm} " in result.stdout
    figures = json.loads((tmp_path / "out" / "simulation.json").read_text("utf-8"))
    assert [point["labels"] for point in figures["arms"][0]["curves"]["accuracy"]] == [4, 8, 12]
    kept = (tmp_path / "out" / "runs.jsonl").read_bytes()
    assert kept.count(b"\n") == 2 + 4 * 2
    again = winnow("simulate", reviews_file, *columns, *size, "--out", tmp_path / "out")
    assert again.stdout == result.stdout and (tmp_path / "out" / "runs.jsonl").read_bytes() == kept
    other = winnow("simulate", reviews_file, *columns, *size, "--start", 5, "--out", tmp_path / "out")
    assert other.exit_code == 1 and "another start" in other.stderr
    for name in ("curves.csv", "figures.csv"):
        assert (tmp_path / "out" / name).read_text("utf-8").startswith("arm,score,")
    for name in ("accuracy.svg", "macro_f1.svg"):
        assert (tmp_path / "out" / name).read_text("utf-8").startswith("<svg")


@pytest.mark.parametrize(("replayed", "expected"), [(100, 1), (119_999, 1), (120_000, 2), (10**7, 4)])
def test_little_work_starts_no_processes(replayed: int, expected: int) -> None:
    assert processes(replayed, cores=4) == expected


def test_an_unknown_strategy_is_said_at_once(winnow: Winnow, reviews_file: Path, tmp_path: Path) -> None:
    columns = ("--text", "text", "--label", "label", "--strategies", "magic")
    result = winnow("simulate", reviews_file, *columns, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "magic" in result.stderr


def test_a_missing_column_is_said(winnow: Winnow, encoder: str, reviews_file: Path, tmp_path: Path) -> None:
    result = winnow("simulate", reviews_file, "--text", "body", "--label", "label", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "body" in result.stderr
