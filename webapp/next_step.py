"""What an admin should do next: the loop import, label, round, export, and where a project stands in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from learner.settings import MIN_VALIDATION, AutoSettings

STEPS = ("import", "label", "round", "export")
# Enough for two or three labels of a rare class; a round may be started by hand before.
FIRST_ROUND_LABELS = 20
USUAL_ROUND_LABELS = 100
# Below this many labels on the holdout an accuracy says next to nothing.
FEWEST_TO_MEASURE = 20


@dataclass(frozen=True)
class Situation:
    """Where a project stands; `labels` are those of the pool, `round_every` is 0 where rounds start by hand only.

    reviews_left: whether any still wants a label; pool_left: whether one of the pool has none. model_versions: those
    that know the labels of today; labels_changed: whether there are others. stars: whether there are star ratings to
    start from.
    """

    reviews: int
    labels: int
    labels_since_round: int
    reviews_left: bool
    model_versions: int
    round_every: int
    importing: bool = False
    round_open: bool = False
    labels_changed: bool = False
    stars: bool = False
    pool_left: bool = True


@dataclass(frozen=True)
class NextStep:
    """One of STEPS, with words for the page."""

    step: str
    title: str
    text: str


def next_step(now: Situation) -> NextStep:
    """The one thing to do next."""
    if now.importing and not now.reviews:
        return NextStep(
            "import", _("Reviews are coming in"), _("Labelling can start as soon as the import ends.")
        )
    if not now.reviews:
        return NextStep(
            "import", _("Import your reviews"), _("A CSV, TSV or JSON-lines file with one review a row.")
        )
    if now.round_open:
        return NextStep(
            "label", _("Keep labelling"), _("A round is running; labels given meanwhile count in the next.")
        )
    if not now.reviews_left and now.model_versions:
        return NextStep(
            "export", _("Export"), _("Every review has its labels. Take the data and the model with you.")
        )
    return _label_or_round(now)


def _label_or_round(now: Situation) -> NextStep:
    if not now.model_versions:
        missing = FIRST_ROUND_LABELS - now.labels
        if now.stars and not now.labels:
            words = _("The reviews have star ratings: a first round can learn from them before anybody has labelled"
                      " one. Labels count more as soon as they come.")  # fmt: skip
            return NextStep("round", _("Start from the stars"), words)
        if missing > 0 and not (now.reviews_left and now.pool_left):
            words = _("The first round needs some %(count)s labels; these reviews gave %(labels)s, and none is left to"
                      " learn from.", count=FIRST_ROUND_LABELS, labels=now.labels)  # fmt: skip
            return NextStep("import", _("Import more reviews"), words)
        if missing > 0:
            words = _("The first round needs some %(count)s labels; about %(missing)s to go.", count=FIRST_ROUND_LABELS,
                      missing=missing)  # fmt: skip
            return NextStep("label", _("Label some reviews"), words)
        if now.labels_changed:
            words = _("The labels changed: no version serves until a round has trained one for them.")
            return NextStep("round", _("Start a round"), words)
        return NextStep(
            "round", _("Start the first round"), _("There are enough labels to train a first model version.")
        )
    enough = now.round_every or USUAL_ROUND_LABELS
    if now.labels_since_round >= enough:
        words = _("%(count)s labels came in since the last round.", count=now.labels_since_round)
        return NextStep("round", _("Start a round"), words)
    left = enough - now.labels_since_round
    if now.round_every:
        words = _("The queue follows the latest ranking. The next round starts by itself after %(count)s more labels.",
                  count=left)  # fmt: skip
    else:
        words = _(
            "The queue follows the latest ranking. After %(count)s more labels a round is worth while.",
            count=left,
        )
    return NextStep("label", _("Label the next reviews"), words)


def is_time_to_tune(
    advice: Mapping[str, Any] | None, tried: Iterable[str], labels: int, validation: int, reviews_left: bool
) -> bool:
    """Whether labels are at an end or said to bring little, while no round has tried more than `head` and one could.

    tried: the classifiers that rounds were started with. labels: to learn from. validation: to compare on.
    """
    if advice is None or advice.get("to_target") == 0:
        return False
    bring_little = advice["code"] in ("stop", "unreachable") or not reviews_left
    enough = labels >= AutoSettings().min_labels and validation >= MIN_VALIDATION
    return bring_little and enough and set(tried) <= {"head"}
