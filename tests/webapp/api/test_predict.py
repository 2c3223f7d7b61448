"""The model's answers over HTTP: from a process of its own, one version an answer, in bounded time, never a 500."""

import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_encoder
from builders import a_finished_round, a_project
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import Program
from sqlite_utils import Database
from werkzeug.test import TestResponse

from learner import checkpoint, encoders
from learner.classifiers.head import HeadModel
from learner.encoders import Encoder
from learner.encoding import encode_texts
from learner.settings import RoundSettings
from webapp.api.predict import MOST_TEXTS
from webapp.importing.reviews import MAX_TEXT
from webapp.instance import Instance
from webapp.serving import predictor_socket
from webapp.serving.predictor import PredictorRuns, PredictorServer
from webapp.serving.predictor_socket import MOST_AT_ONCE
from webapp.store import model_versions, tokens
from webapp.store.connection import utc_now
from webapp.store.projects import Project

LABELS = ["negative", "neutral", "positive"]
HEAVY = ("torch", "transformers", "small_text", "sklearn", "onnxruntime", "scipy")
ROOT = Path(__file__).parents[3]
Enrol = Callable[..., Program]


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tiny_encoder.build(tmp_path_factory.mktemp("source") / "tiny")
    return encoders.add(tmp_path_factory.mktemp("encoders"), str(folder))


@pytest.fixture
def project(web_db: Database, web_instance: Instance, encoder: Encoder) -> Project:
    """Two versions: the first says negative to everything, the second, which serves, positive."""
    shutil.copytree(encoder.folder, web_instance.encoders / encoder.name)
    project = a_project(web_db)
    for place in (0, 2):
        version = a_finished_round(web_db, project)
        intercept = np.eye(3, dtype=np.float32)[place] * 9
        model = HeadModel(
            LABELS,
            lambda texts, progress=None: encode_texts(encoder, texts),
            np.zeros((3, encoder.dimensions), np.float32),
            intercept,
        )
        folder = web_instance.checkpoints / version.checkpoint
        sha256 = checkpoint.save(folder, checkpoint.facts(RoundSettings(), LABELS, encoder), model)
        web_db.execute("UPDATE model_versions SET manifest_sha256 = ? WHERE id = ?", [sha256, version.id])
    return project


@pytest.fixture
def server(web_instance: Instance, project: Project) -> Iterator[PredictorServer]:
    with PredictorServer(web_instance) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def program(app: Flask, enrol: Enrol) -> Program:
    app.config["API_REQUESTS_PER_MINUTE"] = 1_000_000
    return enrol("predict")


@pytest.mark.usefixtures("server")
def test_each_text_gets_a_label_and_its_scores(program: Program) -> None:
    answer = program.post("/projects/1/predict", {"texts": ["good phone", "坏了"]})
    assert answer.status_code == 200
    found = answer.get_json()
    assert found["model_version"] == 2
    assert [each["label"] for each in found["predictions"]] == ["positive", "positive"]
    for each in found["predictions"]:
        assert each["scores"].keys() == set(LABELS)
        assert sum(each["scores"].values()) == pytest.approx(1, abs=0.001)


@pytest.mark.usefixtures("server")
def test_every_answer_is_one_version_s_while_versions_are_swapped(
    app: Flask, program: Program, web_db: Database, project: Project
) -> None:
    first, second = sorted(version.id for version in model_versions.of_project(web_db, project.id))
    swapped, answered = threading.Event(), threading.Semaphore(0)
    said = {1: "negative", 2: "positive"}

    def ask(_: int) -> list[int]:
        one, seen = Program(app.test_client(), program.user, program.token, program.secret), []
        while not swapped.is_set():
            answer = one.post("/projects/1/predict", {"texts": ["one", "two", "three"] * 12})
            assert answer.status_code == 200, answer.data
            found = answer.get_json()
            assert {each["label"] for each in found["predictions"]} == {said[found["model_version"]]}
            seen.append(found["model_version"])
            answered.release()
        return seen

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask, number) for number in range(3)]
        try:
            for turn in range(50):
                model_versions.promote(web_db, (first, second)[turn % 2], "Because.", None)
                assert answered.acquire(timeout=60)  # by one; others are asking while it is swapped again
        finally:
            swapped.set()
        seen = [version for each in asking for version in each.result()]
    assert set(seen) == {1, 2}


TEXTS = st.text(st.characters(), max_size=60) | st.sampled_from(
    [
        "",
        " ",
        "\0",
        "\ud800",
        "\u202eabc",
        "\u200f",
        "👩‍👩‍👧",
        "\ufeff",
        "ﷺ" * 400,
        "a\u0301" * 300,
    ]
)


@pytest.mark.usefixtures("server")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_whatever_the_text_there_is_an_answer_or_a_reason(program: Program, texts: list[str]) -> None:
    answer = program.post("/projects/1/predict", {"texts": texts})
    unfit = [text for text in texts if not text.strip() or "\0" in text or not _is_unicode(text)]
    assert answer.status_code == (422 if unfit else 200), (texts, answer.data)
    if not unfit:
        assert len(answer.get_json()["predictions"]) == len(texts)
    else:
        assert len(answer.get_json()["errors"]) == len(unfit)


