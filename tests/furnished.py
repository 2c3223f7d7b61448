"""An instance where every page has something to show: two teams, answers and quarrels, rounds, imports, gold."""

import json
from datetime import datetime, timedelta
from itertools import cycle, islice

from builders import a_finished_round, a_project, a_user, an_annotation
from simulated import a_simulation
from sqlite_utils import Database

from learner import stopping
from learner.progress import silent
from learner.report import Candidate, Choice, RoundReport, Search
from webapp import erasing, import_drafts
from webapp import instance as instances
from webapp.backups import making
from webapp.instance import Instance
from webapp.store import (
    adjudications,
    alarms,
    annotations,
    assignments,
    guidelines,
    jobs,
    projects,
    quality,
    queue,
    rounds,
    saved_views,
    second_looks,
    suspects,
    tokens,
    work,
)
from webapp.store import backups as backup_records
from webapp.store.annotations import Annotation, Answer
from webapp.store.connection import utc_now, write_transaction
from webapp.store.projects import Project
from webapp.store.suspects import FoundSuspect
from webapp.store.users import User
from webapp.worker import erasures as worker_erasures
from webapp.worker import quality as worker_quality

ENGLISH = (
    "The battery lasts two days and the screen is a joy. Best phone I have had.",
    "Broke after a week.\n\nThe shop would not take it back: three calls, no answer.",
    "It is a phone. It rings.",
    "Great camera, terrible speaker; I would buy it again, though not for music.",
    "Delivery was quick and the box was whole, but the charger was missing and nobody wrote back to me.",
    "Ordered the blue one, got the grey one. Works, so I kept it.",
    "Terrible. Terrible. Terrible.",
    "My mother uses it every day and finds everything without asking me, which says more than any test.",
    "Average sound, average picture, average price.",
    "I wanted to like it. " + "The menu is slow, the buttons are small, and every update moves them. " * 9,
    "Fits in a pocket, survives a fall, and the alarm wakes the dead.",
    "Not what the picture shows.",
)
REPORT = RoundReport(
    "head",
    Choice(
        "head",
        "Head was taken: finetune is worse in part, beyond noise: accuracy: 81.0 → 70.0 % "
        "(difference -11.0, 95 % interval -15.0 to -7.0).",
        600.0,
        (Candidate("head", 0.4, macro_f1=0.81), Candidate("finetune", 95.0, 90.0, 6, 0.7)),
    ),
    Search(
        "The best of 9 others were taken, since they are better beyond noise (macro-F1: 78.0 → 81.0 % "
        "(difference +3.0, 95 % interval +0.4 to +5.6)).",
        9,
        2,
        12.0,
        0.78,
        0.81,
        {"head.c": 3.16},
    ),
    stopping.advise([], {}),
).to_dict()
CHINESE = (
    "电池很耐用，屏幕也很清楚，物流特别快，会再买。",
    "用了一周就坏了，客服一直不回复，太失望了。",
    "一般般吧，能用。",
    "声音有点大，制冷还可以，安装师傅很专业，就是收费不太透明。",
)
# Reviews that both annotators label: enough for every figure of agreement.
SHARED = 35
GUIDELINES = "# Mood\n\nLabel the *whole* review.\n\n- Facts without an opinion are neutral."
MESSY_FILE = 'id,text,stars\nm1,"Très bon café, ring 212-456-0100",5\nm2,,3\nm3,too,many,fields\nm4,Fine,4\n'
# Not reached by the address of the first of each kind: other states of a page, other projects.
MORE_ADDRESSES = (
    "/projects/1/imports/2",
    "/projects/1/imports/2?columns=1",
    "/projects/1/rounds/3",
    "/projects/1/insights?group=phone+1",
    "/projects/1/insights?by=category&label=positive&order=share",
    "/projects/1/reviews?text=battery&state=labelled",
    "/projects/1/reviews?text=nothing+like+this",
    "/projects/1/reviews?category=phones",
    "/projects/1/reviews/7",
    f"/projects/1/reviews/{SHARED + 1}",
    "/projects/1/reviews/bulk?scope=all&action=ask_for_labels&state=labelled",
    "/projects/1/reviews/bulk?scope=ticked&action=set_category&review=1",
    "/projects/2/annotate",
    "/projects/3",
    "/projects/3/annotate",
    "/projects/3/insights",
    "/projects/3/reviews",
    "/projects/3/rounds",
    "/projects/3/exports",
)


