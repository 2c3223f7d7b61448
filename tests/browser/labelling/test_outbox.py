"""No answer is lost and none is stored twice: offline, a killed server, a reload, a session that ends, two tabs."""

from typing import Any

import pytest
from desk import Desk
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]

LIVE = "SELECT count(*) FROM leases WHERE ended IS NULL"
LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.mark.parametrize("site", ["run"], indirect=True)  # what is killed is a whole Winnow
def test_twenty_answers_offline_and_a_killed_server_in_the_middle(ada: Desk) -> None:
    given = [ada.answer("3")]
    ada.all_sent()
    ada.page.context.set_offline(True)
    given += [ada.answer("123"[number % 3]) for number in range(10)]
    ada.site.kill()
    ada.page.context.set_offline(False)
    given += [ada.answer("123"[number % 3]) for number in range(10)]
    expect(ada.page.locator("#unsent")).to_contain_text("20 unsent")
    assert ada.stored() == given[:1]
    ada.site.start()
    ada.all_sent()
    expect(ada.page.locator("#unsent")).to_be_hidden()
    assert ada.stored() == given
    assert ada.db["annotations"].count == len(given)


def test_a_reload_with_unsent_answers_loses_nothing(ada: Desk) -> None:
    ada.page.route("**/answer", lambda route: route.abort())
    given = [ada.answer(key) for key in "1233"]
    expect(ada.page.locator("#unsent")).to_contain_text("4 unsent")
    ada.page.unroute("**/answer")
    ada.page.reload()
    ada.all_sent()
    assert ada.stored() == given
    given.append(ada.answer("2"))
    ada.all_sent()
    assert ada.stored() == given


def test_an_answer_whose_acknowledgement_got_lost_is_stored_once(ada: Desk) -> None:
    lost = iter([True])

    def lose(route: Any) -> None:
        route.fetch()
        route.abort() if next(lost, False) else route.fallback()

    ada.page.route("**/answer", lose)
    given = [ada.answer(key) for key in "12"]
    ada.all_sent()
    assert ada.stored() == given


def test_a_change_whose_reply_got_lost_is_not_called_undone_and_can_be_changed_again(ada: Desk) -> None:
    def lose(route: Any) -> None:
        route.fetch()
        route.abort()

    text, _ = ada.answer("1")
    ada.all_sent()
    queued = ada.text()
    ada.press("ArrowLeft")
    ada.shows(text)
    ada.page.route("**/annotate/history/*", lose)
    ada.press("3")
    notices, given = ada.page.locator("#notices"), ada.page.locator(".answer[aria-pressed=true] .key")
    expect(notices).to_contain_text("may be changed or not")
    assert ada.stored() == [(text, "3")]
    ada.page.unroute("**/annotate/history/*")
    ada.press("3")
    expect(notices).to_contain_text("was changed or withdrawn already")
    ada.shows(text)
    expect(given).to_have_text("3")
    ada.press("2")
    expect(notices).to_contain_text("Your answer is changed")
    ada.shows(queued)
    assert ada.stored() == [(text, "2")]


def test_a_change_that_is_refused_leaves_the_review_where_it_is(ada: Desk) -> None:
    skipped = ada.text()
    ada.press("s", "s")
    later, _ = ada.answer("1")
    ada.all_sent()
    for text in (later, skipped):
        ada.press("ArrowLeft")
        ada.shows(text)
    ada.db.execute("UPDATE reviews SET wanted = 0, needed = 0 WHERE text = ?", [skipped])
    ada.db.conn.commit()
    ada.press("1")
    expect(ada.page.locator("#notices")).to_contain_text(
        "Your answer is not changed. Others give this review all"
    )
    ada.shows(skipped)


def test_answers_wait_for_a_new_login_of_the_same_person(ada: Desk) -> None:
    ada.page.context.clear_cookies()
    given = [ada.answer(key) for key in "12"]
    expect(ada.page.get_by_role("link", name="Log in again")).to_be_visible()
    ada.log_in("ben")
    with ada.page.expect_response("**/annotate/token"):
        ada.page.evaluate("window.dispatchEvent(new Event('online'))")
    assert ada.stored() == []
    ada.log_in("ada")
    ada.page.evaluate("window.dispatchEvent(new Event('online'))")
    ada.all_sent()
    assert ada.stored() == given


