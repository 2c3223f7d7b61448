import json
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import a_finished_round
from click.testing import Result
from sqlite_utils import Database

from learner.report import Candidate, Choice, RoundReport
from webapp.store import projects

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


@pytest.mark.parametrize("command", ["show", "cancel"])
def test_a_number_that_no_round_can_have_is_wrong_usage(winnow: Winnow, phones: str, command: str) -> None:
    assert winnow("round", command, 2**63).exit_code == 2


def test_an_empty_list_says_what_to_do(winnow: Winnow, phones: str) -> None:
    assert "winnow round start" in winnow("round", "list", phones).stdout


def test_any_setting_can_be_given(winnow: Winnow, phones: str) -> None:
    further = ("--set", "classifier=auto", "--set", "auto.budget_minutes=2.5", "--set", "auto.min_labels=50")
    assert winnow("round", "start", phones, *further).exit_code == 0
    settings = json.loads(winnow("round", "show", 1, "--json").stdout)["settings"]
    assert (settings["classifier"], settings["auto"]["budget_minutes"]) == ("auto", 2.5)
    assert settings["auto"]["min_labels"] == 50 and settings["finetune"]["epochs"] == 6


@pytest.mark.parametrize("given", ["auto.budget_minutes", "auto.budget_minutes=-1", "auto.magic=1"])
def test_a_setting_that_is_none_is_said(winnow: Winnow, phones: str, given: str) -> None:
    result = winnow("round", "start", phones, "--set", given)
    assert result.exit_code and given.partition("=")[0] in result.stderr


def test_a_round_tells_what_was_chosen_and_why(winnow: Winnow, db: Database, phones: str) -> None:
    candidates = (Candidate("head", 0.4, macro_f1=0.81), Candidate("finetune", 95.0, 90.0, 6, 0.86))
    report = RoundReport("head", Choice("head", "Head was taken: it is quick.", 600.0, candidates))
    a_finished_round(db, projects.named(db, phones), report=report.to_dict())
    shown = winnow("round", "show", 1, "--project", phones).stdout
    assert "Head was taken: it is quick." in shown
    assert "finetune: trained in 95.0 s, macro-F1 0.860 on validation" in shown
