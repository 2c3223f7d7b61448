"""Many annotators at once on a real server, alone and beside a round: answer times, errors, CPU and memory.

    python benchmarks/load/pool.py reviews.csv.gz --rows 1000000 --out million.csv.gz
    winnow --instance load init && winnow --instance load encoder add minilm
    winnow --instance load project create Million
    winnow --instance load import Million million.csv.gz --text text --id id --rating stars --date date
    python benchmarks/load/run.py --instance load --users 20 200

Needs the extra `load` (locust). Clients, server, worker and database share the machine.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from sqlite_utils import Database

sys.path.insert(0, str(Path(__file__).parents[1]))
from serving import Server, free_port, process, wait_for

from learner.settings import RoundSettings
from webapp import instance as instances
from webapp.instance import Instance
from webapp.store import labelled, projects, reviews, rounds, sessions, users
from webapp.store.connection import utc_now
from webapp.store.errors import RoundAlreadyOpen
from webapp.store.rounds import Round

HERE = Path(__file__).parent
FEWEST_LABELS = 60  # a round needs something to learn from


@dataclass
class Usage:
    """What a server and its children took: processor seconds and the most memory at one time."""

    server: Server
    cpu: float = 0.0
    peak: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        before, after = self.look(), {}
        while not self.over.wait(0.5):
            after |= self.look()
            self.cpu = sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())

    def look(self) -> dict[int, float]:
        """Processor seconds of each process so far."""
        memory, seconds = 0, {}
        for each in family(self.server.running.pid):
            try:
                times = each.cpu_times()
                memory += each.memory_info().rss
                seconds[each.pid] = times.user + times.system
            except psutil.NoSuchProcess:
                continue
        self.peak = max(self.peak, memory)
        return seconds


def family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def main() -> None:
    options = parse()
    instance = instances.locate(options.instance)
    db = instances.open_instance(instance)
    project = projects.named(db, options.project)
    pool = reviews.counts(db, project.id)["total"]
    print(f"{project.name}: {pool:,} reviews; {os.cpu_count()} cores; {options.minutes:g} min each run")
    port = free_port()
    with process(instance, "web", "--port", str(port)) as web:
        wait_for(port)
        for busy in (False, True):
            for count in options.users:
                with (
                    rounds_running(instance, db, project.id, options.encoder)
                    if busy
                    else no_round() as worker
                ):
                    run(
                        db,
                        project.id,
                        port,
                        count,
                        options,
                        [web, *worker],
                        "with rounds" if busy else "alone",
                    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--instance", type=Path, required=True)
    parser.add_argument("--project", default="Million")
    parser.add_argument("--users", type=int, nargs="+", default=[20, 200])
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--think", type=float, default=5, help="mean seconds before an answer")
    parser.add_argument("--encoder", default="minilm", help="of the rounds")
    return parser.parse_args()


def run(
    db: Database,
    project_id: int,
    port: int,
    count: int,
    options: argparse.Namespace,
    watched: list[Server],
    state: str,
) -> None:
    """One run of locust, and a line of figures for each kind of request."""
    before = labelled.snapshot(db, project_id)
    usages = [Usage(server) for server in watched]
    threads = [threading.Thread(target=usage.watch) for usage in usages]
    for thread in threads:
        thread.start()
    rows = locust(db, project_id, port, count, options)
    for usage, thread in zip(usages, threads, strict=True):
        usage.over.set()
        thread.join()
    print(f"\n{count} annotators, {state}: {labelled.snapshot(db, project_id) - before:,} rows in the log")
    for row in rows:
        if row["Name"] != "Aggregated":
            cuts = ", ".join(f"p{cut} {row[f'{cut}%']:>4} ms" for cut in (50, 95, 99))
            print(
                f"  {row['Name']:<15} n {int(row['Request Count']):>6,}  errors {row['Failure Count']}"
                f"  {cuts}, max {float(row['Max Response Time']):,.0f} ms"
            )
    for name, usage in zip(("web", "worker"), usages, strict=False):
        share = usage.cpu / (60 * options.minutes)
        print(f"  {name:<6} {share:.2f} cores on average, {usage.peak / 1e6:,.0f} MB at most")


def locust(
    db: Database, project_id: int, port: int, count: int, options: argparse.Namespace
) -> list[dict[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "plan.json"
        tokens = [sessions.start(db, user, utc_now()) for user in accounts(db, count)]
        plan.write_text(json.dumps({"project": project_id, "sessions": tokens, "think": options.think}))
        words = [sys.executable, "-m", "locust", "-f", str(HERE / "locustfile.py"), "--headless"]
        words += ["-u", str(count), "-r", str(max(1, count // 10)), "-t", f"{round(60 * options.minutes)}s"]
        words += [
            "--host",
            f"http://127.0.0.1:{port}",
            "--csv",
            str(Path(folder) / "out"),
            "--loglevel",
            "ERROR",
        ]
        done = subprocess.run(
            words, env={**os.environ, "WINNOW_LOAD": str(plan)}, stdout=subprocess.DEVNULL, check=False
        )
        if done.returncode not in (0, 1):  # 1: some request failed, which the table says
            raise SystemExit(f"locust ended with {done.returncode}")
        with (Path(folder) / "out_stats.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))


def accounts(db: Database, count: int) -> list[int]:
    """That many annotators, made where they are missing."""
    known = {user.name: user.id for user in users.everyone(db)}
    names = [f"load{number}" for number in range(count)]
    return [known.get(name) or users.add(db, name, "no password", "annotator").id for name in names]


@contextmanager
def rounds_running(instance: Instance, db: Database, project_id: int, encoder: str) -> Iterator[list[Server]]:
    """A worker, and always a round for it to run; says how long each took."""
    if labelled.label_count(db, project_id) < FEWEST_LABELS:
        raise SystemExit("Too few labels for a round: let the annotators work alone first.")
    over = threading.Event()
    known = {each.id for each in rounds.of_project(db, project_id)}

    def keep_busy() -> None:
        own = instances.open_instance(instance)
        while not over.wait(0.5):
            settings = RoundSettings(encoder=encoder, seed=len(rounds.of_project(own, project_id)))
            try:
                rounds.start(own, project_id, settings.to_dict(), "command", None, utc_now())
            except RoundAlreadyOpen:
                continue
        own.close()

    with process(instance, "worker") as worker:
        starter = threading.Thread(target=keep_busy)
        starter.start()
        while not any(each.state == "running" for each in rounds.of_project(db, project_id)):
            time.sleep(0.2)
        try:
            yield [worker]
        finally:
            over.set()
            starter.join()
    for each in rounds.of_project(db, project_id):
        if each.id not in known:
            print(f"  {told(each)}")


def told(each: Round) -> str:
    seconds = ", ".join(f"{phase} {taken:.1f} s" for phase, taken in each.timings.items())
    return f"round {each.number}: {each.state}{f' ({seconds})' if seconds else ''}"


@contextmanager
def no_round() -> Iterator[list[Server]]:
    yield []


if __name__ == "__main__":
    main()