def _is_unicode(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


@pytest.mark.usefixtures("server")
def test_too_much_is_refused_at_once(program: Program) -> None:
    sent = {
        "many": ["good"] * (MOST_TEXTS + 1), "ten thousand": ["good"] * 10_000, "long": ["x" * (MAX_TEXT + 1)],
        "a megabyte": ["x" * 1_000_000], "none": [], "no list": "good", "no text": [1], "nothing": [None],
    }  # fmt: skip
    codes = {
        name: program.post("/projects/1/predict", {"texts": texts}).status_code
        for name, texts in sent.items()
    }
    assert codes == {**dict.fromkeys(sent, 422), "a megabyte": 413}
    most = program.post("/projects/1/predict", {"texts": ["good"] * MOST_TEXTS})
    assert most.status_code == 200


def test_beyond_some_at_once_the_predictor_says_so(server: PredictorServer) -> None:
    question = {"project": 1, "texts": ["good"], "seconds": 30}
    with ThreadPoolExecutor(12) as pool:
        with server.predictor._turn:  # as a long text would hold it
            asked = [pool.submit(server.predictor.answer, question) for _ in range(12)]
            refused = [next_done(asked, seen) for seen in range(12 - MOST_AT_ONCE)]
        answered = [each.result().get("error", "fine") for each in asked]
    assert [each["error"] for each in refused] == ["busy"] * (12 - MOST_AT_ONCE)
    assert sorted(answered) == ["busy"] * (12 - MOST_AT_ONCE) + ["fine"] * MOST_AT_ONCE


def test_a_predictor_that_hangs_leaves_threads_for_people(
    app: Flask, program: Program, web_instance: Instance, web_db: Database
) -> None:
    a_project(web_db)

    def ask(_: int) -> TestResponse:
        one = Program(app.test_client(), program.user, program.token, program.secret)
        return one.post("/projects/1/predict", {"texts": ["good"]})

    with ThreadPoolExecutor(8) as pool:
        with closing(socket.socket(socket.AF_UNIX)) as mute, predictor_socket.address(web_instance) as path:
            mute.bind(path)
            mute.listen()
            asked = [pool.submit(ask, number) for number in range(8)]
            refused = [next_done(asked, seen) for seen in range(8 - MOST_AT_ONCE)]
            assert app.test_client().get("/login").status_code == 200
        codes = sorted(each.result().status_code for each in asked)
    assert all(each.status_code == 429 and int(each.headers["Retry-After"]) > 0 for each in refused)
    assert codes == [429] * (8 - MOST_AT_ONCE) + [503] * MOST_AT_ONCE


def next_done(asked: "list[Future[Any]]", seen: int) -> Any:
    """What was answered after so many others."""
    while len(done := [each for each in asked if each.done()]) <= seen:
        wait([each for each in asked if not each.done()], timeout=10, return_when=FIRST_COMPLETED)
    return done[seen].result()


def test_an_answer_takes_its_time_and_no_longer(web_instance: Instance, server: PredictorServer) -> None:
    with server.predictor._turn:
        said = predictor_socket.ask(web_instance, 1, ["good"], seconds=0.1)
    assert said["error"] == "slow"
    assert "error" not in predictor_socket.ask(web_instance, 1, ["good"])


@pytest.mark.usefixtures("project")
def test_without_a_predictor_it_says_when_to_come_back(program: Program) -> None:
    answer = program.post("/projects/1/predict", {"texts": ["good"]})
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.usefixtures("server")
def test_without_a_model_or_with_a_damaged_one_it_says_so(
    program: Program, web_db: Database, web_instance: Instance
) -> None:
    a_project(web_db, "Untrained")
    assert program.post("/projects/2/predict", {"texts": ["good"]}).status_code == 409
    next((web_instance.checkpoints / "checkpoint-2" / "model").iterdir()).write_bytes(b"damaged")
    answer = program.post("/projects/1/predict", {"texts": ["good"]})
    assert answer.status_code == 503 and "damaged" not in answer.text


def test_the_socket_is_this_account_s_alone_and_one_predictor_has_it(
    web_instance: Instance, server: PredictorServer
) -> None:
    mode = (web_instance.folder / predictor_socket.NAME).stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    with pytest.raises(PredictorRuns):
        PredictorServer(web_instance)


def test_a_predictor_that_was_killed_is_followed_by_another(
    web_instance: Instance, web_db: Database, program: Program
) -> None:
    a_project(web_db, "Untrained")
    words = [sys.executable, "-m", "webapp.cli", "--instance", str(web_instance.folder), "predictor"]
    for end in (signal.SIGKILL, signal.SIGTERM):
        process = subprocess.Popen(words, cwd=ROOT)
        try:
            deadline = time.monotonic() + 60
            while program.post("/projects/1/predict", {"texts": ["good"]}).status_code == 503:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            process.send_signal(end)
            code = process.wait(timeout=20)
    assert code == 0
    assert not (web_instance.folder / predictor_socket.NAME).exists()


ASK = f"""
import pathlib, sys
from webapp import create_app
folder, secret = sys.argv[1:]
client = create_app(pathlib.Path(folder), {{"COOKIE_SECURE": False}}).test_client()
headers = {{"Authorization": f"Bearer {{secret}}"}}
answer = client.post("/api/v1/projects/1/predict", json={{"texts": ["good"]}}, headers=headers)
print(answer.status_code, sorted(set({HEAVY!r}) & set(sys.modules)))
"""


@pytest.mark.usefixtures("server")
def test_a_web_process_that_predicts_loads_nothing_heavy(
    web_instance: Instance, program: Program, web_db: Database
) -> None:
    _, secret = tokens.create(web_db, program.user.id, ["predict"], None, utc_now())
    words = [sys.executable, "-c", ASK, str(web_instance.folder), secret]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "200 []\n"
