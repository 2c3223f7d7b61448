"""Settle: one case at a time, names and guesses hidden; the decision becomes gold and a hidden check."""

import re
from collections.abc import Callable

import pytest
from builders import Clock, a_finished_round, a_lease, a_project, a_user
from sqlite_utils import Database
from visitor import Browser

from webapp.store import adjudications, annotations, annotators, cases, queue, reviews, second_looks
from webapp.store.annotations import Answer
from webapp.store.projects import Project
from webapp.store.queue import Lease
from webapp.store.users import User


@pytest.fixture
def project(web_db: Database) -> Project:
    return a_project(web_db, texts=["Fine, I suppose.", "It broke."], overlap_share=1.0)


@pytest.fixture
def pair(web_db: Database) -> list[User]:
    return [a_user(web_db, "adalbert"), a_user(web_db, "benedict")]


def give(
    db: Database, project: Project, person: User, answer: int | str, clock: Clock, note: str = "", **more: str
) -> int:
    lease = a_lease(db, project, person, clock())
    label = project.labels[answer].id if isinstance(answer, int) else None
    action = "label" if isinstance(answer, int) else answer
    annotations.record(db, lease.token, person.id, Answer(action, label, note, **more), clock())
    return lease.review_id


def disagree(db: Database, project: Project, pair: list[User], clock: Clock) -> int:
    review_id = give(db, project, pair[0], 0, clock, note="irony?")
    assert give(db, project, pair[1], 2, clock) == review_id
    clock.forward(minutes=1)
    return review_id


def test_nothing_to_settle_says_when_something_comes(admin: Browser, project: Project) -> None:
    page = admin.get(f"/projects/{project.id}/settle").text
    assert "No disagreement waits" in page and f'href="/projects/{project.id}/settings"' in page
    assert "waiting</span>" not in page


def test_the_tab_says_how_much_waits_up_to_a_number(
    admin: Browser, web_db: Database, pair: list[User], clock: Clock
) -> None:
    project = a_project(web_db, size=cases.MANY)
    for waiting in range(1, cases.MANY + 1):
        give(web_db, project, pair[0], "flag", clock)
        if waiting == cases.MANY - 1:
            assert ">99<span" in admin.get(f"/projects/{project.id}").text
    assert ">99+<span" in admin.get(f"/projects/{project.id}").text


def test_a_case_shows_answers_but_no_names_and_hides_guesses(
    admin: Browser, web_db: Database, project: Project, pair: list[User], clock: Clock
) -> None:
    version = a_finished_round(web_db, project, now=clock())
    review_id = disagree(web_db, project, pair, clock)
    with web_db.conn:
        web_db.execute("UPDATE reviews SET rating = 4")
        web_db.execute(
            "INSERT INTO predictions VALUES (?, ?, ?, 0.9, 0.8, '[0.05, 0.05, 0.9]')",
            [version.id, review_id, project.labels[2].id],
        )
    page = admin.get(f"/projects/{project.id}/settle").text
    card = page.split('id="card"')[1].split("</form>")[0]
    assert not any(person.name in page for person in pair)
    assert all(word in card for word in ("Person A:", "Person B:", "negative", "positive", "irony?"))
    assert [f'data-key="{key}"' in card for key in "123srxm?"] == [True] * 8
    closed = card.split("<details")[1]
    assert "90%" in closed and "Stars" in closed and "open" not in closed.split(">")[0]
    assert "90%" not in card.split("<details")[0]


def test_the_tab_counts_what_waits(
    admin: Browser, annotator: Browser, web_db: Database, project: Project, pair: list[User], clock: Clock
) -> None:
    disagree(web_db, project, pair, clock)
    assert "1<span" in admin.get(f"/projects/{project.id}").text
    assert "settle" not in annotator.get(f"/projects/{project.id}/annotate").text


def test_deciding_leads_to_the_next_case_and_can_be_taken_back(
    admin: Browser, web_db: Database, project: Project, pair: list[User], clock: Clock
) -> None:
    first = disagree(web_db, project, pair, clock)
    second = disagree(web_db, project, pair, clock)
    form = {"label": project.labels[1].id, "reason": "neither", "kind": "disagreement"}
    answer = admin.post(f"/projects/{project.id}/settle/{first}/decide", form)
    assert answer.headers["Location"].endswith(f"/settle?kind=disagreement&after={first}")
    page = admin.get(answer.headers["Location"]).text
    assert reviews.get(web_db, second)["text"] in page and "is settled: neutral" in page
    decision = adjudications.of_review(web_db, first)[0]
    assert f"/settle/decisions/{decision.id}/take-back" in page
    back = admin.post(f"/projects/{project.id}/settle/decisions/{decision.id}/take-back")
    assert back.headers["Location"].endswith(f"/settle/{first}")
    assert adjudications.of_review(web_db, first) == []
    again = admin.post(f"/projects/{project.id}/settle/decisions/{decision.id}/take-back")
    assert again.status_code == 409


