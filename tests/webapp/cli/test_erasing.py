"""winnow erase, and masks on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import Clock, a_lease, a_parsed_review, a_project, a_user, an_annotation
from click.testing import Result
from sqlite_utils import Database
from traces import files_with

from webapp import erasing
from webapp.instance import Instance
from webapp.store import compaction, erasures, insertion, jobs, login_attempts, sessions, users
from webapp.store.connection import utc_now, write_transaction
from webapp.store.projects import Project
from webapp.subject_keys import SubjectKeys
from webapp.worker import erasures_again

Winnow = Callable[..., Result]
CANARY = "the moustached canary sang about its landlord all night"
NAME = "Wilhelmina-Quux"


def a_customer(db: Database, project: Project, author: str, *texts: str) -> None:
    job = jobs.create(db, project.id, "import", {"file": "gone"}, None, utc_now())
    rows = [a_parsed_review(row, text, author_id=author) for row, text in enumerate(texts)]
    insertion.insert_batch(db, project, job.id, insertion.with_hashes(rows), None, utc_now())
    insertion.open_import(db, project, job.id)
    jobs.cancel(db, job.id, None, utc_now())


@pytest.fixture
def project(db: Database) -> Project:
    made = a_project(db, "Shoes", size=3)
    a_customer(db, made, "customer-0815", CANARY, "ok")
    return made


def test_a_customer_is_erased_and_looked_for(
    winnow: Winnow, instance: Instance, db: Database, project: Project
) -> None:
    dry = winnow("erase", "customer", "customer-0815", "--dry-run")
    assert dry.exit_code == 0 and "2 reviews (Shoes: 2)" in dry.stdout
    assert files_with(instance.folder, CANARY)
    assert winnow("erase", "customer", "customer-0815", stdin="n\n").exit_code == 1
    done = winnow("erase", "customer", "customer-0815", "--verify", "--yes")
    assert done.exit_code == 0, done.output
    assert "Looked for 3 of 3 texts" in done.stdout
    assert files_with(instance.folder, CANARY, "customer-0815") == []
    listed = json.loads(winnow("erase", "list", "--json").stdout)
    assert [(row["kind"], row["state"], row["reviews"]) for row in listed] == [("customer", "done", 2)]
    assert winnow("erase", "compact").exit_code == 0


def test_a_customer_can_be_named_by_pseudonym_too(
    winnow: Winnow, instance: Instance, db: Database, project: Project
) -> None:
    pseudonym = SubjectKeys(instance).pseudonym("customer-0815")
    a_customer(db, project, pseudonym, f"{CANARY}, twice")
    dry = winnow("erase", "customer", pseudonym, "--dry-run")
    assert "3 reviews (Shoes: 3)" in dry.stdout
    done = winnow("erase", "customer", pseudonym, "--verify", "--yes")
    assert done.exit_code == 0 and "of 4 texts" in done.stdout
    assert files_with(instance.folder, CANARY, "customer-0815", pseudonym) == []


def test_a_line_of_the_journal_that_was_cut_short_takes_no_other_with_it(
    instance: Instance, db: Database
) -> None:
    (instance.folder / "erasures.jsonl").write_text('{"kind": "custo')
    erasing.write_journal(instance, erasures.begin(db, "customer", b"somebody", None, None, utc_now()))
    assert [entry["subject_key"] for entry in erasing.read_journal(instance)] == [b"somebody".hex()]


def test_the_search_says_where_something_is_left(
    winnow: Winnow, instance: Instance, db: Database, project: Project
) -> None:
    (instance.folder / "notes.txt").write_text(f"somebody wrote: {CANARY}", "utf-16")
    done = winnow("erase", "customer", "customer-0815", "--verify", "--yes")
    assert done.exit_code == 1 and "notes.txt" in done.stderr


def test_a_large_database_is_written_anew_by_a_command_of_its_own(
    winnow: Winnow, instance: Instance, db: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "LARGEST_WITH_WRITERS", 0)
    assert (
        "In a quiet hour run `winnow erase compact`"
        in winnow("erase", "customer", "customer-0815", "--yes").stdout
    )
    # Deleted bytes are overwritten all the same; the command is for what moved about before.
    assert files_with(instance.folder, CANARY) == []
    assert winnow("erase", "compact").exit_code == 0
    assert files_with(instance.folder, CANARY, "customer-0815") == []


def test_an_erased_customers_rows_stay_out_of_later_imports(
    winnow: Winnow, instance: Instance, db: Database, project: Project, tmp_path: Path
) -> None:
    winnow("erase", "customer", "customer-0815", "--yes")
    file = tmp_path / "again.csv"
    file.write_text(f"text,author\n{CANARY},customer-0815\nfine shoes,somebody\n")
    for dry in (["--dry-run"], []):
        done = winnow("import", "Shoes", file, "--text", "text", "--author", "author", *dry)
        assert (
            done.exit_code == 0 and "1 rejected" in done.stdout and "1: its author was erased" in done.stdout
        )
    assert erasures.reviews_of(db, ["customer-0815"], None) == []
    assert len(erasures.reviews_of(db, ["somebody"], None)) == 1
    # The list of refused rows does not quote them.
    assert files_with(instance.folder, CANARY, "customer-0815") == []


def test_a_restored_backup_is_erased_again(
    winnow: Winnow, instance: Instance, db: Database, project: Project
) -> None:
    a_user(db, NAME)
    backup = instance.folder.parent / "backup.sqlite"
    db.execute("VACUUM INTO ?", [str(backup)])
    winnow("erase", "customer", "customer-0815", "--yes")
    winnow("erase", "annotator", NAME, "--yes")
    assert erasures_again.replay(instance) == 0  # nothing is left to erase
    db.close()
    for path in instance.folder.glob("winnow.sqlite*"):
        path.unlink()
    instance.database.write_bytes(backup.read_bytes())
    assert files_with(instance.folder, CANARY)
    assert erasures_again.replay(instance) == 2
    assert files_with(instance.folder, CANARY, "customer-0815", NAME) == []
    assert erasures_again.replay(instance) == 0
    assert len((instance.folder / "erasures.jsonl").read_text().splitlines()) == 2


def test_an_annotator_leaves_labels_and_no_name(
    winnow: Winnow, instance: Instance, db: Database, project: Project, clock: Clock
) -> None:
    gone = a_user(db, NAME)
    sessions.start(db, gone.id, utc_now())
    users.set_keys(db, gone.id, {"skip": "x"})
    login_attempts.begin(db, NAME, "203.0.113.77", utc_now())
    an_annotation(db, project, gone, note=f"Signed, {NAME}")
    a_lease(db, project, gone)
    with write_transaction(db):
        db.execute(
            "INSERT INTO api_tokens (user_id, prefix, token_hash, scopes, created_at, name)"
            " VALUES (?, '', x'01', 'read', '', ?)",
            [gone.id, f"laptop of {NAME}"],
        )
        db.execute("INSERT INTO rate_counts VALUES (?, 0, 1)", [f"login:{NAME.lower()}"])
    done = winnow("erase", "annotator", NAME, "--verify", "--yes")
    assert done.exit_code == 0, done.output
    assert files_with(instance.folder, NAME, NAME.lower(), "203.0.113.77") == []
    left = db.execute("SELECT * FROM users WHERE id = ?", [gone.id]).fetchone()
    assert (
        left["name"] == f"erased-{gone.id}"
        and left["erased_at"]
        and left["disabled_at"]
        and left["keys"] is None
    )
    for table in ("sessions", "api_tokens"):
        assert db.execute(f"SELECT count(*) FROM {table} WHERE user_id = ?", [gone.id]).fetchone()[0] == 0
    assert (
        db.execute("SELECT count(*) FROM leases WHERE user_id = ? AND ended IS NULL", [gone.id]).fetchone()[0]
        == 0
    )
    kept = db.execute("SELECT action, note FROM annotations WHERE annotator_id = ?", [gone.id]).fetchall()
    assert [tuple(row) for row in kept] == [("label", "")]
    users.enable(db, gone.id, None)
    assert users.by_id(db, gone.id).disabled_at is not None
    # Who takes the name later is somebody else.
    a_user(db, NAME)
    assert erasures_again.replay(instance) == 0


def test_the_last_admin_is_not_erased(winnow: Winnow, project: Project) -> None:
    refused = winnow("erase", "annotator", "root", "--yes")
    assert refused.exit_code == 1 and "last active admin" in refused.stderr


def test_masks_at_import(
    winnow: Winnow, instance: Instance, db: Database, project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "personal.csv"
    file.write_text(
        "text,author,mail,no\n"
        "call 212-456-0100 or write to ann@shop.com,ann@shop.com,ann@shop.com,1\n"
        "nothing here,bob,,2\n"
        f"{'x' * 100_001} ann@shop.com,bob,,3\n"
        "mail ann@shop.com now,bob,,4,too,many\n"
    )
    words = ["import", "Shoes", file, "--text", "text", "--author", "author"]
    words += ["--mask", "all", "--keep-original"]
    dry = winnow(*words, "--dry-run")
    assert "Masked in 1 rows: " in dry.stdout and "1 phone numbers" in dry.stdout
    assert "3 e-mail addresses" in dry.stdout
    done = winnow(*words)
    assert done.exit_code == 0 and "3 e-mail addresses" in done.stdout
    # The list of refused rows quotes them masked.
    assert not any(name.startswith("imports/") for name in files_with(instance.folder, "ann@shop.com"))
    row = db.execute("SELECT * FROM reviews WHERE text LIKE 'call%'").fetchone()
    assert row["text"] == "call [phone] or write to [e-mail]"
    assert row["original"] == "call 212-456-0100 or write to ann@shop.com"
    assert row["author_id"].startswith("person-") and json.loads(row["extra"])["mail"] == "[e-mail]"
    # By the id that stood in the file, though it is not kept.
    assert "1 reviews" in winnow("erase", "customer", "ann@shop.com", "--dry-run").stdout
    winnow("erase", "customer", "ann@shop.com", "--yes", "--verify")
    assert files_with(instance.folder, "ann@shop.com") == []


def test_the_excerpt_of_a_refused_row_shows_no_half_of_an_address(
    winnow: Winnow, instance: Instance, project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "ragged.csv"
    file.write_text(f"text,stars\nfine,1\n{'very ' * 37}joe.smith@example.com,1,2,3\n")
    assert "1 rejected" in winnow("import", "Shoes", file, "--text", "text", "--mask", "all").stdout
    assert "very very" in (refused := next((instance.folder / "imports").glob("*.csv")).read_text("utf-8"))
    assert "joe" not in refused


def test_masks_are_chosen_by_name(winnow: Winnow, db: Database, project: Project, tmp_path: Path) -> None:
    file = tmp_path / "personal.csv"
    file.write_text("text\ncall 212-456-0100 or write to ann@shop.com\n")
    assert winnow("import", "Shoes", file, "--mask", "shoes").exit_code == 1
    assert winnow("import", "Shoes", file, "--mask", "email").exit_code == 0
    row = db.execute("SELECT text, original FROM reviews WHERE text LIKE 'call%'").fetchone()
    assert tuple(row) == ("call 212-456-0100 or write to [e-mail]", None)
    assert winnow("import", "Shoes", file).exit_code == 0  # nothing is changed that nobody asked for
    assert db.execute("SELECT count(*) FROM reviews WHERE text LIKE '%ann@shop.com'").fetchone()[0] == 1
