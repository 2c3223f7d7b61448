"""Rounds: start with settings, follow, cancel, look at the results, decide which version serves."""

import pytest
from builders import NOON, a_finished_round, a_project, a_user, an_annotation
from conftest import Clock
from flask import Flask
from sqlite_utils import Database
from visitor import Browser

from learner import gate
from learner.report import Candidate, Choice, RoundReport, Search
from learner.settings import RoundSettings
from webapp.forms import round_form
from webapp.instance import Instance
from webapp.store import annotations, audit, model_versions, projects, rounds, work


@pytest.fixture
def encoder(web_instance: Instance) -> str:
    """An encoder by name only: enough for forms, which never load it."""
    folder = web_instance.encoders / "e5-small"
    folder.mkdir(parents=True)
    (folder / "winnow-encoder.json").write_text('{"name": "e5-small", "sha256": "ab", "settings": {}}')
    return "e5-small"


@pytest.mark.parametrize("address", ["", "/new", "/1"])
def test_annotators_cannot_reach_rounds(annotator: Browser, web_db: Database, address: str) -> None:
    project = a_project(web_db)
    assert annotator.get(f"/projects/{project.id}/rounds{address}").status_code == 403


def test_an_annotator_cannot_start_a_round(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    assert annotator.post(f"/projects/{project.id}/rounds").status_code == 403
    assert rounds.of_project(web_db, project.id) == []


def test_without_labels_the_list_leads_to_labelling(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    assert f'href="/projects/{project.id}/annotate"' in admin.get(f"/projects/{project.id}/rounds").text


def test_a_round_starts_with_the_settings_typed(
    admin: Browser, web_db: Database, encoder: str, app: Flask
) -> None:
    project = a_project(web_db)
    with app.test_request_context():
        typed = round_form.filled(RoundSettings(encoder=encoder, strategy="entropy", query_size=7)).typed
    answer = admin.post(f"/projects/{project.id}/rounds", typed)
    assert answer.headers["Location"] == f"/projects/{project.id}/rounds/1"
    started = rounds.numbered(web_db, 1, project.id)
    assert started.cause == "button"
    assert RoundSettings.from_dict(started.settings).strategy == "entropy"
    assert RoundSettings.from_dict(started.settings).query_size == 7


def test_one_click_starts_a_round_with_the_projects_own_settings(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    projects.update_settings(web_db, project.id, learner={"strategy": "kmeans"})
    admin.post(f"/projects/{project.id}/rounds")
    assert rounds.numbered(web_db, 1, project.id).settings["strategy"] == "kmeans"


def test_an_unknown_encoder_is_said_beside_its_field(admin: Browser, web_db: Database, encoder: str) -> None:
    project = a_project(web_db)
    typed = {
        "classifier": "head",
        "strategy": "margin",
        "encoder": "elsewhere",
        "query_size": "10",
        "audit_share": "15",
    }
    answer = admin.post(f"/projects/{project.id}/rounds", typed)
    assert answer.status_code == 422 and 'id="encoder-error"' in answer.text
    assert rounds.of_project(web_db, project.id) == []


def test_a_second_round_waits_for_the_first(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    for _ in range(2):
        answer = admin.post(f"/projects/{project.id}/rounds")
    assert answer.headers["Location"] == f"/projects/{project.id}/rounds"
    assert "A round is open already" in admin.get(f"/projects/{project.id}/rounds").text
    assert len(rounds.of_project(web_db, project.id)) == 1


def test_an_open_round_asks_again_and_a_finished_one_does_not(
    admin: Browser, web_db: Database, clock: Clock
) -> None:
    project = a_project(web_db)
    rounds.start(web_db, project.id, {}, "button", None, clock())
    claim = work.claim_next(web_db, "rounds", clock())
    assert claim is not None
    work.report(web_db, claim, "score", 0.25, 90, clock())
    for address in (f"/projects/{project.id}/rounds", f"/projects/{project.id}/rounds/1"):
        fragment = admin.get(address, htmx=True).text
        assert "Scoring the pool" in fragment and "every 2s" in fragment and "<html" not in fragment
    work.finish(web_db, claim, "failed", clock(), "The loss is not a number.")
    fragment = admin.get(f"/projects/{project.id}/rounds/1", htmx=True).text
    assert "every 2s" not in fragment and "The loss is not a number." in fragment


def test_cancel_asks_the_worker_to_stop(admin: Browser, web_db: Database, clock: Clock) -> None:
    project = a_project(web_db)
    rounds.start(web_db, project.id, {}, "button", None, clock())
    work.claim_next(web_db, "rounds", clock())
    admin.post(f"/projects/{project.id}/rounds/1/cancel")
    assert rounds.numbered(web_db, 1, project.id).cancel_requested
    page = admin.get(f"/projects/{project.id}/rounds/1").text
    assert "stopping" in page and "/cancel" not in page


def test_results_show_scores_verdict_timings_and_lead_to_the_reviews(
    admin: Browser, web_db: Database
) -> None:
    project = a_project(web_db)
    version = a_finished_round(web_db, project)
    page = admin.get(f"/projects/{project.id}/rounds/1").text
    assert "Because of the validation part." in page and "80.0%" in page and "1.5 s" in page
    first, second = project.labels[:2]
    query = f"part=holdout&amp;label={first.id}&amp;predicted={second.id}&amp;version={version.id}"
    assert f"/projects/{project.id}/reviews?{query}" in page
    chinese = admin.get(f"/projects/{project.id}/rounds/1?lang=zh").text
    assert "1.5 秒" in chinese and "正在" not in chinese  # what took its time is over


def test_a_round_on_few_holdout_labels_shows_no_scores(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    a_finished_round(web_db, project, holdout=12)
    page = admin.get(f"/projects/{project.id}/rounds/1").text
    assert "oo few holdout labels to measure (n = 12)" in page and "80.0%" not in page
    assert "n = 12" in admin.get(f"/projects/{project.id}/rounds").text


def test_rolling_back_takes_a_reason_which_is_logged(
    admin: Browser, web_db: Database, web_instance: Instance
) -> None:
    project = a_project(web_db)
    first = a_finished_round(web_db, project)
    a_finished_round(web_db, project)
    (web_instance.checkpoints / first.checkpoint).mkdir(parents=True)
    address = f"/projects/{project.id}/rounds/1"
    assert "Roll back to this version" in admin.get(address).text
    assert admin.post(f"{address}/serve", {"reason": " "}).status_code == 422
    admin.post(f"{address}/serve", {"reason": "the new one misreads irony"})
    serving = model_versions.serving(web_db, project.id)
    assert serving is not None and serving.id == first.id
    assert "When it was new:" not in admin.get(address).text
    assert "When it was new:" in admin.get(f"/projects/{project.id}/rounds/2").text
    entry = audit.latest(web_db, 1)[0]
    assert (entry.action, entry.user, entry.detail) == (
        "model.promote", "root", {"reason": "the new one misreads irony"},
    )  # fmt: skip


def test_a_version_whose_files_are_gone_cannot_serve(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    a_finished_round(web_db, project)
    second = a_finished_round(web_db, project)
    answer = admin.post(f"/projects/{project.id}/rounds/1/serve", {"reason": "why not"})
    assert answer.status_code == 422 and "gone from the checkpoints folder" in answer.text
    serving = model_versions.serving(web_db, project.id)
    assert serving is not None and serving.id == second.id


def test_a_round_of_another_project_is_not_found(admin: Browser, web_db: Database) -> None:
    a_finished_round(web_db, a_project(web_db, "Phones"))
    other = a_project(web_db, "Books")
    assert admin.get(f"/projects/{other.id}/rounds/1").status_code == 404


def test_labels_withdrawn_since_are_told_with_the_version(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    ada = a_user(web_db, "ada")
    given = an_annotation(web_db, project, ada)
    a_finished_round(web_db, project)
    assert "withdrawn" not in admin.get(f"/projects/{project.id}/rounds/1").text
    annotations.undo(web_db, given.id, ada.id, NOON)
    assert "1 of its labels was withdrawn" in admin.get(f"/projects/{project.id}/rounds/1").text
    assert "1 withdrawn since" in admin.get(f"/projects/{project.id}/rounds").text


def test_a_failed_round_says_why_in_chinese_and_keeps_it_in_english(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    rounds.start(web_db, project.id, {"classifier": "head"}, "button", None, NOON)
    claim = work.claim_next(web_db, "rounds", NOON)
    assert claim is not None
    work.finish(web_db, claim, "failed", NOON, gate.too_few(7).reason)
    page = admin.get(f"/projects/{project.id}/rounds/1?lang=zh").text
    assert "验证集有 7 条标注，比较版本需要 20 条。" in page
    assert rounds.numbered(web_db, 1, project.id).error == gate.too_few(7).reason


def test_a_round_says_which_classifier_it_took_and_why(admin: Browser, web_db: Database) -> None:
    candidates = (Candidate("head", 0.4, macro_f1=0.81), Candidate("finetune", 95.0, 90.0, 6, 0.86))
    choice = Choice("finetune", "Tuning was taken: it is better.", 600.0, candidates)
    search = Search("The best of 9 others were taken.", 9, 2, 12.0, 0.86, 0.9, {"finetune.epochs": 4})
    report = RoundReport("finetune", choice, search).to_dict()
    project = a_project(web_db)
    a_finished_round(web_db, project, classifier="finetune", report=report)
    page = admin.get(f"/projects/{project.id}/rounds/1").text
    assert "Tuning was taken: it is better." in page and "86.0% macro-F1 on the validation part" in page
    assert "6 epochs at most" in page and "finetune.epochs" in page and "2 trials did not end" in page
    assert "1.5 s" in page and "100%" in page and "In all" in page


def with_stars(db: Database) -> None:
    db.execute("UPDATE reviews SET rating = 1 + 4 * (id % 2)")
    db.conn.commit()


def test_before_the_first_label_a_round_can_start_from_the_stars(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=6)
    pages = f"/projects/{project.id}", f"/projects/{project.id}/rounds/new"
    assert not any("Start from the stars" in admin.get(page).text for page in pages)
    with_stars(web_db)
    assert all("Start from the stars" in admin.get(page).text for page in pages)
    an_annotation(web_db, project, a_user(web_db, "cleo"))
    assert not any("Start from the stars" in admin.get(page).text for page in pages)


@pytest.mark.parametrize(("labels", "learner"), [(["good", "bad"], {}), (None, {"stars": False})])
def test_stars_are_not_offered_where_they_say_nothing_or_are_off(
    admin: Browser, web_db: Database, labels: list[str] | None, learner: dict[str, bool]
) -> None:
    project = a_project(web_db, size=6, labels=labels, learner=learner)
    with_stars(web_db)
    assert "Start from the stars" not in admin.get(f"/projects/{project.id}/rounds/new").text


def test_star_ratings_are_told_apart_from_labels(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    version = a_finished_round(web_db, project, labels=50)
    page = f"/projects/{project.id}/rounds/1"
    assert "star rating" not in admin.get(page).text.split("Settings</h2>")[0]
    web_db["model_versions"].update(version.id, {"weak_labels": 321})
    text = admin.get(page).text
    assert "Trained on 50 labels" in text and "321 star ratings counted as weak labels" in text


def test_a_round_shows_what_audit_items_say_beside_the_holdout(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    a_finished_round(
        web_db, project, accuracy=0.8, audited=60, report={"stopping": {"sentence": "You can stop."}}
    )
    page = admin.get(f"/projects/{project.id}/rounds/1").text
    assert "By audit items" in page and "75.0%" in page and "How common each label is in the pool" in page
    assert "When to stop" in page and "You can stop." in page
    a_finished_round(web_db, project, audited=7)
    assert "Too few audit items to measure (n = 7)" in admin.get(f"/projects/{project.id}/rounds/2").text
    a_finished_round(web_db, project, classifier="finetune")
    assert "Not measured: a classifier that tunes" in admin.get(f"/projects/{project.id}/rounds/3").text
