"""The labels' pages: what will happen is said first, what cannot be is said with words."""

import pytest
from builders import NOON, a_finished_round, a_lease, a_project, an_annotation
from sqlite_utils import Database
from visitor import Browser

from webapp.store import annotations, label_sets, projects, rounds
from webapp.store.annotations import Answer
from webapp.store.projects import Project


@pytest.fixture
def project(web_db: Database) -> Project:
    made = a_project(web_db, size=8)
    web_db.execute("UPDATE jobs SET state = 'done'")
    return made


def names(web_db: Database, project: Project) -> list[str]:
    return [label.name for label in projects.get(web_db, project.id).labels]


def test_annotators_cannot_change_labels(annotator: Browser, project: Project) -> None:
    address = f"/projects/{project.id}/labels"
    assert annotator.get(address).status_code == annotator.get(f"{address}/1").status_code == 403
    for post in ("", "/1/rename", "/1/move", "/1/retire"):
        assert annotator.post(f"{address}{post}", {"name": "x", "fate": "withdraw"}).status_code == 403


def test_a_label_is_added_and_nothing_serves_with_words(
    admin: Browser, web_db: Database, project: Project
) -> None:
    a_finished_round(web_db, project)
    home = f"/projects/{project.id}"
    assert "The labels changed" not in admin.get(home).text
    admin.post(f"{home}/labels", {"name": "mixed"})
    assert names(web_db, project) == ["negative", "neutral", "positive", "mixed"]
    for page in (admin.get(home).text, admin.get(f"{home}/rounds").text):
        assert "The labels changed" in page
    assert "trained for other labels" in admin.get(f"{home}/rounds/1").text
    assert "Versions up to 1 were trained for other labels" in admin.get(home).text
    for page in (
        "",
        "/rounds",
        "/rounds/new",
        "/reviews",
        "/reviews/1",
        "/exports",
        "/settings",
        "/annotate",
    ):
        assert admin.get(f"{home}{page}").status_code == 200, page
    assert "Let this version serve" not in admin.get(f"{home}/rounds/1").text


def test_labels_are_renamed_and_reordered(admin: Browser, web_db: Database, project: Project) -> None:
    version = a_finished_round(web_db, project)
    address = f"/projects/{project.id}/labels"
    first = project.labels[0].id
    admin.post(f"{address}/{first}/rename", {"name": "bad"})
    admin.post(f"{address}/{first}/move", {"direction": "down"})
    fragment = admin.post(f"{address}/{first}/move", {"direction": "down"}, htmx=True).text
    assert names(web_db, project) == ["neutral", "positive", "bad"]
    assert "<html" not in fragment and fragment.index("positive</span>") < fragment.index("bad</span>")
    assert projects.get(web_db, project.id).model_version_id == version.id
    assert "bad" in admin.get(f"/projects/{project.id}/rounds/1").text


@pytest.mark.parametrize("name", ["", "Positive", "x" * 41])
def test_a_name_that_cannot_be_is_said_and_what_was_typed_kept(
    admin: Browser, web_db: Database, project: Project, name: str
) -> None:
    address = f"/projects/{project.id}/labels"
    for post in (address, f"{address}/{project.labels[0].id}/rename"):
        answer = admin.post(post, {"name": name})
        assert (
            answer.status_code == 422
            and 'id="name-error"' in answer.text
            and f'value="{name}"' in answer.text
        )
    assert names(web_db, project) == ["negative", "neutral", "positive"]


def test_retiring_shows_what_it_touches_and_moves_it(
    admin: Browser, annotator: Browser, web_db: Database, project: Project
) -> None:
    assert annotator.user is not None
    for position in (0, 1, 1):
        an_annotation(web_db, project, annotator.user, position)
    negative, neutral, _ = (label.id for label in project.labels)
    address = f"/projects/{project.id}/labels/{neutral}"
    assert "(ada 2)" in admin.get(address).text
    page = admin.post(
        f"{address}/retire", {"fate": "move", "into": str(negative)}, follow_redirects=True
    ).text
    assert "2 labels and 0 decisions are negative now" in page and "Bring back" in page
    assert label_sets.label_counts(web_db, project.id) == {negative: 3}
    admin.post(f"/projects/{project.id}/labels", {"name": "neutral"})
    assert names(web_db, project) == ["negative", "positive", "neutral"]


@pytest.mark.parametrize("typed", [{}, {"fate": "move"}, {"fate": "move", "into": "999"}, {"fate": "burn"}])
def test_a_retirement_that_says_nothing_changes_nothing(
    admin: Browser, web_db: Database, project: Project, typed: dict[str, str]
) -> None:
    answer = admin.post(f"/projects/{project.id}/labels/{project.labels[0].id}/retire", typed)
    assert answer.status_code == 422
    assert len(names(web_db, project)) == 3


def test_an_open_round_is_waited_for_with_words(admin: Browser, web_db: Database, project: Project) -> None:
    rounds.start(web_db, project.id, {}, "button", None, NOON)
    address = f"/projects/{project.id}/labels"
    assert "A round is open" in admin.get(address).text
    one = project.labels[0].id
    for post in ("", f"/{one}/rename", f"/{one}/retire"):
        answer = admin.post(f"{address}{post}", {"name": "x", "fate": "withdraw"})
        assert answer.status_code == 422 and "A round is open" in answer.text
    assert admin.post(f"{address}/{one}/move", {"direction": "down"}).status_code == 409
    assert names(web_db, project) == ["negative", "neutral", "positive"]


def test_a_late_answer_with_a_retired_label_keeps_its_note_on_screen(
    annotator: Browser, web_db: Database, project: Project
) -> None:
    assert annotator.user is not None
    lease = a_lease(web_db, project, annotator.user)
    gone, kept = project.labels[1].id, project.labels[0].id
    label_sets.retire(web_db, project.id, gone, kept, None, NOON)
    answer = annotator.post(
        f"/leases/{lease.token}/answer",
        {"label": str(gone), "note": "a note of mine", "seconds": "3"},
        htmx=True,
    )
    assert answer.status_code == 422 and "a note of mine" in answer.text
    annotations.record(web_db, lease.token, annotator.user.id, Answer("label", kept), NOON)
