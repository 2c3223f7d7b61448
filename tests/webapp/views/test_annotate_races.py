"""What changes under a person who holds a review: labels, the review itself, the account; nothing is half stored."""

from collections.abc import Callable

import pytest
from builders import Clock, a_lease, a_project, the_user
from sqlite_utils import Database
from visitor import Browser

from webapp.store import annotations, bulk, label_sets, my_answers, queue, users
from webapp.store.annotations import Answer
from webapp.store.bulk import Selection
from webapp.store.connection import write_transaction
from webapp.store.filters import Filters


@pytest.mark.parametrize("change", ["removed", "merged"])
def test_a_late_answer_with_a_label_that_is_gone_is_refused_with_its_note_and_another_is_taken(
    annotator: Browser, web_db: Database, clock: Clock, change: str
) -> None:
    project = a_project(web_db, labels=["bad", "so-so", "good"])
    bad, middle, good = (label.id for label in project.labels)
    lease = a_lease(web_db, project, the_user(annotator))
    web_db.execute("UPDATE jobs SET state = 'done'")
    web_db.conn.commit()
    label_sets.retire(web_db, project.id, middle, good if change == "merged" else None, None, clock())
    late = annotator.post(f"/leases/{lease.token}/answer", {"label": middle, "note": "the zip broke"})
    assert late.status_code == 422
    assert "no longer in the project" in late.text and "the zip broke</textarea>" in late.text
    assert lease.text in late.text and "so-so" not in late.text
    assert annotator.post(f"/leases/{lease.token}/answer", {"label": bad}).status_code == 303
    assert [row["label_id"] for row in web_db["annotations"].rows] == [bad]


@pytest.mark.parametrize("script", [True, False])
def test_an_answer_to_a_review_that_was_deleted_is_refused_and_leaves_no_orphan(
    annotator: Browser, web_db: Database, script: bool
) -> None:
    project = a_project(web_db, size=2)
    lease = a_lease(web_db, project, the_user(annotator))
    web_db.execute("DELETE FROM reviews WHERE id = ?", [lease.review_id])
    web_db.conn.commit()
    form = {"label": project.labels[0].id, "note": "gone"}
    late = annotator.post(f"/leases/{lease.token}/answer", form, script=script)
    assert late.status_code == 409
    assert "no longer yours" in (late.json["message"] if script else late.text)
    assert web_db["annotations"].count == web_db["leases"].count == 0
    assert web_db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_review_left_out_while_leased_takes_no_answer_and_back_in_it_does(
    annotator: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=1)
    lease = a_lease(web_db, project, the_user(annotator))
    everything = bulk.chosen(web_db, project.id, Selection(Filters()))
    bulk.leave_out(web_db, project.id, everything, None, clock())
    form = {"label": project.labels[0].id, "note": "worn <twice>"}
    late = annotator.post(f"/leases/{lease.token}/answer", form)
    assert late.status_code == 409 and "worn &lt;twice&gt;" in late.text
    assert web_db["annotations"].count == 0
    bulk.take_back_in(web_db, project.id, everything, None, clock())
    assert annotator.post(f"/leases/{lease.token}/answer", form).status_code in (200, 303)
    assert web_db["annotations"].count == 1


def test_whoever_is_disabled_is_out_at_the_next_request_and_holds_nothing(
    annotator: Browser, web_db: Database, clock: Clock, log_in: Callable[..., Browser]
) -> None:
    project = a_project(web_db, size=1)
    log_in("root", role="admin")
    lease = a_lease(web_db, project, the_user(annotator))
    form = {"csrf_token": annotator.token(), "label": project.labels[0].id}
    users.disable(web_db, the_user(annotator).id, None, clock())
    answer = annotator.client.post(f"/leases/{lease.token}/answer", data=form)
    assert answer.status_code in (303, 401, 403)
    assert annotator.get(f"/projects/{project.id}/annotate").headers["Location"].startswith("/login")
    assert web_db["annotations"].count == 0
    ben = the_user(log_in("ben"))
    assert isinstance(queue.claim(web_db, project.id, ben.id, clock()), queue.Lease)


def test_when_all_is_leased_the_page_says_when_to_look_again(
    annotator: Browser, log_in: Callable[..., Browser], web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=1)
    a_lease(web_db, project, the_user(log_in("ben")))
    clock.forward(minutes=4)
    waiting = annotator.post(f"/projects/{project.id}/annotate/next")
    assert "free in 6 minutes" in waiting.text and "Nothing left" not in waiting.text
    assert waiting.headers["Retry-After"] == "360"
    clock.forward(minutes=6)
    assert annotator.post(f"/projects/{project.id}/annotate/next").status_code == 303


KEPT = ("label_id", "origin", "probability", "shown", "suggestion_id", "guidelines_id", "ranking_id")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (Answer("label", 1, "a note"), Answer("label", 1, "another note")),
        (Answer("label", 1, "a note"), Answer("label", 1, "")),
        (Answer("label", 1), Answer("label", 1, seconds=3.0)),
        (Answer("flag", note="rude"), Answer("flag", note="very rude")),
        (Answer("skip", reason="mixed"), Answer("skip", reason="unclear")),
        (Answer("skip", reason="mixed"), Answer("skip", note="why", reason="mixed")),
    ],
)
def test_changing_one_field_of_an_answer_keeps_the_others(
    annotator: Browser, web_db: Database, clock: Clock, first: Answer, then: Answer
) -> None:
    project = a_project(web_db)
    user = the_user(annotator)
    lease = a_lease(web_db, project, user)
    with write_transaction(web_db):
        web_db.execute(
            "UPDATE leases SET origin = 'uncertain', probability = 0.25, shown = 'suggestion', suggestion_id = 2"
        )
    before = annotations.record(web_db, lease.token, user.id, first, clock())
    annotations.change(web_db, before.id, user.id, then, clock())
    old, new = (row for row in web_db.query("SELECT * FROM annotations WHERE action <> 'undo' ORDER BY id"))
    assert {name: new[name] for name in KEPT} == {name: old[name] for name in KEPT}
    assert (new["action"], new["note"], new["reason"]) == (then.action, then.note, then.reason)
    assert (old["note"], old["reason"]) == (first.note, first.reason) and old["undone_by"] is not None
    (mine,) = my_answers.find(web_db, project.id, user.id)
    assert mine.id == new["id"]
