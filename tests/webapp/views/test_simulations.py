"""The Simulation page: asked for within limits, followed, and what it found beside the project's own curve."""

from pathlib import Path

import pytest
import tiny_encoder
from builders import NOON, a_finished_round, a_lease, a_project, a_user
from simulated import a_simulation
from sqlite_utils import Database
from visitor import Browser

from learner import encoders
from webapp.instance import SUBFOLDERS, Instance
from webapp.store import annotations, jobs
from webapp.store.annotations import Answer
from webapp.store.connection import utc_now
from webapp.store.projects import Project
from webapp.worker.loop import run_next

FORM = {"strategy_margin-diverse": "1", "classifier": "head", "seeds": "2", "batch": "20", "budget": "40"}
OPINIONS = ("it was great and I love it", "it was fine, so so", "it was awful and I hate it")


@pytest.fixture
def project(web_db: Database, web_instance: Instance, tmp_path: Path) -> Project:
    """120 labelled reviews, and an encoder to read them."""
    for name in SUBFOLDERS:
        (web_instance.folder / name).mkdir(exist_ok=True)
    encoders.add(web_instance.encoders, str(tiny_encoder.build(tmp_path / "tiny")))
    texts = [f"{OPINIONS[number % 3]} {number}" for number in range(120)]
    made = a_project(web_db, texts=texts, learner={"encoder": "tiny"})
    ada = a_user(web_db, "cyd")
    for _ in texts:
        lease = a_lease(web_db, made, ada, NOON)
        position = next(place for place, words in enumerate(OPINIONS) if lease.text.startswith(words))
        answer = Answer("label", made.labels[position].id)
        annotations.record(web_db, lease.token, ada.id, answer, NOON)
    return made


def job_of(db: Database, project: Project) -> jobs.Job:
    found = jobs.of_project(db, project.id, "simulate")
    return found[0]


@pytest.mark.slow
def test_from_the_form_to_the_curve(
    admin: Browser, web_db: Database, web_instance: Instance, project: Project
) -> None:
    here = f"/projects/{project.id}/simulations"
    assert here in admin.get(f"/projects/{project.id}").text
    assert admin.post(here, FORM).status_code == 303
    assert "Cancel" in admin.get(here).text and "Cancel" in admin.get(here, htmx=True).text
    assert "Simulation on the labels there are" in admin.get(f"/projects/{project.id}").text
    while job_of(web_db, project).is_open:
        assert run_next(web_db, web_instance.folder, utc_now())
    assert job_of(web_db, project).state == "done", job_of(web_db, project).error
    assert "Show what it found" in admin.get(here, htmx=True).text
    page = admin.get(here).text
    assert ">margin-diverse</th>" in page and page.count('class="chart-wide"') == 2
    assert "a fifth of the labelled reviews (24)" in page
    curve = admin.get(f"{here}/curves.csv")
    assert curve.mimetype == "text/csv" and curve.text.count("\n") == 1 + 2 * 2 * 2


def test_what_it_found_stands_beside_the_real_rounds(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    a_simulation(web_db, project, NOON)
    here = f"/projects/{project.id}/simulations"
    assert "rounds of this project" not in admin.get(f"{here}/accuracy.svg").text
    a_finished_round(web_db, project)
    assert "rounds of this project 80%" in admin.get(f"{here}/accuracy.svg").text
    assert "rounds of this project 80%" in admin.get(here).text
    for name, kind in (("simulation.json", "application/json"), ("figures.csv", "text/csv")):
        answer = admin.get(f"{here}/{name}")
        assert answer.mimetype == kind and "attachment" in answer.headers["Content-Disposition"]
    assert "simulation.download" in admin.get("/audit").text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strategy_margin-diverse": None}, "Choose one to 3 strategies."),
        (
            {"strategy_margin": "1", "strategy_entropy": "1", "strategy_kmeans": "1"},
            "Choose one to 3 strategies.",
        ),
        ({"seeds": "99"}, "Must be a whole number from 1 to 10."),
        ({"batch": "400", "budget": "300"}, "That is more than all labels together."),
        ({"seeds": "10", "batch": "5", "budget": "300"}, "That makes 1200 rounds, and at most 600 of head"),
        ({"classifier": "finetune", "budget": "400"}, "That makes 80 rounds, and at most 20 of finetune"),
        ({"classifier": "magic"}, "Choose one of the list."),
        ({"classifier": "auto"}, "Choose one of the list."),
    ],
)
def test_what_would_take_too_long_is_refused(
    admin: Browser, web_db: Database, project: Project, change: dict[str, str | None], words: str
) -> None:
    form = {name: value for name, value in (FORM | change).items() if value is not None}
    answer = admin.post(f"/projects/{project.id}/simulations", form)
    assert answer.status_code == 422 and words in answer.text
    assert jobs.of_project(web_db, project.id, "simulate") == []


def test_too_few_labels_are_said_before_anything_is_asked(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    here = f"/projects/{project.id}/simulations"
    assert "a simulation needs 100" in admin.get(here).text
    assert admin.post(here, FORM).status_code == 422
    assert admin.get(f"{here}/curves.csv").status_code == 404


def test_a_simulation_can_be_cancelled(admin: Browser, web_db: Database, project: Project) -> None:
    here = f"/projects/{project.id}/simulations"
    admin.post(here, FORM)
    assert admin.post(f"{here}/{job_of(web_db, project).id}/cancel").status_code == 303
    assert job_of(web_db, project).state == "cancelled"
    other = a_project(web_db, "Kettles")
    assert (
        admin.post(f"/projects/{other.id}/simulations/{job_of(web_db, project).id}/cancel").status_code == 404
    )


def test_annotators_cannot_see_it(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    assert annotator.get(f"/projects/{project.id}/simulations").status_code == 403
    assert annotator.post(f"/projects/{project.id}/simulations", FORM).status_code == 403
