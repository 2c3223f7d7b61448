import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlite_utils import Database

Winnow = Callable[..., Result]


@pytest.fixture
def phones(winnow: Winnow, db: Database, reviews_file: Path, encoder: str) -> str:
    """A project with 60 labelled reviews, a third of them kept for measuring."""
    winnow("project", "create", "Phones", "--labels", "negative,positive")
    result = winnow("import", "Phones", reviews_file, "--label", "label")
    assert result.exit_code == 0, result.output
    return "Phones"


@pytest.mark.slow
def test_a_round_is_run_here_where_no_worker_is_alive(winnow: Winnow, phones: str, encoder: str) -> None:
    result = winnow("round", "start", phones, "--encoder", encoder, "--wait")
    assert result.exit_code == 0, result.output
    assert "Model version 1" in result.stdout and "holdout reviews" in result.stdout
    (listed,) = json.loads(winnow("round", "list", phones, "--json").stdout)
    assert listed["state"] == "done"
    assert 0 <= listed["accuracy"] <= 1
    shown = json.loads(winnow("round", "show", listed["id"], "--json").stdout)
    assert shown["settings"]["encoder"] == encoder
    assert {metric["name"] for metric in shown["metrics"]} >= {"accuracy", "macro_f1"}


def test_a_round_waits_for_a_worker_and_can_be_cancelled(winnow: Winnow, phones: str, encoder: str) -> None:
    started = winnow("round", "start", phones, "--encoder", encoder, "--strategy", "random")
    assert started.exit_code == 0
    assert "No worker is alive" in started.stderr
    assert winnow("round", "start", phones).exit_code == 1  # one open round a project
    assert "cancelled" in winnow("round", "cancel", 1, "--project", phones).stdout
    assert "cancelled" in winnow("round", "show", 1, "--project", phones).stdout


def test_a_round_that_cannot_run_is_exit_code_1(winnow: Winnow, phones: str) -> None:
    result = winnow("round", "start", phones, "--encoder", "no-such-encoder", "--wait")
    assert result.exit_code == 1
    assert "no-such-encoder" in result.stderr
    assert "Traceback" not in result.output


def test_settings_out_of_range_are_said(winnow: Winnow, phones: str) -> None:
    result = winnow("round", "start", phones, "--query-size", 0)
    assert result.exit_code == 1
    assert "query_size" in result.stderr


def test_an_empty_list_says_what_to_do(winnow: Winnow, phones: str) -> None:
    assert "winnow round start" in winnow("round", "list", phones).stdout
