"""Replaying a labelled file: fair arms, no run twice, the same figures one by one and side by side."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from learner.encoders import Encoder
from learner.errors import Cancelled, NotEnoughLabels
from learner.simulation.record import OtherRuns, RunFile
from learner.simulation.results import SimulationResult

from .made_up import MARGIN, PLAN, RANDOM, corpus, run

AGAIN = """
import signal
import sys
import time
from pathlib import Path
sys.path[:0] = {paths!r}
from learner import encoders
from learner.simulation.record import RunFile
from simulation.made_up import run

class UntilTwo(RunFile):
    def add(self, line):
        super().add(line)
        if len(self.lines()) == 2:
            time.sleep(600)  # until the kill

if __name__ == "__main__":
    # As in a terminal; what runs in the background inherits that it should not listen.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(sys.argv[1])
    encoder, record = encoders.resolve(Path(sys.argv[2]), "tiny"), UntilTwo(folder / "runs.jsonl")
    run(encoder, folder, record=record, jobs=int(sys.argv[3]))
"""


def curves(result: SimulationResult) -> list[object]:
    return [(arm.name, arm.curves, arm.full_data, arm.area, arm.targets) for arm in result.arms]


@pytest.fixture(scope="session")
def result(tiny_encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> SimulationResult:
    """The plain simulation, in one go and one by one: what every other way of running it must come to."""
    return run(tiny_encoder, tmp_path_factory.mktemp("simulation"))


def test_curves_reach_the_budget_and_figures_follow_from_them(result: SimulationResult) -> None:
    margin, random = result.arms
    assert (result.train_reviews, result.test_reviews) == (80, 20)
    for arm in (margin, random):
        assert [point.labels for point in arm.curves["accuracy"]] == [6, 12, 18, 24, 27]
        assert all(p.low is not None and p.low <= p.mean for p in arm.curves["macro_f1"])
        assert arm.full_data["accuracy"] > 0.6
        assert all(each and 0 < each.p50 <= each.p95 for each in arm.seconds.values())
    assert margin.full_data == random.full_data
    assert random.targets["accuracy"]["best"].ratio_to_random is None
    assert set(margin.targets["accuracy"]["best"].ratio_to_random or {}) == {"0.90", "0.95", "0.99"}
    values = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert values["arms"][0]["arm"]["strategy"] == "margin-diverse"


def test_the_same_simulation_gives_the_same_curves(
    tiny_encoder: Encoder, tmp_path: Path, result: SimulationResult
) -> None:
    assert curves(run(tiny_encoder, tmp_path)) == curves(result)
    assert result.arms[0].curves != result.arms[1].curves


def test_without_a_random_arm_there_is_no_ratio(tiny_encoder: Encoder, tmp_path: Path) -> None:
    result = run(tiny_encoder, tmp_path, arms=[MARGIN], plan=replace(PLAN, seeds=(3,)))
    assert result.arms[0].targets["macro_f1"]["best"].ratio_to_random is None
    assert {(point.low, point.high) for point in result.arms[0].curves["accuracy"]} == {(None, None)}


def test_a_start_of_one_class_goes_on_until_there_are_two(tiny_encoder: Encoder, tmp_path: Path) -> None:
    result = run(tiny_encoder, tmp_path, plan=replace(PLAN, start=1, batch=5))
    assert result.arms[0].curves["accuracy"][0].mean < 0.8
    assert result.arms[0].curves["accuracy"][-1].mean > 0.5


def test_the_given_test_part_is_the_one_measured(tiny_encoder: Encoder, tmp_path: Path) -> None:
    given = corpus(test=np.arange(100) >= 60)
    result = run(tiny_encoder, tmp_path, corpus=given, plan=replace(PLAN, seeds=(0,), budget=500))
    assert (result.train_reviews, result.test_reviews, result.budget) == (60, 40, 60)
    with pytest.raises(NotEnoughLabels, match="no test part"):
        corpus(test=np.zeros(100, bool))


def test_a_simulation_can_be_cancelled_and_keeps_what_is_finished(
    tiny_encoder: Encoder, tmp_path: Path
) -> None:
    record = RunFile(tmp_path / "runs.jsonl")

    def stop(phase: str, done: int, total: int) -> None:
        if phase == "simulate" and done >= 7:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        run(tiny_encoder, tmp_path, progress=stop, record=record)
    assert len(record.lines()) == 2  # all labels at once is one round, the first arm's run five


@pytest.mark.slow
def test_side_by_side_is_the_same_as_one_by_one(
    tiny_encoder: Encoder, tmp_path: Path, result: SimulationResult
) -> None:
    told: list[tuple[int, int]] = []
    side_by_side = run(
        tiny_encoder, tmp_path, jobs=2, progress=lambda _, done, total: told.append((done, total))
    )
    assert curves(side_by_side) == curves(result)
    assert told[-1] == (21, 21)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_after_a_kill_it_goes_on_where_it_was(
    tiny_encoder: Encoder, tmp_path: Path, result: SimulationResult, how: signal.Signals
) -> None:
    script, file = tmp_path / "again.py", tmp_path / "runs.jsonl"
    script.write_text(AGAIN.format(paths=[os.getcwd(), str(Path(__file__).parents[1])]), "utf-8")
    command = [sys.executable, script, tmp_path, tiny_encoder.folder.parent, "2"]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    while not (file.is_file() and file.read_bytes().count(b"\n") > 1):
        assert process.poll() is None
        time.sleep(0.01)
    beside = psutil.Process(process.pid).children(recursive=True)
    if how == signal.SIGINT:  # as Ctrl-C does, to all of the terminal's processes
        os.killpg(process.pid, how)
    else:
        process.send_signal(how)
    assert process.wait(60) != 0
    deadline = time.monotonic() + 30
    while any(map(runs, beside)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(runs, beside))
    kept = file.read_bytes()
    kept = kept[: kept.rfind(b"\n") + 1]
    file.write_bytes(kept + b'{"task": {"lear')  # torn by the kill
    resumed = run(tiny_encoder, tmp_path, record=RunFile(file))
    assert file.read_bytes().startswith(kept) and len(RunFile(file).lines()) == 5
    assert curves(resumed) == curves(result)


def runs(process: psutil.Process) -> bool:
    """One that is dead but not buried does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_finished_runs_are_not_run_again(tiny_encoder: Encoder, tmp_path: Path) -> None:
    record = RunFile(tmp_path / "runs.jsonl")
    run(tiny_encoder, tmp_path, record=record, arms=[MARGIN])
    before = record.lines()
    told: list[int] = []
    run(tiny_encoder, tmp_path, record=record, progress=lambda _, done, total: told.append(done))
    assert record.lines()[: len(before)] == before and len(record.lines()) == len(before) + 2
    assert told[0] == 1 + 2 * 5  # those of the first call count as done


