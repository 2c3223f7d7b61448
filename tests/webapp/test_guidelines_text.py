"""Guidelines are somebody's text on everybody's page: nothing in them runs, loads or reaches out of its place."""

import re
import time
from html.parser import HTMLParser

import pytest
from builders import a_project
from flask import Flask
from flask_babel import force_locale, gettext
from sqlite_utils import Database

from webapp.guidelines_text import ATTRIBUTES, TAGS, rendered, starter
from webapp.store.guidelines import TEXT_LIMIT
from webapp.words.label_words import label_name

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "![x](javascript:alert(1))",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](data:image/svg+xml;base64,PHN2Zz4=)",
    "<javascript:alert(1)>",
    '[x](https://e.example "a\\" onmouseover=alert(1) b")',
    "[x]: javascript:alert(1)\n\n[x]",
    '<a href="/logout" hx-post="/logout" hx-trigger="load">x</a>',
    "<div hx-get='/people' hx-trigger='load'>",
    '<form action="https://evil.example"><input name="password"></form>',
    '<p id="main" class="notice" style="position:fixed">x</p>',
    "<svg><animate onbegin=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "</div></article></main><script>alert(1)</script>",
    "```html\n<script>alert(1)</script>\n```",
    "`<script>`",
    "| <script> | b |\n|:-:|-|\n| <img onerror=x> | [x](javascript:1) |",
    "# <style>*{display:none}</style>",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    '<http://a.example/"onclick=alert(1)>',
    "x <![CDATA[<script>alert(1)</script>]]> <?php ?>",
]


class Seen(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_harmless(text: str) -> None:
    for tag, attributes in Seen(rendered(text)).tags:
        if tag == "div":
            assert attributes == {"class": "table-wrap", "tabindex": "0"}
            continue
        assert tag in TAGS
        ours = {"rel", "target"} if tag == "a" else set()
        assert set(attributes) <= ATTRIBUTES.get(tag, set()) | ours
        if "href" in attributes:
            assert re.match(r"https?://|mailto:|/", attributes["href"] or "")


@pytest.mark.parametrize(
    "text",
    ["> " * 20_000, "- " * 20_000, "*" * TEXT_LIMIT, "[" * TEXT_LIMIT, "<div>" * 10_000, "|a" * 20_000],
)
def test_giant_nesting_neither_fails_nor_takes_long(text: str) -> None:
    started = time.process_time()
    rendered(text)
    assert time.process_time() - started < 10


def test_a_link_tells_the_other_site_nothing_and_leaves_the_review_on_screen() -> None:
    (link,) = [attributes for tag, attributes in Seen(rendered("[x](https://e.example)")).tags if tag == "a"]
    assert link == {
        "href": "https://e.example", "rel": "noopener noreferrer nofollow", "target": "_blank"
    }  # fmt: skip


def test_headings_begin_below_the_page_s_own_and_skip_no_level() -> None:
    text = "### a\n\n##### b\n\n# c\n\n## d\n\n### e\n\n#### f\n\n##### g"
    levels = [int(tag[1]) for tag, _ in Seen(rendered(text)).tags if tag[0] == "h" and tag != "hr"]
    assert levels == [3, 4, 3, 4, 5, 6, 6]


def test_markdown_reads_as_meant() -> None:
    html = rendered("**bold** ~~gone~~\n\n1. one\n2. two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n评论 & <b>")
    for part in ("<strong>bold</strong>", "<s>gone</s>", "<ol>", "<td>1</td>", "评论 &amp; &lt;b&gt;"):
        assert part in html


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_text_to_start_from_names_every_label_in_the_language_of_the_reviews(
    app: Flask, web_db: Database, language: str
) -> None:
    project = a_project(web_db, labels=["positive", "negative", "broken"], language=language)
    with app.test_request_context(headers={"Accept-Language": "zh" if language == "en" else "en"}):
        text = starter(project)
        with force_locale(language):
            labels = [label_name(name) for name in ("positive", "negative", "broken")]
            assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == [
                *labels,
                gettext("When in doubt"),
            ]
