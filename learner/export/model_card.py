"""The model card that goes with every export: what it was trained on, how well it does, and where it ends."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from learner.embedded import LICENCES
from learner.evaluation import Metric

NAMES = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "roc_auc": "ROC-AUC, one against the rest",
    "ece": "Expected calibration error",
}
LIMITS = (
    "It was trained on reviews of one project. On other products, other shops or another language expect less.",
    "It reads one review at a time, and only its beginning where the review is long.",
    "Irony, mixed verdicts and questions are where such models err most. Look at a sample before relying on it.",
    "It says how a text reads, not whether it is true, and nothing about the person who wrote it.",
)


@dataclass(frozen=True)
class CardFacts:
    """What the card tells that the checkpoint does not know. `created` is a date; `training_labels` is a count,
    `weak_labels` that of the star ratings that were learned from beside them.

    labels: as the project calls them today, in the order of the model's scores. stale_since: a date, see _stale.
    """

    project: str
    labels: list[str]
    language: str
    training_labels: int
    model_version: int
    created: str
    encoder: str
    classifier: str
    metrics: list[Metric] = field(default_factory=list)
    limits: Sequence[str] = LIMITS
    stale_since: str | None = None
    weak_labels: int = 0


def model_card(facts: CardFacts, use: str, agreement: str, library: str) -> str:
    """README.md of an export; `use` says how to run it, `agreement` how it was checked against Winnow."""
    return "\n".join(
        [
            *_front_matter(facts, library),
            f"# {_plain(facts.project)}, model version {facts.model_version}",
            "",
            f"Sorts reviews into {', '.join(f'**{_plain(label)}**' for label in facts.labels)}. "
            "Trained with Winnow, an annotation tool that asks people about the reviews it learns most from.",
            "",
            "## Use",
            "",
            use,
            "",
            "## Training data",
            "",
            f"{facts.training_labels} reviews labelled by people, language: {_plain(facts.language)}. Most were chosen "
            "by the model's own uncertainty, so they are harder than average. No text of theirs is in these files.",
            *_weak(facts),
            *_stale(facts),
            "",
            "## Model",
            "",
            f"Encoder {_plain(facts.encoder)}, classifier {_plain(facts.classifier)}, made on {_plain(facts.created)}. "
            f"Licence of the encoder: {_licence(facts.encoder)}.",
            "",
            "## Measured",
            "",
            *_measured(facts),
            "",
            f"This export against Winnow itself: {agreement}",
            "",
            "## Limits",
            "",
            *(f"- {limit}" for limit in facts.limits),
            "",
        ]
    )


def _weak(facts: CardFacts) -> list[str]:
    """What else it learned from; the scores below know nothing of it."""
    if not facts.weak_labels:
        return []
    return [
        "",
        f"{facts.weak_labels} star ratings as weak labels besides, of reviews that nobody labelled and with less "
        "weight. Everything below is measured on labels of people alone.",
    ]


def _stale(facts: CardFacts) -> list[str]:
    """What an erasure after the training means for these files."""
    if facts.stale_since is None:
        return []
    return [
        "",
        f"**Some of these reviews were erased on {_plain(facts.stale_since)}, after the training.** The weights may "
        "still know them. Use a version that was trained since.",
    ]


def _front_matter(facts: CardFacts, library: str) -> list[str]:
    # JSON strings are YAML strings: a name with a colon or a line break stays one value.
    return [
        "---",
        f"language: {json.dumps(facts.language, ensure_ascii=False)}",
        f"library_name: {library}",
        "pipeline_tag: text-classification",
        "tags: [sentiment-analysis, winnow]",
        "---",
        "",
    ]


def _licence(encoder: str) -> str:
    return LICENCES.get(encoder, "see the encoder's own model card; it applies to these files as well")


def _measured(facts: CardFacts) -> list[str]:
    if not facts.metrics:
        return [
            "Nothing was measured: there were no labelled reviews to hold back. Measure before relying on it."
        ]
    lines = [
        "On labelled reviews that the model never saw, with 95 % intervals. The holdout only "
        "reports; the validation part also decided whether this version serves.",
        "",
        "| part | class | metric | value | 95 % interval | reviews |",
        "|---|---|---|---|---|---|",
    ]
    for metric in facts.metrics:
        if metric.name in NAMES:
            interval = (
                "" if metric.low is None or metric.high is None else f"{metric.low:.3f} to {metric.high:.3f}"
            )
            name, part = NAMES[metric.name], _plain(metric.part)
            lines.append(
                f"| {part} | {_plain(metric.slice)} | {name} | {metric.value:.3f} | {interval} | {metric.n} |"
            )
    return lines + _confusion(facts)


def _confusion(facts: CardFacts) -> list[str]:
    """People's label by row, the model's by column, for the holdout, or else for the validation part."""
    for part in ("holdout", "validation"):
        counts = {metric.name: metric.value for metric in facts.metrics if metric.part == part}
        if any(name.startswith("confusion:") for name in counts):
            break
    else:
        return []
    lines = ["", f"Confusion on the {part} part: rows are people's labels, columns the model's.", ""]
    lines.append("| | " + " | ".join(_plain(label) for label in facts.labels) + " |")
    lines.append("|---" * (len(facts.labels) + 1) + "|")
    for true in facts.labels:
        cells = [f"{counts.get(f'confusion:{true}:{predicted}', 0):.0f}" for predicted in facts.labels]
        lines.append(f"| {_plain(true)} | " + " | ".join(cells) + " |")
    return lines


def _plain(text: str) -> str:
    """A name as Markdown text: one line, nothing in it taken for markup."""
    return re.sub(r"([\\`*_{}\[\]<>|#~])", r"\\\1", " ".join(text.split()))
