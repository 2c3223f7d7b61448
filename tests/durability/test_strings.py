"""What looks like a number or a date stays the text it was, from the file to the export (D19)."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from builders import NOON, a_user
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from webapp.importing import ColumnMap
from webapp.instance import Instance
from webapp.labels_export import write_labels
from webapp.store import jobs, labelled, projects
from webapp.store.projects import ProjectSettings
from webapp.worker import loop

NUMBERS = (
    "01234 1e5 -0 +7 0x1F 1_000 007.50 1,5 ٣٤ ４２ NaN inf null None true 2026-03-01 9223372036854775808"
)
LOOKS_LIKE = st.one_of(
    st.sampled_from(NUMBERS.split()),
    st.from_regex(r"0{1,3}[0-9]{1,20}(\.[0-9]{1,5})?", fullmatch=True),
    st.integers().map(str),
    st.floats().map(str),
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=20).filter(
        # What is invisible counts as no text, such as a byte-order mark alone.
        lambda text: any(sign.isprintable() and not sign.isspace() for sign in text)
    ),
)
ROWS = st.lists(
    st.tuples(LOOKS_LIKE, LOOKS_LIKE),
    min_size=1,
    max_size=15,
    unique_by=(lambda row: row[0], lambda row: row[1]),
)


def write(rows: Sequence[tuple[str, str]], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            csv.writer(file).writerows([("code", "body", "label"), *((*row, "neutral") for row in rows)])
        else:
            file.writelines(
                json.dumps({"code": code, "body": body, "label": "neutral"}) + "\n" for code, body in rows
            )


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_ids_and_texts_leave_as_they_came(
    web_instance: Instance, web_db: Database, suffix: str, rows: list[tuple[str, str]]
) -> None:
    number = web_db["projects"].count
    user = (web_db["users"].count and 1) or a_user(web_db, "root", "admin").id
    project = projects.create(
        web_db, f"p{number}", settings=ProjectSettings(holdout_size=0, validation_size=0)
    )
    web_instance.uploads.mkdir(exist_ok=True)
    file = web_instance.uploads / f"{number}{suffix}"
    write(rows, file)
    columns = asdict(ColumnMap(text="body", id="code", label="label"))
    payload: dict[str, Any] = {"file": file.name, "name": file.name, "columns": columns, "human_labels": True}
    payload["options"] = {"encoding": "utf-8"}
    job = jobs.create(web_db, project.id, "import", payload, user, NOON)
    assert loop.import_next(web_db, web_instance.folder, datetime.now(UTC))
    done = jobs.get(web_db, job.id)
    assert (done.state, done.result["imported"]) == ("done", len(rows)), done
    out = io.BytesIO()
    write_labels(labelled.export_rows(web_db, project.id), out, "csv")
    read = csv.DictReader(io.StringIO(out.getvalue().decode(), newline=""))
    assert [(row["external_id"], row["text"]) for row in read] == rows
