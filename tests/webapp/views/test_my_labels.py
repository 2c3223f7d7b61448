"""My labels: found again, filtered, changed."""

import re
from collections.abc import Callable
from datetime import timedelta

from builders import Clock, a_lease, a_project, an_annotation, the_user
from sqlite_utils import Database
from visitor import Browser

from webapp.store import annotations, my_answers
from webapp.store.annotations import Answer
from webapp.store.projects import Project


def history(project: Project, query: str = "") -> str:
    return f"/projects/{project.id}/annotate/history{query}"


def found(browser: Browser, project: Project, query: str = "") -> set[str]:
    """The texts that are listed."""
    return set(re.findall(r"review number \d+", browser.get(history(project, query)).text))


def test_the_history_lists_my_answers_alone_and_changes_them(
    annotator: Browser, log_in: Callable[..., Browser], web_db: Database
) -> None:
    project = a_project(web_db)
    mine = an_annotation(web_db, project, the_user(annotator), position=0, note="hm")
    theirs = an_annotation(web_db, project, the_user(log_in("ben")), position=1)
    page = annotator.get(history(project)).text
    assert page.count("answer-item") == 1
    assert "hm" in page
    form = {"label": project.labels[2].id, "note": "hm"}
    assert annotator.post(history(project, f"/{mine.id}"), form).status_code == 303
    (now_mine,) = my_answers.find(web_db, project.id, the_user(annotator).id)
    assert (now_mine.label, now_mine.note) == ("positive", "hm")
    assert annotator.post(history(project, f"/{theirs.id}"), form).status_code == 409
    assert "Before:" in annotator.get(history(project)).text


def test_answers_are_found_by_what_they_are_and_by_their_note_and_text_and_day(
    annotator: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=4)
    ada = the_user(annotator)
    yesterday = clock() - timedelta(days=1)
    negative = a_lease(web_db, project, ada, yesterday)
    labelled = Answer("label", project.labels[0].id, "Odd")
    annotations.record(web_db, negative.token, ada.id, labelled, yesterday)
    skipped = a_lease(web_db, project, ada, clock())
    annotations.record(web_db, skipped.token, ada.id, Answer("skip", reason="mixed"), clock())
    texts = {"negative": {negative.text}, "skipped": {skipped.text}, "both": {negative.text, skipped.text}}
    assert found(annotator, project) == texts["both"]
    for query, expected in {
        f"?answer={project.labels[0].id}": "negative",
        "?answer=skip": "skipped",
        "?note=1": "negative",
        "?text=odd": "negative",
        "?since=2026-03-01": "skipped",
        "?until=2026-02-28": "negative",
        "?since=2026-02-28&until=2026-03-01": "both",
        "?since=nonsense&answer=999": "both",
    }.items():
        assert found(annotator, project, query) == texts[expected], query
    assert found(annotator, project, "?answer=flag") == set()
    assert "No answer matches" in annotator.get(history(project, "?answer=flag")).text
    assert "Skipped: Mixed" in annotator.get(history(project)).text


def test_the_history_goes_on_over_pages_and_keeps_its_filter(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=60)
    for _ in range(60):
        an_annotation(web_db, project, the_user(annotator))
    first = annotator.get(history(project, f"?answer={project.labels[0].id}"))
    assert "60 answers" in first.text
    older = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert older is not None and f"answer={project.labels[0].id}" in older[1]
    second = annotator.get(older[1].replace("&amp;", "&"))
    counts = [page.text.count('class="answer-item"') for page in (first, second)]
    assert counts == [50, 10]


def test_who_labelled_most_is_shown_only_where_the_project_asks_for_it(
    annotator: Browser, web_db: Database
) -> None:
    for wanted in (False, True):
        project = a_project(web_db, f"project {wanted}", leaderboard=wanted)
        an_annotation(web_db, project, the_user(annotator))
        assert ("This week" in annotator.get(history(project)).text) is wanted
