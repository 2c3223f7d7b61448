"""A shop where one customer has left traces wherever a review can leave any, and a search for them in every file."""

import csv
import json
import random
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from sqlite_utils import Database

from learner.settings import RoundSettings
from webapp import import_drafts
from webapp import instance as instances
from webapp.importing import ColumnMap
from webapp.instance import Instance
from webapp.store import (
    adjudications,
    annotations,
    erasures,
    jobs,
    model_versions,
    projects,
    queue,
    rounds,
    saved_views,
    suspects,
    users,
    work,
)
from webapp.store.annotations import Answer
from webapp.store.connection import utc_now, write_transaction
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Project, ProjectSettings
from webapp.worker.loop import import_next, run_next

CUSTOMER = "customer-quagga-4711"
# Letters that nobody else here uses, so that a trace of three in the index of words would show.
CANARIES = [
    "Ѫѭ Ѯѯ Ѱѱ the parcel smelled of zzyzx moss, canary one, and my neighbour laughed",
    "又一只金丝雀躲在衣柜后面唱了整整一夜的歌，真是烦死人了",
    'Canary three said "never again", twice.\nAnd left by the fjord-quartz window.',
]
NOTE = "the annotator wonders about the canary's xylophone cage"
TWIN = "by the way the twin canary sat on a perch of maplewood"


def files_with(folder: Path, *texts: str, but: tuple[str, ...] = ()) -> list[str]:
    """Every file below the folder that holds one of the texts in any spelling; not by the program's own search."""
    needles = [
        spelled
        for text in texts
        for piece in (text, text[:30], *text.split("\n"))
        for spelled in (
            piece.encode(),
            piece.encode("utf-16-le"),
            piece.encode("utf-16-be"),
            json.dumps(piece)[1:-1].encode(),
            json.dumps(piece, ensure_ascii=False)[1:-1].encode(),
        )
    ]
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in but]
    return sorted(
        {str(path.relative_to(folder)) for path in paths for each in needles if each in path.read_bytes()}
    )


def opinions(size: int) -> Iterator[tuple[str, str]]:
    """Made-up reviews with their labels, no two alike."""
    words = {"positive": "great", "negative": "terrible", "neutral": "okay"}
    for number in range(size):
        label = list(words)[number % 3]
        yield f"the phone was {words[label]} and {words[label]} {number}", label


def write_file(path: Path, size: int = 150) -> None:
    rows = [
        {"text": text, "author": f"customer-{number % 40}", "label": label, "mood": "calm"}
        for number, (text, label) in enumerate(opinions(size))
    ]
    rows += [
        {"text": text, "author": CUSTOMER, "label": label, "mood": f"extra {text[:40]}"}
        for text, label in zip(CANARIES, ("positive", "", ""), strict=True)
    ]
    rows += [
        {"text": TWIN, "author": CUSTOMER, "label": "", "mood": ""},
        {"text": TWIN.upper(), "author": "customer-7", "label": "", "mood": ""},
        {"text": "x" * 100_001 + CANARIES[0], "author": CUSTOMER, "label": "", "mood": ""},
        {"text": f"{CANARIES[0]} too many", "author": CUSTOMER, "label": "", "mood": "", None: ["fields"]},
    ]
    random.Random(3).shuffle(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "author", "label", "mood"])
        for row in rows:
            writer.writerow(
                [value for each in row.values() for value in (each if isinstance(each, list) else [each])]
            )


def payload(file: str) -> dict[str, object]:
    columns = ColumnMap(text="text", author="author", label="label")
    return {"file": file, "name": file, "columns": asdict(columns), "human_labels": True, "dry_run": False}


