"""Projects: the list, a new one, the home with its next step and curve, the settings."""

import json
import re

import pytest
from builders import a_finished_round, a_project, a_user, an_annotation
from conftest import Clock
from sqlite_utils import Database
from visitor import Browser

from webapp.instance import Instance
from webapp.store import activity, jobs, projects, rounds, work
from webapp.store.connection import write_transaction


@pytest.mark.parametrize("address", ["/projects", "/projects/new", "/projects/1", "/projects/1/settings"])
def test_annotators_cannot_reach_the_pages_of_admins(
    annotator: Browser, web_db: Database, address: str
) -> None:
    a_project(web_db)
    assert annotator.get(address).status_code == 403


def test_without_a_project_the_list_says_what_to_do(admin: Browser) -> None:
    page = admin.get("/projects").text
    assert "No project yet" in page and 'href="/projects/new"' in page


def test_the_list_shows_how_far_each_project_is(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=4)
    an_annotation(web_db, project, a_user(web_db))
    assert "1 of 4 reviews labelled" in admin.get("/projects").text


def test_a_new_project_leads_to_its_import(admin: Browser, web_db: Database) -> None:
    answer = admin.post("/projects/new", {"name": "评论", "labels": "bad\ngood", "language": "zh"})
    made = projects.named(web_db, "评论")
    assert answer.headers["Location"] == f"/projects/{made.id}/imports"
    assert [label.name for label in made.labels] == ["bad", "good"]


def test_a_new_project_starts_with_the_encoder_that_reads_its_language_best(
    admin: Browser, web_db: Database, web_instance: Instance
) -> None:
    an_encoder(web_instance)
    new = {"labels": "bad\ngood", "language": "en"}
    admin.post("/projects/new", {"name": "Before", **new})
    an_encoder(web_instance, "bge-small")
    admin.post("/projects/new", {"name": "English", **new})
    admin.post("/projects/new", {"name": "Chinese", **new, "language": "zh"})
    chosen = {each.name: each.settings.learner for each in projects.everything(web_db)}
    assert chosen == {"Before": {}, "English": {"encoder": "bge-small"}, "Chinese": {}}
    page = admin.get(f"/projects/{projects.named(web_db, 'English').id}/settings").text
    assert '<option value="bge-small" selected>' in page


def test_a_name_that_is_taken_is_said_and_what_was_typed_kept(admin: Browser, web_db: Database) -> None:
    a_project(web_db, "Phones")
    answer = admin.post("/projects/new", {"name": "phones", "labels": "bad\ngood", "language": "en"})
    assert answer.status_code == 422
    assert "There is a project named phones already" in answer.text and "bad\ngood" in answer.text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": "phones"}, "已有名为 phones 的项目"),
        ({"name": "\x07"}, "项目名称须为"),
        ({"labels": "x" * 41 + "\ny"}, "40 个"),
    ],
)
def test_what_is_wrong_with_a_new_project_is_said_in_chinese(
    admin: Browser, web_db: Database, typed: dict[str, str], words: str
) -> None:
    a_project(web_db, "Phones")
    form = {"name": "Shoes", "labels": "bad\ngood", "language": "en", **typed}
    page = admin.post("/projects/new?lang=zh", form).text
    errors = re.findall(r'class="field-error"[^>]*>.*?<span>(.+?)</span>', page)
    assert len(errors) == 1 and words in errors[0]


@pytest.mark.parametrize("labels", ["one", "\n".join("abcdefghij"), "a\nA", "x" * 41 + "\ny"])
def test_labels_that_cannot_be_are_refused(admin: Browser, web_db: Database, labels: str) -> None:
    answer = admin.post("/projects/new", {"name": "Phones", "labels": labels, "language": "en"})
    assert answer.status_code == 422 and 'id="labels-error"' in answer.text
    assert projects.everything(web_db) == []


def test_the_home_of_an_empty_project_asks_for_an_import(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, texts=[])
    page = admin.get(f"/projects/{project.id}").text
    assert "Import your reviews" in page and f'href="/projects/{project.id}/imports"' in page


