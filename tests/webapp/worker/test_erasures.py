"""The erasure of a customer: no trace in the database, its log, caches, files; and a kill at any step loses nothing."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
from builders import a_parsed_review, a_project
from sqlite_utils import Database
from traces import CANARIES, CUSTOMER, NOTE, TWIN, files_with, furnish, theirs

from learner import encoders
from learner.features import FeatureCache
from learner.settings import RoundSettings
from webapp import erasing
from webapp import instance as instances
from webapp.importing import ColumnMap
from webapp.instance import Instance
from webapp.store import (
    assignments,
    erasures,
    insertion,
    jobs,
    model_versions,
    projects,
    rounds,
    work,
)
from webapp.store.connection import open_database, utc_now, write_transaction
from webapp.store.projects import Project
from webapp.worker import imports
from webapp.worker.loop import import_next, run_next


@pytest.fixture(scope="module")
def furnished_once(tmp_path_factory: pytest.TempPathFactory, encoders_folder: Path) -> Path:
    """An instance with a customer's reviews in every place where a review can leave a trace; made once and copied."""
    where = instances.locate(tmp_path_factory.mktemp("furnished") / "instance")
    furnish(where, encoders_folder)
    return where.folder


@pytest.fixture
def instance(tmp_path: Path, furnished_once: Path) -> Path:
    return Path(shutil.copytree(furnished_once, tmp_path / "instance"))


@pytest.fixture
def db(instance: Path) -> Iterator[Database]:
    with closing(instances.open_instance(Instance(instance))) as database:
        yield database


@pytest.fixture
def shop(db: Database) -> Project:
    return projects.get(db, 1)


def cached(instance: Path, text: str) -> bool:
    cache = FeatureCache(instance / "features", encoders.resolve(instance / "encoders", "tiny"))
    return cache.missing([text]) == 0


def in_the_index(db: Database, letters: str) -> bool:
    """Whether the index of words has these three letters, a deleted entry of theirs included."""
    blocks = db.execute("SELECT block FROM reviews_fts_data")
    return any(letters.encode()[1:] in bytes(row["block"]) for row in blocks)


def ask(db: Database, instance: Path, project: Project | None = None) -> int:
    return erasing.request_customer(db, Instance(instance), CUSTOMER, project, 1, utc_now()).id


def test_nothing_of_an_erased_customer_is_left_in_any_file(
    db: Database, instance: Path, shop: Project
) -> None:
    before = files_with(instance, *CANARIES, NOTE, CUSTOMER)
    assert {"winnow.sqlite", "uploads/draft.csv"} <= set(before)
    assert any(name.startswith("imports/") for name in before) and any(
        name.startswith("exports/") for name in before
    )
    assert cached(instance, CANARIES[0]) and cached(instance, "the phone was great and great 0")
    assert in_the_index(db, "ѭ ѯ")
    counted = db.execute("SELECT annotations FROM annotation_counts").fetchone()[0]
    ids = theirs(db)
    logged = db.execute("SELECT count(*) FROM annotations").fetchone()[0]
    job = ask(db, instance)
    with closing(open_database(instance / "winnow.sqlite")) as reader:  # somebody else is there
        reader.execute("SELECT count(*) FROM reviews").fetchone()
        assert import_next(db, instance, utc_now())
    done = jobs.get(db, job)
    assert done.state == "done", done.error
    assert done.result["found"] == [] and done.result["looked_for"] >= 4

    assert files_with(instance, *CANARIES, NOTE, TWIN, CUSTOMER) == []
    # Not even three letters in a row, as the index of words keeps them: folded, without what the word before shares.
    assert not in_the_index(db, "ѭ ѯ")
    assert not cached(instance, CANARIES[0]) and cached(instance, "the phone was great and great 0")
    assert (instance / "uploads" / "other.csv").exists()
    gone = logged - db.execute("SELECT count(*) FROM annotations").fetchone()[0]
    assert (
        gone > 0 and db.execute("SELECT annotations FROM annotation_counts").fetchone()[0] == counted - gone
    )
    erasure = erasures.everything(db)[0]
    assert (erasure.state, erasure.reviews, erasure.annotations) == ("done", len(ids), gone)
    for table in (
        "leases",
        "annotations",
        "predictions",
        "ranking_items",
        "suspects",
        "consensus",
        "adjudications",
    ):
        found = db.execute(
            f"SELECT count(*) FROM {table} WHERE review_id IN (SELECT value FROM json_each(?))",
            [json.dumps(ids)],
        )
        assert found.fetchone()[0] == 0, table
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.execute("INSERT INTO reviews_fts (reviews_fts, rank) VALUES ('integrity-check', 1)")
    counted_reviews = db.execute("SELECT review_count FROM projects WHERE id = ?", [shop.id]).fetchone()[0]
    assert counted_reviews == db.execute("SELECT count(*) FROM reviews").fetchone()[0]


