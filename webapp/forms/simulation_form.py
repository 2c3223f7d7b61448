"""What an admin asks a simulation for, within what takes minutes."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from flask_babel import gettext as _

from learner.settings import SIMULATED, STRATEGIES, RoundSettings
from webapp.forms.form import Form, Reader
from webapp.store.simulations import FEWEST_LABELS

RANDOM = "random"
# As many as the chart has colours for, beside random and the project's own curve.
MOST_STRATEGIES = 3
# A round of head takes a fraction of a second, one of a tuned classifier a minute and more.
MOST_ROUNDS = {"head": 600}
MOST_TUNED_ROUNDS = 20
SEEDS, BATCH, BUDGET = (1, 10), (5, 500), (20, 5_000)


def filled(settings: RoundSettings) -> Form[dict[str, Any]]:
    """What the page offers at first: the project's own strategy against random."""
    typed = {"classifier": "head", "seeds": "3", "batch": "20", "budget": "200"}
    if settings.strategy != RANDOM:
        typed[f"strategy_{settings.strategy}"] = "1"
    return Form(typed)


def parse(source: Mapping[str, str], settings: RoundSettings, labels: int) -> Form[dict[str, Any]]:
    """The job's payload; `settings` are the project's for rounds, `labels` how many the pool has."""
    read = Reader(source)
    chosen = [name for name in STRATEGIES if name != RANDOM and read.flag(f"strategy_{name}")]
    classifier = read.choice("classifier", SIMULATED, "head")
    seeds, batch, budget = (
        read.whole("seeds", *SEEDS),
        read.whole("batch", *BATCH),
        read.whole("budget", *BUDGET),
    )
    if not 1 <= len(chosen) <= MOST_STRATEGIES:
        read.errors["strategies"] = _("Choose one to %(most)s strategies.", most=MOST_STRATEGIES)
    if not read.errors and batch > budget:
        read.errors["batch"] = _("That is more than all labels together.")
    rounds = (len(chosen) + 1) * seeds * ceil(budget / batch)
    most = MOST_ROUNDS.get(classifier, MOST_TUNED_ROUNDS)
    if not read.errors and rounds > most:
        read.errors["seeds"] = _(
            "That makes %(rounds)s rounds, and at most %(most)s of %(classifier)s take no more than minutes. Take fewer"
            " seeds, strategies or labels, or more labels a round.",
            rounds=rounds,
            most=most,
            classifier=classifier,
        )
    if labels < FEWEST_LABELS:
        read.errors["labels"] = _(
            "There are %(labels)s labelled reviews to learn from; a simulation needs %(fewest)s to tell anything.",
            labels=labels,
            fewest=FEWEST_LABELS,
        )
    sizes = {"seeds": seeds, "batch": batch, "budget": budget}
    learner = {**settings.to_dict(), "classifier": classifier}
    return read.form({"strategies": [*chosen, RANDOM], **sizes, "settings": learner})
