"""Five people label at once through the web pages, with the votes of a crowd as their answers.

    python benchmarks/team.py ../shared/data --minutes 10 [--restart]

Each of the five answers a review as the i-th vote of its item says; `mixed` is a skip for that reason. Every review
wants five labels. They work as the page's script does: fetch ahead, and send each answer until it is acknowledged.
The report compares what is stored with what was sent, and agreement as stored with agreement as in the file.
Times are taken at the client, which shares the machine with the server and the database.
"""

import argparse
import csv
import gzip
import html
import http.client
import json
import re
import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import krippendorff
import numpy as np
from serving import Answered, Connection, Server, free_port, process, wait_for
from sqlite_utils import Database

from learner import agreement
from webapp import instance as instances
from webapp.importing import ColumnMap, FileOptions
from webapp.instance import Instance
from webapp.store import consensus, labelled, projects, sessions, users
from webapp.store.connection import utc_now
from webapp.store.projects import Project, ProjectSettings

PEOPLE = 5
LABELS = ("negative", "neutral", "positive")
SETTINGS = ProjectSettings(
    overlap_share=1.0, overlap_labels=PEOPLE, holdout_labels=PEOPLE, auto_round_every=0
)
DEFAULT_SETS = ("yelp_crowd", "sst_dev_crowd")
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
HELD = re.compile(r'data-held="([^"]*)"')
CARD = re.compile(r'<form[^>]* data-lease="([^"]+)".*?<p class="hero-text[^>]*>(.*?)</p>', re.S)
BUTTON = re.compile(r'name="label" value="(\d+)"')
RETRY_SECONDS = 0.2

Votes = dict[str, list[str]]


@dataclass
class Tally:
    """What one person did, as seen from their chair."""

    sent: dict[str, str] = field(default_factory=dict)  # lease: item and vote
    acknowledged: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    retried: int = 0
    repeated: int = 0
    cut_off: int = 0
    fetches: list[float] = field(default_factory=list)
    submits: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    ended: str = "time is up"


class Teammate:
    """One person at the labelling page; number i answers as the i-th vote of each item."""

    def __init__(self, port: int, session: str, project: Project, number: int, votes: Votes) -> None:
        self.connection = Connection(port, session)
        self.project, self.number, self.votes = project, number, votes
        self.tally = Tally()
        self.cards: dict[str, str] = {}
        page = self.connection.send("GET", f"/projects/{project.id}/annotate")
        found = CSRF.search(page.text)
        assert page.status == 200 and found, page.text[:300]
        self.token = found[1]

    def work(self, until: float, think: float) -> None:
        """Label at a person's irregular pace until the time is up or nothing is left."""
        chance = Random(self.number)
        while time.monotonic() < until:
            began = time.perf_counter()
            if not self.cards and not self.fetch():
                return
            self.tally.waits.append(1000 * (time.perf_counter() - began))
            time.sleep(chance.expovariate(1 / think))
            lease, text = next(iter(self.cards.items()))
            del self.cards[lease]
            self.answer(lease, text)
            self.fetch()

    def fetch(self) -> bool:
        """Have the stock topped up; whether there is any review now."""
        have = [("have", lease) for lease in self.cards]
        answered = self.insist(f"/projects/{self.project.id}/annotate/ahead", have)
        held = HELD.search(answered.text)
        assert answered.status == 200 and held, (answered.status, answered.text[:300])
        self.tally.fetches.append(answered.milliseconds)
        known = self.cards | {lease: plain(text) for lease, text in CARD.findall(answered.text)}
        self.cards = {lease: known[lease] for lease in held[1].split() if lease in known}
        if not self.cards:
            self.tally.ended = "nothing left"
        return bool(self.cards)

    def answer(self, lease: str, text: str) -> None:
        """Send the vote until the server says what became of it."""
        vote = self.votes[text][self.number]
        named = next((label for label in self.project.labels if label.name == vote), None)
        form = [("label", str(named.id))] if named else [("skip", "mixed")]
        self.tally.sent[lease] = vote
        answered = self.insist(f"/leases/{lease}/answer", [*form, ("seconds", "1")])
        self.tally.submits.append(answered.milliseconds)
        if answered.status != 200:
            self.tally.refused[answered.status] += 1
            return
        self.tally.acknowledged.add(lease)
        self.tally.repeated += json.loads(answered.text)["repeated"]

    def insist(self, path: str, form: list[tuple[str, str]]) -> Answered:
        """Send it again while the server is away, as the page's outbox does."""
        headers = {"X-Requested-With": "fetch"}
        while True:
            try:
                answered = self.connection.send("POST", path, [("csrf_token", self.token), *form], headers)
                if answered.status < 500:
                    return answered
            except (OSError, http.client.HTTPException):
                self.tally.cut_off += 1
            self.tally.retried += 1
            time.sleep(RETRY_SECONDS)


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        instance = instances.locate(Path(folder) / "instance")
        instances.create(instance)
        add_admin(instance)
        port = free_port()
        with process(instance, "web", "--port", str(port)) as server:
            wait_for(port)
            for name in options.sets:
                votes = read_votes(options.data, name)
                project, tokens = build(instance, options.data / f"{name}.csv.gz", name)
                seconds = 60 * options.minutes / len(options.sets)
                team = label(port, server, tokens, project, votes, seconds, options)
                report(instance, project, votes, [mate.tally for mate in team])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with NAME.csv.gz and NAME_annotations.csv.gz")
    parser.add_argument("--sets", nargs="+", default=DEFAULT_SETS, help="names, one after the other")
    parser.add_argument("--minutes", type=float, default=10, help="of all sets together")
    parser.add_argument("--think", type=float, default=1.0, help="mean seconds before an answer")
    parser.add_argument(
        "--restart", action="store_true", help="kill the web server in the middle of each set"
    )
    return parser.parse_args()


