from pathlib import Path

import pytest

from webapp.importing import ColumnMap, guess_columns, preview


def rows(columns: list[str], *values: list[str]) -> list[dict[str, str]]:
    return [dict(zip(columns, row, strict=True)) for row in values]


def test_chinese_names_are_known() -> None:
    columns = ["编号", "评论内容", "评分", "商品", "用户", "时间", "类别", "标签", "数据集"]
    sample = rows(columns, ["1", "质量很好", "5", "空调", "小明", "2022-08-01", "家电", "正面", "train"])
    assert guess_columns(columns, sample) == ColumnMap(
        text="评论内容",
        id="编号",
        rating="评分",
        product="商品",
        author="用户",
        date="时间",
        category="类别",
        label="标签",
        split="数据集",
    )


def test_case_and_punctuation_of_names_do_not_matter() -> None:
    columns = ["Review ID", "reviews.rating", "Review-Text", "USER_ID"]
    guess = guess_columns(columns, rows(columns, ["a", "4.0", "fine", "u1"]))
    assert guess == ColumnMap(text="Review-Text", id="Review ID", rating="reviews.rating", author="USER_ID")


def test_without_names_the_contents_tell() -> None:
    columns = ["a", "b", "c"]
    sample = rows(
        columns,
        ["2016-05-01", "a long review of it", "5"],
        ["2016-06-01", "another one", "1"],
        ["2016-07-03", "meh", "3"],
    )
    assert guess_columns(columns, sample) == ColumnMap(text="b", rating="c", date="a")


def test_a_column_of_well_known_labels_is_the_label() -> None:
    columns = ["a", "b"]
    sample = rows(columns, ["fine", "Positive"], ["bad", "negative"], ["so so", "neutral"])
    assert guess_columns(columns, sample) == ColumnMap(text="a", label="b")


def test_a_name_whose_contents_say_otherwise_is_not_believed() -> None:
    columns = ["rating", "date", "split", "text"]
    sample = rows(columns, ["excellent", "soon", "monday", "fine"], ["poor", "later", "friday", "bad"])
    assert guess_columns(columns, sample) == ColumnMap(text="text")


def test_counts_are_no_ratings_and_identifiers_no_texts() -> None:
    columns = ["item_uid", "n_votes"]
    sample = rows(columns, ["abcdefgh", "1"], ["bcdefghi", "2"], ["cdefghij", "3"])
    assert guess_columns(columns, sample) == ColumnMap()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cr", ColumnMap("text", "id", label="label", split="split")),
        (
            "womens_clothing",
            ColumnMap("text", "id", "rating", "product_id", None, None, "category", "label", "split"),
        ),
        (
            "amazon_devices",
            ColumnMap("text", "id", "rating", "product_id", "user_id", "date", "category", "label", "split"),
        ),
        (
            "jd_aircon_zh",
            ColumnMap("text", "id", "rating", "product_id", "user_id", "date", "category", "label", "split"),
        ),
        ("yelp_crowd", ColumnMap("text", "id", rating="review_rating", label="label", split="split")),
        ("messy_raw", ColumnMap("text", "id", "rating", label="label")),
    ],
)
def test_the_shared_files_are_guessed_right(shared_data: Path, name: str, expected: ColumnMap) -> None:
    assert preview(shared_data / f"{name}.csv.gz").guess == expected
