"""A database that is locked for longer than the server waits: the page keeps the answer and sends it again (D09)."""

import pytest
from desk import Desk
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_an_answer_outlives_a_database_locked_for_ten_seconds(ada: Desk) -> None:
    ada.db.execute("BEGIN IMMEDIATE")
    with ada.page.expect_response(
        lambda response: response.url.endswith("/answer") and response.status == 503, timeout=30_000
    ) as refused:
        given = [ada.answer("2"), ada.answer("1")]
    assert int(refused.value.headers["retry-after"]) > 0
    expect(ada.page.locator("#unsent")).to_contain_text("2 unsent")
    ada.db.conn.rollback()
    ada.all_sent()
    assert ada.stored() == given
    assert ada.db["annotations"].count == 2
