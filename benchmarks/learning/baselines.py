"""Learning curves of small-text's own classifiers, a line of JSON for each run; finished ones are not run again.

    python benchmarks/learning/baselines.py demo cr --data ../shared/data --out baselines.jsonl

Minutes to an hour each on two cores: stop it whenever you like, and start it again.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import small_text_arms
from options import parser_of
from sets import read

from learner import encoders
from learner.evaluation import confusion, summary


def main() -> None:
    options = _options()
    small_text_arms.skip_padding()
    if options.bf16:
        small_text_arms.hurry()
    done = {tuple(run[key] for key in ("set", "encoder", "arm", "seed")) for run in finished(options.out)}
    for seed in range(options.seeds):
        for arm in options.arms.split(","):
            for encoder in options.encoders.split(","):
                for name in options.sets:
                    if (name, encoder, arm, seed) not in done:
                        _run(name, encoder, arm, seed, options)


def finished(path: Path) -> Iterator[dict[str, object]]:
    """The runs in the file; a line that a kill has torn is no run."""
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def _run(name: str, encoder: str, arm: str, seed: int, options: argparse.Namespace) -> None:
    data = read(name, options.data)
    folder = encoders.resolve(options.instance / "encoders", encoder)
    truth, points = data.y[data.test], []
    plan = options.start, options.batch, options.budget, options.sample
    for step in small_text_arms.replay(arm, data, folder, seed, *plan):
        found = summary(confusion(truth, step.predicted, len(data.label_names)))
        points.append(
            {
                "labels": step.labels,
                "accuracy": round(float(found["accuracy"]), 4),
                "macro_f1": round(float(found["macro_f1"]), 4),
                "train_seconds": round(step.train_seconds, 1),
                "query_seconds": round(step.query_seconds, 1),
            }
        )
        print(name, encoder, arm, seed, points[-1], file=sys.stderr, flush=True)
    with options.out.open("a", encoding="utf-8") as file:
        run = {
            "set": name,
            "encoder": encoder,
            "arm": arm,
            "seed": seed,
            "sample": options.sample,
            "bf16": options.bf16,
            "points": points,
        }
        file.write(json.dumps(run) + "\n")


def _options() -> argparse.Namespace:
    parser = parser_of(__doc__, seeds=3)
    parser.add_argument("--arms", default=",".join(small_text_arms.ARMS))
    parser.add_argument("--start", type=int, default=20)
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--sample", type=int, default=500, help="pool reviews that each query looks at")
    parser.add_argument(
        "--bf16", action="store_true", help="for CPUs that have it (avx512_bf16 in /proc/cpuinfo)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
