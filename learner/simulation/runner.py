"""All runs of a simulation: none twice, those of `head` side by side, each with one thread. Start reading here."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import replace
from multiprocessing.connection import wait as wait_for
from pathlib import Path

from threadpoolctl import threadpool_limits

from learner.encoders import Encoder
from learner.errors import LearnerError
from learner.features import FeatureCache
from learner.progress import Progress, silent
from learner.simulation.arms import Arm, Bench, Corpus, Plan, Task
from learner.simulation.figures import arm_results
from learner.simulation.record import Record, finished, line_of
from learner.simulation.replay import Run, replay, rounds_of
from learner.simulation.results import SimulationResult

Finished = Callable[[Task, Run], None]

POLL_SECONDS = 0.2


class ProcessDied(LearnerError):
    """One of the processes that run side by side was killed."""


def simulate(
    corpus: Corpus,
    arms: Sequence[Arm],
    plan: Plan,
    encoders: Mapping[str, Encoder],
    features: Path,
    progress: Progress = silent,
    record: Record | None = None,
    jobs: int = 1,
) -> SimulationResult:
    """Learning curves of the arms, from `plan.start` labels in steps of `plan.batch` to `plan.budget`.

    Every arm sees the same pool, test part and seeds; the random arm starts at random, the others at k-means
    medoids. encoders: by the name that the arms use. record: what is there is not run again, what is run is added at
    once. jobs: processes for arms of `head`; a tuned classifier trains alone, with all threads, in this one.
    OtherRuns where the record holds the same runs of other data or settings.
    """
    plan = replace(plan, budget=min(plan.budget, len(corpus.train)))
    bench = Bench(corpus, encoders, features, plan)
    tasks = tasks_of(arms, plan)
    runs = finished(bench, tasks, record) if record else {}
    missing = [task for task in tasks if task not in runs]
    for name in sorted({task.learner.encoder for task in missing}):
        FeatureCache(features, encoders[name]).encode(corpus.texts, progress)
    count = _Count(bench, tasks, runs, progress)

    def add(task: Task, run: Run) -> None:
        runs[task] = run
        if record:
            record.add(line_of(bench, task, run))
        count.add(task)

    _run_all(bench, missing, jobs, add, count)
    return _result(bench, arms, runs)


def tasks_of(arms: Sequence[Arm], plan: Plan) -> list[Task]:
    """Every learner with all labels, then seed by seed every arm."""
    everything = [Task(learner) for learner in dict.fromkeys(arm.learner for arm in arms)]
    return everything + [Task(arm.learner, arm.strategy, seed) for seed in plan.seeds for arm in arms]


def _run_all(bench: Bench, tasks: Sequence[Task], jobs: int, add: Finished, count: "_Count") -> None:
    quick = [task for task in tasks if task.learner.classifier == "head"]
    if min(jobs, len(quick)) > 1:
        # Closed at once where adding fails or is interrupted: else the others would first do all that waits.
        with closing(_side_by_side(bench, quick, jobs, count.still_there)) as runs:
            for task, run in runs:
                add(task, run)
        quick = []
    for task in quick:
        # As beside others: how a sum is split among threads shows in its last digits, and those decide close calls.
        with threadpool_limits(1):
            add(task, replay(bench, task, count.within))
    for task in tasks:
        if task.learner.classifier != "head":
            add(task, replay(bench, task, count.within))


def _result(bench: Bench, arms: Sequence[Arm], runs: Mapping[Task, Run]) -> SimulationResult:
    plan, corpus = bench.plan, bench.corpus
    by_arm = {arm: [runs[Task(arm.learner, arm.strategy, seed)] for seed in plan.seeds] for arm in arms}
    full_data = {
        arm.learner: {score: values[0] for score, values in runs[Task(arm.learner)].scores.items()}
        for arm in arms
    }
    sizes = len(corpus.train), len(corpus.test)
    found = arm_results(by_arm, full_data)
    return SimulationResult(*sizes, list(plan.seeds), plan.start, plan.batch, plan.budget, found)


class _Count:
    """Rounds done of all rounds; what was found in the record counts as done."""

    def __init__(
        self, bench: Bench, tasks: Sequence[Task], runs: Mapping[Task, Run], progress: Progress
    ) -> None:
        self._rounds = {task: len(rounds_of(bench, task)) for task in tasks}
        self._total = sum(self._rounds.values())
        self._done = sum(self._rounds[task] for task in runs)
        self._progress = progress
        self.still_there()

    def add(self, task: Task) -> None:
        self._done += self._rounds[task]
        self.still_there()

    def within(self, phase: str, done: int, total: int) -> None:
        """Progress of the run that is under way."""
        self._progress("simulate", self._done + done, self._total)

    def still_there(self) -> None:
        """Say how far all is; the caller may cancel."""
        self.within("simulate", 0, 0)


def _side_by_side(
    bench: Bench, tasks: Sequence[Task], jobs: int, still_there: Callable[[], None]
) -> Generator[tuple[Task, Run], None, None]:
    """Runs as they end; whatever ends this one, by Ctrl-C too, ends the others."""
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(tasks)), context, _begin, (bench,)) as executor:
        try:
            with _children_deaf_to_interrupts():
                waiting: dict[Future[Run], Task] = {executor.submit(_run, task): task for task in tasks}
            while waiting:
                over, _ = wait(waiting, POLL_SECONDS, FIRST_COMPLETED)
                for future in over:
                    yield waiting.pop(future), future.result()
                still_there()
        except BrokenProcessPool as problem:
            raise ProcessDied(
                "A process of the simulation died; memory is the usual cause. Take fewer jobs: "
                "what is finished is kept."
            ) from problem
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - others:
                child.terminate()
            raise


@contextmanager
def _children_deaf_to_interrupts() -> Iterator[None]:
    """Ctrl-C reaches the whole process group; the children inherit the mask and leave it to us to end them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In a child: what all of its runs need.
_GIVEN: list[Bench] = []


def _begin(bench: Bench) -> None:
    """In a child: keep what all runs need, take one thread, and end when the parent does."""
    _GIVEN.append(bench)
    threadpool_limits(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait_for([parent.sentinel])
    os._exit(1)


def _run(task: Task) -> Run:
    return replay(_GIVEN[0], task)
