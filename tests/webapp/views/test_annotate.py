"""Labelling page by page, without a script: claim, answer, skip, undo, and what the end of the queue says."""

import re
from collections.abc import Callable

import pytest
from builders import Clock, a_lease, a_project, an_annotation, the_user
from sqlite_utils import Database
from visitor import Browser

from webapp.store import my_answers, projects, queue, users
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
    return queue.current(db, project.id, the_user(browser).id, clock())


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
    assert first == second


def test_an_answer_is_stored_with_note_and_seconds_and_brings_the_next(
    annotator: Browser, web_db: Database
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    form = {"label": project.labels[2].id, "note": " fine ", "seconds": "3.5"}
    assert annotator.post(f"/leases/{lease.token}/answer", form).headers["Location"] == page_of(project)
    assert token_in(annotator.get(page_of(project)).text) != lease.token
    (stored,) = web_db.query("SELECT action, label_id, note, seconds FROM annotations")
    assert stored == {"action": "label", "label_id": project.labels[2].id, "note": "fine", "seconds": 3.5}


@pytest.mark.parametrize(
    ("form", "action", "reason"),
    [
        ({"skip": ""}, "skip", None),
        ({"skip": "mixed"}, "skip", "mixed"),
        ({"action": "skip"}, "skip", None),
        ({"action": "flag"}, "flag", None),
    ],
)
def test_a_skip_with_its_reason_or_none_and_a_flag_bring_the_next(
    annotator: Browser, web_db: Database, form: dict[str, str], action: str, reason: str | None
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    assert 'name="skip" value="mixed"' in annotator.get(page_of(project)).text
    answer = annotator.post(f"/leases/{lease.token}/answer", {**form, "seconds": ""})
    assert answer.headers["Location"] == page_of(project)
    assert [(row["action"], row["reason"]) for row in web_db["annotations"].rows] == [(action, reason)]
    assert token_in(annotator.get(page_of(project)).text) != lease.token


def test_another_answer_to_the_same_review_is_refused_and_changes_nothing(
    annotator: Browser, web_db: Database
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    annotator.post(f"/leases/{lease.token}/answer", {"label": project.labels[0].id})
    late = annotator.post(f"/leases/{lease.token}/answer", {"label": project.labels[2].id})
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
    form = {"label": project.labels[0].id, "note": "worn <twice>"}
    late = annotator.post(f"/leases/{lease.token}/answer", form)
    assert late.status_code == 409
    assert "worn &lt;twice&gt;" in late.text
    assert "Next review" in late.text
    assert web_db["annotations"].count == 1


@pytest.mark.parametrize(
    "form",
    [
        {"label": "999"},
        {"label": "none"},
        {"label": "9" * 40},
        {"label": "１"},
        {},
        {"action": "label"},
        {"action": "undo"},
        {"action": "skip", "seconds": "-1"},
        {"skip": "boring"},
    ],
)
def test_an_answer_that_makes_no_sense_stores_nothing_and_keeps_review_and_note(
    annotator: Browser, web_db: Database, form: dict[str, str]
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    answer = annotator.post(f"/leases/{lease.token}/answer", {**form, "note": "why"})
    assert answer.status_code == 422
    assert token_in(answer.text) == lease.token
    assert "why</textarea>" in answer.text
    assert web_db["annotations"].count == 0


def test_nobody_touches_the_lease_of_another(
    annotator: Browser, log_in: Callable[..., Browser], web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    ben = log_in("ben")
    assert ben.post(f"/leases/{lease.token}/answer", {"label": project.labels[0].id}).status_code == 403
    assert ben.post(page_of(project, "/release"), {"lease": lease.token}).status_code == 403
    ben.post(page_of(project, "/ahead"), {"have": lease.token}, script=True)
    assert held(web_db, project, annotator, clock) == lease


def test_two_people_never_get_the_same_review(
    annotator: Browser, log_in: Callable[..., Browser], web_db: Database
) -> None:
    project = a_project(web_db, size=2)
    people = (annotator, log_in("ben"))
    for each in people:
        each.post(page_of(project, "/next"))
    pages = [each.get(page_of(project)).text for each in people]
    assert len({re.search(r"review number \d", page)[0] for page in pages}) == 2  # type: ignore[index]


def test_undo_brings_the_last_review_back(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    annotator.post(f"/leases/{lease.token}/answer", {"label": project.labels[0].id})
    undone = annotator.post(page_of(project, "/undo"))
    assert lease.text in annotator.get(undone.headers["Location"]).text
    assert my_answers.find(web_db, project.id, the_user(annotator).id) == []
    assert annotator.post(page_of(project, "/undo")).status_code == 409


def test_the_end_of_the_queue_says_why_and_what_to_do(
    annotator: Browser, log_in: Callable[..., Browser], web_db: Database
) -> None:
    ada, ben = the_user(annotator), the_user(log_in("ben"))

    def end(project: Project) -> str:
        return annotator.post(page_of(project, "/next")).text

    assert "No reviews yet" in end(a_project(web_db, "nothing", texts=[]))
    busy = a_project(web_db, "busy", size=1)
    a_lease(web_db, busy, ben)
    assert "free in 10 minutes" in end(busy)
    assert 'data-reason="all-leased" data-retry="600"' in end(busy)
    skipped = a_project(web_db, "skipped", size=1)
    annotator.post(f"/leases/{a_lease(web_db, skipped, ada).token}/answer", {"skip": ""})
    assert "Only reviews that you skipped are left" in end(skipped)
    done = a_project(web_db, "done", size=1)
    an_annotation(web_db, done, ada)
    assert "Nothing left for you here" in end(done)


def test_somebody_with_a_share_of_their_own_hears_that_it_is_done(
    annotator: Browser, web_db: Database
) -> None:
    project = a_project(web_db)
    web_db["assignments"].insert(
        {"project_id": project.id, "user_id": the_user(annotator).id, "language": "zh"}
    )
    assert "You are through with your share" in annotator.post(page_of(project, "/next")).text


def test_a_paused_project_says_so(annotator: Browser, admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    web_db["projects"].update(project.id, {"paused_at": "2026-03-01T11:00:00.000+00:00"})
    assert "An admin stopped it for now" in annotator.post(page_of(project, "/next")).text
    assert "settings" in admin.post(page_of(project, "/next")).text


def test_a_reached_goal_is_said_and_people_may_go_on(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db, goal_labels=1)
    assert "Goal reached" not in annotator.get(page_of(project)).text
    an_annotation(web_db, project, the_user(annotator))
    assert annotator.post(page_of(project, "/next")).status_code == 303
    assert "Goal reached" in annotator.get(page_of(project)).text


def test_a_review_is_text_whatever_it_holds(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db, name="<b>n</b>", texts=[XSS], labels=["<i>a</i>", "b{{ 7*7 }}"])
    annotator.post(page_of(project, "/next"))
    card = annotator.post(page_of(project, "/ahead"), script=True).text
    page = annotator.get(page_of(project)).text
    for text in (card, page):
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "<i>a" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "b{{ 7*7 }}" in text
    assert "<b>n" not in page


def test_the_card_is_blind_unless_the_lease_says_otherwise(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    guess = {"suggestion_id": project.labels[2].id, "confidence": 0.87}
    web_db["leases"].update(lease.token, guess)
    blind = annotator.post(page_of(project, "/ahead"), script=True).text
    assert "The model thinks" not in blind
    assert "87%" not in blind
    assert not {"audit", "uncertain", "holdout", "probability"} & set(re.findall(r"[a-z]+", blind))
    web_db["leases"].update(lease.token, {"shown": "suggestion"})
    suggested = annotator.get(page_of(project)).text
    assert re.search(r"The model thinks:.*positive.*87%", suggested, re.S)


def test_chinese_reviews_say_their_language(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db, texts=["质量很好，下次还会再来。"], language="zh")
    annotator.post(page_of(project, "/next"))
    assert 'lang="zh">质量很好，下次还会再来。<' in annotator.get(page_of(project)).text


def test_buttons_show_the_keys_of_the_person(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    users.set_keys(web_db, the_user(annotator).id, {"label-1": "j", "earlier": "arrowup"})
    annotator.post(page_of(project, "/next"))
    page = annotator.get(page_of(project)).text
    assert 'data-key="j"' in page and ">J</span>" in page
    assert 'data-key="arrowup"' in page and ">↑</span>" in page
    assert 'data-key="1"' not in page


def test_a_project_that_is_not_there_is_not_found(annotator: Browser) -> None:
    assert annotator.get("/projects/99/annotate").status_code == 404
    assert annotator.post("/projects/99/annotate/next").status_code == 404
    assert annotator.post("/leases/unknown/answer", {"action": "skip"}).status_code == 409


def test_settings_can_ask_for_no_review_ahead(annotator: Browser, web_db: Database, clock: Clock) -> None:
    project = projects.update_settings(web_db, a_project(web_db).id, ahead=0)
    annotator.post(page_of(project, "/ahead"), script=True)
    assert len(queue.held(web_db, project.id, the_user(annotator).id, clock())) == 1
