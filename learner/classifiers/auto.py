"""`auto`: head, unless a tuned encoder proves better on the validation part, within a time budget.

Whether tuning pays depends on the reviews and the encoder: with 100 labels, pairs took one set half a point of
macro-F1 down and others up to three and a half up (docs/benchmarks.md). So one candidate is trained beside head and
compared with it, but for the first `min_labels`, with which nothing could be proved.

The validation part is to judge, so the candidate never sees it: early stopping gets a share of its own training
labels, or none. What it costs is told by its first steps on the real texts. Too slow, it starts again with fewer
epochs or steps, or not at all; whatever was foretold, it is ended when its time is over, and head is kept.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from small_text import TextDataset

from learner import gate
from learner.classifiers.interface import Create, Fit, Floats, Ints, RoundClassifier
from learner.errors import EncoderError, NotEnoughLabels, TrainingDiverged
from learner.progress import InPhase, Progress, silent
from learner.report import Candidate, Choice
from learner.settings import MIN_VALIDATION, ContrastiveSettings, RoundSettings
from learner.time_budget import Clock, OutOfTime, TooSlow, Watch
from learner.words import spoken

# Taken when this interval of the difference in macro-F1 lies above zero. Replayed on two classifiers of CR that
# disagree on 9 % of the texts, with 100 validation labels: no gain is taken for one in 10 % of the rounds (4 % with
# a 95 % interval, 44 % by the bare mean), a gain of four points is taken in 46 % (22 %, 91 %).
LEVEL: Final = 0.8
# The rest of the budget is for the comparison and for scoring the pool with a slower model.
TRAINING_SHARE: Final = 0.8
# Fewer passes, or steps on pairs, leave an encoder about where it was.
MIN_EPOCHS, MIN_STEPS = 2, 50
# Below the pace that was measured, so that a machine that slows down a little still ends in time.
CAUTION: Final = 0.9


class AutoClassifier(RoundClassifier):
    """Behind small-text's Classifier interface; `model` is that of the classifier chosen."""

    choice: Choice
    decided: RoundSettings

    def __init__(
        self, settings: RoundSettings, labels: list[str], create: Create, clock: Clock = time.monotonic
    ) -> None:
        self.settings, self.labels, self.create = settings, labels, create
        self.clock, self.budget, self.texts = clock, 60 * settings.auto.budget_minutes, 0
        self.head = self.chosen = create(replace(settings, classifier="head"))

    def prepare(self, texts: Sequence[str], progress: Progress = silent) -> None:
        """Encode for head; for what tuning changes there is nothing to prepare."""
        self.texts = len(texts)
        self.head.prepare(texts, progress)

    def fit(
        self,
        train_set: TextDataset,
        weights: NDArray[np.float64] | None = None,
        validation: TextDataset | None = None,
        progress: Progress = silent,
        pool: Sequence[str] = (),
    ) -> "AutoClassifier":
        """Head always, the candidate where it may pay; one is kept. Beside the seed, the clock has a say."""
        self.started = self.clock()
        self.head.fit(train_set, weights, None, progress)
        self.chosen, self.decided = self.head, replace(self.settings, classifier="head")
        self.tried = [Candidate("head", self.clock() - self.started)]
        try:
            held = self._worth_trying(train_set, weights, validation)
            # Never the validation part: what stopped the training by it cannot be judged by it.
            tuned = self._trained(
                lambda candidate, watch: candidate.fit(train_set, weights, None, watch, pool), progress
            )
            reason = self._compared(tuned, held, progress)
            self.chosen, self.decided = tuned.classifier, tuned.settings
        except _HeadKept as kept:
            reason = str(kept)
        self.model = self.chosen.model
        self.choice = Choice(self.decided.classifier, reason, self.budget, tuple(self.tried))
        return self

    def calibrate(self, train_set: TextDataset, random: NDArray[np.bool_], validation: TextDataset) -> None:
        self.chosen.calibrate(train_set, random, validation)

    def cross_fit(self, train_set: TextDataset, weights: NDArray[np.float64] | None = None) -> Floats | None:
        return self.chosen.cross_fit(train_set, weights)

    def _worth_trying(
        self,
        train_set: TextDataset,
        weights: NDArray[np.float64] | None,
        validation: TextDataset | None,
    ) -> TextDataset:
        """The validation part to compare on."""
        # A weak label weighs less than one that a person gave.
        labels = len(train_set.x) if weights is None else int((weights == 1).sum())
        wanted = self.settings.auto.min_labels
        if labels < wanted:
            raise _HeadKept(
                f"Head was taken: tuning is tried from {wanted} training labels on, and there are {labels}."
            )
        if validation is None or len(validation.x) < MIN_VALIDATION:
            held = 0 if validation is None else len(validation.x)
            raise _HeadKept(
                f"Head was taken: a comparison takes {MIN_VALIDATION} validation labels, and there are {held}."
            )
        return validation

    def _trained(self, fit: Fit, progress: Progress) -> "_Tuned":
        name, minutes = self.settings.auto.candidate, f"{self.budget / 60:g}"
        try:
            return self._in_time(replace(self.settings, classifier=name), fit, progress)
        except TooSlow as slow:
            raise _HeadKept(
                f"Head was taken: on this machine {name} would train for {slow.expected / 60:.1f} minutes, "
                f"and {minutes} are granted."
            ) from slow
        except OutOfTime as over:
            raise _HeadKept(
                f"Head was taken: {name} was stopped, since the {minutes} minutes granted were nearly over."
            ) from over
        except (TrainingDiverged, EncoderError, NotEnoughLabels) as problem:
            raise _HeadKept(f"Head was taken: {name} could not be trained. {problem}") from problem

    def _in_time(self, settings: RoundSettings, fit: Fit, progress: Progress) -> "_Tuned":
        """Begun again with fewer epochs or steps where its pace asks for it; TooSlow, OutOfTime."""
        candidate, began = self.create(settings), self.clock()
        watch = Watch(progress, self.started + TRAINING_SHARE * self.budget, self.clock)
        try:
            fit(candidate, watch)
        except TooSlow as slow:
            return self._in_time(_shortened(settings, slow), fit, progress)
        return _Tuned(candidate, settings, self.clock() - began, watch.expected)

    def _compared(self, tuned: "_Tuned", validation: TextDataset, progress: Progress) -> str:
        """Why the tuned one is taken, from both classifiers' predictions on the validation part."""
        texts, y = list(validation.x), np.asarray(validation.y)
        new = self._predicted(tuned, texts, progress)
        old = self.head.model.predict_proba(texts, InPhase("evaluate", progress)).argmax(axis=1)
        seed, name, n = self.settings.seed, tuned.settings.classifier, len(y)
        macro = gate.differences(y, old, new, self.labels, seed, LEVEL)[1]
        self.tried = [
            replace(self.tried[0], macro_f1=macro.old / 100),
            Candidate(name, tuned.seconds, tuned.expected, _epochs(tuned.settings), macro.new / 100),
        ]
        figures = spoken(
            f"macro-F1 {macro.new:.1f} against {macro.old:.1f} % on {n} validation labels, "
            f"80 % interval of the difference {macro.low:+.1f} to {macro.high:+.1f}"
        )
        if macro.low <= 0:
            raise _HeadKept(f"Head was taken: {name} is not better beyond noise ({figures}).")
        worse = [each for each in gate.differences(y, old, new, self.labels, seed) if each.high < 0]
        if worse:
            listed = "; ".join(map(str, worse))
            raise _HeadKept(f"Head was taken: {name} is worse in part, beyond noise: {listed}.")
        return f"Tuning was taken: {name} is better than head beyond noise ({figures})."

    def _predicted(self, tuned: "_Tuned", texts: list[str], progress: Progress) -> Ints:
        """On the validation part, unless at that pace scoring the pool would break the budget."""
        end, began = self.started + self.budget, self.clock()
        name, minutes = tuned.settings.classifier, f"{self.budget / 60:g}"
        try:
            watch = Watch(progress, end, self.clock)
            proba = tuned.classifier.model.predict_proba(texts, InPhase("evaluate", watch))
            pace = (self.clock() - began) / len(texts)
            limit = tuned.settings.effective_score_limit or self.texts
            if self.clock() + pace * min(self.texts, limit + len(texts)) > end:
                raise OutOfTime
        except OutOfTime as over:
            raise _HeadKept(
                f"Head was taken: scoring the pool with {name} would go beyond the {minutes} minutes granted."
            ) from over
        return np.asarray(proba.argmax(axis=1))


@dataclass(frozen=True)
class _Tuned:
    """The candidate, the settings it was trained with in the end, what that took and was expected to take."""

    classifier: RoundClassifier
    settings: RoundSettings
    seconds: float
    expected: float | None


class _HeadKept(Exception):
    """Why, as a sentence."""


def _shortened(settings: RoundSettings, slow: TooSlow) -> RoundSettings:
    """The same training in as many epochs, or steps, as there is time for; `slow` again where that is too few."""
    group, share = getattr(settings, settings.classifier), CAUTION * slow.available / slow.expected
    # Fewer steps than are set where there are few pairs; self-training tells of thousandths in place of steps.
    name, all_of_it, least = (
        ("max_steps", min(slow.steps, group.max_steps), MIN_STEPS)
        if isinstance(group, ContrastiveSettings)
        else ("epochs", group.epochs, MIN_EPOCHS)
    )
    if (granted := int(share * all_of_it)) < least:
        raise slow
    return replace(settings, **{settings.classifier: replace(group, **{name: granted})})


def _epochs(settings: RoundSettings) -> int | None:
    """None where pairs are trained on, which counts steps."""
    group = getattr(settings, settings.classifier)
    return None if isinstance(group, ContrastiveSettings) else int(group.epochs)
