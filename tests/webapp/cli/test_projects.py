import json
from collections.abc import Callable

from click.testing import Result
from sqlite_utils import Database

Winnow = Callable[..., Result]


def test_a_project_has_the_labels_given_in_their_order(winnow: Winnow, db: Database) -> None:
    assert (
        winnow("project", "create", "Phones", "--labels", "bad, mixed,good", "--language", "zh").exit_code
        == 0
    )
    (project,) = json.loads(winnow("project", "list", "--json").stdout)
    assert (project["name"], project["labels"], project["language"]) == ("Phones", "bad,mixed,good", "zh")
    assert project["reviews"] == project["labelled"] == 0


def test_a_project_needs_two_labels(winnow: Winnow, db: Database) -> None:
    result = winnow("project", "create", "Phones", "--labels", "good")
    assert result.exit_code == 1
    assert "2 to 9 labels" in result.stderr


def test_an_empty_list_says_what_to_do(winnow: Winnow, db: Database) -> None:
    assert "winnow project create" in winnow("project", "list").stdout