def test_undo_takes_back_what_was_not_sent_and_what_was(ada: Desk) -> None:
    given = [ada.answer(key) for key in "123"]
    ada.all_sent()
    ada.page.route("**/answer", lambda route: route.abort())
    unsent = [ada.answer(key) for key in "111"]
    for text, _ in reversed(unsent[1:]):
        ada.press("u")
        ada.shows(text)
    ada.page.unroute("**/answer")
    ada.all_sent()
    for text, _ in reversed([*given, unsent[0]]):
        ada.press("Control+z")
        ada.shows(text)
    assert ada.stored() == []
    again = ada.answer("2")
    ada.all_sent()
    assert ada.stored() == [again]


def test_an_answer_that_is_refused_is_shown_until_it_is_dismissed(ada: Desk) -> None:
    ada.page.locator("#note").fill("the zip broke")
    ada.page.locator(".sheet-text").focus()
    ada.db["labels"].update(1, {"retired_at": "2026-03-01"})
    with ada.page.expect_response("**/annotate/ahead") as again:
        text, _ = ada.answer("1")
    again.value.finished()
    refused = ada.page.locator("#refused")
    for part in (text, "negative", "the zip broke", "no longer in the project"):
        expect(refused).to_contain_text(part)
    ada.press("f")
    ada.shows(text)  # with the labels that the project has now
    expect(ada.page.locator(".answer")).to_have_count(2)
    ada.page.reload()
    expect(refused).to_contain_text(text)
    refused.get_by_role("button", name="Dismiss").click()
    expect(refused).to_be_hidden()
    expect(ada.page.locator(".sheet-text")).to_be_focused()
    assert [row["action"] for row in ada.db["annotations"].rows] == ["flag"]


def test_a_review_answered_in_one_tab_leaves_the_other(ada: Desk) -> None:
    page = ada.page.context.new_page()
    page.route("**/htmx.min.js", lambda route: route.abort())
    other = Desk(page, ada.site, ada.db)
    other.open()
    other.shows(ada.text())
    here = ada.answer("1")
    other.shows(ada.text())
    there = other.answer("3")
    ada.shows(other.text())
    ada.all_sent()
    assert ada.stored() == [here, there]
    page.close()


def test_closing_the_page_gives_everything_back(ada: Desk) -> None:
    assert ada.db.execute(LIVE).fetchone()[0] == 26
    ada.page.unroute_all()
    ada.page.goto("about:blank")
    ada.until(lambda: ada.db.execute(LIVE).fetchone()[0] == 0)


def test_a_review_that_lapsed_and_went_to_somebody_else_makes_room_for_the_next(ada: Desk) -> None:
    lease, text = ada.page.locator("form[data-lease]").get_attribute("data-lease"), ada.text()
    assert lease is not None
    ada.db["leases"].update(lease, {"ended": "expired"})
    ada.db.execute("UPDATE reviews SET needed = 0 WHERE text = ?", [text])
    ada.db.conn.commit()
    ada.page.evaluate(LOOK_AGAIN)
    expect(ada.page.locator("#notices")).to_contain_text("somebody else has it now")
    assert ada.text() != text


def test_a_reply_that_was_overtaken_takes_no_review_from_the_screen(ada: Desk) -> None:
    late: list[Any] = []
    ada.page.route("**/annotate/ahead", lambda route: late.append((route, route.fetch())))
    ada.page.evaluate(LOOK_AGAIN)
    ada.until(lambda: bool(late))
    for _ in range(ada.db.execute(LIVE).fetchone()[0]):
        ada.answer("1")
        ada.all_sent()
    text = ada.text()  # it came with an answer's reply, so the late one does not know it
    ada.page.unroute("**/annotate/ahead")
    route, reply = late[0]
    route.fulfill(response=reply)
    with ada.page.expect_request("**/annotate/ahead"):  # it goes out once the late reply was taken
        ada.page.evaluate(LOOK_AGAIN)
    assert ada.text() == text
    expect(ada.page.locator("#notices")).to_be_empty()


def test_a_review_that_comes_twice_keeps_the_note_that_was_begun(ada: Desk) -> None:
    late: list[Any] = []
    held = ada.db.execute(LIVE).fetchone()[0]
    ada.page.route("**/answer", lambda route: late.append((route, route.fetch())))
    ada.answer("1")
    ada.until(lambda: bool(late))
    with ada.page.expect_response("**/annotate/ahead"):  # it brings what the late reply will bring again
        ada.page.evaluate(LOOK_AGAIN)
    for _ in range(held - 1):
        ada.answer("2")
    ada.page.locator("#note").fill("half a thought")
    ada.page.unroute("**/answer")
    route, reply = late[0]
    route.fulfill(response=reply)
    ada.all_sent()
    expect(ada.page.locator("#note")).to_have_value("half a thought")
    expect(ada.page.locator("#notices")).to_be_empty()