def test_the_counts_of_an_import_forget_a_category_that_only_the_customer_had(
    db: Database, instance: Path, shop: Project
) -> None:
    db.execute("UPDATE reviews SET category = 'gifts' WHERE author_id <> ?", [CUSTOMER])
    db.execute("UPDATE reviews SET category = 'quagga-keeping' WHERE author_id = ?", [CUSTOMER])
    counts = json.dumps({"quagga-keeping": 4, "gifts": 150})
    db.execute(
        "UPDATE jobs SET result = json_set(result, '$.categories', json(?)) WHERE state = 'done'"
        " AND kind = 'import'",
        [counts],
    )
    db.conn.commit()
    assert files_with(instance, "quagga-keeping")
    ask(db, instance)
    import_next(db, instance, utc_now())
    assert assignments.choices(db, shop.id).categories == {"gifts": 150}
    assert files_with(instance, "quagga-keeping") == []


def test_the_versions_that_saw_the_texts_are_marked(db: Database, instance: Path, shop: Project) -> None:
    version = model_versions.serving(db, shop.id)
    assert version is not None and version.stale_since is None
    ask(db, instance)
    import_next(db, instance, utc_now())
    assert model_versions.get(db, version.id).stale_since is not None
    assert erasures.everything(db)[0].model_versions == [version.id]
    rounds.start(
        db, shop.id, RoundSettings.from_dict(shop.settings.learner).to_dict(), "button", 1, utc_now()
    )
    while run_next(db, instance, utc_now()):
        pass
    newest = model_versions.of_project(db, shop.id)[0]
    assert newest.id != version.id and newest.stale_since is None


def test_a_near_duplicate_of_another_customer_stays_and_takes_the_place(
    db: Database, instance: Path, shop: Project
) -> None:
    row = db.execute("SELECT id, near_duplicate_of, wanted FROM reviews WHERE author_id = 'customer-7' AND text = ?",
                     [TWIN.upper()]).fetchone()  # fmt: skip
    other = db.execute("SELECT id FROM reviews WHERE text = ?", [TWIN]).fetchone()["id"]
    if row["near_duplicate_of"] is None:  # the file's order made it the original: turn it round
        with write_transaction(db):
            db.execute("UPDATE reviews SET near_duplicate_of = NULL, wanted = 1 WHERE id = ?", [other])
            db.execute(
                "UPDATE reviews SET near_duplicate_of = ?, wanted = 0, needed = 0 WHERE id = ?",
                [other, row["id"]],
            )
    ask(db, instance)
    import_next(db, instance, utc_now())
    heir = db.execute("SELECT * FROM reviews WHERE id = ?", [row["id"]]).fetchone()
    assert (heir["text"], heir["near_duplicate_of"]) == (TWIN.upper(), None)
    assert heir["wanted"] >= 1 and heir["needed"] >= 1


class Killed(BaseException):
    """As the kernel does it: nothing after this point runs."""


PHASES = ("uploads", "reviews", "features", "compact", "search")


