"""Token x route x owner, over every route under /api/: a new route without a line here fails."""

from collections.abc import Callable

import pytest
from builders import Clock, a_finished_round, a_lease, a_project, an_annotation
from flask import Flask
from programs import Program
from sqlite_utils import Database

from webapp.store import rounds

PREFIX = "/api/v1"
# The tokens, each with its person's role.
HOLDERS = {
    "annotate": "annotator", "predict": "annotator", "read": "annotator",
    "annotate of an admin": "admin", "predict of an admin": "admin", "read of an admin": "admin", "admin": "admin",
}  # fmt: skip
ANY = set(HOLDERS)
LABELS = {"annotate", "annotate of an admin", "admin"}
ASKS = {"predict", "predict of an admin", "admin"}
READS = {"read of an admin", "admin"}
RULES = {"admin"}
# Who may, for every route; "own": on what is their own alone.
MATRIX = {
    ("GET", "/projects"): ANY,
    ("POST", "/projects"): RULES,
    ("GET", "/projects/<row:project_id>"): ANY,
    ("POST", "/projects/<row:project_id>/reviews"): RULES,
    ("POST", "/projects/<row:project_id>/leases"): LABELS,
    ("POST", "/leases/<token>/annotation"): LABELS,
    ("POST", "/leases/<token>/renew"): LABELS,
    ("DELETE", "/leases/<token>"): LABELS,
    ("POST", "/annotations/<row:annotation_id>/undo"): LABELS,
    ("GET", "/projects/<row:project_id>/rounds"): READS,
    ("POST", "/projects/<row:project_id>/rounds"): RULES,
    ("GET", "/projects/<row:project_id>/rounds/<row:number>"): READS,
    ("DELETE", "/projects/<row:project_id>/rounds/<row:number>"): RULES,
    ("GET", "/projects/<row:project_id>/labels"): READS,
    ("GET", "/projects/<row:project_id>/metrics"): READS,
    ("GET", "/projects/<row:project_id>/insights"): READS,
    ("POST", "/projects/<row:project_id>/predict"): ASKS,
}
OPEN = {("GET", "/openapi.json")}


def routes(app: Flask) -> set[tuple[str, str]]:
    return {
        (method, rule.rule.removeprefix(PREFIX))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_every_route_has_its_line_and_every_line_its_route(app: Flask) -> None:
    assert routes(app) == set(MATRIX) | OPEN


@pytest.fixture
def programs(enrol: Callable[..., Program]) -> dict[str, Program]:
    """A program for each kind of token, all with a person of their own."""
    return {kind: enrol(kind.split()[0], name=kind, role=role) for kind, role in HOLDERS.items()}


@pytest.fixture
def fill(web_db: Database, programs: dict[str, Program], clock: Clock) -> Callable[[str, str], str]:
    """fill(rule, owner): an address in which everything belongs to the holder of that token."""
    project = a_project(web_db, size=200)
    a_finished_round(web_db, project)
    rounds.start(web_db, project.id, {"classifier": "head"}, "button", None, clock())

    def address(rule: str, owner: str) -> str:
        user = programs[owner].user
        if "<token>" in rule:
            rule = rule.replace("<token>", a_lease(web_db, project, user).token)
        if "annotation_id" in rule:
            rule = rule.replace("<row:annotation_id>", str(an_annotation(web_db, project, user).id))
        return rule.replace("<row:project_id>", str(project.id)).replace("<row:number>", "2")

    return address


def test_a_token_may_what_its_scope_and_its_person_may(
    app: Flask, programs: dict[str, Program], fill: Callable[[str, str], str]
) -> None:
    for (method, rule), allowed in MATRIX.items():
        nobody = app.test_client().open(PREFIX + fill(rule, "admin"), method=method)
        assert (nobody.status_code, nobody.mimetype) == (401, "application/problem+json"), rule
        for kind, program in programs.items():
            answer = program.call(method, fill(rule, kind))
            what = (method, rule, kind, answer.data)
            if kind in allowed:
                assert answer.status_code not in (401, 403, 404, 500), what
            else:
                assert answer.status_code == 403, what
                assert "insufficient_scope" in answer.headers["WWW-Authenticate"], what


def test_nobody_acts_on_what_is_another_s_not_even_an_admin(
    programs: dict[str, Program], fill: Callable[[str, str], str], web_db: Database
) -> None:
    for method, rule in (key for key in MATRIX if "<token>" in key[1] or "annotation_id" in key[1]):
        address = fill(rule, "annotate")
        before = [list(web_db[name].rows) for name in ("leases", "annotations")]
        for kind in MATRIX[method, rule] - {"annotate"}:
            body = {"label": "neutral"} if "annotation" in rule else None
            answer = programs[kind].call(method, address, json=body)
            assert answer.status_code in (403, 404), (method, rule, kind)
        assert [list(web_db[name].rows) for name in ("leases", "annotations")] == before, rule


def test_what_is_not_there_is_404(ruler: Program, web_db: Database) -> None:
    project, other = a_project(web_db), a_project(web_db, "Other")
    a_finished_round(web_db, other)
    for method, rule in (key for key in MATRIX if "project_id" in key[1]):
        here = rule.replace("<row:number>", "1")
        texts = {"json": {"texts": ["good"]}} if "predict" in rule else {}
        if "number" in rule:  # the round is another project's
            assert ruler.call(method, here.replace("<row:project_id>", str(project.id))).status_code == 404
        for number in (99, 2**63 - 1, 2**63, 10**40):
            answer = ruler.call(method, here.replace("<row:project_id>", str(number)), **texts)
            assert (answer.status_code, answer.mimetype) == (404, "application/problem+json"), (method, rule)
