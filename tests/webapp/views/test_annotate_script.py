"""What the labelling page's script asks for: reviews ahead, answers that may come twice, undo, a fresh token."""

import re

import pytest
from builders import Clock, a_lease, a_project, a_user, an_annotation, the_user
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from webapp.store import adjudications, annotations, assignments, guidelines, my_answers, queue, sessions
from webapp.store.projects import Project


def page_of(project: Project, part: str) -> str:
    return f"/projects/{project.id}/annotate{part}"


def ahead(browser: Browser, project: Project, have: list[str] | None = None) -> tuple[list[str], list[str]]:
    """Tokens of all that is held, in order, and of the cards that were sent."""
    text = browser.post(page_of(project, "/ahead"), {"have": have or []}, script=True).text
    order = re.search(r'data-held="([^"]*)"', text)
    assert order
    return order[1].split(), re.findall(r'data-lease="([^"]+)"', text)


def test_the_page_gets_reviews_ahead_and_only_the_cards_that_it_lacks(
    annotator: Browser, web_db: Database
) -> None:
    project = a_project(web_db, ahead=2)
    held, cards = ahead(annotator, project)
    assert len(held) == 3
    assert held == cards
    annotator.post(f"/leases/{held[0]}/answer", {"label": project.labels[0].id}, script=True)
    then, fresh = ahead(annotator, project, held[1:])
    assert then[:2] == held[1:]
    assert fresh == then[2:]


def test_the_acknowledgement_brings_the_next_review_along(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db, ahead=1)
    held, _ = ahead(annotator, project)
    form = {"label": project.labels[0].id, "ahead": "1", "have": held[1:]}
    brought = annotator.post(f"/leases/{held[0]}/answer", form, script=True).get_json()["ahead"]
    assert f'data-held="{held[1]} ' in brought
    assert brought.count("data-lease=") == 1
    assert held[1] not in re.findall(r'data-lease="([^"]+)"', brought)


