"""The annotator report: each person's pace, labels and agreement beside those of the others in the project."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlite_utils import Database

from webapp.figures.proportions import NOTHING, Proportion
from webapp.store.connection import from_timestamp, timestamp

# Two answers further apart than this have a break between them.
BREAK = timedelta(minutes=5)
# A rate from less work than this says nothing.
SHORTEST_WORK = timedelta(minutes=1)


@dataclass(frozen=True)
class Figures:
    """What one person did, or the others together; only answers that stand, labels that came with a file left out.

    labels: how many of each, by label id. seconds: the median a label took; of the others, the median of theirs.
    agreement: with the majority of the others. checks: hidden checks answered as decided. decided: labels given
    before an admin decided on the review, equal to that decision.
    """

    labels: Counter[int] = field(default_factory=Counter)
    skips: int = 0
    flags: int = 0
    timed: int = 0
    seconds: float | None = None
    characters: float | None = None
    agreement: Proportion = NOTHING
    checks: Proportion = NOTHING
    decided: Proportion = NOTHING

    @property
    def skipped(self) -> Proportion:
        """Skips among all answers."""
        return Proportion(self.skips, self.skips + self.flags + self.labels.total())

    def share(self, label_id: int) -> Proportion:
        """One label among all labels."""
        return Proportion(self.labels[label_id], self.labels.total())


@dataclass(frozen=True)
class AnnotatorReport:
    """One person in one project. `mixed` counts labels by (label expected, label given), expected being the decision
    or else the majority of the others. `withdrawn`: own answers taken back or changed."""

    user_id: int
    name: str
    disabled: bool
    own: Figures
    others: Figures
    today: int
    week: int
    per_hour: float | None
    withdrawn: int
    mixed: Counter[tuple[int, int]]

    def found(self, label_id: int) -> Proportion:
        """How many of the reviews expected to have a label got it."""
        expected = sum(n for (label, _given), n in self.mixed.items() if label == label_id)
        return Proportion(self.mixed[label_id, label_id], expected)


def reports(db: Database, project_id: int, now: datetime) -> list[AnnotatorReport]:
    """Everybody who answered in the project, by name."""
    answers: defaultdict[int, list[Any]] = defaultdict(list)
    votes: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for row in _answers(db, project_id):
        if row["action"] == "label":
            votes[row["review_id"]].append((row["annotator_id"], row["label_id"]))
        if row["origin"] != "import":
            answers[row["annotator_id"]].append(row)
    gold, withdrawn = _gold(db, project_id), _withdrawn(db, project_id)
    compared = {person: _compare(person, given, votes, gold) for person, given in answers.items()}
    figures = {person: _figures(given, compared[person]) for person, given in answers.items()}
    people = db.execute("SELECT id, name, disabled_at FROM users ORDER BY name").fetchall()
    return [
        AnnotatorReport(
            person["id"],
            person["name"],
            person["disabled_at"] is not None,
            figures[person["id"]],
            _together(each for user_id, each in figures.items() if user_id != person["id"]),
            _labels_since(answers[person["id"]], now.replace(hour=0, minute=0, second=0, microsecond=0)),
            _labels_since(answers[person["id"]], now - timedelta(days=7)),
            _per_hour(answers[person["id"]]),
            withdrawn.get(person["id"], 0),
            compared[person["id"]].mixed,
        )
        for person in people
        if person["id"] in figures
    ]


def projects_of(db: Database, user_id: int) -> list[tuple[int, str]]:
    """Id and name of each project with an answer of this person, by name."""
    rows = db.execute(
        "SELECT p.id, p.name FROM projects p WHERE EXISTS (SELECT 1 FROM annotations a WHERE a.project_id = p.id"
        " AND a.annotator_id = ? AND a.origin <> 'import') ORDER BY p.name",
        [user_id],
    )
    return [(row["id"], row["name"]) for row in rows]


@dataclass
class _Comparison:
    """Counts of (hits, compared) while they are made."""

    agreement: Proportion = NOTHING
    checks: Proportion = NOTHING
    decided: Proportion = NOTHING
    mixed: Counter[tuple[int, int]] = field(default_factory=Counter)


def _answers(db: Database, project_id: int) -> Iterable[Any]:
    return db.execute(
        "SELECT a.annotator_id, a.review_id, a.action, a.label_id, a.seconds, a.origin, a.created_at,"
        " length(r.text) AS characters FROM annotations a JOIN reviews r ON r.id = a.review_id"
        " WHERE a.project_id = ? AND a.action <> 'undo' AND a.undone_by IS NULL AND r.excluded_at IS NULL"
        " ORDER BY a.id",
        [project_id],
    )


def _gold(db: Database, project_id: int) -> dict[int, tuple[int, int]]:
    """The label decided for each review, and who decided."""
    rows = db.execute(
        "SELECT d.review_id, d.label_id, d.decided_by FROM adjudications d JOIN reviews r ON r.id = d.review_id"
        " WHERE r.project_id = ? ORDER BY d.id",
        [project_id],
    )
    return {row["review_id"]: (row["label_id"], row["decided_by"]) for row in rows}


def _withdrawn(db: Database, project_id: int) -> dict[int, int]:
    rows = db.execute(
        "SELECT a.annotator_id, count(*) FROM annotations a JOIN annotations u ON u.id = a.undone_by"
        " WHERE a.project_id = ? AND u.action = 'undo' AND u.annotator_id = a.annotator_id GROUP BY a.annotator_id",
        [project_id],
    )
    return {row[0]: row[1] for row in rows}


def _compare(
    person: int, given: list[Any], votes: dict[int, list[tuple[int, int]]], gold: dict[int, tuple[int, int]]
) -> _Comparison:
    """Set this person's labels against what others made of the same reviews; never against their own."""
    found = _Comparison()
    for row in given:
        if row["action"] != "label":
            continue
        majority = _majority(label for voter, label in votes[row["review_id"]] if voter != person)
        decided, by = gold.get(row["review_id"], (None, None))
        if majority is not None:
            found.agreement += Proportion(row["label_id"] == majority, 1)
        expected = majority
        if decided is not None and by != person:
            expected = decided
            hit = Proportion(row["label_id"] == decided, 1)
            if row["origin"] == "gold":
                found.checks += hit
            else:
                found.decided += hit
        if expected is not None:
            found.mixed[expected, row["label_id"]] += 1
    return found


