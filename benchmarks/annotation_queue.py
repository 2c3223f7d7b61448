"""How long the next review and a submit take: real HTTP on loopback, 1 and 16 annotators, idle and while rounds run.

    python benchmarks/annotation_queue.py --reviews 10000

Times are taken at the client, which shares the machine with the server, the worker and the database.
"""

import argparse
import importlib.util
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from serving import Connection, free_port, process, wait_for
from sqlite_utils import Database

from learner import encoders
from learner.settings import RoundSettings
from webapp import instance as instances
from webapp.importing import FileOptions
from webapp.instance import Instance
from webapp.store import jobs, projects, rounds, sessions, users
from webapp.store.connection import utc_now
from webapp.store.errors import RoundAlreadyOpen
from webapp.store.projects import ProjectSettings

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
LEASE = re.compile(r'data-lease="([^"]+)"')
LABEL = re.compile(r'name="label" value="(\d+)"')
WORDS = "good bad fine broken great awful nice slow fast cheap strong weak loud clear dull".split()
SETTINGS = ProjectSettings(overlap_share=0, holdout_labels=1, auto_round_every=0, learner={"encoder": "tiny"})


@dataclass
class Times:
    """Milliseconds of each request."""

    claims: list[float] = field(default_factory=list)
    submits: list[float] = field(default_factory=list)


class Annotator:
    """One person with a browser: a connection kept open, two cookies, some reviews ahead, as the page's script does."""

    def __init__(self, port: int, session: str) -> None:
        self.connection = Connection(port, session)
        token = TOKEN.search(self.connection.send("GET", "/projects/1/annotate").text)
        assert token
        self.token = token[1]
        self.labels: list[str] = []
        self.held: list[str] = []

    def post(self, path: str, *form: tuple[str, str]) -> tuple[str, float]:
        """The answer and the milliseconds that it took; anything but success is an error."""
        headers = {"X-Requested-With": "fetch"}
        answered = self.connection.send("POST", path, [("csrf_token", self.token), *form], headers)
        assert answered.status in (200, 204), (path, answered.status, answered.text[:300])
        return answered.text, answered.milliseconds

    def label(self, times: Times, chance: Random) -> None:
        """Answer the review on top; then fetch one more, to have as many ahead as before."""
        if self.held:
            answer = [("label", chance.choice(self.labels)), ("seconds", "1")]
            _, answered = self.post(f"/leases/{self.held.pop(0)}/answer", *answer)
            times.submits.append(answered)
        page, taken = self.post("/projects/1/annotate/ahead", *(("have", token) for token in self.held))
        fresh = LEASE.findall(page)
        assert fresh, "the queue is empty: use more --reviews"
        self.held += fresh
        self.labels = self.labels or sorted(set(LABEL.findall(page)))
        times.claims.append(taken)


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        instance, tokens = build(Path(folder), options.reviews)
        port = free_port()
        with process(instance, "web", "--port", str(port)):
            wait_for(port)
            print(
                f"{options.reviews:,} reviews, {options.seconds:g} s each, {options.think:g} s between answers"
            )
            measure(port, tokens, 5, 0.2)  # warm, and labels for the first round
            for busy in (False, True):
                with training(instance) if busy else no_training():
                    for count in (1, 16):
                        times = measure(port, tokens[:count], options.seconds, options.think)
                        report(count, "while rounds run" if busy else "idle", times)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reviews", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30, help="of each of the four runs")
    parser.add_argument(
        "--think", type=float, default=0.5, help="mean seconds between an annotator's answers"
    )
    return parser.parse_args()


def build(folder: Path, size: int) -> tuple[Instance, list[str]]:
    """An instance with a project of synthetic reviews and 16 annotators; their session tokens."""
    instance = instances.locate(folder / "instance")
    instances.create(instance)
    encoders.add(instance.encoders, str(tiny_encoder(folder / "tiny")))
    db = instances.open_instance(instance)
    people = [users.add(db, f"annotator{number}", "no password", "annotator") for number in range(16)]
    users.add(db, "root", "no password", "admin")
    project = projects.create(db, "Benchmark", settings=SETTINGS)
    fill(instance, db, project, folder / "reviews.csv", size)
    tokens = [sessions.start(db, person.id, utc_now()) for person in people]
    db.close()
    return instance, tokens


def fill(instance: Instance, db: Database, project: projects.Project, path: Path, size: int) -> None:
    from webapp.cli.importing import choose_columns, import_file

    chance = Random(0)
    lines = (f"{' '.join(chance.choices(WORDS, k=30))} {row}" for row in range(size))
    path.write_text("\n".join(["text", *lines]) + "\n", "utf-8")
    options = FileOptions()
    import_file(instance, db, project, path, options, choose_columns(path, options, {}))
    for job in jobs.of_project(db, project.id, "encode"):
        jobs.cancel(db, job.id, None, utc_now())  # a round encodes by itself: that is part of its load


def tiny_encoder(folder: Path) -> Path:
    """The tests' encoder: the load is what the queue sees, not what the encoder knows."""
    path = Path(__file__).parents[1] / "tests" / "tiny_encoder.py"
    spec = importlib.util.spec_from_file_location("tiny_encoder", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    built: Path = module.build(folder)
    return built


def measure(port: int, tokens: list[str], seconds: float, think: float) -> Times:
    """All annotators at once, each answering at a person's irregular pace, faster than people can."""
    times = Times()
    failed: list[BaseException] = []
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        chance = Random(number)
        try:
            annotator = Annotator(port, tokens[number])
            while time.monotonic() < end:
                time.sleep(chance.expovariate(1 / think))
                annotator.label(times, chance)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(tokens))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return times


def report(count: int, state: str, times: Times) -> None:
    print(f"{count:>3} annotator{'s' if count > 1 else ' '} {state:<17} n {len(times.claims):>4}", end="")
    for name, values in (("one more ahead", times.claims), ("submit", times.submits)):
        cuts = statistics.quantiles(values, n=100, method="inclusive")
        print(f"  {name}: p50 {cuts[49]:5.1f} ms, p95 {cuts[94]:5.1f} ms, max {max(values):6.1f} ms", end="")
    print(flush=True)


@contextmanager
def training(instance: Instance) -> Iterator[None]:
    """A worker, and always a round for it to run."""
    over = threading.Event()
    begun = 0

    def keep_busy() -> None:
        nonlocal begun
        db = instances.open_instance(instance)
        while not over.wait(0.2):
            try:
                seed = {"encoder": "tiny", "seed": begun}
                rounds.start(db, 1, RoundSettings.from_dict(seed).to_dict(), "command", None, utc_now())
                begun += 1
            except RoundAlreadyOpen:
                continue
        db.close()

    with process(instance, "worker"):
        starter = threading.Thread(target=keep_busy)
        starter.start()
        wait_for_round(instance)
        try:
            yield
        finally:
            over.set()
            starter.join()
    print(f"    ({begun} rounds were started meanwhile)")


@contextmanager
def no_training() -> Iterator[None]:
    yield


def wait_for_round(instance: Instance) -> None:
    db = instances.open_instance(instance)
    while not any(each.state == "running" for each in rounds.of_project(db, 1)):
        time.sleep(0.1)
    db.close()


if __name__ == "__main__":
    main()
