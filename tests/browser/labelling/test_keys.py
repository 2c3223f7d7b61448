"""The whole page by keyboard: labels, skip with a reason, note, undo, back and forward, help, keys of one's own."""

from typing import Any

import pytest
from desk import ADDRESS, Desk
from playwright.sync_api import Route, expect

from webapp.store import guidelines, users
from webapp.store.connection import utc_now

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

SWIPE = """(distance) => {
  const sheet = document.querySelector(".sheet-text");
  const at = (name, x) => sheet.dispatchEvent(new PointerEvent(
    name, { pointerType: "touch", isPrimary: true, bubbles: true, clientX: x, clientY: 300 }));
  at("pointerdown", 400);
  at("pointermove", 400 + distance);
  at("pointerup", 400 + distance);
}"""


def last(desk: Desk) -> tuple[str, str | None, str]:
    """Action, reason and note of the newest answer, once it arrived."""
    desk.all_sent()
    row = desk.db.execute("SELECT action, reason, note FROM annotations ORDER BY id DESC LIMIT 1").fetchone()
    return row["action"], row["reason"], row["note"]


def test_skip_flag_and_note(ada: Desk) -> None:
    ada.answer("s", "2")
    assert last(ada) == ("skip", "other-language", "")
    ada.answer("s", "Enter")
    assert last(ada) == ("skip", None, "")
    ada.answer("s", "s")
    assert last(ada) == ("skip", None, "")
    text = ada.text()
    ada.press("s", "Escape")
    expect(ada.page.locator(".skip-reasons")).to_be_hidden()
    ada.press("n")
    ada.page.keyboard.type("1 s u f?")
    ada.press("Escape")
    assert ada.text() == text
    ada.answer("f")
    assert last(ada) == ("flag", None, "1 s u f?")
    expect(ada.page.locator("#last-answer")).to_have_text("Flagged")


def test_keys_work_while_the_cdn_does_not_answer(ada: Desk) -> None:
    unanswered: list[Route] = []

    def hold(route: Route) -> None:
        unanswered.append(route)

    ada.page.route("**/htmx.min.js", hold)
    ada.page.evaluate("localStorage.setItem('winnow-swipe', 'on')")
    with ada.page.expect_response("**/annotate/ahead"):
        ada.page.goto(f"{ada.site.address}{ADDRESS}", wait_until="commit")
    expect(ada.page.locator("#desk.swiping")).to_be_visible()  # by the last of the page's own scripts
    given = [ada.answer(key) for key in "123"]
    ada.all_sent()
    assert ada.stored() == given
    unanswered.pop().fallback()


def test_back_through_my_reviews_and_forward_again(ada: Desk) -> None:
    given = [ada.answer(key) for key in "123"]
    queued = ada.text()
    for text, key in reversed(given):
        ada.press("ArrowLeft")
        ada.shows(text)
        expect(ada.page.locator(".answer[aria-pressed=true] .key")).to_have_text(key)
    ada.press("ArrowRight")
    ada.shows(given[1][0])
    ada.press("3")
    ada.shows(queued)
    expect(ada.page.locator("#notices")).to_contain_text("Your answer is changed")
    assert sorted(ada.stored()) == sorted([given[0], (given[1][0], "3"), given[2]])
    ada.press("ArrowLeft")
    ada.shows(given[1][0])
    ada.press("Escape")
    ada.shows(queued)
    ada.press("ArrowLeft")
    ada.shows(given[1][0])
    ada.press("ArrowRight")
    ada.shows(queued)


def test_help_shows_the_keys_and_takes_none_meanwhile(ada: Desk) -> None:
    text = ada.text()
    ada.press("?")
    expect(ada.page.locator("#help")).to_be_visible()
    ada.press("1", "Escape")
    expect(ada.page.locator("#help")).to_be_hidden()
    assert ada.text() == text


