"""The serving model's labels for any texts, asked of the predictor process."""

from flask import Blueprint, Response, current_app
from flask.typing import ResponseReturnValue

from webapp.api import bodies
from webapp.api.access import scope
from webapp.api.problems import Busy, answer
from webapp.db import get_db
from webapp.importing.reviews import MAX_TEXT
from webapp.serving import predictor_socket
from webapp.serving.predictor_socket import PredictorAway
from webapp.store import projects

blueprint = Blueprint("api_predict", __name__)

# At most some seconds of a small machine; a file of any size goes through `winnow predict`.
MOST_TEXTS = 200
RETRY_SECONDS = 2
STATUS = {"no_model": 409, "slow": 503, "unusable": 503}


@blueprint.post("/projects/<row:project_id>/predict")
@scope("predict")
def predict(project_id: int) -> ResponseReturnValue:
    """A label and its scores for each text, all by one model version. Long texts are read as far as the model reads."""
    projects.get(get_db(), project_id)
    sent = bodies.fields("texts")
    texts = sent.texts("texts", MOST_TEXTS, MAX_TEXT)
    sent.checked()
    try:
        said = predictor_socket.ask(current_app.config["INSTANCE"], project_id, texts)
    except PredictorAway as error:
        return _later(503, str(error))
    if "error" not in said:
        return said
    if said["error"] == "busy":
        raise Busy(said["message"], retry_after=RETRY_SECONDS)
    status = STATUS[said["error"]]
    return _later(status, said["message"]) if status == 503 else answer(status, said["message"])


def _later(status: int, detail: str) -> Response:
    response = answer(status, detail)
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response
