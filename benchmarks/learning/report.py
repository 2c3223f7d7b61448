"""Print the tables of docs/benchmarks.md from what curves.py and baselines.py left in a folder.

    python benchmarks/learning/report.py curves

Curves of `contrastive` are looked for in the folder of that name in it.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path
from statistics import mean, median
from typing import Any

from baselines import finished

AT = 100
SHARE = "0.95"
DEFAULT, RANDOM = "margin-diverse", "random"

Case = tuple[str, str]  # set and encoder


def main(folder: Path) -> None:
    ours = _simulations(folder)
    tuned = _simulations(folder / "contrastive")
    theirs: dict[Case, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for run in finished(folder / "baselines.jsonl"):
        theirs[run["set"], run["encoder"]][run["arm"]].append(run["points"])
    print(f"## Accuracy / macro-F1 at {AT} labels\n")
    _table(
        [
            "set",
            "encoder",
            "default",
            "random",
            "contrastive",
            "small-text transformer",
            "small-text SetFit",
        ],
        _at(ours, tuned, theirs),
    )
    print("\n## Labels to 95 % of the macro-F1 that all training labels give\n")
    ratios: list[tuple[float, float]] = []
    _table(
        ["set", "encoder", "all labels", "default", "random", "ratio (95 % interval)", "area"],
        _needed(ours, ratios),
    )
    if ratios:
        least, most = (median(bounds) for bounds in zip(*ratios, strict=True))
        print(f"\nMedian ratio over sets and encoders: from {least:.2f} to {most:.2f}")
    print("\n## Seconds of a round: training, and choosing the next batch\n")
    _table(
        ["set", "encoder", "default", "contrastive", "small-text transformer", "small-text SetFit"],
        _seconds(ours, tuned, theirs),
    )


def _simulations(folder: Path) -> dict[Case, Any]:
    """What curves.py found, by set and encoder."""
    paths = sorted(folder.glob("*/*/simulation.json"))
    return {(path.parts[-3], path.parts[-2]): json.loads(path.read_text("utf-8")) for path in paths}


def _at(ours: dict[Case, Any], tuned: dict[Case, Any], theirs: Any) -> Iterator[list[str]]:
    for case, result in ours.items():
        arms = _by_strategy(result)
        row = [*case, *(_scores(arms[strategy]) for strategy in (DEFAULT, RANDOM))]
        known = tuned.get(case)
        row.append(f"{_scores(_by_strategy(known)[DEFAULT])} ({len(known['seeds'])})" if known else "not run")
        for arm in ("small-text-transformer", "small-text-setfit"):
            runs = theirs[case].get(arm, [])
            ends = [next(p for p in points if p["labels"] == AT) for points in runs]
            scores = [mean(end[score] for end in ends) for score in ("accuracy", "macro_f1")] if ends else []
            row.append(
                " / ".join(f"{score:.3f}" for score in scores) + (f" ({len(ends)})" if ends else "not run")
            )
        yield row


def _scores(arm: Any) -> str:
    return " / ".join(f"{_point(arm['curves'][score]):.3f}" for score in ("accuracy", "macro_f1"))


def _needed(ours: dict[Case, Any], ratios: list[tuple[float, float]]) -> Iterator[list[str]]:
    for case, result in ours.items():
        arms = _by_strategy(result)
        target = {strategy: arms[strategy]["targets"]["macro_f1"]["own"] for strategy in (DEFAULT, RANDOM)}
        counts = [target[strategy]["labels_to"][SHARE]["median"] for strategy in (DEFAULT, RANDOM)]
        ratio = target[DEFAULT]["ratio_to_random"][SHARE]
        ratios.append((ratio["at_least"], inf if ratio["at_most"] is None else ratio["at_most"]))
        shown = [f"over {result['budget']}" if count is None else f"{count:.0f}" for count in counts]
        yield [
            *case,
            f"{arms[DEFAULT]['full_data']['macro_f1']:.3f}",
            *shown,
            _ratio(ratio),
            _area(arms),
        ]


def _ratio(ratio: dict[str, Any]) -> str:
    """In words where runs ended before they got there, so that only bounds are known."""
    least, most, low, high = (ratio[key] for key in ("at_least", "at_most", "low", "high"))
    if most is None:
        return "unknown: over the budget" if least == 0 else f"at least {least:.2f}"
    to_high = "" if high is None else f" to {high:.2f}"
    if least == most:
        return f"{least:.2f} ({low:.2f}{to_high or ' upwards'})"
    between = f"{least:.2f} to {most:.2f}" if least else f"at most {most:.2f}"
    return f"{between} ({to_high.strip()})" if to_high else between


def _area(arms: dict[str, Any]) -> str:
    """How far the default's curve lies above random's in the mean, in points of accuracy / macro-F1."""
    gains = (
        100 * (arms[DEFAULT]["area"][score]["value"] - arms[RANDOM]["area"][score]["value"])
        for score in ("accuracy", "macro_f1")
    )
    return " / ".join(f"{gain:+.1f}" for gain in gains)


def _seconds(ours: dict[Case, Any], tuned: dict[Case, Any], theirs: Any) -> Iterator[list[str]]:
    for case, result in ours.items():
        seconds = _by_strategy(result)[DEFAULT]["seconds"]
        row = [*case, f"{seconds['train']['p50']:.2f} + {seconds['query']['p50']:.2f}"]
        if case in tuned:
            seconds = _by_strategy(tuned[case])[DEFAULT]["seconds"]
            row.append(f"{seconds['train']['p50']:.0f} + {seconds['query']['p50']:.0f}")
        else:
            row.append("not run")
        for arm in ("small-text-transformer", "small-text-setfit"):
            runs = theirs[case].get(arm, [])
            # The last round that also chose a batch: both have about the same number of labels there.
            rounds = [points[-2] for points in runs if len(points) > 1]
            parts = (
                [median(each[f"{part}_seconds"] for each in rounds) for part in ("train", "query")]
                if rounds
                else []
            )
            row.append(" + ".join(f"{part:.0f}" for part in parts) or "not run")
        yield row


def _by_strategy(result: Any) -> dict[str, Any]:
    return {arm["arm"]["strategy"]: arm for arm in result["arms"]}


def _point(curve: Sequence[dict[str, float]]) -> float:
    return next(point["mean"] for point in curve if point["labels"] == AT)


def _table(heads: list[str], rows: Iterator[list[str]]) -> None:
    print("| " + " | ".join(heads) + " |")
    print("|---" * len(heads) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