def test_the_last_case_can_be_taken_back_too(
    admin: Browser, web_db: Database, project: Project, pair: list[User], clock: Clock
) -> None:
    only = disagree(web_db, project, pair, clock)
    form = {"label": project.labels[1].id, "kind": "disagreement"}
    page = admin.get(
        admin.post(f"/projects/{project.id}/settle/{only}/decide", form).headers["Location"]
    ).text
    card = page.split('id="card"')[1].split("</form>")[0]
    assert "No disagreement waits" in page and 'data-key="u"' in card
    (decision,) = adjudications.of_review(web_db, only)
    assert f"/settle/decisions/{decision.id}/take-back" in card


def test_the_key_to_take_back_leaves_with_the_sitting(
    admin: Browser, web_db: Database, project: Project, pair: list[User], clock: Clock
) -> None:
    first = disagree(web_db, project, pair, clock)
    disagree(web_db, project, pair, clock)
    admin.post(f"/projects/{project.id}/settle/{first}/decide", {"label": project.labels[1].id})
    assert "take-back" in admin.get(f"/projects/{project.id}/settle").text
    with web_db.conn:
        web_db.execute("UPDATE adjudications SET created_at = '2026-02-01T00:00:00.000+00:00'")
    assert "take-back" not in admin.get(f"/projects/{project.id}/settle").text


def test_settled_reviews_are_listed_with_their_history_and_can_change(
    admin: Browser, web_db: Database, project: Project, pair: list[User], clock: Clock
) -> None:
    review_id = disagree(web_db, project, pair, clock)
    for position, reason in ((0, "first thought"), (2, "on second thought")):
        form = {"label": project.labels[position].id, "reason": reason}
        admin.post(f"/projects/{project.id}/settle/{review_id}/decide", form)
    page = admin.get(f"/projects/{project.id}/settle?kind=settled").text
    assert "2 decisions" in page and "on second thought" in page and "first thought" not in page
    one = admin.get(f"/projects/{project.id}/settle/{review_id}").text
    assert "first thought" in one and "superseded" in one


def test_a_skipped_review_goes_to_the_team_again(
    log_in: Callable[..., Browser], web_db: Database, project: Project, pair: list[User], clock: Clock
) -> None:
    review_id = give(web_db, project, pair[0], "skip", clock, reason="not-a-review")
    clock.forward(hours=25)
    assert give(web_db, project, pair[1], "skip", clock) == review_id
    admin = log_in("root", role="admin")
    page = admin.get(f"/projects/{project.id}/settle").text
    assert "Not a review" in page and "To the team again" in page
    answer = admin.post(f"/projects/{project.id}/settle/{review_id}/send-back", {"kind": "skipped"})
    assert "Nothing skipped waits" in admin.get(answer.headers["Location"]).text
    assert queue.claim(web_db, project.id, pair[0].id, clock()).review_id == review_id  # type: ignore[union-attr]


def test_a_flagged_review_shows_what_is_wrong_and_can_be_left_out_and_back_in(
    admin: Browser, web_db: Database, project: Project, pair: list[User], clock: Clock
) -> None:
    review_id = give(web_db, project, pair[0], "flag", clock, note="an advertisement")
    assert "an advertisement" in admin.get(f"/projects/{project.id}/settle?kind=flagged").text
    form = {"kind": "flagged", "reason": "no review"}
    admin.post(f"/projects/{project.id}/settle/{review_id}/leave-out", form)
    page = admin.get(f"/projects/{project.id}/settle?kind=left-out").text
    assert "no review" in page and f"/settle/{review_id}/take-back-in" in page
    assert "left out of queue" in admin.get(f"/projects/{project.id}/settle/{review_id}").text
    admin.post(f"/projects/{project.id}/settle/{review_id}/take-back-in", {"kind": "left-out"})
    assert reviews.get(web_db, review_id)["excluded_at"] is None
    assert "Nothing is left out" in admin.get(f"/projects/{project.id}/settle?kind=left-out").text


def test_one_more_person_can_be_asked_first(
    admin: Browser, web_db: Database, project: Project, pair: list[User], clock: Clock
) -> None:
    review_id = disagree(web_db, project, pair, clock)
    admin.post(f"/projects/{project.id}/settle/{review_id}/ask", {"kind": "disagreement"})
    assert [each.labels for each in second_looks.of_review(web_db, review_id)] == [1]
    assert "No disagreement waits" in admin.get(f"/projects/{project.id}/settle").text


