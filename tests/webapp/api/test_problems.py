"""Every error is a problem document, whatever went wrong, and says no more than it should."""

from collections.abc import Callable

import pytest
from builders import Clock, a_project
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import Program
from sqlite_utils import Database
from sqlite_utils.utils import OperationalError
from werkzeug.test import TestResponse

from webapp.api.access import scope
from webapp.api.limits import Allowance
from webapp.store import errors as store

Enrol = Callable[..., Program]


def check(answer: TestResponse) -> None:
    assert answer.mimetype == "application/problem+json", answer.data[:200]
    document = answer.get_json()
    assert document["status"] == answer.status_code
    assert {"type", "title", "status", "detail"} <= document.keys()
    assert document["detail"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


ERRORS = [
    ("GET", "/nothing-here", None, None, 404),
    ("GET", "/projects/-1", None, None, 404),
    ("GET", "/projects/x", None, None, 404),
    ("PUT", "/projects", None, None, 405),
    ("GET", "/projects/1/predict", None, None, 405),
    ("POST", "/projects", b"{}", "text/plain", 415),
    ("POST", "/projects", b"", None, 415),
    ("POST", "/projects", b"{", "application/json", 400),
    ("POST", "/projects", b"[]", "application/json", 400),
    ("POST", "/projects", b"null", "application/json", 400),
    ("POST", "/projects", b"\xff\xfe{\0}\0", "application/json", 400),
    ("POST", "/projects", b'{"name": NaN}', "application/json", 400),
    ("POST", "/projects", b'{"name": ' + b"[" * 200_000, "application/json", 400),
    ("POST", "/projects", b'{"name": ' + b"1" * 10_000 + b"}", "application/json", 400),
    ("POST", "/projects", b"{" + b" " * 2_000_000, "application/json", 413),
    ("POST", "/leases/nonsense/renew", None, None, 409),
    ("POST", "/leases/%00%ff/renew", None, None, 409),
    ("GET", "/projects/1/labels?format=exe", None, None, 422),
]


def test_an_error_is_a_problem_document(ruler: Program) -> None:
    for method, address, body, kind, status in ERRORS:
        answer = ruler.call(method, address, data=body, content_type=kind)
        assert answer.status_code == status, (method, address, answer.data)
        check(answer)
        assert status != 405 or answer.headers["Allow"]


def test_another_site_and_another_host_are_refused_in_the_same_way(app: Flask, ruler: Program) -> None:
    for headers, status in (({"Origin": "https://evil.example"}, 403), ({"Host": "evil.example"}, 400)):
        answer = ruler.post("/projects", {"name": "x"}, headers=headers)
        assert answer.status_code == status
        check(answer)
    assert "Access-Control-Allow-Origin" not in ruler.get("/projects").headers


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (OperationalError("database is locked"), 503),
        (OperationalError("database or disk is full"), 507),
        (ZeroDivisionError("secret detail"), 500),
        (store.DatabaseUnusable("secret path"), 503),
    ],
)
def test_what_breaks_inside_is_a_problem_document_without_secrets(
    app: Flask, ruler: Program, fault: Exception, status: int
) -> None:
    @scope("read")
    def view() -> str:
        raise fault

    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/api/v1/broken", view_func=view)
    answer = ruler.get("/broken")
    assert answer.status_code == status
    check(answer)
    assert "secret" not in answer.text


def test_a_token_that_asks_too_often_waits(app: Flask, enrol: Enrol, clock: Clock) -> None:
    app.config["API_REQUESTS_PER_MINUTE"] = 5
    eager, other = enrol("read", name="eager"), enrol("read", name="other")
    answers = [eager.get("/projects") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == [
        "4",
        "3",
        "2",
        "1",
        "0",
        "0",
        "0",
    ]
    assert answers[0].headers["RateLimit-Limit"] == "5"
    check(answers[-1])
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert other.get("/projects").status_code == 200
    clock.forward(seconds=int(answers[-1].headers["Retry-After"]))
    assert eager.get("/projects").status_code == 200


def test_the_limit_holds_for_all_processes_together(web_db: Database, clock: Clock) -> None:
    processes = [Allowance() for _ in range(4)]
    taken = [processes[turn % 4].take(web_db, "token:1", 600, clock()) is not None for turn in range(2000)]
    assert taken.count(True) == 600
    assert web_db["rate_counts"].count == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    "name labels language label skip flag note seconds texts encoder classifier query_size seed head".split()
)
BODIES = st.dictionaries(FIELDS, JSON, max_size=4)


@pytest.fixture
def fuzzed(app: Flask, ruler: Program, web_db: Database) -> Program:
    app.config["API_REQUESTS_PER_MINUTE"] = 1_000_000
    a_project(web_db, size=300)
    return ruler


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    address=st.sampled_from(
        ["/projects", "/projects/1/rounds", "/projects/1/predict", "/leases/{lease}/annotation"]
    ),
    body=BODIES,
)
def test_no_body_breaks_anything(fuzzed: Program, address: str, body: dict[str, object]) -> None:
    lease = fuzzed.post("/projects/1/leases").get_json()["lease"]
    answer = fuzzed.post(address.format(lease=lease), body)
    assert answer.status_code in (200, 201, 400, 409, 422, 503), (body, answer.data)
    if answer.status_code >= 400:
        check(answer)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.text(max_size=200),
    kind=st.sampled_from(["text/csv", "application/x-ndjson"]),
    query=st.text(max_size=20),
)
def test_no_file_breaks_the_import(fuzzed: Program, rows: str, kind: str, query: str) -> None:
    answer = fuzzed.post(
        "/projects/1/reviews", data=rows.encode("utf-8", "surrogatepass"), content_type=kind,
        query_string={"text": query},
    )  # fmt: skip
    assert answer.status_code in (200, 422), answer.data