def test_guidelines_beside_the_review(ada: Desk) -> None:
    guidelines.save(ada.db, 1, "Judge all of it.", None, utc_now(), 0)
    ada.open()
    panel = ada.page.locator("#guidelines")
    ada.press("g")
    expect(panel).to_contain_text("Judge all of it.")
    expect(panel.locator(".guidelines")).to_be_visible()
    given = ada.answer("1")  # they stay open while one goes on
    ada.all_sent()
    assert ada.stored() == [given]
    guidelines.save(ada.db, 1, "Judge the ending.", None, utc_now(), 1)
    ada.answer("2")
    expect(panel).to_contain_text("Judge the ending.")
    expect(ada.page.locator("#notices")).to_contain_text("The guidelines have changed")
    ada.press("g")
    expect(panel.locator(".guidelines")).to_be_hidden()


def test_keys_of_ones_own(ada: Desk) -> None:
    ada.page.goto(f"{ada.site.address}/account")
    ada.page.locator("#label-1").focus()
    ada.press("j")
    ada.page.locator("#undo").focus()
    ada.press("ArrowUp")
    ada.page.locator("#keys").get_by_role("button", name="Save").click()
    expect(ada.page.locator("#notices")).to_contain_text("Your keys are saved")
    user = next(user for user in users.everyone(ada.db) if user.name == "ada")
    assert users.own_keys(ada.db, user.id) == {"label-1": "j", "undo": "arrowup"}
    ada.open()
    ada.press("1")
    first = ada.answer("j")
    ada.all_sent()
    assert ada.stored() == [(first[0], "1")]
    ada.press("ArrowUp")
    ada.shows(first[0])
    ada.until(lambda: ada.stored() == [])


def test_a_sign_of_ones_own_is_not_the_digit_of_its_place(ada: Desk) -> None:
    user = next(user for user in users.everyone(ada.db) if user.name == "ada")
    users.set_keys(ada.db, user.id, {"skip": "!"})
    ada.open()
    text = ada.text()
    ada.press("Shift+Digit2")  # a sign that is nobody's key
    ada.press("Shift+Digit1")
    expect(ada.page.locator(".skip-reasons")).to_be_visible()
    assert ada.text() == text
    ada.press("Shift+Digit1")
    assert last(ada) == ("skip", None, "")


def test_a_number_pad_labels_only_with_digits(ada: Desk) -> None:
    text = ada.text()
    ada.press("Numpad3")  # PageDown, as long as NumLock is off
    assert ada.text() == text
    ada.press("Shift+Numpad3")  # what this keyboard sends for the digit
    ada.all_sent()
    assert ada.stored() == [(text, "3")]


@pytest.mark.parametrize(
    "pressed",
    [
        {"code": "Digit3", "key": '"'},  # a French keyboard, which needs Shift for digits
        {"code": "Digit3", "key": "3", "shiftKey": True},
        {"code": "Digit3", "key": "Process"},  # an input method
    ],
)
def test_a_digit_goes_by_its_place_where_it_is_not_typed(ada: Desk, pressed: dict[str, Any]) -> None:
    text = ada.text()
    ada.page.evaluate(
        "init => document.body.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...init}))", pressed
    )
    ada.all_sent()
    assert ada.stored() == [(text, "3")]


def test_what_a_screen_reader_hears(ada: Desk) -> None:
    announcer = ada.page.locator("#announcer")
    ada.answer("1")
    expect(announcer).to_have_text("Answered: negative. Next review.")
    ada.all_sent()
    ada.press("u")
    expect(announcer).to_have_text("Your last answer is withdrawn. Here is its review again.")
    ada.page.context.set_offline(True)
    ada.answer("1")
    expect(announcer).to_have_text("1 unsent. Your answers are kept in this browser; you can go on.")
    ada.page.context.set_offline(False)
    expect(announcer).to_have_text("All answers are saved.")


def test_swiping_answers_only_for_those_who_want_it(ada: Desk) -> None:
    def swipe(distance: int) -> None:
        ada.page.evaluate(SWIPE, distance)

    text = ada.text()
    swipe(-200)
    assert ada.text() == text
    ada.page.goto(f"{ada.site.address}/account")
    ada.page.get_by_label("Swipe on this device").check()
    ada.open()
    ada.shows(text)
    swipe(40)
    assert ada.text() == text
    swipe(-200)
    ada.all_sent()
    swipe(200)
    ada.all_sent()
    assert [key for _, key in ada.stored()] == ["1", "3"]