def test_an_answer_sent_twice_is_stored_once_and_both_times_acknowledged(
    annotator: Browser, web_db: Database
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    form = {"label": project.labels[0].id, "note": "", "seconds": "2"}
    answers = [annotator.post(f"/leases/{lease.token}/answer", form, script=True).get_json() for _ in "12"]
    assert answers[0]["annotation"] == answers[1]["annotation"]
    assert [answer["repeated"] for answer in answers] == [False, True]
    assert web_db["annotations"].count == 1


def test_a_refused_answer_says_why(annotator: Browser, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db, size=1)
    lease = a_lease(web_db, project, the_user(annotator))
    wrong = annotator.post(f"/leases/{lease.token}/answer", {"label": "999"}, script=True)
    assert (wrong.status_code, wrong.get_json()["message"][:10]) == (422, "This label")
    clock.forward(minutes=11)
    an_annotation(web_db, project, a_user(web_db, "ben"), now=clock())
    late = annotator.post(f"/leases/{lease.token}/answer", {"label": project.labels[0].id}, script=True)
    assert late.status_code == 409
    assert "went to somebody else" in late.get_json()["message"]


def test_leases_live_as_long_as_the_page_asks(annotator: Browser, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db)
    held, _ = ahead(annotator, project)
    for _ in range(3):
        clock.forward(minutes=9)
        ahead(annotator, project, held)
    assert [lease.token for lease in queue.held(web_db, project.id, the_user(annotator).id, clock())] == held


def test_leases_that_lapsed_come_back_unless_somebody_took_the_review(
    annotator: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=2, ahead=1)
    held, _ = ahead(annotator, project)
    clock.forward(minutes=30)
    taken = a_lease(web_db, project, a_user(web_db, "ben"), clock())
    still = [token for token in held if queue.by_token(web_db, token).review_id != taken.review_id]
    assert ahead(annotator, project, held) == (still, [])


def test_a_page_does_not_bring_back_what_an_admin_gave_to_others(
    admin: Browser, annotator: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=9, ahead=2)
    web_db.execute("UPDATE reviews SET category = iif(id <= 6, 'shoes', 'phones')")
    given = {"user": str(the_user(annotator).id), "language": "", "category": "shoes"}
    team = f"/projects/{project.id}/team/assignments"
    admin.post(team, given)
    held, _ = ahead(annotator, project)
    assert len(held) == 3
    admin.post(team, {**given, "category": "phones"})
    (mine,) = assignments.of_project(web_db, project.id).values()
    (shoes,) = (each for each in mine if each.category == "shoes")
    admin.post(f"{team}/{shoes.id}/remove")
    assert queue.held(web_db, project.id, the_user(annotator).id, clock()) == []
    then, _ = ahead(annotator, project, held)
    assert not {*then} & {*held} and len(then) == 3
    reviews = [queue.by_token(web_db, token).review_id for token in then]
    assert all(review > 6 for review in reviews)
    late = annotator.post(f"/leases/{held[0]}/answer", {"label": project.labels[0].id}, script=True)
    assert late.status_code == 200, "an answer given is never lost"


def test_a_page_with_a_check_that_lapsed_goes_on(
    admin: Browser, annotator: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=3, ahead=0)
    settled = an_annotation(web_db, project, a_user(web_db, "ben")).review_id
    adjudications.decide(web_db, settled, project.labels[0].id, the_user(admin).id, "", clock())
    web_db.execute("UPDATE projects SET settings = json_set(settings, '$.gold_share', 1.0)")
    (lapsed,), _ = ahead(annotator, project)
    clock.forward(hours=1)
    (fresh,), _ = ahead(annotator, project)
    assert queue.by_token(web_db, fresh).review_id == queue.by_token(web_db, lapsed).review_id == settled
    assert ahead(annotator, project, [lapsed]) == ([fresh], [fresh])


def test_a_page_gives_back_all_that_it_held(annotator: Browser, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db)
    held, _ = ahead(annotator, project)
    assert annotator.post(page_of(project, "/release"), {"lease": held}).status_code == 204
    assert queue.held(web_db, project.id, the_user(annotator).id, clock()) == []


def test_undo_puts_the_review_on_top_time_and_again(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db, ahead=1)
    texts = []
    for _ in range(4):
        lease = a_lease(web_db, project, the_user(annotator))
        form = {"label": project.labels[0].id, "note": f"of {lease.text}"}
        annotator.post(f"/leases/{lease.token}/answer", form, script=True)
        texts.insert(0, lease.text)
    for text in texts:
        page = annotator.post(page_of(project, "/undo"), script=True).text
        top = re.search(r'data-top="([^"]+)"', page)
        assert top and queue.by_token(web_db, top[1]).text == text
        assert f"of {text}</textarea>" in page
        assert re.search(r'data-held="([^" ]+)', page)[1] == top[1]  # type: ignore[index]
    assert annotator.post(page_of(project, "/undo"), script=True).status_code == 409
    assert my_answers.find(web_db, project.id, the_user(annotator).id) == []


def test_a_page_whose_session_ended_gets_a_fresh_token_and_goes_on(
    app: Flask, annotator: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db)
    lease = a_lease(web_db, project, the_user(annotator))
    stale = annotator.token()
    annotator.post("/logout")
    form = {"csrf_token": stale, "label": project.labels[0].id}
    assert annotator.client.post(f"/leases/{lease.token}/answer", data=form).status_code in (401, 403)
    assert annotator.client.get("/annotate/token").status_code == 303
    annotator.client.set_cookie("winnow", sessions.start(web_db, the_user(annotator).id, clock()))
    fresh = annotator.client.get("/annotate/token").get_json()
    assert fresh["user"] == the_user(annotator).id
    again = annotator.client.post(
        f"/leases/{lease.token}/answer",
        data=form | {"csrf_token": fresh["token"]},
        headers={"X-Requested-With": "fetch"},
    )
    assert again.status_code == 200


@pytest.mark.parametrize("label", [0, 2])
def test_left_and_right_lead_through_my_last_reviews(
    annotator: Browser, web_db: Database, label: int
) -> None:
    project = a_project(web_db)
    first, second = (an_annotation(web_db, project, the_user(annotator), position=label) for _ in range(2))
    newest = annotator.get(page_of(project, "/earlier"), htmx=True).text
    assert f'data-earlier="{second.id}"' in newest
    assert newest.count('aria-pressed="true"') == 1
    older = annotator.get(page_of(project, f"/earlier?before={second.id}"), htmx=True).text
    assert f'data-earlier="{first.id}"' in older
    assert f"after={first.id}" in older
    newer = annotator.get(page_of(project, f"/earlier?after={first.id}")).text
    assert f'data-earlier="{second.id}"' in newer
    assert (
        "data-earlier" not in annotator.get(page_of(project, f"/earlier?before={first.id}"), htmx=True).text
    )


def test_a_change_while_looking_back_is_acknowledged_or_refused(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    given = an_annotation(web_db, project, the_user(annotator))
    other = an_annotation(web_db, project, a_user(web_db, "ben"))
    form = {"label": project.labels[2].id, "note": ""}
    changed = annotator.post(page_of(project, f"/history/{given.id}"), form, script=True)
    assert changed.get_json()["annotation"] > given.id
    assert annotator.post(page_of(project, f"/history/{other.id}"), form, script=True).status_code == 409
    assert len(annotations.of_review(web_db, given.review_id)) == 3


def test_the_guidelines_are_beside_the_review_and_come_again_when_they_change(
    annotator: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db)
    assert 'data-guidelines="" hidden' in annotator.get(page_of(project, "")).text
    first = guidelines.save(web_db, project.id, "Judge *all* of it. <script>x</script>", None, clock(), 0)
    page = annotator.get(page_of(project, "")).text
    assert "Judge <em>all</em> of it." in page
    assert "<script>x" not in page
    form = {"guidelines": first.id}
    assert "Judge" not in annotator.post(page_of(project, "/ahead"), form, script=True).text
    guidelines.save(web_db, project.id, "Judge the ending.", None, clock(), first.number)
    assert "Judge the ending." in annotator.post(page_of(project, "/ahead"), form, script=True).text
