"""Hostile markup in every stored text: a browser that walks all pages runs nothing of it and asks nobody for it."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import poisoned
import pytest
from playwright.sync_api import Browser, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]

# What a payload would have become, had a page taken it for markup.
ALIVE = """() => [...document.querySelectorAll(
  '[onerror], [onload], [onfocus], [autofocus][data-pwned], [data-pwned], script:not([src]), iframe, base, style, img,'
  + ' meta[http-equiv], [href^="javascript:" i], [href^="data:" i], [src*="canary"], link[href*="canary"],'
  + ' [hx-get*="canary"], [data-hx-get]')].map((each) => each.outerHTML.slice(0, 200))
  .concat(window.pwned ? ["it ran"] : [])"""
# What htmx would fetch by and by is fetched now; what is folded away is a part of the page too.
STIR = """() => {
  document.querySelectorAll("details").forEach((each) => (each.open = true));
  return Promise.all([...document.querySelectorAll("[hx-get]")].map((each) =>
    htmx.ajax("GET", each.getAttribute("hx-get"), { source: each, target: each, swap: "outerHTML" })));
}"""
# Texts stand for themselves wherever people see or edit them.
SEEN = """() => [document.body.textContent, document.title,
  ...[...document.querySelectorAll("input, textarea, option")].map((each) => each.value)].join("\\n")"""


def visit(visitor: Any, address: str) -> str:
    """All that a page says; it may hold nothing that is alive."""
    visitor.page.goto(f"{visitor.site.address}{address}")
    visitor.page.evaluate(STIR)
    assert visitor.page.evaluate(ALIVE) == [], address
    return str(visitor.page.evaluate(SEEN))


@pytest.mark.parametrize("name", ["root", "ada"])
def test_nothing_that_is_stored_comes_alive_on_any_page(victim: Callable[..., Any], name: str) -> None:
    visitor = victim(name)
    dialogs: list[str] = []
    visitor.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    pages = visitor.pages()
    assert len(pages) > (30 if name == "root" else 6)
    said = {address: visit(visitor, address) for address in pages}
    assert dialogs == []
    hostile = [address for address, words in said.items() if any(each in words for each in poisoned.PAYLOADS)]
    # Every page of a project shows its name at least; a page without any payload was not put to the test.
    assert [address for address in said if address.startswith("/projects/") and address not in hostile] == []


def test_a_hostile_review_is_read_and_labelled_as_the_text_it_is(victim: Callable[..., Any]) -> None:
    visitor = victim("ada")
    page = visitor.page
    page.goto(f"{visitor.site.address}/projects/1/annotate")
    for key in ("1", "u", "s", "?", "Escape", "3"):
        text = page.locator(".hero-text")
        expect(text).to_be_visible()
        shown = text.text_content() or ""  # read once: the next review may come at any moment
        assert any(each in shown for each in poisoned.PAYLOADS)
        page.keyboard.press(key)
        assert page.evaluate(ALIVE) == []


def test_all_payloads_in_one_review_are_shown_to_the_letter(victim: Callable[..., Any]) -> None:
    visitor = victim("root")
    assert " ".join(poisoned.PAYLOADS) in visit(visitor, "/projects/1/reviews/1")


class Elsewhere(BaseHTTPRequestHandler):
    """Another site, whose only page frames the address it is asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f'<iframe src="{self.path[1:]}"></iframe>'.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test says what there is to say."""


@pytest.mark.parametrize("address", ["/login", "/nowhere"])
def test_no_other_site_may_frame_a_page(chromium: Browser, poisoned_site: Any, address: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as elsewhere:
        Thread(target=elsewhere.serve_forever, daemon=True).start()
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{elsewhere.server_port}/{poisoned_site.address}{address}")
        assert page.frames[1].url.startswith("chrome-error:")
        page.close()
        elsewhere.shutdown()
