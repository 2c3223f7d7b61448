import json
from collections.abc import Callable
from pathlib import Path

import tiny_encoder
from builders import a_finished_round, a_project
from click.testing import Result
from sqlite_utils import Database

from learner import encoders
from webapp.instance import Instance
from webapp.store import projects

Winnow = Callable[..., Result]


def test_a_project_has_the_labels_given_in_their_order(winnow: Winnow, db: Database) -> None:
    assert (
        winnow("project", "create", "Phones", "--labels", "bad, mixed,good", "--language", "zh").exit_code
        == 0
    )
    (project,) = json.loads(winnow("project", "list", "--json").stdout)
    assert (project["name"], project["labels"], project["language"]) == ("Phones", "bad,mixed,good", "zh")
    assert project["reviews"] == project["labelled"] == 0


def test_an_english_project_starts_with_the_encoder_for_english_where_it_was_added(
    winnow: Winnow, db: Database, instance: Instance, tmp_path: Path
) -> None:
    encoders.add(instance.encoders, str(tiny_encoder.build(tmp_path / "bge-small")))
    for name, language in (("Phones", "en"), ("手机", "zh")):
        assert winnow("project", "create", name, "--language", language).exit_code == 0
    chosen = {each.name: each.settings.learner for each in projects.everything(db)}
    assert chosen == {"Phones": {"encoder": "bge-small"}, "手机": {}}


def test_a_project_called_as_the_id_of_another_is_found_by_its_name(winnow: Winnow, db: Database) -> None:
    for name in ("Phones", "1"):
        assert winnow("project", "create", name).exit_code == 0
    assert [projects.named(db, name).name for name in ("1", "2", "phones")] == ["1", "1", "Phones"]


def test_a_project_needs_two_labels(winnow: Winnow, db: Database) -> None:
    result = winnow("project", "create", "Phones", "--labels", "good")
    assert result.exit_code == 1
    assert "2 to 9 labels" in result.stderr


def test_an_empty_list_says_what_to_do(winnow: Winnow, db: Database) -> None:
    assert "winnow project create" in winnow("project", "list").stdout


def test_the_list_and_the_round_tell_when_to_stop(winnow: Winnow, db: Database) -> None:
    project = a_project(db)
    a_finished_round(db, project, audited=60, report={"stopping": {"sentence": "You can stop."}})
    (listed,) = json.loads(winnow("project", "list", "--json").stdout)
    assert listed["advice"] == "You can stop."
    assert "You can stop." in winnow("project", "list").stdout
    shown = winnow("round", "show", 1).stdout
    assert "You can stop." in shown and "on 60 audit items" in shown and "holdout reviews" in shown
