"""Where a login may lead: a page of ours, whatever the address says."""

from urllib.parse import urljoin, urlsplit

from builders import PASSWORD
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st
from visitor import Browser

from webapp.access.security import local_path

HERE = "https://winnow.example"
# What browsers drop or take for a slash, and what other software was fooled by: Datasette #2429 and #2680,
# CVE-2021-32618 and CVE-2023-49438 of Flask-Security.
SIGNS = st.sampled_from(
    [
        *("/", "\\", "//", "\t", "\n", "\r", "\0", ".", "..", "@", ":", "?", "#", " ", "[", "]"),
        *("%2f", "%5c", "%09", "https:", "http:", "javascript:", "data:", "evil.example", "winnow.example"),
        *("\u2028", "\uff0f", "\u3002"),
    ]
)


def as_a_browser(target: str) -> str:
    """Where a browser goes: it drops tabs and line ends, trims, and takes \\ for /."""
    cleaned = "".join(sign for sign in target if sign not in "\t\r\n").strip("\0 ").replace("\\", "/")
    return urljoin(f"{HERE}/login", cleaned)


@given(st.one_of(st.lists(SIGNS, max_size=8).map("".join), st.text(max_size=40)))
@example("//evil.example/")
@example("/\\evil.example")
@example("/\t/evil.example")
@example("/%09/evil.example")
@example("https:evil.example")
@example("///evil.example")
@example("\\/\\/evil.example")
@example("http:///evil.example")
def test_what_passes_stays_on_this_site(target: str) -> None:
    path = local_path(target)
    if path is not None:
        try:
            reached = urlsplit(as_a_browser(path))
        except ValueError:
            return  # no browser goes anywhere from what is no address
        assert (reached.scheme, reached.netloc) == ("https", "winnow.example")


def test_neither_login_nor_confirmation_leads_elsewhere(annotator: Browser, app: Flask) -> None:
    for target in ("//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil.example"):
        query = {"next": target}
        assert annotator.get("/login", query_string=query).headers["Location"] == "/"
        assert target not in annotator.get("/account/confirm", query_string=query).text
    form = {"name": "ada", "current": PASSWORD, "password": PASSWORD, "next": "//evil.example"}
    assert Browser(app.test_client()).post("/login", form).headers["Location"] == "/"
    assert annotator.post("/account/confirm", form).headers["Location"] == "/account"