def read_votes(data: Path, name: str) -> Votes:
    """The votes of each review's item in the file's order, by the review's text."""
    by_item: defaultdict[str, list[str]] = defaultdict(list)
    with gzip.open(data / f"{name}_annotations.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_item[row["item_id"]].append(row["label"])
    with gzip.open(data / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        return {plain(row["text"]): by_item[row["id"]][:PEOPLE] for row in csv.DictReader(file)}


def plain(text: str) -> str:
    """The words of a review whatever became of its spaces."""
    return " ".join(html.unescape(text).split())


def add_admin(instance: Instance) -> None:
    """Somebody in whose name the files are imported."""
    db = instances.open_instance(instance)
    users.add(db, "root", "no password", "admin")
    db.close()


def build(instance: Instance, file: Path, name: str) -> tuple[Project, list[str]]:
    """A project with the reviews of a file, and five people of its own; their session tokens."""
    from webapp.cli.importing import import_file

    db = instances.open_instance(instance)
    people = [users.add(db, f"{name} {number}", "no password", "annotator") for number in range(PEOPLE)]
    project = projects.create(db, name, list(LABELS), settings=SETTINGS)
    import_file(instance, db, project, file, FileOptions(), ColumnMap(text="text", id="id"))
    tokens = [sessions.start(db, person.id, utc_now()) for person in people]
    db.close()
    return project, tokens


def label(
    port: int,
    server: Server,
    tokens: list[str],
    project: Project,
    votes: Votes,
    seconds: float,
    options: argparse.Namespace,
) -> list[Teammate]:
    """All five at once; with --restart the server dies without warning at half time and comes back."""
    team = [Teammate(port, token, project, number, votes) for number, token in enumerate(tokens)]
    failed: list[BaseException] = []
    end = time.monotonic() + seconds

    def work(mate: Teammate) -> None:
        try:
            mate.work(end, options.think)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(mate,)) for mate in team]
    for thread in threads:
        thread.start()
    if options.restart:
        time.sleep(seconds / 2)
        server.kill()
        server.start()
        print("The web server was killed and started again.")
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return team


def report(instance: Instance, project: Project, votes: Votes, tallies: list[Tally]) -> None:
    db = instances.open_instance(instance)
    sent = {lease: vote for tally in tallies for lease, vote in tally.sent.items()}
    acknowledged = set().union(*(tally.acknowledged for tally in tallies))
    stored = stored_answers(db, project)
    print(f"\n{project.name}: {PEOPLE} people, {sum(len(tally.sent) for tally in tallies):,} answers")
    print(f"  sent {len(sent):,}, acknowledged {len(acknowledged):,}, stored {len(stored):,}")
    print(
        f"  acknowledged and not stored as sent: {sum(stored.get(each) != sent[each] for each in acknowledged)}"
    )
    print(f"  stored and not sent: {len(stored.keys() - sent.keys())}")
    refused = sum((tally.refused for tally in tallies), Counter())
    print(
        f"  refused {dict(refused) or 'none'}; connections lost {sum(tally.cut_off for tally in tallies)},"
        f" sent again {sum(tally.retried for tally in tallies)},"
        f" known to the server already {sum(tally.repeated for tally in tallies)}"
    )
    for words, count in doubles(db, project).items():
        print(f"  {words}: {count}")
    for words, times in {
        "fetching ahead": [each for tally in tallies for each in tally.fetches],
        "submit": [each for tally in tallies for each in tally.submits],
        "wait for the next review": [each for tally in tallies for each in tally.waits],
    }.items():
        cuts = statistics.quantiles(times, n=100, method="inclusive")
        print(
            f"  {words}: p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms, max {max(times):.0f} ms, n {len(times):,}"
        )
    print(f"  ended because: {', '.join(sorted({tally.ended for tally in tallies}))}")
    report_agreement(db, project, votes)
    db.close()