def furnish(where: Instance, encoders_folder: Path) -> None:
    """Import the customer's file, train on it, and leave all the traces."""
    instances.create(where)
    shutil.copytree(encoders_folder, where.encoders, dirs_exist_ok=True)
    with closing(instances.open_instance(where)) as db:
        users.add(db, "root", "hash", "admin")
        settings = ProjectSettings(
            holdout_size=10,
            validation_size=10,
            auto_round_every=0,
            learner={"encoder": "tiny", "query_size": 20},
        )
        project = projects.create(db, "shop", settings=settings)
        write_file(where.uploads / "first.csv")
        jobs.create(db, project.id, "import", payload("first.csv"), 1, utc_now())
        import_next(db, where.folder, utc_now())
        db.execute("UPDATE reviews SET part = 'pool' WHERE author_id = ?", [CUSTOMER])
        db.conn.commit()
        a_round(db, where.folder, project)
        leave_traces(db, where.folder, project)


def a_round(db: Database, instance: Path, project: Project) -> ModelVersion:
    """Encode, train, publish; the version that serves then."""
    settings = RoundSettings.from_dict(project.settings.learner).to_dict()
    rounds.start(db, project.id, settings, "button", 1, utc_now())
    while run_next(db, instance, utc_now()):
        pass
    return model_versions.of_project(db, project.id)[0]


def theirs(db: Database) -> list[int]:
    return [row["id"] for row in erasures.reviews_of(db, [CUSTOMER], None)]


def leave_traces(db: Database, instance: Path, project: Project) -> None:
    now = utc_now()
    ids = [db.execute("SELECT id FROM reviews WHERE text = ?", [text]).fetchone()["id"] for text in CANARIES]
    ada = users.add(db, "ada", "hash", "annotator")
    for review_id in ids[1:2]:
        lease = queue.claim_review(db, project.id, ada.id, review_id, now)
        assert lease is not None
        given = annotations.record(db, lease.token, ada.id, Answer("label", project.labels[0].id, NOTE), now)
        annotations.change(db, given.id, ada.id, Answer("label", project.labels[2].id, NOTE), now)
    assert queue.claim_review(db, project.id, ada.id, ids[2], now) is not None
    adjudications.decide(db, ids[0], project.labels[1].id, 1, NOTE, now)
    saved_views.save(db, project.id, "smells", "text=smelled+of+zzyzx+moss%2C+canary", 1, now)
    with write_transaction(db):
        db.execute("UPDATE reviews SET original = text || ' kept' WHERE id = ?", [ids[0]])
        db.execute(
            "INSERT INTO api_tokens (user_id, prefix, token_hash, scopes, created_at) VALUES (1, '', x'00', '', '')"
        )
        for number, ascii_only in enumerate((True, False)):
            body = json.dumps({"review": {"text": CANARIES[1]}}, ensure_ascii=ascii_only)
            db.execute(
                "INSERT INTO idempotency_keys VALUES (1, ?, x'00', 201, ?, '')", [f"key {number}", body]
            )
        db.execute(
            "INSERT INTO annotation_counts SELECT project_id, count(*), '' FROM annotations GROUP BY 1"
        )
    doubts = [suspects.FoundSuspect(ids[0], project.labels[0].id, project.labels[2].id, None, 0.9)]
    job = jobs.create(db, project.id, "quality", {}, 1, now)
    claim = work.claim_this(db, "jobs", job.id, now)
    assert claim is not None
    suspects.replace(db, project.id, doubts, now, claim)
    work.finish(db, claim, "done", now)
    write_file(instance / "uploads" / "draft.csv")
    draft = import_drafts.begin(db, project, "draft.csv", "draft.csv", 1, now)
    where = Instance(instance)
    import_drafts.change(db, draft, import_drafts.read(where, draft).form.typed)
    import_drafts.check(db, where, project, jobs.get(db, draft.id), 1, now)
    version = model_versions.serving(db, project.id)
    assert version is not None
    (instance / "exports" / f"winnow-model-{version.id}-onnx-9.zip").write_text(CANARIES[0])
    (instance / "uploads" / "other.csv").write_text("text,author\nfine,somebody\n")
    import_drafts.begin(db, project, "other.csv", "other.csv", 1, now)
