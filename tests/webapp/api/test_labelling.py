"""Labelling by program: the queue of the pages, and answers that may be sent again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from builders import Clock, a_project, a_user, an_annotation
from flask import Flask
from programs import Program
from sqlite_utils import Database

from webapp.store import annotations, projects, queue

Enrol = Callable[..., Program]


@pytest.fixture
def program(enrol: Enrol) -> Program:
    return enrol("annotate")


def test_a_review_is_leased_and_answered(program: Program, web_db: Database) -> None:
    project = a_project(web_db, size=2)
    taken = program.post(f"/projects/{project.id}/leases")
    assert taken.status_code == 201
    lease = taken.get_json()
    assert lease["labels"] == ["negative", "neutral", "positive"]
    sent = {"label": "Positive", "note": "clear", "seconds": 2.5}
    answer = program.post(f"/leases/{lease['lease']}/annotation", sent)
    assert answer.status_code == 201
    assert answer.get_json()["label"] == "positive"
    (row,) = annotations.of_review(web_db, lease["review"]["id"])
    assert (row["annotator"], row["label"], row["note"], row["seconds"]) == ("ada", "positive", "clear", 2.5)


def test_an_answer_whose_reply_was_lost_is_sent_again_and_counts_once(
    program: Program, web_db: Database
) -> None:
    project = a_project(web_db)
    lease = program.post(f"/projects/{project.id}/leases").get_json()["lease"]
    first, again = (program.post(f"/leases/{lease}/annotation", {"label": "negative"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.data == again.data
    assert web_db["annotations"].count == 1
    other = program.post(f"/leases/{lease}/annotation", {"label": "positive"})
    assert other.status_code == 409


def test_the_same_answer_sent_many_times_at_once_counts_once(
    app: Flask, program: Program, web_db: Database
) -> None:
    project = a_project(web_db)
    lease = program.post(f"/projects/{project.id}/leases").get_json()["lease"]

    def send(_: int) -> tuple[int, bytes]:
        one = Program(app.test_client(), program.user, program.token, program.secret)
        answer = one.post(f"/leases/{lease}/annotation", {"label": "negative"})
        return answer.status_code, answer.data

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(20)))
    assert sorted(code for code, _ in answers) == [200] * 19 + [201]
    assert len({body for _, body in answers}) == 1
    assert web_db["annotations"].count == 1


@pytest.mark.parametrize(
    ("sent", "action", "reason"),
    [
        ({"skip": True}, "skip", None),
        ({"skip": "unclear"}, "skip", "unclear"),
        ({"flag": True}, "flag", None),
    ],
)
def test_a_review_is_skipped_or_flagged(
    program: Program, web_db: Database, sent: dict[str, object], action: str, reason: str | None
) -> None:
    project = a_project(web_db)
    lease = program.post(f"/projects/{project.id}/leases").get_json()
    assert program.post(f"/leases/{lease['lease']}/annotation", sent).status_code == 201
    (row,) = annotations.of_review(web_db, lease["review"]["id"])
    assert (row["action"], row["reason"]) == (action, reason)


UNFIT = [
    {}, {"label": "positive", "skip": True}, {"label": "lukewarm"}, {"label": 3}, {"label": ["positive"]},
    {"skip": "bored"}, {"skip": 1}, {"flag": "yes"}, {"label": "positive", "seconds": -1},
    {"label": "positive", "seconds": True}, {"label": "positive", "note": "x" * 2001},
    {"label": "positive", "note": "\0"}, {"label": "positive", "note": "\ud800"},
    {"label": "positive", "annotator_id": 1}, {"label": "positive", "origin": "import"}, {"\ud800": 1},
]  # fmt: skip


def test_an_answer_that_does_not_fit_is_422_and_leaves_the_lease(program: Program, web_db: Database) -> None:
    project = a_project(web_db)
    lease = program.post(f"/projects/{project.id}/leases").get_json()["lease"]
    for sent in UNFIT:
        answer = program.post(f"/leases/{lease}/annotation", sent)
        assert (answer.status_code, answer.mimetype) == (422, "application/problem+json"), (sent, answer.data)
    assert web_db["annotations"].count == 0
    assert program.post(f"/leases/{lease}/annotation", {"label": "neutral"}).status_code == 201


def test_an_empty_queue_says_why(program: Program, web_db: Database, clock: Clock) -> None:
    empty = a_project(web_db, "empty", texts=[])
    answer = program.post(f"/projects/{empty.id}/leases")
    assert (answer.status_code, answer.headers["Winnow-Reason"]) == (204, "no-reviews")
    held = a_project(web_db, "held", size=1)
    queue.claim(web_db, held.id, a_user(web_db, "bob").id, clock())
    answer = program.post(f"/projects/{held.id}/leases")
    assert (answer.status_code, answer.headers["Winnow-Reason"]) == (204, "all-leased")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_lease_is_renewed_and_given_back(program: Program, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db, size=1)
    lease = program.post(f"/projects/{project.id}/leases").get_json()
    clock.forward(minutes=5)
    renewed = program.post(f"/leases/{lease['lease']}/renew").get_json()
    assert renewed["expires_at"] > lease["expires_at"]
    codes = [program.delete(f"/leases/{lease['lease']}").status_code for _ in range(2)]
    assert codes == [204, 204]
    bob = queue.claim(web_db, project.id, a_user(web_db, "bob").id, clock())
    assert isinstance(bob, queue.Lease)


def test_an_answer_is_withdrawn_once_however_often_it_is_asked(program: Program, web_db: Database) -> None:
    project = a_project(web_db, size=1)
    mine = an_annotation(web_db, project, program.user)
    answers = [program.post(f"/annotations/{mine.id}/undo") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].data == answers[1].data
    assert web_db["annotations"].count == 2


def test_nobody_acts_on_another_s_lease_or_answer(enrol: Enrol, web_db: Database) -> None:
    project = a_project(web_db, size=2)
    ada, bob = enrol("annotate", name="ada"), enrol("annotate", name="bob")
    lease = ada.post(f"/projects/{project.id}/leases").get_json()["lease"]
    answer = an_annotation(web_db, project, ada.user)
    codes = [
        bob.post(f"/leases/{lease}/annotation", {"label": "neutral"}).status_code,
        bob.post(f"/leases/{lease}/renew").status_code,
        bob.delete(f"/leases/{lease}").status_code,
        bob.post(f"/annotations/{answer.id}/undo").status_code,
    ]
    assert codes == [403, 403, 403, 404]


def test_nothing_tells_a_hidden_check_from_another_review(program: Program, web_db: Database) -> None:
    plain, measured = (
        a_project(web_db, "plain", size=1),
        a_project(web_db, "measured", size=5, holdout_size=5),
    )
    shown = [program.post(f"/projects/{each.id}/leases").get_json() for each in (plain, measured)]
    assert shown[0].keys() == shown[1].keys()
    assert shown[0]["review"].keys() == {"id", "text", "language"}
    assert all(lease["suggestion"] is None for lease in shown)


def test_a_paused_project_hands_out_nothing_and_still_takes_answers(
    program: Program, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=2)
    lease = program.post(f"/projects/{project.id}/leases").get_json()["lease"]
    projects.pause(web_db, project.id, None, clock())
    assert program.post(f"/leases/{lease}/annotation", {"label": "neutral"}).status_code == 201
    assert program.post(f"/projects/{project.id}/leases").headers["Winnow-Reason"] == "paused"
