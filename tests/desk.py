"""The labelling page in somebody's browser, and what of their answers is in the database."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page, expect
from served import Served
from sqlite_utils import Database

from webapp.store import sessions, users
from webapp.store.connection import utc_now

ADDRESS = "/projects/1/annotate"
UNSENT = "Object.keys(localStorage).filter((key) => key.startsWith('winnow-unsent:')).length"


@dataclass
class Desk:
    """One person's labelling page; answers are told as pairs of the review's text and the key pressed."""

    page: Page
    site: Served
    db: Database

    def log_in(self, name: str = "ada") -> None:
        """Without the form, instead of whoever is logged in."""
        person = next(user for user in users.everyone(self.db) if user.name == name)
        token = sessions.start(self.db, person.id, utc_now())
        self.page.context.clear_cookies()
        cookie = {"name": "winnow", "value": token, "url": self.site.address}
        self.page.context.add_cookies([cookie])  # type: ignore[list-item]

    def open(self) -> int:
        """Show the first review; returns how many are held, this one included."""
        with self.page.expect_response("**/annotate/ahead") as filled:
            self.page.goto(f"{self.site.address}{ADDRESS}")
        expect(self.page.locator(".hero-text")).to_be_visible()
        return len(filled.value.text().partition('data-held="')[2].partition('"')[0].split())

    def text(self) -> str:
        """The review on screen."""
        return self.page.locator(".hero-text").inner_text()

    def shows(self, text: str) -> None:
        """Wait until that review is on screen."""
        expect(self.page.locator(".hero-text")).to_have_text(text, use_inner_text=True)

    def press(self, *keys: str) -> None:
        """One key after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def answer(self, *keys: str) -> tuple[str, str]:
        """Answer by keys. The next review is there at once, whatever the network does."""
        text = self.text()
        self.press(*keys)
        assert self.text() != text
        return text, keys[0]

    def until(self, reached: Callable[[], bool]) -> None:
        """Look again and again while the page goes on."""
        for _ in range(600):
            if reached():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it did not come to that")

    def all_sent(self) -> None:
        """Wait until no answer is left in the browser."""
        self.until(lambda: not self.page.evaluate(UNSENT))

    def stored(self) -> list[tuple[str, str]]:
        """The labels that stand, in the order of the log."""
        rows = self.db.execute(
            "SELECT r.text, l.position + 1 FROM annotations a JOIN reviews r ON r.id = a.review_id"
            " JOIN labels l ON l.id = a.label_id WHERE a.undone_by IS NULL AND a.action = 'label' ORDER BY a.id"
        )
        return [(row[0], str(row[1])) for row in rows.fetchall()]
