"""The furnished instance with hostile markup in every text that anybody could have written."""

import json
from datetime import timedelta
from itertools import cycle
from typing import Any

import furnished
from sqlite_utils import Database

from webapp import import_drafts
from webapp import instance as instances
from webapp.instance import Instance
from webapp.store import audit, jobs, projects
from webapp.store.connection import timestamp, utc_now, write_transaction

HOST = "https://canary.invalid"
PATH = "/canary"
# Each would set `pwned`, ask the canary's host, or ask this site for the canary's path.
PAYLOADS = (
    "<script>pwned=1;alert(1)</script>",
    f'"><img src={HOST}/i onerror=pwned=1>',
    "'><svg onload=pwned=1 ",
    '<a href="javascript:pwned=1">here</a>',
    f"</textarea></title></option></template><script src={HOST}/s></script>",
    f'<div hx-get="{PATH}" hx-trigger="load" data-hx-get="{PATH}">x</div>',
    f"\" hx-get='{PATH}' hx-trigger=load hx-on::load='pwned=1' autofocus onfocus=pwned=1 data-pwned=\"",
    f"<iframe src={HOST}/f></iframe><base href={HOST}><meta http-equiv=refresh content='0;url={HOST}'>",
    f"<link rel=stylesheet href={HOST}/c><style>@import '{HOST}/d'</style><!--",
    "{{ 7*7 }}{% include 'base.html' %}${7*7}#{7*7}<%= 7*7 %>",
    f"[go](javascript:pwned=1) ![]({HOST}/m) [x](data:text/html,<script>pwned=1</script>) <{HOST}/a>",
    f'</script>\\u003cimg src={HOST}/j onerror=pwned=1>"-pwned-"',
)
# What the program writes for itself, or what stands for one of a few known values.
OURS = {
    "_sqlite_migrations": {"migration_set", "name"},
    "users": {"password_hash", "role", "locale", "keys"},
    "api_tokens": {"scopes"},
    "projects": {"language", "settings"},
    "jobs": {"kind", "payload", "result", "state", "phase"},
    "reviews": {"language", "extra", "part"},
    "leases": {"token", "origin", "ended", "shown"},
    "annotations": {"action", "lease_token", "origin", "shown", "reason"},
    "rounds": {"cause", "settings", "timings", "state", "phase", "report"},
    "model_versions": {"classifier", "manifest_sha256", "encoder_sha256", "verdict"},
    "metrics": {"part", "name", "slice"},
    "ranking_items": {"origin"},
    "predictions": {"scores"},
    "workers": {"id"},
    "assignments": {"language"},
    "consensus": {"method"},
    "suspects": {"state"},
    "saved_views": {"query"},
    "backups": {"cause", "state", "sha256"},
    "alarms": {"detail"},
    "idempotency_keys": {"key", "body"},
    "erasures": {"kind", "model_versions", "state"},
}
NEVER_CHANGED = ("audit_log", "sqlite_sequence")


def payload(number: int) -> str:
    """One of the payloads, in turn."""
    return PAYLOADS[number % len(PAYLOADS)]


def poison(instance: Instance) -> list[str]:
    """Furnish the instance and spoil it; the addresses that a walk of the routes would miss."""
    furnished.furnish(instance)
    db = instances.open_instance(instance)
    following = cycle(PAYLOADS)
    db.conn.create_function("next_payload", 0, lambda: next(following))
    with write_transaction(db):
        add_rows(db)
        for table in db.table_names():
            if not table.startswith("reviews_fts") and table not in NEVER_CHANGED:
                spoil_texts(db, table)
        spoil_json(db)
        db.execute("UPDATE reviews SET text = text || ? WHERE id = 1", [" ".join(PAYLOADS)])
        audit.log(db, 1, f"thing.{payload(0)}", f"thing:{payload(1)}", **{payload(2): payload(3)})
    draft = begin_hostile_import(db, instance)
    db.close()
    return [f"/projects/1/imports/{draft}", f"/projects/1/imports/{draft}?columns=1", "/projects/1/imports/9"]