@pytest.mark.parametrize("phase", PHASES)
def test_an_erasure_killed_half_way_goes_on(db: Database, instance: Path, shop: Project, phase: str) -> None:
    from webapp.worker import erasures as runner

    job = ask(db, instance)

    def killed(name: str, done: int, total: int) -> None:
        if name == phase:
            raise Killed

    claim = work.claim_this(db, "jobs", job, utc_now())
    assert claim is not None
    with pytest.raises(Killed):
        runner.run(db, instance, claim, killed)
    assert erasures.everything(db)[0].state == "running"
    with closing(instances.open_instance(Instance(instance))) as another:
        assert import_next(another, instance, utc_now() + 2 * work.HEARTBEAT_LIMIT)
    assert jobs.get(db, job).state == "done" and erasures.everything(db)[0].state == "done"
    assert files_with(instance, *CANARIES, NOTE, TWIN, CUSTOMER) == []
    assert not cached(instance, CANARIES[0])


def test_a_round_that_has_read_the_texts_publishes_nothing(
    db: Database, instance: Path, shop: Project
) -> None:
    settings = RoundSettings.from_dict(shop.settings.learner).to_dict()
    started = rounds.start(db, shop.id, settings, "button", 1, utc_now())
    reading = work.claim_this(db, "rounds", started.id, utc_now())
    assert reading is not None
    ask(db, instance)
    import_next(db, instance, utc_now())
    assert not work.is_held(db, reading)
    assert rounds.get(db, started.id).state == "queued"


@pytest.mark.parametrize("kind", ["encode", "quality", "simulate"])
def test_a_job_that_has_read_the_texts_begins_anew(
    db: Database, instance: Path, shop: Project, kind: str
) -> None:
    job = jobs.create(db, shop.id, kind, {}, 1, utc_now())
    reading = work.claim_this(db, "jobs", job.id, utc_now())
    assert reading is not None
    ask(db, instance)
    import_next(db, instance, utc_now())
    assert not work.is_held(db, reading)
    assert jobs.get(db, job.id).state == "queued"


def test_a_customer_of_one_project_stays_in_the_other(db: Database, instance: Path, shop: Project) -> None:
    other = a_project(db, "other", texts=[])
    rows = [a_parsed_review(0, f"{CANARIES[2]} again", author_id=CUSTOMER)]
    job = jobs.create(db, other.id, "import", {"file": "gone"}, None, utc_now())
    jobs.cancel(db, job.id, None, utc_now())
    insertion.insert_batch(db, other, job.id, insertion.with_hashes(rows), None, utc_now())
    ask(db, instance, shop)
    import_next(db, instance, utc_now())
    assert [row["project_id"] for row in erasures.reviews_of(db, [CUSTOMER], None)] == [other.id]


def test_an_import_that_runs_meanwhile_brings_none_of_their_rows(
    db: Database, instance: Path, shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = projects.create(db, "other")
    monkeypatch.setattr(imports, "BATCH", 10)
    rows = [f"{CUSTOMER if number % 2 else 'somebody'},number {number} of the quills" for number in range(40)]
    (instance / "uploads" / "running.csv").write_text("\n".join(["author,text", *rows]), "utf-8")
    columns = asdict(ColumnMap(text="text", author="author"))
    job = jobs.create(db, other.id, "import", {"file": "running.csv", "columns": columns}, 1, utc_now())
    claim = work.claim_this(db, "jobs", job.id, utc_now())
    assert claim is not None
    seen = []

    def erase_after_the_first_batch(phase: str, done: int, total: int) -> None:
        if not seen:
            with closing(instances.open_instance(Instance(instance))) as another:
                seen.append(len(erasures.reviews_of(another, [CUSTOMER], other.id)))
                ask(another, instance)
                import_next(another, instance, utc_now())

    imports.run(db, instance, claim, erase_after_the_first_batch)
    assert seen == [5]
    assert erasures.reviews_of(db, [CUSTOMER], None) == []
    assert len(erasures.reviews_of(db, ["somebody"], other.id)) == 20
    assert jobs.get(db, job.id).result["reasons"] == {"erased_customer": 15}
    assert files_with(instance, "of the quills", but=("winnow.sqlite", "winnow.sqlite-wal")) == []
