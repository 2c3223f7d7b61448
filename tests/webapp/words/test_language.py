"""Which language a page speaks, and how it writes numbers and labels."""

import re
from html import unescape
from urllib.parse import parse_qsl

import pytest
from builders import a_project, the_user
from flask import Flask
from flask_babel import force_locale
from sqlite_utils import Database
from visitor import Browser

from learner import class_names
from webapp.store import adjudications
from webapp.store.connection import utc_now
from webapp.words.amounts import duration, moment, number, percent
from webapp.words.label_words import label_name, label_sign, label_tone


def language_of(browser: Browser, address: str, accept: str = "") -> str:
    text = browser.client.get(address, headers={"Accept-Language": accept}).text
    return text.split('<html lang="')[1].split('"')[0]


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "en"),
        ("zh-CN,zh;q=0.9", "zh-Hans"),
        ("fr, zh;q=0.5, en;q=0.3", "zh-Hans"),
        ("fr", "en"),
        ("en-GB", "en"),
    ],
)
def test_a_visitor_gets_the_browser_s_language(browser: Browser, accept: str, language: str) -> None:
    assert language_of(browser, "/login", accept) == language


def test_the_choice_in_the_address_holds_for_the_visit(browser: Browser) -> None:
    assert language_of(browser, "/login?lang=zh") == "zh-Hans"
    assert language_of(browser, "/login") == "zh-Hans"
    assert language_of(browser, "/login?lang=klingon") == "zh-Hans"
    assert language_of(browser, "/login?lang=en", "zh") == "en"


def links(page: str) -> list[str]:
    """Where the links to the languages lead, English first."""
    return [unescape(address) for address in re.findall(r'<a href="([^"]+)" lang="\w+" hreflang', page)]


def test_another_language_keeps_what_the_page_was_asked_for(browser: Browser) -> None:
    page = browser.get("/login?next=/projects/1/reviews?state%3Dskipped%26text%3Da%2Bb&lang=zh").text
    english, chinese = links(page)
    assert parse_qsl(english[1:]) == [("next", "/projects/1/reviews?state=skipped&text=a+b"), ("lang", "en")]
    assert parse_qsl(chinese[1:])[-1] == ("lang", "zh")
    assert language_of(browser, f"/login{english}") == "en"


def test_what_answers_a_form_offers_no_other_language(admin: Browser) -> None:
    shown_once = admin.post("/people", {"name": "ada", "role": "annotator", "password": ""})
    assert 'id="password"' in shown_once.text and links(shown_once.text) == []
    assert len(links(admin.get("/people").text)) == 2


def test_a_word_that_means_two_things_has_a_chinese_word_for_each(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db, size=2)
    adjudications.leave_out(web_db, 1, the_user(admin).id, "", utc_now())
    listed = admin.get(f"/projects/{project.id}/reviews?lang=zh").text
    assert "已排除" in listed and "不导入" not in listed
    assert "<th>标签</th>" in admin.get(f"/projects/{project.id}/labels").text
    assert "项目名称" in admin.get("/projects/new").text


def test_the_usual_labels_have_their_colour_and_sign_and_others_a_shape() -> None:
    assert [(label_tone(n), label_sign(n)) for n in ("negative", "Neutral", "positive")] == [
        ("negative", "−"), ("neutral", "○"), ("positive", "+")
    ]  # fmt: skip
    assert {word: label_tone(word) for word in class_names.WORDS} == class_names.WORDS
    assert [label_sign(name) for name in ("负面", "中性", "正面")] == ["−", "○", "+"]
    shapes = [label_sign("mood", position) for position in range(9)]
    assert len(set(shapes)) == 9
    assert {label_tone("mood", position) for position in range(9)} == {"4", "5", "6"}


def test_numbers_moments_and_durations_follow_the_language(app: Flask) -> None:
    with app.test_request_context("/?lang=en"):
        assert number(22634) == "22,634"
        assert percent(0.875) == "87.5%"
        assert percent(1, 0) == "100%"
        assert moment("2026-03-01T12:05:00.000+00:00") == "1 Mar 2026, 12:05 UTC"
        assert moment(None) == "–"
        assert duration(240) == "4 minutes"
        assert label_name("Great & good") == "Great & good"


def test_moments_are_written_as_the_chinese_write_them(app: Flask) -> None:
    with app.test_request_context(), force_locale("zh"):
        assert moment("2026-03-01T12:05:00.000+00:00") == "2026年3月1日 12:05（UTC）"