def hidden(page: str) -> dict[str, str]:
    """What the form of a case says that its author has seen."""
    return dict(re.findall(r'name="(decided|asked)" value="(\d+)"', page))


@pytest.mark.parametrize("view", ["decide", "leave-out"])
def test_the_second_of_two_admins_is_told_what_the_first_decided(
    admin: Browser,
    log_in: Callable[..., Browser],
    web_db: Database,
    project: Project,
    pair: list[User],
    clock: Clock,
    view: str,
) -> None:
    review_id = disagree(web_db, project, pair, clock)
    eve, case = log_in("eve", role="admin"), f"/projects/{project.id}/settle/{review_id}"
    seen = hidden(admin.get(case).text)
    assert admin.post(f"{case}/decide", {**seen, "label": project.labels[2].id}).status_code == 303
    late = eve.post(f"{case}/{view}", {**seen, "label": project.labels[0].id})
    assert late.status_code == 409
    assert "changed meanwhile" in late.text and "root" in late.text
    assert [each.label for each in adjudications.of_review(web_db, review_id)] == ["positive"]
    assert reviews.get(web_db, review_id)["excluded_at"] is None
    assert eve.post(f"{case}/{view}", {**hidden(late.text), "label": project.labels[0].id}).status_code == 303


def test_a_decision_sent_twice_is_one_and_taken_back_by_one_key(
    admin: Browser, web_db: Database, project: Project, pair: list[User], clock: Clock
) -> None:
    review_id = disagree(web_db, project, pair, clock)
    case = f"/projects/{project.id}/settle/{review_id}"
    form = {**hidden(admin.get(case).text), "label": project.labels[2].id}
    assert [admin.post(f"{case}/decide", form).status_code for _ in range(2)] == [303, 303]
    (decision,) = adjudications.of_review(web_db, review_id)
    admin.post(f"/projects/{project.id}/settle/decisions/{decision.id}/take-back")
    assert cases.kinds_of(web_db, project.id, review_id, clock()) == ["disagreement"]


def test_asking_sent_twice_asks_one_person_and_another_admin_hears_of_it(
    admin: Browser,
    log_in: Callable[..., Browser],
    web_db: Database,
    project: Project,
    pair: list[User],
    clock: Clock,
) -> None:
    review_id = disagree(web_db, project, pair, clock)
    case = f"/projects/{project.id}/settle/{review_id}"
    seen = hidden(admin.get(case).text)
    assert [admin.post(f"{case}/ask", seen).status_code for _ in range(2)] == [303, 303]
    late = log_in("eve", role="admin").post(f"{case}/ask", seen)
    assert late.status_code == 409 and "asked for another label" in late.text
    assert reviews.get(web_db, review_id)["needed"] == 1


@pytest.mark.parametrize("view", ["decide", "leave-out", "take-back-in", "send-back", "ask"])
def test_reviews_of_another_project_are_not_found(
    admin: Browser, web_db: Database, project: Project, view: str
) -> None:
    assert reviews.get(web_db, 1)["project_id"] == project.id
    other = a_project(web_db, "Books", texts=["another text"])
    answer = admin.post(f"/projects/{other.id}/settle/1/{view}", {"label": other.labels[0].id})
    assert answer.status_code == 404
    assert adjudications.of_review(web_db, 1) == [] and reviews.get(web_db, 1)["excluded_at"] is None


def test_two_disagree_an_admin_decides_a_third_is_checked_and_the_report_shows_it(
    admin: Browser, log_in: Callable[..., Browser], web_db: Database, pair: list[User], clock: Clock
) -> None:
    project = a_project(web_db, "Cameras", size=400, overlap_share=1.0, gold_share=0.5)
    review_id = disagree(web_db, project, pair, clock)
    admin.post(f"/projects/{project.id}/settle/{review_id}/decide", {"label": project.labels[0].id})
    third = log_in("cyd")
    assert third.user is not None
    check = None
    while check is None:
        lease = a_lease(web_db, project, third.user, clock())
        if lease.origin == "gold":
            check = lease
        answer = {"label": project.labels[2].id, "seconds": "3"}
        assert "gold" not in third.get(f"/projects/{project.id}/annotate").text
        assert third.post(f"/leases/{lease.token}/answer", answer).status_code == 303
        clock.forward(seconds=3)
    assert isinstance(check, Lease) and check.review_id == review_id
    report = {each.name: each for each in annotators.reports(web_db, project.id, clock())}["cyd"]
    assert (report.own.checks.hits, report.own.checks.n) == (0, 1)
    page = admin.get(f"/projects/{project.id}/annotators/{third.user.id}").text
    assert "0 of 1" in page
    assert cases.kinds_of(web_db, project.id, review_id, clock()) == []
