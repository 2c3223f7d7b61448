"""The Quality page: honest about what it knows, and each doubted label can be dealt with, htmx or not."""

import csv
import io
import re
from typing import Any

import pytest
from builders import NOON, a_project, a_user, an_annotation
from sqlite_utils import Database
from visitor import Browser

from webapp.store import jobs, quality, second_looks, suspects, work
from webapp.store.projects import Project
from webapp.store.suspects import FoundSuspect


@pytest.fixture
def project(web_db: Database) -> Project:
    return a_project(web_db)


def a_figure(value: float | None, n: int, width: float = 0.05) -> dict[str, Any]:
    known = value is not None
    return {
        "value": value,
        "low": value - width if known else None,
        "high": value + width if known else None,
        "n": n,
    }


def a_result(project: Project, alpha: float | None = 0.72, reviews: int = 120) -> dict[str, Any]:
    """What a job would have found of two people, root's account among them."""
    figure = a_figure(alpha, reviews)
    return {
        "snapshot": 0,
        "round": 0,
        "labels": 2 * reviews,
        "suggested": 0,
        "methods": {"single": 12, "majority": 100},
        "undecided": 8,
        "annotators": 2,
        "agreement": {
            "reviews": reviews,
            "alpha": figure,
            "fleiss": figure,
            "cohen": figure,
            "same": a_figure(0.83, reviews),
            "chance": 0.4,
            "labels": [{"label": label.id, **figure} for label in project.labels],
            "pairs": [{"first": 1, "second": 99, "kappa": figure, "same": 0.83}],
            "windows": [
                {
                    "start": start,
                    "end": start + 59,
                    "alpha": figure,
                    "since": NOON.isoformat(),
                    "until": NOON.isoformat(),
                }
                for start in (1, 61)
            ],
        },
        "suspects": {"judged": 112, "agreeing": 0.9, "listed": 1, "unjudged": []},
    }


def a_finished_job(db: Database, project: Project, result: dict[str, Any]) -> None:
    quality.request(db, project.id, None, NOON)
    claim = work.claim_next(db, "jobs", NOON, ("quality",))
    assert claim is not None
    jobs.save_result(db, claim, result)
    work.finish(db, claim, "done", NOON)


@pytest.fixture
def doubted(web_db: Database, project: Project) -> int:
    """A suspect of a finished job."""
    a_finished_job(web_db, project, a_result(project))
    annotation = an_annotation(web_db, project, a_user(web_db, "cyd"))
    negative, _, positive = (label.id for label in project.labels)
    found = FoundSuspect(annotation.review_id, negative, positive, positive, 0.9)
    suspects.replace(web_db, project.id, [found], NOON)
    return suspects.waiting(web_db, project.id, 1)[0].id


def test_annotators_cannot_see_it(annotator: Browser, project: Project, doubted: int) -> None:
    assert annotator.get(f"/projects/{project.id}/quality").status_code == 403
    assert annotator.get(f"/projects/{project.id}/quality/agreement.csv").status_code == 403
    answer = annotator.post(f"/projects/{project.id}/quality/suspects/{doubted}", {"decision": "right"})
    assert answer.status_code == 403


def test_before_the_first_job_it_says_what_to_do_and_a_button_queues_one(
    admin: Browser, project: Project, web_db: Database
) -> None:
    address = f"/projects/{project.id}/quality"
    assert "Nothing worked out yet" in admin.get(address).text
    admin.post(address)
    admin.post(address)
    (job,) = jobs.of_project(web_db, project.id, "quality")
    page = admin.get(address).text
    assert "Working out agreement" in page and "hx-trigger" in page
    admin.post(f"{address}/{job.id}/cancel")
    assert jobs.get(web_db, job.id).state == "cancelled"
    assert "Nothing worked out yet" in admin.get(address).text


def test_htmx_learns_how_far_it_is_and_that_it_is_done(
    admin: Browser, project: Project, web_db: Database
) -> None:
    address = f"/projects/{project.id}/quality"
    admin.post(address)
    fragment = admin.get(address, htmx=True).text
    assert "<html" not in fragment and "hx-get" in fragment
    claim = work.claim_next(web_db, "jobs", NOON, ("quality",))
    assert claim is not None
    work.finish(web_db, claim, "failed", NOON, "The disk is full.")
    fragment = admin.get(address, htmx=True).text
    assert "The disk is full." in fragment and "hx-get" not in fragment
    a_finished_job(web_db, project, a_result(project))
    assert "Show the new figures" in admin.get(address, htmx=True).text


