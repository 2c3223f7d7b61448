"""What every route must refuse, and every answer must carry."""

import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import a_project, an_annotation
from flask import Flask
from routes import addresses
from sqlite_utils import Database
from visitor import Browser

from webapp import create_app
from webapp.access.security import local_path
from webapp.assets import HTMX_ADDRESS
from webapp.instance import Instance


def test_every_post_without_a_token_is_refused(app: Flask, admin: Browser) -> None:
    posts = list(addresses(app, "POST"))
    assert len(posts) > 8
    assert {address: admin.client.post(address).status_code for address in posts} == dict.fromkeys(posts, 403)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
    ],
)
def test_every_post_from_another_site_is_refused_even_with_a_token(
    app: Flask, admin: Browser, headers: dict[str, str]
) -> None:
    data = {"csrf_token": admin.token()}
    posts = list(addresses(app, "POST"))
    answers = {address: admin.client.post(address, data=data, headers=headers) for address in posts}
    assert {address: answer.status_code for address, answer in answers.items()} == dict.fromkeys(posts, 403)


def test_the_same_site_may_post_with_its_token_in_the_form_or_in_htmx_header(annotator: Browser) -> None:
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    token = annotator.token()
    by_form = annotator.client.post("/account/preferences", data={"csrf_token": token}, headers=own)
    by_header = annotator.client.post("/account/preferences", headers={**own, "X-CSRFToken": token})
    assert (by_form.status_code, by_header.status_code) == (303, 303)


def test_every_answer_carries_the_security_headers(app: Flask, admin: Browser) -> None:
    for address in [*addresses(app, "GET"), "/nowhere", "/static/nothing"]:
        for htmx in (False, True):
            headers = admin.get(address, htmx=htmx).headers
            assert headers["X-Content-Type-Options"] == "nosniff", address
            assert headers["Referrer-Policy"] == "same-origin", address
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], address
            assert "unsafe" not in headers["Content-Security-Policy"], address


def test_refusals_carry_the_security_headers_too(browser: Browser) -> None:
    too_large = browser.client.post("/login", data={"name": "x" * 2_000_000})
    assert too_large.status_code == 413
    foreign = browser.client.get("/login", headers={"Host": "evil.example"})
    for answer in (too_large, foreign, browser.client.delete("/login"), browser.client.post("/login")):
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"


def test_only_an_admin_may_send_a_large_body(web_db: Database, browser: Browser, admin: Browser) -> None:
    address = f"/projects/{a_project(web_db).id}/imports"
    codes = []
    for visitor in (browser, admin):
        file = (io.BytesIO(b"text\n" + b"a review\n" * 300_000), "reviews.csv")
        codes.append(visitor.post(address, {"file": file}).status_code)
    assert codes == [413, 303]


def test_scripts_come_from_here_and_from_one_file_of_the_cdn(browser: Browser) -> None:
    page = browser.get("/login")
    assert f"script-src 'self' {HTMX_ADDRESS};" in page.headers["Content-Security-Policy"]
    assert f'src="{HTMX_ADDRESS}" integrity="sha384-' in page.text


def test_a_local_copy_of_htmx_needs_no_cdn(web_instance: Instance) -> None:
    (web_instance.folder / "own").mkdir()
    (web_instance.folder / "own" / "htmx.min.js").write_text("/* htmx */")
    client = create_app(web_instance.folder, {"ASSETS": "own", "COOKIE_SECURE": False}).test_client()
    page = client.get("/login")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert "cdn" not in page.text
    assert client.get("/assets/htmx.min.js").text == "/* htmx */"


def test_pages_are_never_kept_and_static_files_are(browser: Browser) -> None:
    page = browser.get("/login")
    assert page.headers["Cache-Control"] == "no-store"
    assert {"Cookie", "HX-Request"} <= set(page.vary)
    address = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in browser.get(address).headers["Cache-Control"]


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "evil.example:8000", "", "a b", "localhost@evil.example"],
)
def test_unknown_hosts_are_refused(browser: Browser, host: str) -> None:
    assert browser.client.get("/login", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"])
def test_this_machine_s_own_names_are_answered(browser: Browser, host: str) -> None:
    assert browser.client.get("/login", headers={"Host": host}).status_code == 200


def test_configured_hosts_are_answered(web_instance: Instance) -> None:
    client = create_app(web_instance.folder, {"HOSTS": ["label.example.org", ".inner.example"]}).test_client()
    asked = [
        "label.example.org",
        "LABEL.example.org:443",
        "a.inner.example",
        "example.org",
        "inner.example.evil",
    ]
    statuses = [client.get("/login", headers={"Host": host}).status_code for host in asked]
    assert statuses == [200, 200, 200, 400, 400]


def test_forwarded_headers_are_ignored_without_a_proxy_of_ours(browser: Browser) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    answer = browser.client.get("/", headers=headers)
    assert answer.headers["Location"].startswith("/login")
    assert "Strict-Transport-Security" not in answer.headers


def test_a_body_with_too_many_parts_is_refused(browser: Browser) -> None:
    parts = {f"part{number}": (io.BytesIO(b"x"), "x.txt") for number in range(300)}
    assert browser.client.post("/login", data=parts, content_type="multipart/form-data").status_code == 413


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "\\/evil.example", "https:evil.example", "https://evil.example",
        "/\t/evil.example", "/\n/evil.example", "javascript:alert(1)", "///evil.example", " //evil.example",
        "%2f%2fevil", "", "evil",
        "/ok\r\nSet-Cookie: a=b", "/\x00",
    ],
)  # fmt: skip
def test_next_never_leads_to_another_site(target: str) -> None:
    assert local_path(target) is None


@pytest.mark.parametrize("target", ["/", "/projects/1/annotate", "/projects?q=a%20b", "/a//b", "/评论"])
def test_next_may_be_a_path_of_ours(target: str) -> None:
    assert local_path(target) == target


def test_reading_changes_nothing(
    app: Flask, admin: Browser, log_in: Callable[..., Browser], web_db: Database
) -> None:
    someone = log_in("ada")
    assert someone.user is not None
    project = a_project(web_db)
    an_annotation(web_db, project, someone.user)
    before = contents(web_db)
    for _ in range(2):
        for address in addresses(app, "GET"):
            for visitor in (admin, someone):
                visitor.get(address)
    assert contents(web_db) == before


def contents(db: Database) -> str:
    """All that there is but the one thing that reading may add: the log says which data left the server."""
    rows = {
        name: [row for row in db[name].rows if not str(row.get("action")).endswith(".download")]
        for name in db.table_names()
    }
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def test_no_template_holds_script_style_or_unescaped_text() -> None:
    templates = Path(__file__).resolve().parents[3] / "webapp" / "templates"
    forbidden = (
        "|safe",
        "| safe",
        "hx-on",
        "style=",
        "onclick",
        "onload",
        "javascript:",
        "js:",
        "<style",
        "autoescape",
    )
    paths = list(templates.rglob("*.html"))
    assert paths
    for path in paths:
        text = path.read_text("utf-8")
        assert [word for word in forbidden if word in text] == [], path
        assert text.count("<script") == text.count("<script src="), path
        # In a template gettext takes its message for markup: only what is written there may be one.
        assert re.findall(r"\bn?_?gettext\((?![\"'])|\b_\((?![\"'])", text) == [], path
