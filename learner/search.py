"""The search for better settings: Optuna's TPE over the chosen classifier, judged by the validation part alone.

The spans come from the settings themselves (`setting(..., search=...)`). What it finds replaces the given settings
only where it is better beyond noise: the best of many on a hundred labels is mostly luck. Of 20 values of C and class
weights, on CR and Women's Clothing with 100 and 400 labels, the best on 60 validation labels lost 0.2 to 3.9 points of
macro-F1 on the test part against the encoder's own, and on 300 it won 0.2 at most and lost up to 1.0; with the 95 %
interval asked for, no more than 0.2 were lost or won anywhere.

Akiba et al. 2019, Optuna; Bergstra et al. 2011, Algorithms for hyper-parameter optimization (TPE).
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

import numpy as np
import optuna
from numpy.typing import NDArray
from small_text import TextDataset

from learner import gate
from learner.classifiers.interface import Create, Fit, Floats, Ints, RoundClassifier
from learner.errors import TrainingDiverged
from learner.evaluation import confusion, summary
from learner.progress import InPhase, Progress, silent
from learner.report import Search
from learner.settings import MIN_VALIDATION, RoundSettings, SearchSettings
from learner.time_budget import Clock, OutOfTime, TooSlow, Watch

# Progress of one trial is told in as many parts.
PARTS: Final = 100


@dataclass(frozen=True)
class _Fitted:
    """What was trained with some settings, its predictions (n,) and macro-F1 on the validation part."""

    settings: RoundSettings
    classifier: RoundClassifier
    predicted: Ints
    macro_f1: float


class SearchingClassifier(RoundClassifier):
    """Behind small-text's Classifier interface; `model` is that of the settings adopted."""

    search: Search
    decided: RoundSettings

    def __init__(
        self, settings: RoundSettings, labels: list[str], create: Create, clock: Clock = time.monotonic
    ) -> None:
        self.labels, self.create, self.clock = labels, create, clock
        self.wanted, self.settings = settings.search, replace(settings, search=SearchSettings())
        # What the search has to beat; for `auto` it also says which classifier to search for.
        self.given = self.adopted = create(self.settings)

    def prepare(self, texts: Sequence[str], progress: Progress = silent) -> None:
        self.given.prepare(texts, progress)

    def fit(
        self,
        train_set: TextDataset,
        weights: NDArray[np.float64] | None = None,
        validation: TextDataset | None = None,
        progress: Progress = silent,
        pool: Sequence[str] = (),
    ) -> "SearchingClassifier":
        """The given settings first, then the trials. Beside the seed, the clock has a say."""
        self.adopted = self.given.fit(train_set, weights, validation, progress, pool)
        self.choice, self.decided = self.given.choice, self.given.decided or self.settings
        held = 0 if validation is None else len(validation.x)
        if validation is None or held < MIN_VALIDATION:
            reason = (
                f"The search was left out: it takes {MIN_VALIDATION} validation labels, and there are {held}."
            )
            self.search = Search(reason)
        else:
            began = self.clock()
            trials = _Trials(self, validation, self.clock() + 60 * self.wanted.minutes, progress)
            # The choice of `auto` was trained without it; what is to beat that has no better chance.
            stop = validation if self.choice is None else None
            trials.run(lambda other, watch: other.fit(train_set, weights, stop, watch, pool))
            best, self.search = trials.outcome(self.labels, self.clock() - began)
            self.adopted, self.decided = best.classifier, best.settings
        self.model = self.adopted.model
        return self

    def calibrate(self, train_set: TextDataset, random: NDArray[np.bool_], validation: TextDataset) -> None:
        self.adopted.calibrate(train_set, random, validation)

    def cross_fit(self, train_set: TextDataset, weights: NDArray[np.float64] | None = None) -> Floats | None:
        return self.adopted.cross_fit(train_set, weights)