def furnish(instance: Instance) -> None:
    """Fill a new instance. The first of each kind has the id 1; the people are root (admin), ada and bob."""
    now = utc_now()
    db = instances.open_instance(instance)
    root, ada, bob = a_user(db, "root", "admin"), a_user(db, "ada"), a_user(db, "bob")
    project = a_project(
        db, "Phones", texts=[*ENGLISH, *numbered(60)], overlap_share=1.0, overlap_labels=2, ahead=0
    )
    describe(db, project)
    answer_some(db, project, ada, bob, now - timedelta(hours=2))
    for hours, accuracy, labels in ((2, 0.8, 20), (1, 0.84, 40)):
        a_finished_round(
            db, project, accuracy=accuracy, labels=labels, now=now - timedelta(hours=hours), report=REPORT
        )
        predict(db, project)
    rounds.start(db, project.id, {"classifier": "head"}, "button", root.id, now)
    settle(db, project, root, bob, now)
    begin_import(db, instance, project, root, now)
    judge(db, instance, project, now)
    a_simulation(db, project, now)
    chinese = a_project(db, "空调", texts=list(CHINESE), language="zh")
    an_annotation(db, chinese, ada, now=now)
    a_project(db, "Empty", texts=[])
    keep_safe(db, instance, now)
    for name, days in (("nightly export", 90), ("an old one", 1)):
        made = now - timedelta(days=2)
        tokens.create(db, root.id, ["read", "annotate"], root.id, made, days, name)
    erase(db, instance, root, now)
    db.close()


def keep_safe(db: Database, instance: Instance, now: datetime) -> None:
    """A good backup, one that failed since, and an alarm."""
    making.make(instance, now=now - timedelta(hours=1))
    backup_records.fail(db, backup_records.begin(db, "schedule", "x.tar", now), "The disk was full.", now)
    alarms.raise_alarm(db, "backup-failed", "instance", now, error="OSError")


def numbered(count: int) -> list[str]:
    """Enough reviews for a list of several pages."""
    return [f"Order {number}: {words}" for number, words in enumerate(islice(cycle(ENGLISH[:9]), count))]


def describe(db: Database, project: Project) -> None:
    """What a shop's file brings beside the text."""
    with write_transaction(db):
        db.execute(
            "UPDATE reviews SET external_id = 'r' || id, rating = 1 + id % 5, product_id = 'phone ' || (id % 3),"
            " category = CASE id % 2 WHEN 0 THEN 'phones' ELSE 'accessories' END, author_id = 'c' || id,"
            " reviewed_at = '2026-02-' || printf('%02d', 1 + id % 28), language = 'en',"
            " extra = json_object('colour', 'blue', 'verified', 'yes') WHERE project_id = ?",
            [project.id],
        )


def answer_some(db: Database, project: Project, ada: User, bob: User, now: datetime) -> None:
    """Both label the same reviews and differ on some; one answer is changed, one skipped, one flagged."""
    for number in range(1, SHARED + 1):
        position = (0, 1, 2, 2, 0)[number % 5]
        note = "The second sentence decides." if number == 1 else ""
        for person, label in ((ada, position), (bob, 1 if number % 4 == 1 else position)):
            answer = Answer("label", project.labels[label].id, note, seconds=2.5 + number % 3)
            give(db, project, person, number, answer, now + timedelta(minutes=number))
    last = give(
        db, project, ada, SHARED + 1, Answer("skip", reason="unclear"), now + timedelta(minutes=SHARED + 1)
    )
    annotations.change(
        db, last.id, ada.id, Answer("label", project.labels[0].id), now + timedelta(minutes=SHARED + 2)
    )
    for person, answer in (
        (ada, Answer("skip", reason="mixed")),
        (bob, Answer("flag", note="Two products.")),
    ):
        give(db, project, person, SHARED + 1 + person.id, answer, now + timedelta(minutes=SHARED + 3))


