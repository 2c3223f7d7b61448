"""Learning curves of Winnow's default and of random choice, for each set and encoder; finished runs are not run again.

    python benchmarks/learning/curves.py demo cr --data ../shared/data --out curves
    python benchmarks/learning/baselines.py demo cr --data ../shared/data --out curves/baselines.jsonl
    python benchmarks/learning/report.py curves

A few minutes a set on two cores, once its texts are encoded.
"""

import argparse
import json
import sys

from options import parser_of
from sets import read

from learner import encoders
from learner.devices import cores
from learner.simulation.arms import Plan, arms_of, prepare
from learner.simulation.record import RunFile
from learner.simulation.runner import simulate


def main() -> None:
    options = _options()
    for name in options.sets:
        data = read(name, options.data)
        corpus = prepare(data.texts, data.y, data.label_names, data.test)
        for encoder in options.encoders.split(","):
            folder = options.out / name / encoder
            known = {encoder: encoders.resolve(options.instance / "encoders", encoder)}
            arms = arms_of(options.strategies.split(","), options.classifiers.split(","), [encoder])
            plan = Plan(tuple(range(options.seeds)), options.start, options.batch, options.budget)
            record = RunFile(folder / "runs.jsonl")
            features = options.instance / "features"
            result = simulate(corpus, arms, plan, known, features, _told, record, options.jobs)
            (folder / "simulation.json").write_text(json.dumps(result.to_dict(), indent=1), "utf-8")
            print(f"\r{name} {encoder}: done", file=sys.stderr)


def _told(phase: str, done: int, total: int) -> None:
    print(f"\r{phase} {done} of {total} ", end="", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = parser_of(__doc__, seeds=10)
    parser.add_argument("--classifiers", default="head")
    parser.add_argument("--strategies", default="margin-diverse,random")
    parser.add_argument("--start", type=int, default=20)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--budget", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=cores())
    return parser.parse_args()


if __name__ == "__main__":
    main()