def add_rows(db: Database) -> None:
    """One of what the furnished instance lacks: a token, an alarm, a machine, and work that failed."""
    at = timestamp(utc_now())
    later = timestamp(utc_now() + timedelta(days=9))
    db["api_tokens"].insert(
        {"user_id": 1, "token_hash": b"x" * 32, "prefix": "wn_", "scopes": "read", "name": "script"}
        | {"created_at": at, "expires_at": later, "created_by": 1}
    )
    db["alarms"].insert({"name": "wal_size", "subject": "database", "raised_at": at})
    db["workers"].insert({"id": "w", "host": "host", "pid": 1, "started_at": at, "heartbeat_at": at})
    failed = {"project_id": 1, "state": "failed", "created_at": at, "finished_at": at, "error": "It broke: "}
    for number, kind in ((9, "import"), (10, "export"), (11, "encode"), (12, "quality")):
        details = {"name": "", "format": "onnx", "version": 1, "encoder": ""}
        db["jobs"].insert(
            {"id": number, "kind": kind, "payload": json.dumps(details), "requested_by": 1, **failed}
        )
    db["rounds"].insert({"number": 4, "cause": "button", "settings": "{}", "snapshot": 0, **failed})


def spoil_texts(db: Database, table: str) -> None:
    """Add a payload to every text of the table that is not ours."""
    for column in db[table].columns:
        ours = column.name in OURS.get(table, ()) or column.name.endswith("_at") or column.name == "at"
        if column.type == "TEXT" and not ours:
            db.execute(f"UPDATE {table} SET {column.name} = {column.name} || next_payload()")


def spoil_json(db: Database) -> None:
    """The same for texts inside of JSON, and for the names of a file's columns."""
    for row in db.execute("SELECT id, payload, result FROM jobs").fetchall():
        given, found = json.loads(row["payload"]), json.loads(row["result"] or "{}")
        given = {
            key: f"{value}{payload(row['id'])}" if key == "name" else value for key, value in given.items()
        }
        if "rows" in found:
            kinds = {name: {payload(place): 3} for place, name in enumerate(("reasons", "warnings"))}
            found |= kinds | {"categories": {payload(2): 2, payload(3): 1}}
        save(db, "jobs", row["id"], payload=given, result=found)
    for row in db.execute("SELECT id, settings FROM projects").fetchall():
        settings = json.loads(row["settings"])
        save(db, "projects", row["id"], settings=settings | {"learner": {"encoder": payload(row["id"])}})
    for row in db.execute("SELECT id, settings, report FROM rounds").fetchall():
        settings = json.loads(row["settings"]) | {"encoder": payload(row["id"])}
        save(db, "rounds", row["id"], settings=settings, report=spoilt(json.loads(row["report"]), row["id"]))
    extra = {payload(place): payload(place + 1) for place in range(len(PAYLOADS))}
    db.execute("UPDATE reviews SET extra = ?", [json.dumps(extra)])


def spoilt(value: Any, number: int) -> Any:
    """The same with a payload at the end of every text, however deep."""
    if isinstance(value, dict):
        return {key: spoilt(inner, number + place) for place, (key, inner) in enumerate(value.items())}
    if isinstance(value, list):
        return [spoilt(inner, number + place) for place, inner in enumerate(value)]
    return f"{value}{payload(number)}" if isinstance(value, str) else value


def save(db: Database, table: str, row: int, **values: Any) -> None:
    for column, value in values.items():
        db.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", [json.dumps(value), row])


def begin_hostile_import(db: Database, instance: Instance) -> int:
    """A draft of a file that is hostile in its name, its header and its cells."""
    project = projects.get(db, 1)
    header = ",".join(f'"{each.replace(chr(34), chr(34) * 2)}"' for each in ("text", *PAYLOADS))
    row = ",".join(f'"{each.replace(chr(34), chr(34) * 2)}"' for each in ("A review", *PAYLOADS))
    (instance.uploads / "hostile.upload").write_text(f"{header}\n{row}\n{row},too many\n", "utf-8")
    job = import_drafts.begin(db, project, "hostile.upload", f"{payload(0)}.csv", 1, utc_now())
    import_drafts.change(db, job, import_drafts.read(instance, job).form.typed)
    import_drafts.check(db, instance, project, jobs.get(db, job.id), 1, utc_now())
    return job.id