def stored_answers(db: Database, project: Project) -> dict[str, str]:
    """Each answer as a vote, by its lease; a skip has its reason for a vote."""
    rows = db.execute(
        "SELECT a.lease_token, coalesce(l.name, a.reason) AS vote FROM annotations a"
        " LEFT JOIN labels l ON l.id = a.label_id WHERE a.project_id = ? AND a.action IN ('label', 'skip')",
        [project.id],
    )
    return {row["lease_token"]: row["vote"] for row in rows}


def doubles(db: Database, project: Project) -> dict[str, int]:
    """What must never be: all of these are 0."""
    now = "project_id = ? AND undone_by IS NULL AND action <> 'undo'"
    questions = {
        "the same person twice on a review": f"SELECT 1 FROM annotations WHERE {now}"
        " GROUP BY review_id, annotator_id HAVING count(*) > 1",
        "the same lease twice": "SELECT 1 FROM annotations WHERE project_id = ? AND lease_token IS NOT NULL"
        " GROUP BY lease_token HAVING count(*) > 1",
        f"reviews with more than {PEOPLE} labels": f"SELECT 1 FROM annotations WHERE {now} AND action = 'label'"
        f" GROUP BY review_id HAVING count(*) > {PEOPLE}",
    }
    return {
        words: len(db.execute(question, [project.id]).fetchall()) for words, question in questions.items()
    }


def report_agreement(db: Database, project: Project, votes: Votes) -> None:
    """Krippendorff's alpha as stored, and straight from the file: of the same votes, and of all on these reviews."""
    rows = db.execute("SELECT id FROM users WHERE name LIKE ? ORDER BY id", [f"{project.name} %"])
    people = [row["id"] for row in rows]
    names = {label.id: label.name for label in project.labels}
    stored: defaultdict[str, dict[int, str]] = defaultdict(dict)
    for row in db.execute(
        "SELECT r.text, c.annotator_id, c.label_id FROM current_labels c JOIN reviews r ON r.id = c.review_id"
        " WHERE c.project_id = ?",
        [project.id],
    ):
        stored[plain(row["text"])][people.index(row["annotator_id"])] = names[row["label_id"]]
    same = {text: {number: votes[text][number] for number in given} for text, given in stored.items()}
    everything = {text: dict(enumerate(votes[text])) for text in stored}
    complete = sum(len(given) == PEOPLE for given in stored.values())
    print(f"  {len(stored):,} reviews labelled, {complete:,} of them by all {PEOPLE}")
    found = measured(db, project).alpha
    print(f"  Krippendorff's alpha: stored {found.value:.4f} ({found.low:.2f} to {found.high:.2f})")
    print(
        f"    from the file for the same votes {alpha(same):.4f}, for all but `mixed` {alpha(everything):.4f}"
    )


def measured(db: Database, project: Project) -> agreement.Agreement:
    """Agreement as the Quality page has it."""
    votes = consensus.votes(db, project.id, labelled.snapshot(db, project.id))
    order = {label.id: place for place, label in enumerate(project.labels)}
    columns = [(vote.review_id, vote.annotator_id, order[vote.label_id]) for vote in votes]
    return agreement.measure(*np.array(columns, dtype=np.int64).T, len(project.labels))


def alpha(given: dict[str, dict[int, str]]) -> float:
    """Nominal alpha; a vote that is no label counts as missing."""
    table = np.full((PEOPLE, len(given)), np.nan)
    for column, row in enumerate(given.values()):
        for number, vote in row.items():
            if vote in LABELS:
                table[number, column] = LABELS.index(vote)
    return float(krippendorff.alpha(reliability_data=table, level_of_measurement="nominal"))


if __name__ == "__main__":
    main()
