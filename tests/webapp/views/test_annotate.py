"""One review at a time: claim, answer, undo; with htmx and without."""

import re
from collections.abc import Callable

import pytest
from builders import Clock, a_lease, a_project, a_user, an_annotation
from sqlite_utils import Database
from visitor import Browser

from webapp.store import annotations, queue
from webapp.store.projects import Project
from webapp.store.queue import Lease

LEASE = re.compile(r'data-lease="([^"]+)"')
XSS = "<script>alert(1)</script><img src=x onerror=alert(1) hx-get=/logout>"


def page_of(project: Project, part: str = "") -> str:
    return f"/projects/{project.id}/annotate{part}"


def token_in(text: str) -> str:
    found = LEASE.search(text)
    assert found, text
    return found[1]


def held(db: Database, project: Project, browser: Browser, clock: Clock) -> Lease | None:
    assert browser.user is not None
    return queue.current(db, project.id, browser.user.id, clock())


def test_opening_the_page_claims_nothing(annotator: Browser, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db)
    page = annotator.get(page_of(project))
    assert page.status_code == 200
    assert "Start labelling" in page.text
    assert held(web_db, project, annotator, clock) is None


def test_claiming_brings_a_review_and_reloading_shows_the_same(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    claimed = annotator.post(page_of(project, "/next"))
    assert (claimed.status_code, claimed.headers["Location"]) == (303, page_of(project))
    first, second = (token_in(annotator.get(page_of(project)).text) for _ in range(2))
    assert first == second == token_in(annotator.post(page_of(project, "/next"), htmx=True).text)


def test_htmx_gets_the_card_alone_with_one_root(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    card = annotator.post(page_of(project, "/next"), htmx=True)
    assert card.text.strip().startswith('<section id="card"')
    assert card.text.count("<section") == 1
    restored = annotator.client.get(
        page_of(project), headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}
    )
    assert "<html" in restored.text


def test_an_answer_is_stored_with_note_and_seconds_and_brings_the_next(
    annotator: Browser, web_db: Database
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    form = {"label": project.labels[2].id, "note": " fine ", "seconds": "3.5"}
    card = annotator.post(f"/leases/{lease.token}/answer", form, htmx=True)
    assert card.status_code == 200
    assert token_in(card.text) != lease.token
    assert 'data-announce="Saved: positive. Next review."' in card.text
    (stored,) = web_db.query("SELECT action, label_id, note, seconds FROM annotations")
    assert stored == {"action": "label", "label_id": project.labels[2].id, "note": "fine", "seconds": 3.5}


@pytest.mark.parametrize("action", ["skip", "flag"])
def test_skip_and_flag_work_without_javascript(annotator: Browser, web_db: Database, action: str) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    answer = annotator.post(f"/leases/{lease.token}/answer", {"action": action, "seconds": ""})
    assert answer.headers["Location"] == page_of(project)
    assert [row["action"] for row in web_db["annotations"].rows] == [action]
    assert token_in(annotator.get(page_of(project)).text) != lease.token


def test_the_same_answer_sent_twice_is_stored_once(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    answers = [
        annotator.post(f"/leases/{lease.token}/answer", {"label": project.labels[0].id}, htmx=True)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert token_in(answers[0].text) == token_in(answers[1].text)
    assert web_db["annotations"].count == 1


def test_another_answer_to_the_same_review_is_refused_and_changes_nothing(
    annotator: Browser, web_db: Database
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    annotator.post(f"/leases/{lease.token}/answer", {"label": project.labels[0].id})
    late = annotator.post(f"/leases/{lease.token}/answer", {"label": project.labels[2].id}, htmx=True)
    assert late.status_code == 409
    assert "This answer was not saved" in late.text
    assert [row["label_id"] for row in web_db["annotations"].rows] == [project.labels[0].id]


def test_a_late_answer_whose_review_went_on_keeps_the_note(
    annotator: Browser, log_in: Callable[..., Browser], web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=1)
    lease = a_lease(web_db, project, the_user(annotator))
    clock.forward(minutes=11)
    an_annotation(web_db, project, the_user(log_in("ben")), now=clock())
    for htmx in (True, False):
        late = annotator.post(
            f"/leases/{lease.token}/answer",
            {"label": project.labels[0].id, "note": "worn <twice>"},
            htmx=htmx,
        )
        assert late.status_code == 409
        assert "worn &lt;twice&gt;" in late.text
        assert "Next review" in late.text
    assert web_db["annotations"].count == 1


def test_a_label_that_left_the_project_keeps_the_review_and_the_note(
    annotator: Browser, web_db: Database
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    for label in ("999", "none", "9" * 40, "１"):
        answer = annotator.post(f"/leases/{lease.token}/answer", {"label": label, "note": "why"}, htmx=True)
        assert answer.status_code == 422, label
        assert token_in(answer.text) == lease.token
        assert "why</textarea>" in answer.text
    assert web_db["annotations"].count == 0


@pytest.mark.parametrize(
    "form", [{}, {"action": "label"}, {"action": "undo"}, {"action": "skip", "seconds": "-1"}]
)
def test_a_form_that_makes_no_sense_stores_nothing(
    annotator: Browser, web_db: Database, form: dict[str, str]
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    assert annotator.post(f"/leases/{lease.token}/answer", form, htmx=True).status_code == 422
    assert web_db["annotations"].count == 0


@pytest.mark.parametrize("what", ["answer", "renew", "release"])
def test_nobody_touches_the_lease_of_another(
    annotator: Browser, log_in: Callable[..., Browser], web_db: Database, clock: Clock, what: str
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    form = {"label": project.labels[0].id}
    assert log_in("ben").post(f"/leases/{lease.token}/{what}", form).status_code == 403
    assert held(web_db, project, annotator, clock) == lease


def test_two_people_never_get_the_same_review(
    annotator: Browser, log_in: Callable[..., Browser], web_db: Database
) -> None:
    project = a_project(web_db, size=2)
    cards = [who.post(page_of(project, "/next"), htmx=True).text for who in (annotator, log_in("ben"))]
    shown = {next(f"number {n}" for n in range(2) if f"review number {n}" in card) for card in cards}
    assert len(shown) == 2


def test_a_renewed_lease_lives_on_and_a_released_one_ends(
    annotator: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=1)
    lease = a_lease(web_db, project, the_user(annotator))
    clock.forward(minutes=9)
    assert annotator.post(f"/leases/{lease.token}/renew").status_code == 204
    clock.forward(minutes=9)
    assert held(web_db, project, annotator, clock) is not None
    assert annotator.post(f"/leases/{lease.token}/release").status_code == 204
    assert held(web_db, project, annotator, clock) is None
    a_lease(web_db, project, a_user(web_db, "ben"), clock())
    assert annotator.post(f"/leases/{lease.token}/renew", htmx=True).status_code == 409


@pytest.mark.parametrize("htmx", [True, False])
def test_undo_brings_the_last_review_back(annotator: Browser, web_db: Database, htmx: bool) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    annotator.post(f"/leases/{lease.token}/answer", {"label": project.labels[0].id})
    undone = annotator.post(page_of(project, "/undo"), htmx=htmx)
    page = undone if htmx else annotator.get(undone.headers["Location"])
    assert lease.text in page.text
    assert annotations.mine(web_db, project.id, the_user(annotator).id) == []


def test_undo_with_nothing_to_undo_says_so_and_keeps_the_card(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    undone = annotator.post(page_of(project, "/undo"), htmx=True)
    assert undone.status_code == 409
    assert undone.headers["HX-Retarget"] == "#notices"
    assert "no answer left" in undone.text


@pytest.mark.parametrize("htmx", [True, False])
def test_an_empty_queue_says_why(
    annotator: Browser, log_in: Callable[..., Browser], web_db: Database, htmx: bool
) -> None:
    nothing = a_project(web_db, "nothing", texts=[])
    assert "No reviews yet" in annotator.post(page_of(nothing, "/next"), htmx=htmx).text
    busy = a_project(web_db, "busy", size=1)
    a_lease(web_db, busy, the_user(log_in("ben")))
    others = annotator.post(page_of(busy, "/next"), htmx=htmx).text
    assert "Others are on the last reviews" in others
    assert 'hx-trigger="load delay:60s, submit"' in others
    done = a_project(web_db, "done", size=1)
    an_annotation(web_db, done, the_user(annotator))
    assert "Nothing left for you here" in annotator.post(page_of(done, "/next"), htmx=htmx).text


def test_a_review_is_text_whatever_it_holds(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db, name="<b>n</b>", texts=[XSS], labels=["<i>a</i>", "b{{ 7*7 }}"])
    card = annotator.post(page_of(project, "/next"), htmx=True).text
    page = annotator.get(page_of(project)).text
    for text in (card, page):
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "<i>a" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "b{{ 7*7 }}" in text
    assert "<b>n" not in page


def test_the_card_is_blind(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    card = annotator.post(page_of(project, "/next"), htmx=True).text
    assert not {"audit", "uncertain", "holdout", "probability"} & set(re.findall(r"[a-z]+", card))


def test_chinese_reviews_say_their_language(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db, texts=["质量很好，下次还会再来。"], language="zh")
    card = annotator.post(page_of(project, "/next"), htmx=True).text
    assert 'lang="zh">质量很好，下次还会再来。<' in card


def test_the_history_lists_my_answers_alone_and_changes_them(
    annotator: Browser, log_in: Callable[..., Browser], web_db: Database
) -> None:
    project = a_project(web_db)
    mine = an_annotation(web_db, project, the_user(annotator), position=0, note="hm")
    theirs = an_annotation(web_db, project, the_user(log_in("ben")), position=1)
    page = annotator.get(page_of(project, "/history")).text
    assert page.count("answer-item") == 1
    assert "hm" in page
    form = {"label": project.labels[2].id, "note": "hm"}
    assert annotator.post(page_of(project, f"/history/{mine.id}"), form).status_code == 303
    (now_mine,) = annotations.mine(web_db, project.id, the_user(annotator).id)
    assert (now_mine.label, now_mine.note) == ("positive", "hm")
    assert annotator.post(page_of(project, f"/history/{theirs.id}"), form).status_code == 409


def test_the_history_goes_on_over_pages(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=60)
    for _ in range(60):
        an_annotation(web_db, project, the_user(annotator))
    first = annotator.get(page_of(project, "/history"))
    older = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert older is not None
    second = annotator.get(older[1])
    counts = [page.text.count('class="answer-item"') for page in (first, second)]
    assert counts == [50, 10]


def test_a_project_that_is_not_there_is_not_found(annotator: Browser) -> None:
    assert annotator.get("/projects/99/annotate").status_code == 404
    assert annotator.post("/projects/99/annotate/next", htmx=True).status_code == 404
    assert annotator.post("/leases/unknown/answer", {"action": "skip"}, htmx=True).status_code == 409


def the_user(browser: Browser):  # type: ignore[no-untyped-def]
    assert browser.user is not None
    return browser.user