def test_agreement_is_told_in_words_with_its_interval(
    admin: Browser, project: Project, web_db: Database
) -> None:
    a_finished_job(web_db, project, a_result(project))
    html = admin.get(f"/projects/{project.id}/quality").text
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))
    assert "People agree, with doubtful cases" in page
    assert "the same label in 83% of cases; by drawing lots it would be 40%" in page
    assert "95% interval 0.67 to 0.77" in page
    assert "root and Person 99" in page
    assert html.count("<svg xmlns") == 2 and "No label is in doubt" in page


@pytest.mark.parametrize(("reviews", "shown"), [(120, True), (7, False)])
def test_the_overview_tells_agreement_once_it_can_be_told(
    admin: Browser, project: Project, web_db: Database, reviews: int, shown: bool
) -> None:
    a_finished_job(web_db, project, a_result(project, reviews=reviews))
    assert ("Agreement (alpha)" in admin.get(f"/projects/{project.id}").text) is shown


def test_few_shared_reviews_are_not_made_a_figure(admin: Browser, project: Project, web_db: Database) -> None:
    a_finished_job(web_db, project, a_result(project, reviews=7))
    page = admin.get(f"/projects/{project.id}/quality").text
    assert "Too early to tell" in page and "so far: 7" in page
    assert "0.72" not in page and "<svg xmlns" not in page


def test_labels_given_with_a_guess_on_screen_are_mentioned(
    admin: Browser, project: Project, web_db: Database
) -> None:
    a_finished_job(web_db, project, a_result(project) | {"suggested": 50})
    assert "50 of the 240 labels" in admin.get(f"/projects/{project.id}/quality").text


def test_why_no_label_could_be_doubted_is_said(admin: Browser, project: Project, web_db: Database) -> None:
    a_finished_job(web_db, project, a_result(project) | {"suspects": {"error": "There are too few."}})
    page = admin.get(f"/projects/{project.id}/quality").text
    assert "There are too few." in page and "No label is in doubt" not in page


@pytest.mark.parametrize("htmx", [True, False])
def test_a_doubted_label_can_stay_as_it_is(
    admin: Browser, project: Project, web_db: Database, doubted: int, htmx: bool
) -> None:
    page = admin.get(f"/projects/{project.id}/quality").text
    assert f'id="suspect-{doubted}"' in page and "It is right" in page
    review = suspects.waiting(web_db, project.id, 1)[0].review_id
    assert f'href="/projects/{project.id}/settle/{review}"' in page
    address = f"/projects/{project.id}/quality/suspects/{doubted}"
    answer = admin.post(address, {"decision": "right"}, htmx=htmx)
    if htmx:
        assert f'id="suspect-{doubted}"' in answer.text and "<html" not in answer.text
    else:
        assert answer.status_code == 303 and answer.location.endswith("/quality#suspects")
    assert suspects.decided(web_db, project.id) == {"dismissed": 1}
    assert f'id="suspect-{doubted}"' not in admin.get(f"/projects/{project.id}/quality").text


@pytest.mark.parametrize(("decision", "labels"), [("one", 1), ("two", 2)])
def test_further_people_can_be_asked(
    admin: Browser, project: Project, web_db: Database, doubted: int, decision: str, labels: int
) -> None:
    review = suspects.waiting(web_db, project.id, 1)[0].review_id
    admin.post(f"/projects/{project.id}/quality/suspects/{doubted}", {"decision": decision})
    (look,) = second_looks.of_review(web_db, review)
    assert (look.labels, look.requested_by) == (labels, "root")
    assert suspects.decided(web_db, project.id) == {"sent-back": 1}


def test_a_decision_that_is_none_or_comes_twice_is_refused(
    admin: Browser, project: Project, web_db: Database, doubted: int
) -> None:
    address = f"/projects/{project.id}/quality/suspects/{doubted}"
    assert admin.post(address, {"decision": "perhaps"}).status_code == 400
    admin.post(address, {"decision": "right"})
    assert admin.post(address, {"decision": "one"}).status_code == 409
    other = a_project(web_db, "Other")
    assert (
        admin.post(f"/projects/{other.id}/quality/suspects/{doubted}", {"decision": "right"}).status_code
        == 404
    )


def test_agreement_over_time_can_be_taken_away(admin: Browser, project: Project, web_db: Database) -> None:
    address = f"/projects/{project.id}/quality/agreement"
    assert admin.get(f"{address}.svg").mimetype == "text/csv"  # nothing to draw yet
    a_finished_job(web_db, project, a_result(project))
    rows = list(csv.DictReader(io.StringIO(admin.get(f"{address}.csv").text)))
    assert [(row["reviews"], row["value"], row["low"]) for row in rows] == [
        ("60", "0.7200", "0.6700"),
        ("120", "0.7200", "0.6700"),
    ]
    assert "alpha 0.72" in admin.get(f"{address}.svg").text