class _Trials:
    """One search: the given settings, and the best of those tried."""

    def __init__(
        self, search: SearchingClassifier, validation: TextDataset, deadline: float, progress: Progress
    ) -> None:
        self.owner, self.deadline, self.progress = search, deadline, progress
        self.texts, self.y = list(validation.x), np.asarray(validation.y)
        self.given = self.best = self._judged(search.decided, search.given)
        # In memory, and logging nothing: what it finds is stored with the round.
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        sampler = optuna.samplers.TPESampler(seed=search.decided.seed)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)

    def run(self, fit: Fit) -> None:
        """Until the trials or the time are used up; Cancelled passes through."""
        self.study.optimize(lambda trial: self._try(trial, fit), n_trials=self.owner.wanted.trials)

    def _try(self, trial: optuna.Trial, fit: Fit) -> float:
        settings = suggested(trial, self.owner.decided)
        part = _Part(self.progress, trial.number, self.owner.wanted.trials)
        classifier = self.owner.create(settings)
        try:
            watch = Watch(part, self.deadline, self.owner.clock)
            watch("search", 0, 1)
            fit(classifier, watch)
        except (TooSlow, TrainingDiverged) as ended:  # others may be quicker, or tamer
            raise optuna.TrialPruned from ended
        except OutOfTime as over:
            self.study.stop()
            raise optuna.TrialPruned from over
        judged = self._judged(settings, classifier)
        self.best = max(self.best, judged, key=lambda each: each.macro_f1)
        return judged.macro_f1

    def _judged(self, settings: RoundSettings, classifier: RoundClassifier) -> _Fitted:
        proba = classifier.model.predict_proba(self.texts, InPhase("search", self.progress))
        predicted = proba.argmax(axis=1)
        scores = summary(confusion(self.y, predicted, proba.shape[1]))
        return _Fitted(settings, classifier, predicted, float(scores["macro_f1"]))

    def outcome(self, labels: list[str], seconds: float) -> tuple[_Fitted, Search]:
        """The settings to adopt, and why."""
        states = [trial.state for trial in self.study.trials]
        ended = states.count(optuna.trial.TrialState.COMPLETE)
        found = Search("", ended, len(states) - ended, seconds, self.given.macro_f1, self.best.macro_f1)
        if not ended:
            minutes = f"{self.owner.wanted.minutes:g}"
            reason = f"The given settings stay: no other was trained to its end in {minutes} minutes."
            return self.given, replace(found, reason=reason)
        if self.best is self.given:
            reason = f"The given settings stay: none of {ended} others does better on the validation part."
            return self.given, replace(found, reason=reason)
        seed = self.owner.decided.seed
        gains = gate.differences(self.y, self.given.predicted, self.best.predicted, labels, seed)
        macro = gains[1]
        if macro.low <= 0 or any(each.high < 0 for each in gains):
            reason = (
                f"The given settings stay: the best of {ended} others is not better beyond noise ({macro})."
            )
            return self.given, replace(found, reason=reason)
        reason = f"The best of {ended} others were taken, since they are better beyond noise ({macro})."
        return self.best, replace(found, reason=reason, changed=_changes(self.given, self.best))


class _Part:
    """Reports one trial as its part of the whole search, whatever the classifier calls its own work."""

    def __init__(self, progress: Progress, number: int, trials: int) -> None:
        self.progress, self.number, self.trials = progress, number, trials

    def __call__(self, phase: str, done: int, total: int) -> None:
        within = PARTS * done // total if total else 0
        self.progress("search", self.number * PARTS + within, self.trials * PARTS)


def suggested(trial: optuna.Trial, settings: RoundSettings) -> RoundSettings:
    """The settings with what the trial suggests for the classifier's own group."""
    group = getattr(settings, settings.classifier)
    values: dict[str, Any] = {}
    for each in fields(group):
        span, name = each.metadata["search"], f"{settings.classifier}.{each.name}"
        if isinstance(span, tuple):
            if span:
                values[each.name] = trial.suggest_categorical(name, span)
        elif each.type in (int, int | None):
            values[each.name] = trial.suggest_int(name, int(span.low), int(span.high), log=span.log)
        else:
            values[each.name] = trial.suggest_float(name, span.low, span.high, log=span.log)
    return replace(settings, **{settings.classifier: replace(group, **values)})


def _changes(given: _Fitted, best: _Fitted) -> dict[str, Any]:
    name = best.settings.classifier
    before, after = (asdict(getattr(each.settings, name)) for each in (given, best))
    return {f"{name}.{key}": value for key, value in after.items() if value != before[key]}
