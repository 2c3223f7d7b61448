"""The OpenAPI document: open to anybody, since it says what the source says and nothing of this instance."""

from importlib.metadata import version
from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue

from webapp.access.auth import public
from webapp.api.replay import HEADER
from webapp.api.reviews import FORMATS as BODIES
from webapp.api.schemas import DAY, SCHEMAS, ref
from webapp.forms.import_form import ROLES_OF_COLUMNS
from webapp.labels_export import FORMATS
from webapp.store.insights import COLUMNS as COLUMNS_OF_GROUPS

blueprint = Blueprint("api_openapi", __name__)

PROJECT, ONE_ROUND = "/api/v1/projects/{project_id}", "/api/v1/projects/{project_id}/rounds/{number}"
LEASE = "/api/v1/leases/{token}"
# Errors that any request may meet.
COMMON = ("400", "401", "403", "429", "500", "503", "507")
IN_PATH = {"token": {"type": "string"}}
ROW = {"type": "integer", "minimum": 0}
ANY_TEXT = {"type": "string", "format": "binary"}


@blueprint.get("/openapi.json")
@public
def show() -> ResponseReturnValue:
    """What there is, for programs that write programs."""
    return document()


def document() -> dict[str, Any]:
    """The whole of it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Winnow",
            "version": version("winnow"),
            "description": "Label reviews, train on them, and ask the model, by program. See docs/api.md.",
        },
        "paths": PATHS,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def operation(
    scopes: str,
    about: str,
    answers: dict[str, Any],
    errors: tuple[str, ...] = (),
    body: dict[str, Any] | None = None,
    optional: bool = False,
    query: dict[str, Any] | None = None,
    replays: bool = False,
) -> dict[str, Any]:
    """One method of a path. `scopes`: any of them will do, or the scope admin."""
    found: dict[str, Any] = {"summary": about, "security": [{"token": scopes.split()}], "responses": {}}
    for status, content in answers.items():
        found["responses"][status] = {"description": "Done."} | ({"content": content} if content else {})
    for status in (*COMMON, *errors):
        problem = {"application/problem+json": {"schema": ref("Problem")}}
        found["responses"][status] = {"description": "A problem document.", "content": problem}
    if body:
        found["requestBody"] = {"required": not optional, "content": body}
    parameters = [{"name": name, "in": "query", "schema": schema} for name, schema in (query or {}).items()]
    if replays:
        parameters.append({"name": HEADER, "in": "header", "schema": {"type": "string", "maxLength": 255}})
    return found | ({"parameters": parameters} if parameters else {})


def json_of(name: str) -> dict[str, Any]:
    """A JSON body of that shape."""
    return {"application/json": {"schema": ref(name)}}


def path(address: str, **methods: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """An address with its methods and what stands in braces."""
    names = [part[1:-1] for part in address.split("/") if part.startswith("{")]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": IN_PATH.get(name, ROW)} for name in names
    ]
    return address, methods | ({"parameters": parameters} if parameters else {})


COLUMNS = {role: {"type": "string"} for role in (*ROLES_OF_COLUMNS, "encoding", "format", "mask")}
COLUMNS["keep_original"] = {"type": "boolean"}
TABLE = {"text/csv": {"schema": ANY_TEXT}, "application/x-ndjson": {"schema": ANY_TEXT}}
TABLE["application/vnd.apache.parquet"] = {"schema": ANY_TEXT}
EVERYBODY = "read annotate predict"
PATHS = dict(
    (
        path("/api/v1/openapi.json", get={
            "summary": "This document.", "security": [],
            "responses": {"200": {"description": "Done.", "content": {"application/json": {"schema": {}}}}}}),
        path("/api/v1/projects",
             get=operation(EVERYBODY, "All projects.", {"200": json_of("Projects")}),
             post=operation("admin", "A new project.", {"201": json_of("Project")}, ("413", "415", "422"),
                            json_of("NewProject"), replays=True)),
        path(PROJECT, get=operation(EVERYBODY, "One project.", {"200": json_of("Project")}, ("404",))),
        path(f"{PROJECT}/reviews",
             post=operation("admin", "Import a CSV or JSON lines body; the query names columns by role.",
                            {"200": json_of("Imported")}, ("404", "409", "413", "415", "422"),
                            {kind: {"schema": ANY_TEXT} for kind in BODIES}, query=COLUMNS, replays=True)),
        path(f"{PROJECT}/leases",
             post=operation("annotate", "The next review to label; 204 and Winnow-Reason when there is none.",
                            {"201": json_of("Lease"), "204": None}, ("404",))),
        path(f"{LEASE}/annotation",
             post=operation("annotate", "Answer; 200 with the same body when it is sent again.",
                            {"201": json_of("Annotation"), "200": json_of("Annotation")},
                            ("409", "413", "415", "422"), json_of("Answer"))),
        path(f"{LEASE}/renew",
             post=operation("annotate", "Keep a lease for another term.", {"200": json_of("Renewed")}, ("409",))),
        path(LEASE, delete=operation("annotate", "Give the review back.", {"204": None}, ("409",))),
        path("/api/v1/annotations/{annotation_id}/undo",
             post=operation("annotate", "Withdraw one's own answer.", {"200": json_of("Withdrawn")}, ("404", "409"))),
        path(f"{PROJECT}/rounds",
             get=operation("read", "All rounds, newest first. Of an admin.", {"200": json_of("Rounds")}, ("404",)),
             post=operation("admin", "Start a round; settings that are not sent are the project's.",
                            {"201": json_of("Round")}, ("404", "409", "413", "415", "422"),
                            json_of("RoundSettings"), optional=True, replays=True)),
        path(ONE_ROUND,
             get=operation("read", "One round. Of an admin.", {"200": json_of("Round")}, ("404",)),
             delete=operation("admin", "Cancel a round.", {"200": json_of("Round")}, ("404",))),
        path(f"{PROJECT}/labels",
             get=operation("read", "Every current label; with consensus one a review. Of an admin.", {"200": TABLE},
                           ("404", "422"), query={"format": {"enum": list(FORMATS)}, "consensus": {"type": "string"},
                                                  "spreadsheet": {"type": "string"}})),
        path(f"{PROJECT}/metrics",
             get=operation("read", "The scores of the version that serves. Of an admin.",
                           {"200": json_of("Metrics")}, ("404",))),
        path(f"{PROJECT}/insights",
             get=operation("read", "What the reviews say, by product or category and over time. Of an admin.",
                           {"200": json_of("Insights")}, ("404", "422"),
                           query={"label": {"type": "string"}, "by": {"enum": list(COLUMNS_OF_GROUPS)},
                                  "group": {"type": "string"}, "since": DAY, "until": DAY})),
        path(f"{PROJECT}/predict",
             post=operation("predict", "A label and scores for each text, by one model version.",
                            {"200": json_of("Predictions")}, ("404", "409", "413", "415", "422"), json_of("Texts"))),
    )
)  # fmt: skip
