"""Insights: shares by product, their course, what stands out, and the reviews behind each figure."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from html import unescape
from typing import Any

import pytest
from builders import a_project
from shop_reviews import Read, a_shop
from sqlite_utils import Database
from visitor import Browser

from webapp.store import audit, consensus, projects
from webapp.store.connection import write_transaction
from webapp.store.consensus import Consensus

# 40 of 100 kettles are negative, 10 of 100 of everything else, and mugs got worse in June.
SHOP = (
    Read(40, 0, "kettle", "2026-02-01", 1.0, "kitchen"), Read(60, 2, "kettle", "2026-02-01", 5.0, "kitchen"),
    Read(10, 0, "lamp", "2026-03-01", 2.0), Read(190, 2, "lamp", "2026-03-01", 4.0),
    Read(4, 0, "mug", "2026-02-10"), Read(96, 2, "mug", "2026-02-10"),
    Read(16, 0, "mug", "2026-06-20"), Read(24, 2, "mug", "2026-06-20"),
    Read(1, 2, "<b>cup</b>", "2026-02-11"),
)  # fmt: skip


def page_of(browser: Browser, **query: Any) -> str:
    answer = browser.get("/projects/1/insights", query_string=query)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(answer.text))


def section(page: str, name: str) -> str:
    """What stands under a heading."""
    return page.partition(f'id="{name}-title"')[2].partition("</section>")[0]


@pytest.fixture
def shop(admin: Browser, web_db: Database) -> Browser:
    a_shop(web_db, SHOP)
    return admin


def rows_of(browser: Browser, kind: str, **query: Any) -> list[dict[str, str]]:
    answer = browser.get(f"/projects/1/insights/{kind}", query_string=query)
    assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
    assert answer.text.startswith("\ufeff")  # else spreadsheets misread Chinese names
    return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def test_without_a_model_it_says_what_to_do(admin: Browser, web_db: Database) -> None:
    a_project(web_db)
    assert 'href="/projects/1/rounds"' in page_of(admin)
    assert admin.get("/projects/1/insights/groups.csv").status_code == 404


def test_each_product_has_its_share_beside_that_of_all_others(shop: Browser) -> None:
    table = section(page_of(shop), "groups")
    kettle = table.partition(">kettle</a>")[2].partition("</tr>")[0]
    assert "<strong>40%</strong>" in kettle and ">9%<" in kettle and ">3.4<" in kettle and "above" in kettle
    assert table.index(">lamp</a>") < table.index(">mug</a>") < table.index(">kettle</a>")


def test_a_name_from_a_file_is_text(shop: Browser) -> None:
    source = shop.get("/projects/1/insights").text
    assert "&lt;b&gt;cup" in source and "<b>cup" not in source


def test_the_largest_share_first_does_not_begin_with_a_handful(admin: Browser, web_db: Database) -> None:
    a_shop(web_db, [*SHOP, Read(1, 0, "one complaint")])
    table = section(page_of(admin, order="share"), "groups")
    names = re.findall(r'scope="row"><a [^>]*>([^<]+)</a>', table)
    assert names[0] == "kettle" and "one complaint" in names[1:]


def test_what_stands_out_leads_to_its_reviews(shop: Browser) -> None:
    news = section(page_of(shop), "news")
    assert "40% negative in the last 30 days (40 reviews), 4% in the 180 days before" in news
    assert "40% negative (100 reviews), 9% of all others" in news
    assert 'Read them<span class="visually-hidden"> (kettle)</span>' in news
    addresses = re.findall(r'href="(/projects/1/reviews[^"]+)"', news)
    assert len(addresses) == 4  # all reviews and mugs changed, kettles are above the others, lamps below
    counts = [re.search(r'"status">(\d+) review', shop.get(address).text) for address in addresses]
    assert [int(count[1]) for count in counts if count] == [16, 16, 40, 10]


def test_what_stands_out_beyond_the_first_is_a_click_away(admin: Browser, web_db: Database) -> None:
    bad = [Read(30, position, f"bad {number}") for number in range(8) for position in (0, 2)]
    a_shop(web_db, [*bad, Read(900, 2, "good")])
    news = section(page_of(admin), "news")
    first, _, further = news.partition("<details")
    assert first.count("<li>") == 6 and "3 more" in further and further.count("<li>") == 3


def test_the_reviews_behind_a_figure_are_those_that_it_counts(shop: Browser, web_db: Database) -> None:
    """Two kettles that the model calls positive: people say negative of both, of one as what it was trained on."""
    negative = projects.get(web_db, 1).labels[0].id
    agreed = [Consensus(review_id, negative, "single", 1.0, 1) for review_id in (41, 42)]
    consensus.write(web_db, 1, agreed, snapshot=1)
    with write_transaction(web_db):
        web_db.execute("DELETE FROM predictions WHERE review_id = 42")
    page = page_of(shop, group="kettle")
    assert "42 reviews; 95% interval" in page
    (address,) = re.findall(r'href="(/projects/1/reviews\?[^"]+)"', section(page, "newest"))
    assert '"status">42 reviews' in shop.get(address).text


def test_what_was_left_out_is_not_behind_a_figure(shop: Browser, web_db: Database) -> None:
    with write_transaction(web_db):
        web_db.execute("UPDATE reviews SET excluded_at = '2026-03-01' WHERE id IN (1, 2)")
    page = page_of(shop, group="kettle")
    assert "38 reviews; 95% interval" in page
    (address,) = re.findall(r'href="(/projects/1/reviews\?[^"]+)"', section(page, "newest"))
    assert '"status">38 reviews' in shop.get(address).text


@pytest.mark.parametrize(
    "name", [" kettle", "a/b?c#d&e=100%", "\"quoted\" 'name'", "水壶 大号", "tab\t", "\u3000wide", "+1;=2"]
)
def test_any_name_leads_to_its_page_and_its_reviews(admin: Browser, web_db: Database, name: str) -> None:
    a_shop(web_db, [*SHOP[2:4], Read(25, 0, name)])
    news = admin.get("/projects/1/insights").text
    (address,) = {
        unescape(each) for each in re.findall(r'href="(/projects/1/insights\?[^"]*group=[^"]+)"', news)
        if "lamp" not in each
    }  # fmt: skip
    page = re.sub(r"\s+", " ", unescape(admin.get(address).text))
    assert "25 reviews; 95% interval" in page
    (address,) = re.findall(r'href="(/projects/1/reviews\?[^"]+)"', section(page, "newest"))
    assert '"status">25 reviews' in admin.get(address).text


def test_other_labels_can_be_watched_and_what_alarms_turns_round(shop: Browser) -> None:
    news = section(page_of(shop, label="positive"), "news")
    assert "60% positive in the last 30 days" in news
    fell = news.partition("fell")[0].rpartition("<span")[2]
    assert "badge-warn" in fell
    assert "rose" in section(page_of(shop), "news").partition("badge-warn")[2][:20]


def test_nothing_stands_out_where_all_are_alike(admin: Browser, web_db: Database) -> None:
    a_shop(web_db, [Read(each, position, name) for name in "abc" for position, each in ((0, 10), (2, 30))])
    assert "chance alone could have made" in section(page_of(admin), "news")


def test_one_product_has_a_page_of_its_own(shop: Browser) -> None:
    page = page_of(shop, group="mug")
    assert "<h1>mug</h1>" in page and ">140<" in page and "14%" in page
    assert "this product" in section(page, "course") and "all reviews" in section(page, "course")
    newest = section(page, "newest")
    assert newest.count("<li") == 5 and "2026-06-20" in newest and "kettle" not in newest
    assert 'id="groups-title"' not in page


def test_the_form_of_one_product_keeps_what_it_does_not_ask(shop: Browser) -> None:
    page = page_of(shop, group="mug", order="share")
    for name, value in (("group", "mug"), ("by", "product"), ("order", "share")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page
    assert 'id="by"' not in page and 'id="by"' in page_of(shop)


def test_a_product_s_line_is_told_from_that_of_all_whatever_the_label(shop: Browser) -> None:
    chart = section(page_of(shop, group="mug", label="neutral"), "course")
    assert (
        "series-1" in chart
        and "series-random" in chart
        and "tone-neutral" not in chart.partition("</figure>")[0]
    )


def test_a_product_of_few_reviews_has_a_table_and_no_chart(admin: Browser, web_db: Database) -> None:
    few, undated = Read(2, 0, "cup", "2026-03-01"), Read(2, 0, "pan")
    a_shop(web_db, [*SHOP, few, undated])
    course = section(page_of(admin, group="cup"), "course")
    assert "Too few" in course and 'class="chart"' not in course and "23 Feb 2026" in course
    assert "course.csv" in course and "course.svg" not in course
    assert "have no dates" in section(page_of(admin, group="pan"), "course")


def test_one_review_is_one(admin: Browser, web_db: Database) -> None:
    a_shop(web_db, [Read(1, 0, "cup"), Read(1, 2, "pan")])
    page = page_of(admin, group="cup")
    assert "1 review; 95% interval" in page and "1 review</div>" in page


def test_a_change_is_told_with_the_days_that_were_asked_for(admin: Browser, web_db: Database) -> None:
    a_shop(
        web_db,
        [Read(5, 0, None, "2026-05-20"), Read(95, 2, None, "2026-05-20"), Read(40, 0, None, "2026-06-30")],
    )
    assert "5% in the 180 days before" in section(page_of(admin), "news")
    assert "5% in the 17 days before" in section(page_of(admin, since="2026-05-15"), "news")


def test_a_product_may_be_called_by_a_whole_sentence(admin: Browser, web_db: Database) -> None:
    name = "Tablet, " * 60 + "black"
    a_shop(web_db, [Read(3, 0, name)])
    page = page_of(admin, group=name)
    assert f"<h1>{name}</h1>" in page and "3 reviews; 95% interval" in page
    (address,) = re.findall(r'href="(/projects/1/reviews\?[^"]+)"', section(page, "newest"))
    assert '"status">3 reviews' in admin.get(address).text


@pytest.mark.parametrize(
    "query", [{"group": "no such thing"}, {"since": "2030-01-01"}, {"by": "category", "group": "mug"}]
)
def test_where_nothing_fits_it_says_so(shop: Browser, query: dict[str, str]) -> None:
    assert "Take one condition away" in page_of(shop, **query)


def test_days_bound_everything(shop: Browser) -> None:
    page = page_of(shop, since="2026-06-01", until="2026-06-30")
    assert '<div class="stat-value">40</div>' in page and ">kettle<" not in page


def test_without_products_categories_are_told_apart(admin: Browser, web_db: Database) -> None:
    a_shop(web_db, [Read(5, 0, category="kitchen"), Read(5, 2, category="bath")])
    page = page_of(admin)
    assert "Category by category" in page and ">kitchen</a>" in page
    assert "No review names a product" in page_of(admin, by="product")


def test_reviews_without_dates_have_no_chart(admin: Browser, web_db: Database) -> None:
    a_shop(web_db, [Read(30, 0, "kettle")])
    assert "have no dates" in section(page_of(admin), "course")
    assert admin.get("/projects/1/insights/course.svg").status_code == 404


def test_it_says_how_far_the_model_is_to_be_trusted(shop: Browser, web_db: Database) -> None:
    assert "not known yet" in page_of(shop)
    with write_transaction(web_db):
        web_db["metrics"].insert_all(
            {"model_version_id": 1, "part": "holdout", "slice": "negative", "name": name, "value": value,
             "low": value - 0.1, "high": value + 0.1, "n": 100}
            for name, value in (("precision", 0.81), ("recall", 0.64))
        )  # fmt: skip
    page = page_of(shop)
    assert "people say so of 81% (71% to 91%), and it finds 64% (54% to 74%)" in page


def test_many_products_come_in_pages(admin: Browser, web_db: Database) -> None:
    a_shop(web_db, [Read(1, 0, f"product {number:03}") for number in range(60)])
    first = page_of(admin)
    following = re.findall(r'rel="next" href="([^"]+)"', first)
    assert "1–50 of 60" in first and len(following) == 1
    second = re.sub(r"\s+", " ", unescape(admin.get(following[0]).text))
    assert "51–60 of 60" in second and ">product 050</a>" in second and 'rel="next"' not in second
    beyond = page_of(admin, skip="999999999999999999999")
    assert "51–60 of 60" in beyond and ">product 059</a>" in beyond
    assert ">product 000</a>" in unescape(admin.get(re.findall(r'rel="prev" href="([^"]+)"', second)[0]).text)


def test_hostile_addresses_show_the_page(shop: Browser) -> None:
    hostile = {
        "label": "x'",
        "by": "text",
        "since": "yesterday",
        "until": "9999-99-99",
        "order": "id",
        "skip": "-1",
    }
    assert "40%" in page_of(shop, **hostile)


def test_figures_can_be_taken_along(shop: Browser, web_db: Database) -> None:
    groups = rows_of(shop, "groups.csv")
    kettle = next(row for row in groups if row["product"] == "kettle")
    assert kettle == {
        "product": "kettle", "reviews": "100", "negative": "40", "neutral": "0", "positive": "60", "share": "0.4000",
        "low": "0.3094", "high": "0.4980", "share_of_others": "0.0880", "stands_out": "above", "stars": "3.4000",
    }  # fmt: skip
    course = rows_of(shop, "course.csv", group="mug")
    assert {row["from"]: row["negative"] for row in course if row["reviews"] != "0"} == {
        "2026-02-09": "4",
        "2026-06-15": "16",
    }
    drawn = shop.get("/projects/1/insights/course.svg").data
    assert ET.fromstring(drawn).tag.endswith("svg") and b"<style>" in drawn
    assert shop.get("/projects/1/insights/course.svg?since=2030-01-01").status_code == 404
    assert [entry.action for entry in audit.latest(web_db, 10)].count("insights.download") == 3


def test_a_formula_in_a_name_stays_text_in_a_spreadsheet(admin: Browser, web_db: Database) -> None:
    a_shop(web_db, [Read(1, 0, '=HYPERLINK("http://evil")')])
    (row,) = rows_of(admin, "groups.csv")
    assert row["product"].startswith("'=")
