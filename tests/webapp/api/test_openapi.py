"""The OpenAPI document says what there is: the addresses, the methods, the scopes, the shapes of the answers."""

import re
from typing import Any

import pytest
from builders import a_finished_round, a_project
from flask import Flask
from programs import Program
from sqlite_utils import Database
from werkzeug.test import TestResponse

from webapp.api.openapi import document

METHODS = ("get", "post", "put", "patch", "delete")
PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


def documented() -> dict[tuple[str, str], Any]:
    return {
        (method, path): operation
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def served(app: Flask) -> dict[tuple[str, str], tuple[str, ...]]:
    """Every route under /api/ with the scopes of its view."""
    return {
        (method.lower(), PLACE.sub(r"{\1}", rule.rule)): getattr(
            getattr(app.view_functions[rule.endpoint], "right", None), "scopes", ()
        )
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def test_the_document_names_every_address_method_and_scope(app: Flask) -> None:
    said = {
        key: tuple(operation["security"][0]["token"]) if operation["security"] else ()
        for key, operation in documented().items()
    }
    assert said == served(app)


def test_every_parameter_in_braces_is_described(app: Flask) -> None:
    for path, item in document()["paths"].items():
        named = {each["name"] for each in item.get("parameters", [])}
        assert named == set(re.findall(r"{(\w+)}", path)), path


def test_anybody_may_read_it(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/openapi.json")
    assert answer.get_json()["openapi"].startswith("3.1")


def test_every_reference_leads_somewhere() -> None:
    names = set(re.findall(r"'#/components/schemas/(\w+)'", str(document())))
    assert names == set(document()["components"]["schemas"])


def matches(value: Any, schema: dict[str, Any]) -> bool:
    """As much of JSON Schema as our document uses."""
    if "$ref" in schema:
        return matches(value, document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "oneOf" in schema:
        return any(matches(value, each) for each in schema["oneOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kinds = schema.get("type", [])
    python = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
    }
    allowed = [kinds] if isinstance(kinds, str) else kinds
    if value is None:
        return "null" in allowed
    if not any(isinstance(value, python[kind]) for kind in allowed if kind != "null"):
        return False
    if isinstance(value, list):
        return all(matches(each, schema["items"]) for each in value)
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        return set(schema.get("required", [])) <= set(value) <= set(known) and all(
            matches(each, known[name]) for name, each in value.items()
        )
    return True


def assert_documented(answer: TestResponse, method: str, path: str) -> None:
    responses = documented()[method, f"/api/v1{path}"]["responses"]
    assert str(answer.status_code) in responses, (path, answer.status_code)
    content = responses[str(answer.status_code)].get("content", {})
    if content:
        assert answer.mimetype in content, (path, answer.mimetype)
        if answer.is_json:
            assert matches(answer.get_json(), content[answer.mimetype]["schema"]), (path, answer.get_json())
    else:
        assert not answer.data


@pytest.fixture
def lease(ruler: Program, web_db: Database) -> str:
    project = a_project(web_db, size=3)
    a_finished_round(web_db, project)
    return str(ruler.post("/projects/1/leases").get_json()["lease"])


def test_answers_have_the_shapes_that_the_document_says(ruler: Program, lease: str) -> None:
    project, one = "/projects/{project_id}", "/leases/{token}"
    answer = {"label": "neutral"}
    table = {"data": "text\ngood\n", "content_type": "text/csv"}
    calls: list[tuple[str, str, str, dict[str, Any]]] = [
        ("get", "/projects", "/projects", {}),
        ("post", "/projects", "/projects", {"json": {"name": "Hats"}}),
        ("post", "/projects", "/projects", {"json": {}}),
        ("get", project, "/projects/1", {}),
        ("get", project, "/projects/9", {}),
        ("post", f"{project}/reviews", "/projects/1/reviews", table),
        ("post", f"{project}/reviews", "/projects/1/reviews", {"json": {}}),
        ("post", f"{project}/leases", "/projects/1/leases", {}),
        ("post", f"{project}/leases", "/projects/2/leases", {}),
        ("post", f"{one}/renew", f"/leases/{lease}/renew", {}),
        ("post", f"{one}/annotation", f"/leases/{lease}/annotation", {"json": {}}),
        ("post", f"{one}/annotation", f"/leases/{lease}/annotation", {"json": answer}),
        ("post", f"{one}/annotation", f"/leases/{lease}/annotation", {"json": answer}),
        ("post", "/annotations/{annotation_id}/undo", "/annotations/1/undo", {}),
        ("delete", one, f"/leases/{lease}", {}),
        ("delete", one, "/leases/unknown", {}),
        ("get", f"{project}/rounds", "/projects/1/rounds", {}),
        ("post", f"{project}/rounds", "/projects/1/rounds", {}),
        ("post", f"{project}/rounds", "/projects/1/rounds", {}),
        ("get", f"{project}/rounds/{{number}}", "/projects/1/rounds/1", {}),
        ("delete", f"{project}/rounds/{{number}}", "/projects/1/rounds/2", {}),
        *(
            ("get", f"{project}/labels", f"/projects/1/labels?format={kind}", {})
            for kind in ("csv", "jsonl", "parquet")
        ),
        ("get", f"{project}/metrics", "/projects/1/metrics", {}),
        ("get", f"{project}/insights", "/projects/1/insights", {}),
        ("get", f"{project}/insights", "/projects/1/insights?by=text", {}),
        ("post", f"{project}/predict", "/projects/1/predict", {"json": {"texts": ["good"]}}),
        ("post", f"{project}/predict", "/projects/1/predict", {"json": {"texts": []}}),
    ]
    for method, path, address, options in calls:
        assert_documented(ruler.call(method.upper(), address, **options), method, path)