def give(
    db: Database, project: Project, person: User, review_id: int, answer: Answer, now: datetime
) -> Annotation:
    """This person's answer to this very review."""
    lease = queue.claim_review(db, project.id, person.id, review_id, now)
    assert lease is not None
    return annotations.record(db, lease.token, person.id, answer, now)


def predict(db: Database, project: Project) -> None:
    """What the version that serves says of every review."""
    version = projects.get(db, project.id).model_version_id
    scores = {0: (0.81, 0.12, 0.07), 1: (0.2, 0.55, 0.25), 2: (0.05, 0.15, 0.8)}
    ids = [row["id"] for row in db.execute("SELECT id FROM reviews WHERE project_id = ?", [project.id])]
    with write_transaction(db):
        for review_id in ids:
            said = scores[review_id % 3]
            label = project.labels[review_id % 3]
            db.execute(
                "INSERT INTO predictions (model_version_id, review_id, label_id, confidence, margin, scores)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    version,
                    review_id,
                    label.id,
                    max(said),
                    sorted(said)[2] - sorted(said)[1],
                    json.dumps(said),
                ],
            )


def settle(db: Database, project: Project, root: User, bob: User, now: datetime) -> None:
    """Guidelines, a decision, a second look, a review left out, a part for bob alone, a view with a name."""
    for text in (GUIDELINES, f"{GUIDELINES}\n- Irony counts as what is meant."):
        guidelines.save(db, project.id, text, root.id, now - timedelta(minutes=30))
    adjudications.decide(db, 1, project.labels[2].id, root.id, "Praise.", now)
    adjudications.leave_out(db, 7, root.id, "Says nothing.", now)
    second_looks.request(db, project.id, 3, 1, root.id, now)
    assignments.add(db, project.id, bob.id, None, "phones", root.id, now)
    saved_views.save(db, project.id, "Quarrels", "state=disagreed", root.id, now)


def judge(db: Database, instance: Instance, project: Project, now: datetime) -> None:
    """Agreement and consensus as the worker finds them, and labels that it might doubt had it an encoder."""
    quality.request(db, project.id, None, now)
    claim = work.claim_next(db, "jobs", now)
    assert claim is not None
    worker_quality.run(db, instance.folder, claim, silent)
    negative, _neutral, positive = (label.id for label in project.labels)
    doubts = [FoundSuspect(review_id, negative, positive, positive, 0.9) for review_id in (4, 14)]
    suspects.replace(db, project.id, doubts, now, claim)
    work.finish(db, claim, "done", now)


def erase(db: Database, instance: Instance, root: User, now: datetime) -> None:
    """One erasure that is done and one that was stopped half way."""
    erasing.request_customer(db, instance, "c72", None, root.id, now)
    claim = work.claim_next(db, "jobs", now, ("erase",))
    assert claim is not None
    worker_erasures.run(db, instance.folder, claim, silent)
    work.finish(db, claim, "done", now)
    stopped = erasing.request_customer(db, instance, "c73", None, root.id, now)
    jobs.cancel(db, stopped.id, root.id, now)


def begin_import(db: Database, instance: Instance, project: Project, root: User, now: datetime) -> None:
    """A file that was checked and waits for its start."""
    (instance.uploads / "messy.upload").write_text(MESSY_FILE, "utf-8")
    job = import_drafts.begin(db, project, "messy.upload", "messy.csv", root.id, now)
    reading = import_drafts.read(instance, job).form.typed
    import_drafts.change(db, job, reading)
    import_drafts.check(db, instance, project, jobs.get(db, job.id), root.id, now)
