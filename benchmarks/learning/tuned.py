"""Every classifier on the same random labels, a line of JSON for each run; finished ones are not run again.

    python benchmarks/learning/tuned.py demo cr --data ../shared/data --labels 100,400 --out tuned.jsonl
    python benchmarks/learning/tuned.py --out tuned.jsonl --report

With --self-training the tuned ones train once more with what they are sure of in the pool.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from baselines import finished
from options import parser_of
from sets import LabelledSet, read

from learner import classifiers, encoders
from learner.classifiers.interface import dataset
from learner.evaluation import confusion, summary
from learner.settings import RoundSettings

KEY = ("set", "encoder", "classifier", "self_training", "labels", "seed")


def main() -> None:
    options = _options()
    if not options.report:
        _run_all(options)
    _report(options.out)


def _run_all(options: argparse.Namespace) -> None:
    done = {tuple(run[key] for key in KEY) for run in finished(options.out)}
    for seed in range(options.seeds):
        for name in options.sets:
            data = read(name, options.data)
            for encoder in options.encoders.split(","):
                for labels in map(int, options.labels.split(",")):
                    for classifier in options.classifiers.split(","):
                        key = (name, encoder, classifier, options.self_training, labels, seed)
                        if key in done:
                            continue
                        run = dict(zip(KEY, key, strict=True)) | _run(data, options, *key[1:])
                        print(run, file=sys.stderr, flush=True)
                        with options.out.open("a", encoding="utf-8") as file:
                            file.write(json.dumps(run) + "\n")


def _run(
    data: LabelledSet,
    options: argparse.Namespace,
    encoder_name: str,
    classifier_name: str,
    self_training: bool,
    labels: int,
    seed: int,
) -> dict[str, Any]:
    """Scores on the test part after learning from so many random labels, and the seconds that learning took."""
    values: dict[str, Any] = {"classifier": classifier_name, "encoder": encoder_name, "seed": seed}
    if classifier_name != "head":
        values[classifier_name] = {"self_training": self_training}
    settings = RoundSettings.from_dict(values)
    encoder = encoders.resolve(options.instance / "encoders", encoder_name)
    classifier = classifiers.create(settings, data.label_names, encoder, options.instance / "features")
    pool, test = np.flatnonzero(~data.test), np.flatnonzero(data.test)
    rows = np.random.default_rng(seed).choice(pool, labels, replace=False)
    classifier.prepare(data.texts)
    began = time.perf_counter()
    classifier.fit(
        dataset([data.texts[row] for row in rows], data.y[rows], len(data.label_names)),
        pool=[data.texts[row] for row in np.setdiff1d(pool, rows)],
    )
    seconds = time.perf_counter() - began
    proba = classifier.model.predict_proba([data.texts[row] for row in test])
    found = summary(confusion(data.y[test], proba.argmax(axis=1), len(data.label_names)))
    scores = {name: round(float(found[name]), 4) for name in ("accuracy", "macro_f1")}
    return {**scores, "seconds": round(seconds, 1)}


def _report(path: Path) -> None:
    """The mean over the seeds, a line for each set, encoder, number of labels and classifier."""
    cells = defaultdict(list)
    for run in finished(path):
        cells[tuple(run[key] for key in KEY[:-1])].append(run)
    print("| set | encoder | labels | classifier | accuracy / macro-F1 | seconds | runs |")
    print("|---|---|---|---|---|---|---|")
    for (name, encoder, classifier, again, labels), runs in sorted(
        cells.items(), key=lambda cell: (cell[0][0], cell[0][1], cell[0][4], cell[0][2], cell[0][3])
    ):
        accuracy, macro, seconds = (
            np.mean([run[key] for run in runs]) for key in ("accuracy", "macro_f1", "seconds")
        )
        print(
            f"| {name} | {encoder} | {labels} | {classifier}{' + self-training' if again else ''} | "
            f"{accuracy:.3f} / {macro:.3f} | {seconds:.1f} | {len(runs)} |"
        )


def _options() -> argparse.Namespace:
    parser = parser_of(__doc__, seeds=3, sets="*")
    parser.add_argument("--classifiers", default="head,contrastive,lora,finetune")
    parser.add_argument("--labels", default="100")
    parser.add_argument("--self-training", action="store_true")
    parser.add_argument("--report", action="store_true", help="only print what the file holds")
    return parser.parse_args()


if __name__ == "__main__":
    main()
