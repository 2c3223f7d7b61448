"""Kill a working Winnow over and over, for minutes: nothing that was acknowledged may be missing afterwards.

    make soak                                  five minutes of web and worker, 1,000 killed writers, 10,000 torn logs
    make soak SOAK="--minutes 60 --kills 5000"

Four annotators label over HTTP while the worker trains on what they say and somebody reads exports without end. At
random moments a web process, the worker or all of `winnow run` is killed with SIGKILL. Then two processes that write
through the store are killed in turn, and copies of a database are opened with their log cut or a bit of it flipped.
"""

import argparse
import http.client
import os
import random
import signal
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import tiny_encoder
import torn
from builders import a_project, a_user
from invariants import missing, violations
from kills import kill_writers
from remote import Remote
from served import Served, family, free_port

import migrations
from learner import encoders
from webapp import instance as instances
from webapp.instance import Instance
from webapp.store import alarms, health, sessions
from webapp.store.connection import open_database, utc_now

PEOPLE = ("ada", "ben", "cyd", "dan")
# A person's pace, many times over.
THINK_SECONDS = 0.15
LEAST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
WORDS = {
    "negative": "awful broken poor useless",
    "neutral": "okay average plain fine",
    "positive": "great love best",
}


@dataclass
class Run:
    """What the minutes brought."""

    kills: Counter[str] = field(default_factory=Counter)
    longest_log: int = 0
    exports: int = 0
    annotators: list[Remote] = field(default_factory=list)


def main() -> None:
    options = parse()
    faults = 0
    with tempfile.TemporaryDirectory() as folder:
        if options.minutes:
            faults += soak(Path(folder), options.minutes)
        if options.kills:
            faults += kill_store(Path(folder), options.kills)
        if options.copies:
            faults += tear_logs(Path(folder), options.copies)
    raise SystemExit(1 if faults else 0)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5, help="of web and worker under load and kills")
    parser.add_argument("--kills", type=int, default=1_000, help="of processes that write through the store")
    parser.add_argument("--copies", type=int, default=10_000, help="with a torn or damaged log")
    return parser.parse_args()


def soak(folder: Path, minutes: float) -> int:
    """Web and worker under load and kills; the number of faults found."""
    instance = instances.locate(folder / "instance")
    tokens, labels = furnish(instance, int(minutes * 60 * len(PEOPLE) / THINK_SECONDS) + 2_000, folder)
    served, run, over = Served(instance, free_port()), Run(), threading.Event()
    os.environ["WINNOW_COOKIE_SECURE"] = "false"
    served.start()
    run.annotators = [Remote(served.port, token, labels) for token in tokens[:-1]]
    work = [threading.Thread(target=annotate, args=(each, over)) for each in run.annotators]
    work += [
        threading.Thread(target=export_slowly, args=(served.port, tokens[-1], run, over)),
        threading.Thread(target=watch_log, args=(instance, run, over)),
    ]
    for thread in work:
        thread.start()
    until, draw = time.monotonic() + 60 * minutes, random.Random()
    while time.monotonic() < until:
        time.sleep(draw.uniform(LEAST_PAUSE, LONGEST_PAUSE))
        run.kills[kill_something(served, draw)] += 1
    over.set()
    for thread in work:
        thread.join()
    served.stop()
    return report(instance, run, minutes)


def furnish(instance: Instance, size: int, folder: Path) -> tuple[list[str], list[int]]:
    """A project with rounds every fifty labels; sessions of four annotators and an admin."""
    instances.create(instance)
    encoders.add(instance.encoders, str(tiny_encoder.build(folder / "tiny")))
    draw = random.Random(1)
    texts = [
        f"{draw.choice(draw.choice(list(WORDS.values())).split())} thing, number {n}" for n in range(size)
    ]
    with closing(instances.open_instance(instance)) as db:
        people = [a_user(db, name) for name in PEOPLE] + [a_user(db, "root", "admin")]
        learner = {"encoder": "tiny", "query_size": 50}
        project = a_project(
            db, texts=texts, auto_round_every=50, learner=learner, holdout_size=30, validation_size=30
        )
        tokens = [sessions.start(db, person.id, utc_now()) for person in people]
    return tokens, [label.id for label in project.labels]


def annotate(annotator: Remote, over: threading.Event) -> None:
    """Label at an irregular pace, each answer sent until it is acknowledged."""
    draw = random.Random()
    while not over.is_set() and annotator.answer(draw):
        time.sleep(draw.expovariate(1 / THINK_SECONDS))


