"""Addresses and headers that somebody made up: refused or shrugged off, never a fault, never a leak."""

import io
import itertools
import re
import socket
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import furnished
import pytest
from builders import a_project, a_user
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from routes import addresses
from sqlite_utils import Database
from visitor import Browser
from werkzeug.test import TestResponse

from webapp import create_app
from webapp import instance as instances
from webapp.access.auth import public
from webapp.instance import Instance
from webapp.store import sessions
from webapp.store.connection import utc_now

ROOT = Path(__file__).parents[2]
VECTORS = (
    "'", '"', "]", "[", "`", "\\", "%", "_", ";", "--", "' OR 1=1 --", "1 OR 1=1", "1; DROP TABLE users",
    "') UNION SELECT name, password_hash FROM users --", "x' AND (SELECT 1 FROM users) --", "1)) OR ((1=1",
    "[id]", 'id"]', "id] DESC; --", ":project", "?1", "$text", "@version", "NEAR(", '"unclosed', "a* OR b",
    "9" * 30, "-1", "-" + "9" * 19, str(2**63), str(2**63 - 1), "1e999", "nan", "inf", "0x10", "1_0", "٣", "", " ",
    "\0", "a\0b", "\ud800", "\r\nSet-Cookie: a=b", "{{7*7}}", "{% debug %}", "${7*7}", "../../etc/passwd", "x" * 5_000,
)  # fmt: skip
READS_ARGUMENT = re.compile(r"""args\.get\(\s*"(\w+)\"|\(typed, "(\w+)"|"(\w+)" in request\.args""")
# Where arguments are read, whatever the views call them; every other address gets the worst of the vectors.
PAGES = (
    "/projects/1/reviews",
    "/projects/1/reviews/1",
    "/projects/1/reviews/bulk?scope=all&action=ask_for_labels",
    "/projects/1/annotate/history",
    "/projects/1/annotate/earlier",
    "/projects/1/guidelines/history",
    "/projects/1/settle",
    "/projects/1/quality",
    "/projects/1/imports/2",
)
WORST = ("9" * 30, "') UNION SELECT name, password_hash FROM users --", "\0", "\ud800", "{{7*7}}")
REQUIRED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
USUAL = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def furnished_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """One instance with something on every page; these tests only read."""
    instance = instances.locate(tmp_path_factory.mktemp("asked") / "instance")
    instances.create(instance)
    furnished.furnish(instance)
    return create_app(instance.folder, {"TESTING": False, "COOKIE_SECURE": False})


@pytest.fixture(scope="module")
def root(furnished_app: Flask) -> Browser:
    """Its admin, logged in."""
    db = instances.open_instance(furnished_app.config["INSTANCE"])
    client = furnished_app.test_client()
    client.set_cookie("winnow", sessions.start(db, 1, utc_now()))
    db.close()
    return Browser(client)


@cache
def arguments() -> list[str]:
    """Every name under which code of ours reads an argument of an address, and some that others use."""
    code = "".join(path.read_text("utf-8") for path in sorted((ROOT / "webapp").rglob("*.py")))
    read = {name for found in READS_ARGUMENT.findall(code) for name in found if name}
    assert {"after", "old", "text", "part", "columns"} <= read
    return sorted(read | {"sort", "order", "by", "column", "q", "next", "lang", "review", "scope", "action"})


