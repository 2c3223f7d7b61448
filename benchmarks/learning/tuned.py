"""Every classifier on the same labels, a line of JSON for each run; finished ones are not run again.

    python benchmarks/learning/tuned.py demo cr --data ../shared/data --labels 100,400 --out tuned.jsonl
    python benchmarks/learning/tuned.py --out tuned.jsonl --report

The labels are drawn at random, or with --strategy those that `head` asks for on its way there, 20 a round. With
--self-training the tuned ones train once more with what they are sure of in the pool.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from baselines import finished
from numpy.typing import NDArray
from options import parser_of
from sets import LabelledSet, read

from learner import classifiers, encoders
from learner.classifiers.interface import dataset
from learner.encoders import Encoder
from learner.evaluation import confusion, summary
from learner.settings import RoundSettings
from learner.simulation.arms import RANDOM, Bench, Learner, Plan, Task, prepare
from learner.simulation.replay import rounds

ROUND = 20


class Case(NamedTuple):
    """What one line of the file stands for."""

    set: str
    encoder: str
    labels: int
    strategy: str
    classifier: str
    self_training: bool
    seed: int


def main() -> None:
    options = _options()
    if not options.report:
        _run_all(options)
    _report(options.out)


def _run_all(options: argparse.Namespace) -> None:
    done = {_case(run) for run in finished(options.out)}
    for seed, name, encoder, labels, classifier in product(
        range(options.seeds),
        options.sets,
        options.encoders.split(","),
        map(int, options.labels.split(",")),
        options.classifiers.split(","),
    ):
        case = Case(name, encoder, labels, options.strategy, classifier, options.self_training, seed)
        if case in done:
            continue
        run = case._asdict() | _run(_read(name, options.data), options.instance, case)
        print(run, file=sys.stderr, flush=True)
        with options.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")


_read = cache(read)


def _case(run: dict[str, Any]) -> Case:
    return Case(*(run[field] for field in Case._fields))


def _run(data: LabelledSet, instance: Path, case: Case) -> dict[str, Any]:
    """Scores on the test part after learning from the case's labels, and the seconds that learning took."""
    values: dict[str, Any] = {"classifier": case.classifier, "encoder": case.encoder, "seed": case.seed}
    if case.classifier != "head":
        values[case.classifier] = {"self_training": case.self_training}
    settings = RoundSettings.from_dict(values)
    encoder = encoders.resolve(instance / "encoders", case.encoder)
    rows = _labelled(data, encoder, instance / "features", case)
    classifier = classifiers.create(settings, data.label_names, encoder, instance / "features")
    classifier.prepare(data.texts)
    rest = np.setdiff1d(np.flatnonzero(~data.test), rows)
    began = time.perf_counter()
    classifier.fit(
        dataset([data.texts[row] for row in rows], data.y[rows], len(data.label_names)),
        pool=[data.texts[row] for row in rest],
    )
    seconds = time.perf_counter() - began
    test = np.flatnonzero(data.test)
    proba = classifier.model.predict_proba([data.texts[row] for row in test])
    found = summary(confusion(data.y[test], proba.argmax(axis=1), len(data.label_names)))
    scores = {name: round(float(found[name]), 4) for name in ("accuracy", "macro_f1")}
    return {**scores, "seconds": round(seconds, 1)}


def _labelled(data: LabelledSet, encoder: Encoder, features: Path, case: Case) -> NDArray[np.int64]:
    """Rows (labels,): drawn, or those that a `head` with this strategy asks for."""
    if case.strategy == RANDOM:
        pool = np.flatnonzero(~data.test)
        return np.random.default_rng(case.seed).choice(pool, case.labels, replace=False)
    corpus = prepare(data.texts, data.y, data.label_names, data.test)
    plan = Plan((case.seed,), ROUND, ROUND, case.labels)
    bench = Bench(corpus, {case.encoder: encoder}, features, plan)
    *_, last = rounds(bench, Task(Learner("head", case.encoder), case.strategy, case.seed))
    return last.labelled


def _report(path: Path) -> None:
    """The mean over the seeds, a line for each case but for the seed."""
    cells = defaultdict(list)
    for run in finished(path):
        cells[_case(run)[:-1]].append(run)
    print("| set | encoder | labels | chosen by | classifier | accuracy / macro-F1 | seconds | runs |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, encoder, labels, strategy, classifier, again), runs in sorted(cells.items()):
        accuracy, macro, seconds = (
            np.mean([run[key] for run in runs]) for key in ("accuracy", "macro_f1", "seconds")
        )
        print(
            f"| {name} | {encoder} | {labels} | {strategy} | {classifier}{' + self-training' if again else ''} | "
            f"{accuracy:.3f} / {macro:.3f} | {seconds:.1f} | {len(runs)} |"
        )


def _options() -> argparse.Namespace:
    parser = parser_of(__doc__, seeds=3, sets="*")
    parser.add_argument("--classifiers", default="head,contrastive,lora,finetune")
    parser.add_argument("--labels", default="100")
    parser.add_argument("--strategy", default=RANDOM, help="what chooses the labels")
    parser.add_argument("--self-training", action="store_true")
    parser.add_argument("--report", action="store_true", help="only print what the file holds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