def export_slowly(port: int, token: str, run: Run, over: threading.Event) -> None:
    """Read the labels again and again, some kilobytes at a time."""
    while not over.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            cookie = {"Cookie": f"winnow={token}"}
            connection.request("GET", "/projects/1/exports/labels.csv", headers=cookie)
            answered = connection.getresponse()
            while answered.read(8_192) and not over.is_set():
                time.sleep(0.05)
            run.exports += answered.status == 200
        time.sleep(0.5)


def watch_log(instance: Instance, run: Run, over: threading.Event) -> None:
    while not over.wait(0.05):
        run.longest_log = max(run.longest_log, health.wal_bytes(instance.database))


def kill_something(served: Served, draw: random.Random) -> str:
    """A web process, the worker, or everything at once; returns which."""
    _, *others = family(served.processes[-1].pid)
    commands = {
        pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in others if Path(f"/proc/{pid}").exists()
    }
    worker = [pid for pid, command in commands.items() if command.rstrip(b"\0").endswith(b"worker")]
    web = [pid for pid in commands if b"gunicorn" in commands[pid]]
    chance = draw.random()
    if chance < 0.55 and web[1:]:
        return killed(draw.choice(web[1:]), "web process")
    if chance < 0.75 and worker:
        return killed(worker[0], "worker")
    served.kill()
    served.start()
    return "everything"


def killed(pid: int, name: str) -> str:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return name


def report(instance: Instance, run: Run, minutes: float) -> int:
    """Print what became of it, and compare what was acknowledged with what is stored."""
    told = [each for annotator in run.annotators for each in annotator.acknowledged.values()]
    with closing(open_database(instance.database)) as db:
        lost, wrong = missing(db, told), violations(db)
        stored = db.execute("SELECT count(*) FROM annotations").fetchone()[0]
        rounds = dict(db.execute("SELECT state, count(*) FROM rounds GROUP BY state").fetchall())
        raised = alarms.open_alarms(db)
    waits = sorted(seconds for annotator in run.annotators for seconds in annotator.waits)
    kills = ", ".join(f"{count} {name}" for name, count in sorted(run.kills.items()))
    cut_off = sum(annotator.cut_off for annotator in run.annotators)
    print(f"{minutes:g} min, {run.kills.total()} kills ({kills}), {cut_off} requests cut off or sent again")
    print(
        f"acknowledged {len(told):,}, lost {len(lost)}, doubles {stored - len(told)}, violations {wrong or 'none'}"
    )
    print(
        f"answer: median {1000 * statistics.median(waits):.0f} ms,"
        f" p95 {1000 * waits[int(0.95 * len(waits))]:.0f} ms; rounds {rounds}; {run.exports} exports;"
        f" longest log {run.longest_log / 1e6:.1f} MB; alarms {len(raised)}"
    )
    return len(lost) + abs(stored - len(told)) + len(wrong) + len(raised)


@contextmanager
def a_database(path: Path) -> Iterator[Path]:
    with closing(open_database(path, create=True)) as db:
        migrations.apply(db)
    yield path


def kill_store(folder: Path, kills: int) -> int:
    """Two writers killed in turn; the number of faults found."""
    with a_database(folder / "kills.sqlite") as path:
        with closing(open_database(path)) as db:
            for name in PEOPLE[:2]:
                a_user(db, name)
            a_project(db, size=40 * kills + 2_000)
        began = time.monotonic()
        acknowledged, wrong = kill_writers(path, kills, random.Random())
    print(
        f"{kills:,} killed writers, {time.monotonic() - began:.0f} s: acknowledged {acknowledged:,},"
        f" lost or wrong {wrong or 'none'}"
    )
    return len(wrong)


def tear_logs(folder: Path, copies: int) -> int:
    """Logs torn and damaged at random; the number of faults found."""
    with a_database(folder / "torn.sqlite") as path:
        written = torn.write(path)
        draw, began = random.Random(), time.monotonic()
        wrong = [
            fault for copy in range(copies) for fault in torn.tear(written, folder / f"copy-{copy}", draw)
        ]
    print(
        f"{copies:,} torn logs over {len(written.ends) - 1} commits, {time.monotonic() - began:.0f} s:"
        f" not a prefix of the commits or not sound: {wrong or 'none'}"
    )
    return len(wrong)


if __name__ == "__main__":
    main()
