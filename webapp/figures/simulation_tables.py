"""A simulation's figures in the shape that people get: curves, a table, CSV; from the plain values of its result."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from webapp.figures.charts import STYLES, Point, Series
from webapp.labels_export import guard_cell

Result = Mapping[str, Any]

SCORES = {"accuracy": "accuracy", "macro_f1": "macro-F1"}
SHARES = ("0.90", "0.95", "0.99")
CURVES = ("arm", "score", "labels", "mean", "low", "high")
FIGURES = (
    *("arm", "score", "full_data", "area", "area_low", "area_high"),
    *("target", "target_score", "share", "labels", "seeds_that_got_there", "seeds"),
    *("ratio_at_least", "ratio_at_most", "ratio_low", "ratio_high"),
    *("train_p50", "train_p95", "query_p50", "query_p95"),
)


def curves(result: Result, score: str, styles: Sequence[str] = STYLES) -> list[Series]:
    """One series an arm; random in its own colour, the others in turn."""
    others = 0
    found = []
    for arm in result["arms"]:
        style = "series-random"
        if arm["arm"]["strategy"] != "random":
            style, others = styles[others % len(styles)], others + 1
        points = [Point(p["labels"], p["mean"], p["low"], p["high"]) for p in arm["curves"][score]]
        found.append(Series(arm["name"], points, style))
    return found


def curves_csv(result: Result) -> str:
    """Every point of every curve; fractions of one."""
    rows = (
        [guard_cell(arm["name"]), score, *(point[name] for name in CURVES[2:])]
        for arm in result["arms"]
        for score in SCORES
        for point in arm["curves"][score]
    )
    return _csv(CURVES, rows)


def figures_csv(result: Result) -> str:
    """Every other figure, one row for each arm, score, target and share; empty labels: more than the budget."""
    return _csv(FIGURES, (row for arm in result["arms"] for row in _figures(arm)))


def labels_words(labels: float | None, budget: int) -> str:
    """Labels needed; one that never got there needed more than the budget."""
    return f"> {budget:,}" if labels is None else f"{labels:,.0f}"


def ratio_words(ratio: Mapping[str, float | None] | None) -> str:
    """A ratio or its bound, with its interval; a dash where nothing is known."""
    if ratio is None or (ratio["at_least"] == 0 and ratio["at_most"] is None):
        return "–"
    least, most = ratio["at_least"], ratio["at_most"]
    assert least is not None
    if most is None:
        middle = f"≥ {least:.2f}"
    elif least == 0:
        middle = f"≤ {most:.2f}"
    else:
        middle = f"{least:.2f}" if least == most else f"{least:.2f}–{most:.2f}"
    if ratio["low"] is None:
        return middle
    high = "∞" if ratio["high"] is None else f"{ratio['high']:.2f}"
    return f"{middle} ({ratio['low']:.2f}–{high})"


def interval_words(mean: Mapping[str, float | None]) -> str:
    """A mean with its interval, where there are several seeds."""
    if mean["low"] is None:
        return f"{mean['value']:.3f}"
    return f"{mean['value']:.3f} ({mean['low']:.3f}–{mean['high']:.3f})"


def seconds_words(seconds: Mapping[str, float] | None) -> str:
    """Median and 95th percentile."""
    return "–" if seconds is None else f"{seconds['p50']:.2f}/{seconds['p95']:.2f}"


def table(result: Result) -> list[dict[str, str]]:
    """One row for each arm and score, as the command line prints it."""
    budget = result["budget"]
    rows = []
    for arm in result["arms"]:
        for score, words in SCORES.items():
            target = arm["targets"][score]["best"]
            needed = [labels_words(target["labels_to"][share]["median"], budget) for share in SHARES]
            ratios = target["ratio_to_random"] or {}
            rows.append(
                {
                    "arm": arm["name"],
                    "score": words,
                    f"at {budget}": f"{arm['curves'][score][-1]['mean']:.3f}",
                    "all data": f"{arm['full_data'][score]:.3f}",
                    "area (95 %)": interval_words(arm["area"][score]),
                    "labels to 90/95/99 %": " / ".join(needed),
                    "ratio to random at 95 %": ratio_words(ratios.get("0.95")),
                    "train s": seconds_words(arm["seconds"]["train"]),
                    "query s": seconds_words(arm["seconds"]["query"]),
                }
            )
    return rows


def _figures(arm: Mapping[str, Any]) -> Iterator[list[Any]]:
    seconds = [(arm["seconds"][part] or {}).get(p) for part in ("train", "query") for p in ("p50", "p95")]
    for score in SCORES:
        area = arm["area"][score]
        start = [guard_cell(arm["name"]), score, arm["full_data"][score], *area.values()]
        for name, target in arm["targets"][score].items():
            for share in SHARES:
                needed, ratios = target["labels_to"][share], target["ratio_to_random"]
                ratio = list(ratios[share].values()) if ratios else [None] * 4
                seeds = needed["by_seed"]
                reached = sum(each is not None for each in seeds)
                counts = [needed["median"], reached, len(seeds)]
                yield [*start, name, target["score"], share, *counts, *ratio, *seconds]


def _csv(header: Sequence[str], rows: Iterator[list[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row] for row in rows)
    return out.getvalue()
