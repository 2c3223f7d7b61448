"""Charts as SVG: readable, labelled directly, safe."""

import re
import xml.etree.ElementTree as ET

import pytest

from webapp.figures.charts import (
    NARROW,
    Point,
    Series,
    line_chart_svg,
    nice_ticks,
    series_csv,
    shares_svg,
)

SVG = "{http://www.w3.org/2000/svg}"
MARGIN = Series("margin", [Point(20, 0.6, 0.5, 0.7), Point(40, 0.7, 0.62, 0.78), Point(60, 0.75, 0.7, 0.8)])
RANDOM = Series("random", [Point(20, 0.55), Point(40, 0.6), Point(60, 0.74)], "series-random")


def drawing(*series: Series, standalone: bool = False, size: tuple[int, int] = (760, 400)) -> ET.Element:
    return ET.fromstring(line_chart_svg(series, "labels", "accuracy", standalone, size))


def texts(root: ET.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_each_line_carries_its_name_and_last_value() -> None:
    assert {"margin 75%", "random 74%", "labels", "accuracy"} <= set(texts(drawing(MARGIN, RANDOM)))


def test_coefficients_are_numbers_and_no_percentages() -> None:
    drawn = line_chart_svg([MARGIN], "reviews", "alpha", unit="number")
    assert {"margin 0.75", "0.60"} <= set(texts(ET.fromstring(drawn))) and "%" not in drawn


def test_agreement_below_zero_lies_below_zero() -> None:
    alpha = Series("alpha", [Point(10, -0.12, -0.4, 0.1), Point(20, 0.3, 0.1, 0.5)])
    root = ET.fromstring(line_chart_svg([alpha], "reviews", "alpha", unit="number"))
    gridlines = [
        float(line.get("y1", 0)) for line in root.iter(f"{SVG}line") if line.get("class") == "gridline"
    ]
    ticks = dict(
        zip([text for text in texts(root) if re.fullmatch(r"-?\d\.\d\d", text)], gridlines, strict=True)
    )
    assert min(map(float, ticks)) == -0.4
    heights = [float(circle.get("cy", 0)) for circle in root.iter(f"{SVG}circle")]
    assert heights[0] > ticks["0.00"] > heights[1]
    band = next(root.iter(f"{SVG}polygon")).get("points", "").split()
    assert max(float(place.partition(",")[2]) for place in band) == ticks["-0.40"]


def test_a_share_below_zero_does_not_exist() -> None:
    root = drawing(Series("margin", [Point(20, 0.05, -0.1, 0.2), Point(40, 0.1, 0.0, 0.2)]))
    assert "0%" in texts(root) and not any(text.startswith("-") for text in texts(root))


def test_labels_of_lines_that_end_close_together_do_not_overlap() -> None:
    root = drawing(MARGIN, RANDOM)
    heights = [float(t.get("y", 0)) for t in root.iter(f"{SVG}text") if t.get("class") == "series-label"]
    assert abs(heights[0] - heights[1]) >= 16


def test_the_interval_is_a_band_and_for_a_single_point_a_whisker() -> None:
    assert len(list(drawing(MARGIN, RANDOM).iter(f"{SVG}polygon"))) == 1
    alone = drawing(Series("margin", MARGIN.points[:1]))
    assert not list(alone.iter(f"{SVG}polygon"))
    assert [path.get("class") for path in alone.iter(f"{SVG}path")] == ["whisker"]
    twice = drawing(Series("margin", [Point(20, 0.6, 0.5, 0.7), Point(20, 0.7, 0.6, 0.8)]))
    assert [path.get("class") for path in twice.iter(f"{SVG}path")] == ["whisker"]


@pytest.mark.parametrize("size", [(760, 400), NARROW])
def test_everything_lies_inside_the_picture(size: tuple[int, int]) -> None:
    for circle in drawing(MARGIN, RANDOM, size=size).iter(f"{SVG}circle"):
        assert 0 < float(circle.get("cx", -1)) < size[0]
        assert 0 < float(circle.get("cy", -1)) < size[1]


def test_higher_scores_stand_higher_and_more_labels_further_right() -> None:
    places = [(float(c.get("cx", 0)), -float(c.get("cy", 0))) for c in drawing(MARGIN).iter(f"{SVG}circle")]
    assert places == sorted(places) and places[0][1] < places[-1][1]


def test_names_are_text_and_never_markup() -> None:
    hostile = Series("<script>alert(1)</script>&", MARGIN.points)
    assert "<script>alert(1)</script>& 75%" in texts(drawing(hostile))


def test_only_a_file_of_its_own_carries_colours() -> None:
    assert "<style>" not in line_chart_svg([MARGIN], "labels", "accuracy")
    assert "#3c4a9e" in line_chart_svg([MARGIN], "labels", "accuracy", standalone=True)


def test_a_chart_without_a_point_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one point"):
        line_chart_svg([Series("margin", [])], "labels", "accuracy")


def test_the_numbers_behind_the_chart_as_csv() -> None:
    lines = series_csv([MARGIN, RANDOM]).splitlines()
    assert lines[:2] == ["series,labels,value,low,high", "margin,20,0.6000,0.5000,0.7000"]
    assert lines[-1] == "random,60,0.7400,,"


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 500, [0, 100, 200, 300, 400, 500]),
        (0.6, 0.8, [0.6, 0.65, 0.7, 0.75, 0.8]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high, 5) == ticks


def test_an_axis_of_names_has_as_many_as_there_is_room_for() -> None:
    names = [f"<{month}>" for month in range(24)]
    line = Series("share", [Point(0, 0.1), Point(23, 0.3)])
    for size, least, most in (((760, 400), 5, 8), (NARROW, 2, 3)):
        root = ET.fromstring(line_chart_svg([line], "", "share", size=size, x_names=names))
        shown = [text for text in texts(root) if text in names]
        assert shown[0] == "<0>" and least <= len(shown) <= most
    places = [float(circle.get("cx", 0)) for circle in root.iter(f"{SVG}circle")]
    ends = [float(line.get(end, 0)) for line in root.iter(f"{SVG}line") for end in ("x1", "x2")]
    assert places == [min(ends), max(ends)]  # the first and the last name stand at the ends of the axis


def test_a_bar_of_shares_is_cut_where_they_end() -> None:
    root = ET.fromstring(
        shares_svg([("tone-negative", 1), ("tone-neutral", 0), ("tone-positive", 3)], "a & b")
    )
    parts = [(rect.get("class"), rect.get("x"), rect.get("width")) for rect in root.iter("rect")]
    assert parts == [
        ("tone-negative", "0.00", "25.00"),
        ("tone-neutral", "25.00", "0.00"),
        ("tone-positive", "25.00", "75.00"),
    ]
    assert root.get("aria-label") == "a & b"
    assert [rect.get("width") for rect in ET.fromstring(shares_svg([("x", 0)], "")).iter("rect")] == ["0.00"]
