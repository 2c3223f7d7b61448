"""The predictor: one process that keeps the serving models in memory and answers the web processes.

A web process never loads a model, and a round in the worker never keeps anybody waiting for an answer. One question a
connection, one line each way, JSON and never pickle. Each answer is one version's: it is looked up once, at the start.
"""

import json
import logging
import os
import socket
import socketserver
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learner.errors import Cancelled, LearnerError
from webapp.instance import Instance
from webapp.serving import predictor_socket
from webapp.serving.predictor_socket import LONGEST_LINE, MOST_AT_ONCE
from webapp.store import model_versions
from webapp.store.connection import open_database
from webapp.store.errors import StoreError

if TYPE_CHECKING:
    from learner.classifiers.interface import TextModel

log = logging.getLogger(__name__)
# Models in memory: a few projects take turns; each may bring an encoder of half a gigabyte.
MODELS_KEPT = 2
# Between two chunks it is seen whether time is up.
CHUNK = 16


class PredictorRuns(StoreError):
    """Another predictor has this instance."""


@dataclass(frozen=True)
class Loaded:
    """A version's model, and its labels in the order of the model's scores."""

    version: int
    labels: list[str]
    model: "TextModel"


class Predictor:
    """The models of an instance, loaded when they are first asked for."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._models: OrderedDict[int, Loaded] = OrderedDict()
        # One at a time: two would only share the same cores.
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(MOST_AT_ONCE)

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """What is to be sent back; an error has a name for the program and words for people."""
        if not self._places.acquire(blocking=False):
            return {
                "error": "busy",
                "message": f"{MOST_AT_ONCE} requests are under way. Try again in a moment.",
            }
        try:
            deadline = time.monotonic() + float(question["seconds"])
            with self._my_turn(deadline):
                return self._predict(int(question["project"]), list(question["texts"]), deadline)
        except Cancelled:
            return {"error": "slow", "message": "This took too long. Send fewer texts, or try again later."}
        except (LearnerError, StoreError) as error:
            log.error("%s", error)
            return {"error": "unusable", "message": "The model cannot be used; the predictor's log says why."}
        finally:
            self._places.release()

    @contextmanager
    def _my_turn(self, deadline: float) -> Iterator[None]:
        if not self._turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise Cancelled("Others took all the time.")
        try:
            yield
        finally:
            self._turn.release()

    def _predict(self, project_id: int, texts: list[str], deadline: float) -> dict[str, Any]:
        loaded = self._serving(project_id)
        if loaded is None:
            return {"error": "no_model", "message": "No model version serves yet. Start a round first."}
        predictions = []
        for start in range(0, len(texts), CHUNK):
            if time.monotonic() > deadline:
                raise Cancelled("Time is up.")
            rows = loaded.model.predict_proba(texts[start : start + CHUNK]).tolist()
            predictions += [_prediction(loaded.labels, scores) for scores in rows]
        return {"model_version": loaded.version, "predictions": predictions}

    def _serving(self, project_id: int) -> Loaded | None:
        """The version that serves at this moment; another one than before is loaded first."""
        with closing(open_database(self._instance.database)) as db:
            version = model_versions.serving(db, project_id)
            if version is None:
                return None
            labels = [label.name for label in model_versions.labels_of(db, version)]
        if version.id in self._models:
            self._models.move_to_end(version.id)
            return Loaded(version.number, labels, self._models[version.id].model)
        from learner import checkpoint  # loads torch

        folder = self._instance.checkpoints / version.checkpoint
        # Texts of strangers are not kept. The engine is that of the rounds: quick, and of one mind with the pages.
        model = checkpoint.load(folder, self._instance.encoders, None, version.manifest_sha256, exact=False)
        log.info("version %s of project %s is loaded", version.number, project_id)
        self._models[version.id] = Loaded(version.number, labels, model)
        while len(self._models) > MODELS_KEPT:
            self._models.popitem(last=False)
        return self._models[version.id]


class PredictorServer(socketserver.ThreadingUnixStreamServer):
    """The socket, open to this account alone."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, instance: Instance) -> None:
        """PredictorRuns when another one listens; the socket of one that died is taken over."""
        self.predictor = Predictor(instance)
        self._instance = instance
        with predictor_socket.address(instance) as path:
            _remove_dead(path)
            before = os.umask(0o177)
            try:
                super().__init__(path, _Question)
            finally:
                os.umask(before)

    def server_close(self) -> None:
        """Leave no socket behind."""
        super().server_close()
        (self._instance.folder / predictor_socket.NAME).unlink(missing_ok=True)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whatever went wrong with one question: it is in the log, and the next is answered."""
        log.exception("a question could not be answered")


class _Question(socketserver.StreamRequestHandler):
    """One line in, one line out."""

    server: PredictorServer

    def handle(self) -> None:
        self.connection.settimeout(predictor_socket.SECONDS)
        question = json.loads(self.rfile.readline(LONGEST_LINE))
        self.wfile.write(json.dumps(self.server.predictor.answer(question)).encode() + b"\n")


def _prediction(labels: list[str], scores: list[float]) -> dict[str, Any]:
    rounded = {label: round(score, 4) for label, score in zip(labels, scores, strict=True)}
    return {"label": labels[scores.index(max(scores))], "scores": rounded}


def _remove_dead(path: str) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        try:
            probe.connect(path)
        except FileNotFoundError:
            return
        except OSError:  # nobody listens
            os.unlink(path)
            return
    raise PredictorRuns("A predictor runs for this instance already.")
