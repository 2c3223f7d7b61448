"""Insights for programs: the same figures as on the page, and a clear refusal of what they cannot be asked."""

import pytest
from builders import a_project
from programs import Program
from shop_reviews import Read, a_shop
from sqlite_utils import Database

SHOP = (
    Read(40, 0, "kettle", "2026-06-20", 1.0), Read(60, 2, "kettle", "2026-06-20", 5.0),
    Read(10, 0, "lamp", "2026-02-01"), Read(190, 2, "lamp", "2026-02-01"),
)  # fmt: skip


def test_a_program_gets_shares_groups_periods_and_changes(ruler: Program, web_db: Database) -> None:
    a_shop(web_db, SHOP)
    found = ruler.get("/projects/1/insights").get_json()
    assert (found["model_version"], found["label"], found["by"], found["group"]) == (
        1,
        "negative",
        "product",
        None,
    )
    assert found["labels"] == {"negative": 50, "neutral": 0, "positive": 250}
    assert found["share"]["n"] == 300 and found["share"]["value"] == pytest.approx(1 / 6)
    lamp, kettle = found["groups"]
    assert (lamp["name"], lamp["stands_out"], lamp["stars"]) == ("lamp", "below", None)
    assert (kettle["name"], kettle["stands_out"], kettle["stars"]) == ("kettle", "above", 3.4)
    assert kettle["share_of_others"]["value"] == 0.05
    (change,) = found["changes"]
    assert change["group"] is None and change["recent"]["value"] == 0.4 and change["before"]["value"] == 0.05
    assert change["difference"]["low"] > 0.2
    assert found["recent"] == {"from": "2026-05-22", "until": "2026-06-20"}
    assert (found["unit"], len(found["periods"]), found["periods"][0]["from"]) == ("week", 21, "2026-01-26")


def test_a_group_has_its_own_periods(ruler: Program, web_db: Database) -> None:
    a_shop(web_db, SHOP)
    found = ruler.get("/projects/1/insights?group=kettle&label=Positive&since=2026-06-01").get_json()
    assert (found["group"], found["label"]) == ("kettle", "positive")
    assert [period["labels"]["positive"] for period in found["periods"]] == [60]


def test_before_the_first_round_there_is_nothing_to_say(ruler: Program, web_db: Database) -> None:
    a_project(web_db)
    found = ruler.get("/projects/1/insights").get_json()
    assert found["model_version"] is None and found["share"]["n"] == 0 and found["groups"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("label=mixed", "label"),
        ("label=", "label"),
        ("by=text", "by"),
        ("since=yesterday", "since"),
        ("until=", "until"),
    ],
)
def test_a_program_is_told_what_it_got_wrong(
    ruler: Program, web_db: Database, query: str, field: str
) -> None:
    a_shop(web_db, SHOP)
    answer = ruler.get(f"/projects/1/insights?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]
