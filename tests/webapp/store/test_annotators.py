"""The annotator report: figures of one person beside those of the others."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlite_utils import Database

from webapp.figures.proportions import Proportion
from webapp.store import adjudications, annotations, annotators, audit, users
from webapp.store.annotators import AnnotatorReport
from webapp.store.connection import timestamp
from webapp.store.projects import Project

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def give(
    db: Database,
    project: Project,
    person: int,
    review_id: int,
    answer: int | str,
    now: datetime = NOON,
    origin: str = "audit",
    seconds: float | None = None,
) -> int:
    """An answer as the log has it, whoever was due: the label at a position, or skip or flag."""
    label = project.labels[answer].id if isinstance(answer, int) else None
    action = "label" if isinstance(answer, int) else answer
    with db.conn:
        row = db.execute(
            "INSERT INTO annotations (project_id, review_id, annotator_id, action, label_id, origin, seconds,"
            " created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            [project.id, review_id, person, action, label, origin, seconds, timestamp(now)],
        ).fetchone()
    return int(row[0])


def report_on(db: Database, project: Project, person: int, now: datetime = NOON) -> AnnotatorReport:
    return next(each for each in annotators.reports(db, project.id, now) if each.user_id == person)


def test_nobody_agrees_with_themself(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    ada, ben, cyd, _root = people
    project = a_project(4)
    for review_id, labels in {1: (0, 0, 2), 2: (0, 2, 2), 3: (0, 1, 2)}.items():
        for person, position in zip((ada, ben, cyd), labels, strict=True):
            give(db, project, person, review_id, position)
    give(db, project, ada, 4, 0)  # nobody else labelled it
    # Of the others' labels, 1 and 3 tie; on 2 they agree with each other and not with ada.
    assert report_on(db, project, ada).own.agreement == Proportion(0, 1)
    # With ben: 2 ties without him (0 and 2), and so do 1 (0 and 2) and 3 (0 and 2).
    assert report_on(db, project, ben).own.agreement == Proportion(0, 0)
    # Without cyd, both said 0 of review 1.
    assert report_on(db, project, cyd).own.agreement == Proportion(0, 1)
    assert report_on(db, project, ada).others.agreement == Proportion(0, 1)


def test_hidden_checks_and_decided_reviews_are_told_apart(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    ada, ben, cyd, root = people
    project = a_project(2)
    give(db, project, ada, 1, 0)
    give(db, project, ben, 1, 2)
    give(db, project, root, 1, 0)
    adjudications.decide(db, 1, project.labels[0].id, root, "", NOON)
    give(db, project, cyd, 1, 1, origin="gold")
    assert [report_on(db, project, person).own.decided for person in (ada, ben)] == [
        Proportion(1, 1),
        Proportion(0, 1),
    ]
    checked = report_on(db, project, cyd)
    assert (checked.own.checks, checked.own.decided) == (Proportion(0, 1), Proportion(0, 0))
    assert checked.mixed == {(project.labels[0].id, project.labels[1].id): 1}
    assert checked.found(project.labels[0].id) == Proportion(0, 1)
    assert report_on(db, project, root).own.decided == Proportion(0, 0)  # who decided is not checked by it


def test_only_answers_that_stand_count(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    ada, _ben, _cyd, root = people
    project = a_project(6)
    withdrawn = give(db, project, ada, 1, 0, seconds=100)
    annotations.undo(db, withdrawn, ada, NOON)
    give(db, project, ada, 2, 2, seconds=3)
    give(db, project, ada, 3, 2, seconds=5)
    give(db, project, ada, 4, "skip", seconds=90)
    give(db, project, ada, 5, "flag")
    give(db, project, root, 6, 1, origin="import")
    report = report_on(db, project, ada)
    assert (report.own.labels[project.labels[2].id], report.own.labels.total()) == (2, 2)
    assert (report.own.skips, report.own.flags, report.withdrawn) == (1, 1, 1)
    assert (report.own.seconds, report.own.skipped) == (4, Proportion(1, 4))
    assert report.own.characters == len("review number 1")
    assert [each.name for each in annotators.reports(db, project.id, NOON)] == ["ada"]


def test_reviews_left_out_count_for_nobody(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project = a_project(2)
    for review_id in (1, 2):
        for person, position in ((people[0], 0), (people[1], 1)):
            give(db, project, person, review_id, position)
    adjudications.leave_out(db, 1, people[-1], "", NOON)
    report = report_on(db, project, people[0])
    assert (report.own.labels.total(), report.own.agreement) == (1, Proportion(0, 1))


def test_today_the_week_and_labels_an_hour_of_work(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    ada = people[0]
    project = a_project(130)
    for place in range(120):  # an hour's work, a label every half minute
        give(db, project, ada, place + 1, 0, NOON + timedelta(seconds=30 * place), seconds=30)
    for place in range(5):
        give(db, project, ada, 121 + place, 0, NOON - timedelta(days=2), seconds=0)
    give(db, project, ada, 126, 0, NOON - timedelta(days=8), seconds=0)
    report = report_on(db, project, ada, NOON + timedelta(hours=2))
    assert (report.today, report.week) == (120, 125)
    assert report.per_hour == pytest.approx(126)  # the days between are no work


def test_a_rate_from_less_than_a_minute_is_none(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project = a_project(2)
    give(db, project, people[0], 1, 0, seconds=2)
    assert report_on(db, project, people[0]).per_hour is None


def test_the_others_usual_time_is_not_that_of_the_busiest(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    ada, ben, cyd, root = people
    project = a_project(60)
    for review_id in range(1, 51):
        give(db, project, ben, review_id, 0, seconds=1)
    give(db, project, cyd, 51, 0, seconds=5)
    give(db, project, root, 52, 0, seconds=7)
    give(db, project, ada, 53, 0, seconds=2)
    assert report_on(db, project, ada).others.seconds == 5


def test_a_disabled_person_stays_in_the_report(
    db: Database, people: list[int], a_project: Callable[..., Project]
) -> None:
    project = a_project(1)
    give(db, project, people[0], 1, 0)
    users.disable(db, people[0], people[-1])
    assert report_on(db, project, people[0]).disabled
    assert annotators.projects_of(db, people[0]) == [(project.id, project.name)]
    assert annotators.projects_of(db, people[1]) == []
    assert audit.latest(db)[0].action == "user.disable"