def test_other_data_or_settings_are_refused(tiny_encoder: Encoder, tmp_path: Path) -> None:
    record = RunFile(tmp_path / "runs.jsonl")
    run(tiny_encoder, tmp_path, record=record, arms=[RANDOM], plan=replace(PLAN, seeds=(0,)))
    with pytest.raises(OtherRuns, match="another budget"):
        run(tiny_encoder, tmp_path, record=record, plan=replace(PLAN, budget=20))
    with pytest.raises(OtherRuns, match="other texts, labels or test part"):
        run(tiny_encoder, tmp_path, record=record, corpus=corpus(101))
    other = replace(tiny_encoder, settings=replace(tiny_encoder.settings, head_c=0.5))
    with pytest.raises(OtherRuns, match="another encoder"):
        run(other, tmp_path, record=record)
    (tmp_path / "runs.jsonl").write_text('{"a": 1}\n', "utf-8")
    with pytest.raises(OtherRuns, match="does not hold runs"):
        run(tiny_encoder, tmp_path, record=record)


def test_arms_of_one_seed_start_with_the_same_labels(tiny_encoder: Encoder, tmp_path: Path) -> None:
    margin = replace(MARGIN, strategy="margin")
    result = run(tiny_encoder, tmp_path, arms=[MARGIN, margin])
    first, second = (arm.curves["accuracy"][0] for arm in result.arms)
    assert first == second


def test_stars_are_learned_from_beside_the_labels(tiny_encoder: Encoder, tmp_path: Path) -> None:
    plain = corpus()
    with_stars = corpus(ratings=np.where(plain.y == 1, 5.0, 1.0))
    starred = replace(RANDOM, learner=replace(RANDOM.learner, stars=True))
    plan = replace(PLAN, start=2, batch=25)
    without, having = run(tiny_encoder, tmp_path, corpus=with_stars, arms=[RANDOM, starred], plan=plan).arms
    assert having.curves["accuracy"][0].mean > without.curves["accuracy"][0].mean
    assert having.full_data == without.full_data  # every label is a person's there
    alone = run(tiny_encoder, tmp_path, arms=[RANDOM], plan=plan).arms[0]
    assert alone.curves == without.curves


def test_stars_that_say_nothing_of_the_labels_are_refused() -> None:
    with pytest.raises(NotEnoughLabels, match="The stars say nothing"):
        corpus(ratings=np.full(100, np.nan))