def asked(address: str, query: dict[str, str]) -> str:
    """The address with these arguments, whatever characters they hold."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query, errors='surrogatepass')}"


def assert_harmless(root: Browser, address: str, query: dict[str, str]) -> None:
    answer = root.get(asked(address, query))
    assert answer.status_code < 500, (address, query)
    if not answer.mimetype.startswith("application/"):
        assert "argon2" not in answer.text and "OperationalError" not in answer.text, (address, query)


@pytest.mark.parametrize("page", PAGES)
def test_no_argument_breaks_a_page_or_its_sql(root: Browser, page: str) -> None:
    assert root.get(page).status_code == 200
    for vector in VECTORS:
        assert_harmless(root, page, dict.fromkeys(arguments(), vector))


@USUAL
@given(
    st.sampled_from(PAGES),
    st.dictionaries(
        st.sampled_from(arguments()), st.sampled_from(VECTORS) | st.text(max_size=40), max_size=6
    ),
)
def test_no_mixture_of_arguments_breaks_a_page(root: Browser, page: str, query: dict[str, str]) -> None:
    assert_harmless(root, page, query)


def test_no_address_at_all_is_broken_by_arguments(root: Browser, furnished_app: Flask) -> None:
    for address, vector in itertools.product(addresses(furnished_app, "GET"), WORST[:3]):
        if not address.startswith("/healthz"):  # which says 503 while no worker runs
            assert_harmless(root, address, dict.fromkeys(arguments(), vector))


@pytest.mark.parametrize("number", ["9" * 30, str(2**63), "9" * 5_000, "0"])
def test_a_number_that_no_row_has_is_not_found(root: Browser, furnished_app: Flask, number: str) -> None:
    numbered = [address for address in addresses(furnished_app, "GET") if "/1" in address]
    answers = {address: root.get(address.replace("/1", f"/{number}")).status_code for address in numbered}
    assert len(answers) > 20
    assert answers == dict.fromkeys(numbered, 404)


def test_no_column_of_the_database_can_be_asked_for_but_the_filters(
    root: Browser, furnished_app: Flask
) -> None:
    """No password, token or hash can be guessed letter by letter: what is no filter is ignored."""
    db = instances.open_instance(furnished_app.config["INSTANCE"])
    columns = {column.name for table in db.table_names() for column in db[table].columns}
    db.close()
    assert {"password_hash", "token_hash", "secret"} & columns >= {"password_hash", "token_hash"}
    for page in (
        "/projects/1/reviews",
        "/projects/1/annotate/history",
        "/projects",
        "/people",
        "/projects/1/settle",
    ):
        unknown = columns - set(arguments())
        spellings = [
            *unknown,
            *(f"{name}__startswith" for name in columns),
            *(f"users.{name}" for name in columns),
        ]
        asked_for = asked(
            page, dict.fromkeys(spellings, "a") | {"sort": "password_hash", "order": "token_hash"}
        )
        assert shown(root.get(asked_for)) == shown(root.get(page)), page


def shown(answer: TestResponse) -> str:
    """The page without its token, which is another each time, and without its own address."""
    assert answer.status_code == 200
    return re.sub(r'(value=|href=|hx-get=|X-CSRFToken": )"[^"]*"', "", answer.text)


def test_every_kind_of_answer_carries_the_headers(
    app: Flask, admin: Browser, browser: Browser, web_db: Database
) -> None:
    app.config["TESTING"] = app.testing = False
    app.add_url_rule("/broken", "broken", public(lambda: 1 / 0))
    a_project(web_db)
    client, htmx = admin.client, {"HX-Request": "true"}
    answers = {
        200: client.get("/projects/1/reviews"),
        303: browser.get("/projects"),
        400: client.get("/login", headers={"Host": "evil.example"}),
        401: browser.get("/projects", htmx=True),
        403: client.post("/projects/1/pause"),
        404: client.get("/nowhere", headers=htmx),
        405: client.delete("/login"),
        413: client.post("/login", data={"name": "x" * 2_000_000}),
        422: admin.post("/projects/new", {"name": ""}, htmx=True),
        500: client.get("/broken"),
    }
    assert {status: answer.status_code for status, answer in answers.items()} == {
        each: each for each in answers
    }
    downloads = [client.get(f"/projects/1/exports/labels.{kind}") for kind in ("csv", "jsonl", "parquet")]
    static = client.get(re.findall(r'href="(/static/style[^"]+)"', answers[200].text)[0])
    for answer in (
        *answers.values(),
        *downloads,
        static,
        client.get("/static/nothing"),
        client.get("/healthz"),
    ):
        assert REQUIRED.items() <= dict(answer.headers).items(), answer.request.path
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'") and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "*" not in policy and "Server" not in answer.headers
    for answer in (*answers.values(), *downloads):
        assert answer.headers["Cache-Control"] == "no-store" and "Cookie" in answer.vary
    for answer in downloads:
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    for words in ("Traceback", "ZeroDivisionError", "webapp/", ".py"):
        assert words not in answers[500].text


def test_no_address_of_ours_is_made_from_the_host_that_was_asked(
    web_instance: Instance, web_db: Database
) -> None:
    config = {"HOSTS": ["label.example.org", "other.example.org"], "COOKIE_SECURE": False}
    for count in (0, 1):
        app = create_app(web_instance.folder, config | {"PROXY_COUNT": count})
        client = app.test_client()
        client.set_cookie(
            "winnow", sessions.start(web_db, a_user(web_db, f"u{count}", "admin").id, utc_now())
        )
        headers = {
            "Host": "other.example.org:81",
            "X-Forwarded-Host": "evil.example",
            "X-Host": "evil.example",
        }
        for address in addresses(app, "GET"):
            answer = client.get(address, headers=headers)
            assert "example" not in answer.text + answer.headers.get("Location", ""), address
        headers["Host"], headers["X-Forwarded-Host"] = "evil.example", "label.example.org"
        assert client.get("/login", headers=headers).status_code == 400


@pytest.mark.parametrize("count", [0, 1])
def test_a_made_up_address_is_no_way_round_the_limit(
    web_instance: Instance, web_db: Database, count: int
) -> None:
    """Without a proxy the header counts for nothing, with one only what the proxy itself put last."""
    a_user(web_db, "ada")
    client = create_app(web_instance.folder, {"PROXY_COUNT": count, "COOKIE_SECURE": False}).test_client()
    visitor = Browser(client)
    codes = []
    for number in range(10):
        forwarded = f"10.0.0.{number}" if count == 0 else f"10.0.0.{number}, 192.0.2.1"
        data = {"csrf_token": visitor.token(), "name": "ada", "password": "wrong"}
        headers = {
            "X-Forwarded-For": forwarded,
            "X-Real-IP": f"10.0.1.{number}",
            "Forwarded": f"for=10.0.2.{number}",
        }
        codes.append(client.post("/login", data=data, headers=headers).status_code)
    assert codes == [422] * 8 + [429] * 2
    noted = {row[0] for row in web_db.execute("SELECT DISTINCT address FROM login_failures").fetchall()}
    assert noted == {"127.0.0.1" if count == 0 else "192.0.2.1"}


def test_the_web_process_asks_nobody_for_anything(
    root: Browser, furnished_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the server went out")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    hostile = dict.fromkeys(arguments(), "http://169.254.169.254/latest/meta-data")
    for address in addresses(furnished_app, "GET"):
        assert root.get(asked(address, hostile)).status_code < 500 or address == "/healthz", address
    file = (io.BytesIO(b"text\nhttp://169.254.169.254/"), "http://169.254.169.254/reviews.csv")
    draft = root.post("/projects/1/imports", {"file": file})
    assert root.get(draft.headers["Location"]).status_code == 200