def test_the_home_counts_todays_labels_and_those_of_the_holdout(
    admin: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db, size=10, holdout_size=2, holdout_labels=1)
    ada = a_user(web_db)
    for _ in range(10):
        an_annotation(web_db, project, ada)
    page = admin.get(f"/projects/{project.id}").text
    assert "100.0% of all; 2 on the holdout" in page
    assert activity.labels_today(web_db, project.id, clock()) == 10
    clock.forward(days=1)
    assert activity.labels_today(web_db, project.id, clock()) == 0


def test_labels_that_only_measure_are_not_enough_for_a_round(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=125, holdout_size=25, holdout_labels=1)
    web_db.execute("UPDATE reviews SET needed = 0 WHERE part = 'pool'")
    web_db.conn.commit()
    ada = a_user(web_db)
    for _ in range(25):
        an_annotation(web_db, project, ada)
    web_db.execute("UPDATE reviews SET needed = 1 WHERE part = 'pool'")
    web_db.conn.commit()
    assert activity.labelled_by_part(web_db, project.id)["holdout"] == 25
    assert "Start the first round" not in admin.get(f"/projects/{project.id}").text


def test_the_curve_comes_with_its_table_and_downloads(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    for labels, accuracy in ((20, 0.6), (40, 0.7)):
        a_finished_round(web_db, project, accuracy=accuracy, labels=labels)
    page = admin.get(f"/projects/{project.id}").text
    assert page.count("<svg xmlns") == 2 and "Version 2 serves" in page and "70%" in page
    svg = admin.get(f"/projects/{project.id}/learning-curve.svg")
    assert svg.mimetype == "image/svg+xml" and "<style>" in svg.text
    assert (
        svg.headers["Content-Disposition"].startswith("attachment")
        and "sandbox" in svg.headers["Content-Security-Policy"]
    )
    assert "macro-F1,40,0.7000,0.6000,0.8000" in admin.get(f"/projects/{project.id}/learning-curve.csv").text


def test_a_score_on_few_labels_is_not_claimed(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    a_finished_round(web_db, project, holdout=7)
    page = admin.get(f"/projects/{project.id}").text
    assert "too few holdout labels to measure (n = 7)" in page
    assert "<svg xmlns" not in page and "80%" not in page


def test_running_work_is_asked_for_until_it_ends_and_then_brings_the_results(
    admin: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db)
    rounds.start(web_db, project.id, {}, "button", None, clock())
    claim = work.claim_next(web_db, "rounds", clock())
    assert claim is not None
    work.report(web_db, claim, "train", 0.4, 30, clock())
    address = f"/projects/{project.id}"
    assert f'hx-get="{address}"' in admin.get(address).text
    fragment = admin.get(address, htmx=True).text
    assert (
        "Training" in fragment
        and "40%" in fragment
        and "<html" not in fragment
        and 'id="results"' not in fragment
    )
    work.finish(web_db, claim, "cancelled", clock())
    last = admin.get(address, htmx=True).text
    assert "hx-trigger" not in last and 'id="results"' in last and "hx-swap-oob" in last


def test_a_missing_worker_is_said_where_something_waits(
    admin: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db)
    address = f"/projects/{project.id}"
    assert "The worker is not running" not in admin.get(address).text
    jobs.create(web_db, project.id, "encode", {"encoder": "e5-small"}, None, clock())
    assert "The worker is not running" in admin.get(address).text
    work.worker_seen(web_db, "w", "host", 1, clock())
    assert "The worker is not running" not in admin.get(address).text


def test_a_failed_round_is_told_with_its_reason(admin: Browser, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db)
    rounds.start(web_db, project.id, {}, "automatic", None, clock())
    claim = work.claim_next(web_db, "rounds", clock())
    assert claim is not None
    work.finish(web_db, claim, "failed", clock(), "There is no label to train on yet.")
    assert "Round 1 failed. There is no label to train on yet." in admin.get(f"/projects/{project.id}").text


def test_settings_are_saved_and_take_effect_on_the_reviews(
    admin: Browser, web_db: Database, web_instance: Instance
) -> None:
    an_encoder(web_instance)
    project = a_project(web_db, size=3)
    typed = {
        "holdout_size": "50", "validation_size": "20", "holdout_labels": "1", "overlap_share": "100",
        "overlap_labels": "3", "ahead": "1", "goal_labels": "900", "blind_share": "20", "gold_share": "2.5",
        "target_accuracy": "87.5",
        "assistance": "assisted", "consensus": "dawid-skene", "leaderboard": "1",
        "lease_minutes": "5", "auto_round_every": "0", "encoder": "e5-small",
        "classifier": "finetune", "strategy": "random", "query_size": "30", "audit_share": "20", "seed": "7",
        "disagreement_share": "0.2",
        "finetune.epochs": "4", **FINETUNE,
    }  # fmt: skip
    answer = admin.post(f"/projects/{project.id}/settings", typed)
    assert answer.status_code == 303, answer.text
    saved = projects.get(web_db, project.id).settings
    assert (saved.overlap_share, saved.overlap_labels, saved.auto_round_every) == (1.0, 3, 0)
    assert (saved.assistance, saved.blind_share, saved.gold_share) == ("assisted", 0.2, 0.025)
    assert saved.target_accuracy == 0.875
    assert (saved.consensus, saved.ahead, saved.goal_labels, saved.leaderboard) == (
        "dawid-skene",
        1,
        900,
        True,
    )
    assert (saved.learner["classifier"], saved.learner["audit_share"], saved.learner["finetune"]["epochs"]) == (
        "finetune", 0.2, 4,
    )  # fmt: skip
    assert {row[0] for row in web_db.execute("SELECT needed FROM reviews")} == {3}


def test_settings_out_of_range_are_shown_again(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    answer = admin.post(f"/projects/{project.id}/settings", {"lease_minutes": "999", "classifier": "magic"})
    assert answer.status_code == 422 and 'value="999"' in answer.text
    assert projects.get(web_db, project.id) == project


FINETUNE = {
    "finetune.learning_rate": "0.0001", "finetune.batch_size": "8", "finetune.optimizer": "sgd",
    "finetune.weight_decay": "0", "finetune.dropout": "0.1", "finetune.warmup": "0.1", "finetune.clip_norm": "1",
    "finetune.patience": "2", "finetune.stop_share": "0.2",
}  # fmt: skip


def an_encoder(instance: Instance, name: str = "e5-small") -> None:
    """An encoder by name only: enough for forms, which never load it."""
    folder = instance.encoders / name
    folder.mkdir(parents=True)
    note = {"name": name, "sha256": "ab", "settings": {}}
    (folder / "winnow-encoder.json").write_text(json.dumps(note))


def test_a_project_is_paused_with_a_banner_and_goes_on(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    home = f"/projects/{project.id}"
    assert "Paused since" not in admin.get(home).text
    assert "Paused since" in admin.post(f"{home}/pause", follow_redirects=True).text
    assert ">paused<" in admin.get(f"{home}/settings").text
    assert "Paused since" not in admin.post(f"{home}/resume", follow_redirects=True).text


def test_annotators_cannot_pause(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    assert annotator.post(f"/projects/{project.id}/pause").status_code == 403


def test_the_home_tells_what_audit_items_say_and_when_to_stop(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    home = f"/projects/{project.id}"
    a_finished_round(web_db, project, audited=19)
    assert "By audit items" not in admin.get(home).text
    sentence = "Go on: the next 100 labels should bring 1.2 points of accuracy (95 % interval 0.1 to 2.5)."
    a_finished_round(
        web_db, project, audited=60, report={"stopping": {"code": "go on", "sentence": sentence}}
    )
    page = admin.get(home).text
    assert "By audit items" in page and "60 audit items" in page and sentence in page


def test_the_home_offers_auto_once_labels_bring_little(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=150)
    ada = a_user(web_db)
    with write_transaction(web_db):
        for _ in range(150):
            an_annotation(web_db, project, ada)
        web_db.execute("UPDATE reviews SET part = 'validation' WHERE id % 3 = 0")
    stop = {"stopping": {"code": "stop", "sentence": "You can stop.", "to_target": None}}
    a_finished_round(web_db, project, report=stop)
    page, link = (
        admin.get(f"/projects/{project.id}").text,
        f"/projects/{project.id}/rounds/new?classifier=auto",
    )
    assert f'href="{link}"' in page
    assert 'value="auto" checked' in admin.get(link).text
    a_finished_round(web_db, project, classifier="auto", report=stop)
    assert link not in admin.get(f"/projects/{project.id}").text


def test_a_link_with_no_such_classifier_shows_the_usual_one(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    page = admin.get(f"/projects/{project.id}/rounds/new?classifier=oracle").text
    assert 'value="head" checked' in page and "oracle" not in page.partition("<footer")[0]
