"""What the advice when to stop rests on."""

from builders import a_finished_round, a_project, a_user, an_annotation
from sqlite_utils import Database

from webapp.store import reviews, stopping

STOPPING = {"code": "stop", "sentence": "You can stop."}


def test_the_stop_set_stays_the_same_while_its_reviews_are_labelled(db: Database) -> None:
    project = a_project(db, size=30)
    ids, texts = stopping.stop_set(db, project.id, 10)
    assert len(ids) == 10 and texts[0] == reviews.get(db, ids[0])["text"]
    user = a_user(db)
    for _ in range(12):
        an_annotation(db, project, user)
    assert stopping.stop_set(db, project.id, 10) == (ids, texts)


def test_versions_for_other_labels_are_not_compared(db: Database) -> None:
    project = a_project(db)
    version = a_finished_round(db, project, accuracy=0.7, audited=40)
    assert [(each.version.id, each.answers) for each in stopping.former(db, project.id, "holdout")] == [
        (version.id, {})
    ]
    (audited,) = stopping.former(db, project.id, "audit")
    assert audited.accuracy is not None and (audited.accuracy.part, audited.accuracy.n) == ("audit", 40)
    db.execute("INSERT INTO labels (project_id, name, position) VALUES (?, 'mixed', 9)", [project.id])
    db.execute(
        "UPDATE rounds SET settings = json_set(settings, '$.labels', json(?))",
        [str([label.id for label in project.labels])],
    )
    assert stopping.former(db, project.id, "holdout") == []


def test_what_a_label_takes_is_the_median_of_what_people_took(db: Database) -> None:
    project = a_project(db)
    assert stopping.seconds_per_label(db, project.id) is None
    user = a_user(db)
    for _ in range(3):
        an_annotation(db, project, user)
    for row, seconds in zip(
        db.execute("SELECT id FROM annotations").fetchall(), (2.0, 300.0, 4.0), strict=True
    ):
        db.execute("UPDATE annotations SET seconds = ? WHERE id = ?", [seconds, row["id"]])
    assert stopping.seconds_per_label(db, project.id) == 4.0


def test_advice_is_that_of_the_latest_round(db: Database) -> None:
    project = a_project(db)
    assert stopping.advice(db, project.id) is None
    a_finished_round(db, project, report={"stopping": {"code": "go on", "sentence": "Go on."}})
    a_finished_round(db, project, report={"stopping": STOPPING})
    assert stopping.advice(db, project.id) == STOPPING
    a_finished_round(db, project)
    assert stopping.advice(db, project.id) is None
