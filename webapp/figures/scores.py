"""A model version's scores in the shape that pages show: learning curve, table of metrics, confusion matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from webapp.figures.charts import Point, Series
from webapp.next_step import FEWEST_TO_MEASURE
from webapp.store.model_versions import CurvePoint, Metric
from webapp.store.projects import Label

PER_LABEL = ("precision", "recall", "f1", "roc_auc")
OVERALL = ("accuracy", "macro_f1", "ece")
SHADES = 5


@dataclass(frozen=True)
class MatrixCell:
    """How many reviews of one true label were given one predicted label; shade 0 to 5 by share of the row."""

    label: Label
    count: int
    share: float
    shade: int
    is_hit: bool


@dataclass(frozen=True)
class MatrixRow:
    label: Label
    total: int
    cells: list[MatrixCell]


@dataclass(frozen=True)
class ScoreTable:
    """The scores of one part: `overall` by name; `labels` with one metric or None for each of PER_LABEL.

    prevalence: how common each label is, where the part says so.
    """

    n: int
    overall: dict[str, Metric]
    labels: list[tuple[Label, list[Metric | None]]]
    matrix: list[MatrixRow]
    prevalence: list[tuple[Label, Metric]]

    @property
    def is_measured(self) -> bool:
        """Whether there are enough labels for the figures to mean something."""
        return self.n >= FEWEST_TO_MEASURE


def score_table(metrics: Sequence[Metric], labels: Sequence[Label]) -> ScoreTable:
    """All scores of one part."""
    found = {(metric.slice, metric.name): metric for metric in metrics}
    overall = {name: found["all", name] for name in OVERALL if ("all", name) in found}
    per_label = [(label, [found.get((label.name, name)) for name in PER_LABEL]) for label in labels]
    n = max((metric.n for metric in metrics if metric.slice == "all"), default=0)
    common = [(label, found.get((label.name, "prevalence"))) for label in labels]
    prevalence = [(label, metric) for label, metric in common if metric is not None]
    return ScoreTable(n, overall, per_label, _matrix(found, labels), prevalence)


def is_measured(metric: Metric | None) -> bool:
    """Whether a score rests on enough labels to be shown as one."""
    return metric is not None and metric.n >= FEWEST_TO_MEASURE


def curve_series(points: Sequence[CurvePoint]) -> list[Series]:
    """Accuracy and macro-F1 against labels, versions left out whose holdout had too few labels."""
    lines = [
        Series(_("accuracy"), course(points, "accuracy"), "series-1"),
        Series(_("macro-F1"), course(points, "macro_f1"), "series-2"),
    ]
    return [line for line in lines if line.points]


def course(points: Sequence[CurvePoint], name: str) -> list[Point]:
    """One score against labels, where it was measured."""
    found = []
    for point in points:
        metric: Metric | None = getattr(point, name)
        if metric is not None and is_measured(metric):
            found.append(Point(point.training_labels, metric.value, metric.low, metric.high))
    return found


def _matrix(found: dict[tuple[str, str], Metric], labels: Sequence[Label]) -> list[MatrixRow]:
    rows = []
    for true in labels:
        cells = [found.get(("all", f"confusion:{true.name}:{other.name}")) for other in labels]
        counts = [0 if cell is None else round(cell.value) for cell in cells]
        total = sum(counts)
        rows.append(
            MatrixRow(true, total, [_cell(true, *pair, total) for pair in zip(labels, counts, strict=True)])
        )
    return rows if any(row.total for row in rows) else []


def _cell(true: Label, other: Label, count: int, total: int) -> MatrixCell:
    share = count / total if total else 0.0
    shade = min(SHADES, 1 + int(share * SHADES)) if count else 0
    return MatrixCell(other, count, share, shade, true.id == other.id)