def _majority(labels: Iterable[int]) -> int | None:
    """The label given most often; None where there is none or a tie."""
    ranked = Counter(labels).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]


def _figures(given: list[Any], compared: _Comparison) -> Figures:
    actions = Counter(row["action"] for row in given)
    timed = [row for row in given if row["action"] == "label" and row["seconds"] is not None]
    return Figures(
        Counter(row["label_id"] for row in given if row["action"] == "label"),
        actions["skip"],
        actions["flag"],
        len(timed),
        median(row["seconds"] for row in timed) if timed else None,
        median(row["characters"] for row in timed) if timed else None,
        compared.agreement,
        compared.checks,
        compared.decided,
    )


def _together(figures: Iterable[Figures]) -> Figures:
    everybody = list(figures)
    timed = [each for each in everybody if each.seconds is not None and each.characters is not None]
    return Figures(
        sum((each.labels for each in everybody), Counter()),
        sum(each.skips for each in everybody),
        sum(each.flags for each in everybody),
        sum(each.timed for each in timed),
        median(each.seconds or 0.0 for each in timed) if timed else None,
        median(each.characters or 0.0 for each in timed) if timed else None,
        sum((each.agreement for each in everybody), NOTHING),
        sum((each.checks for each in everybody), NOTHING),
        sum((each.decided for each in everybody), NOTHING),
    )


def _labels_since(given: list[Any], moment: datetime) -> int:
    start = timestamp(moment)
    return sum(row["action"] == "label" and row["created_at"] >= start for row in given)


def _per_hour(given: list[Any]) -> float | None:
    """Labels an hour of work: from answer to answer while no break lies between, and the first of each stretch."""
    worked, last = timedelta(), None
    for row in sorted(given, key=lambda row: row["created_at"]):
        moment = from_timestamp(row["created_at"])
        if last is not None and moment - last <= BREAK:
            worked += moment - last
        else:
            worked += min(timedelta(seconds=row["seconds"] or 0), BREAK)
        last = moment
    if worked < SHORTEST_WORK:
        return None
    labels = [row for row in given if row["action"] == "label"]
    return len(labels) / (worked / timedelta(hours=1))
