"""Projects: one label set and its reviews."""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

import pysqlite3
from sqlite_utils import Database

from webapp.store import audit
from webapp.store.connection import timestamp, utc_now, write_transaction
from webapp.store.errors import InvalidValue, NameTaken, NotFound

DEFAULT_LABELS = ("negative", "neutral", "positive")
LANGUAGES = ("en", "zh", "other")
ASSISTANCE = ("blind", "assisted")
CONSENSUS = ("majority", "dawid-skene")
# The settings that say how many labels each review wants.
OVERLAP = ("overlap_share", "overlap_labels", "holdout_labels")


@dataclass(frozen=True)
class Label:
    id: int
    name: str
    position: int


@dataclass(frozen=True)
class ProjectSettings:
    """What an admin can set; shares are fractions of one, sizes are reviews.

    ahead: reviews leased beyond the one on screen. assistance: whether annotators see the model's guess;
    blind_share of their reviews comes without it all the same, to measure how far guesses sway people.
    gold_share: part of a person's reviews that are hidden checks. goal_labels: 0 for none. target_accuracy: what the
    advice when to stop goes by; 0 for none.
    """

    overlap_share: float = 0.10
    overlap_labels: int = 2
    holdout_labels: int = 2
    holdout_size: int = 200
    validation_size: int = 100
    lease_minutes: int = 10
    auto_round_every: int = 100
    ahead: int = 2
    assistance: str = "blind"
    blind_share: float = 0.10
    gold_share: float = 0.0
    consensus: str = "majority"
    goal_labels: int = 0
    target_accuracy: float = 0.0
    leaderboard: bool = False
    learner: dict[str, Any] = field(default_factory=dict)

    def checked(self) -> "ProjectSettings":
        """Itself, or InvalidValue naming the field and its range."""
        ranges: dict[str, tuple[float, float]] = {
            "overlap_share": (0, 1),
            "overlap_labels": (1, 10),
            "holdout_labels": (1, 10),
            "holdout_size": (0, 100_000),
            "validation_size": (0, 100_000),
            "lease_minutes": (1, 240),
            "auto_round_every": (0, 1_000_000),
            "ahead": (0, 25),
            "blind_share": (0, 0.5),
            "gold_share": (0, 0.5),
            "goal_labels": (0, 100_000_000),
            "target_accuracy": (0, 1),
        }
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise InvalidValue(f"{name} must be from {low:g} to {high:g}.")
        for name, choices in {"assistance": ASSISTANCE, "consensus": CONSENSUS}.items():
            if getattr(self, name) not in choices:
                raise InvalidValue(f"{name} is one of {', '.join(choices)}.")
        return self


@dataclass(frozen=True)
class Project:
    id: int
    name: str
    language: str
    labels: list[Label]
    settings: ProjectSettings
    ranking_id: int | None
    model_version_id: int | None
    created_at: str
    paused_at: str | None

    def label_named(self, name: str) -> Label | None:
        """The label of that name, whatever its case."""
        return next(
            (label for label in self.labels if label.name.casefold() == name.strip().casefold()), None
        )


def create(
    db: Database,
    name: str,
    labels: list[str] | None = None,
    language: str = "en",
    settings: ProjectSettings | None = None,
    by: int | None = None,
    now: datetime | None = None,
) -> Project:
    """Create a project; labels keep the order given. NameTaken or InvalidValue says what to change."""
    name = _checked_name(name)
    names = _checked_labels(list(labels or DEFAULT_LABELS))
    if language not in LANGUAGES:
        raise InvalidValue(f"The language is one of {', '.join(LANGUAGES)}.")
    settings = (settings or ProjectSettings()).checked()
    with write_transaction(db):
        try:
            project_id = db.execute(
                "INSERT INTO projects (name, language, settings, created_at) VALUES (?, ?, ?, ?) RETURNING id",
                [name, language, json.dumps(asdict(settings)), timestamp(now or utc_now())],
            ).fetchone()[0]
        except pysqlite3.IntegrityError as error:
            raise NameTaken(f"There is a project named {name} already. Choose another name.") from error
        for position, label in enumerate(names):
            db.execute(
                "INSERT INTO labels (project_id, name, position) VALUES (?, ?, ?)",
                [project_id, label, position],
            )
        audit.log(db, by, "project.create", f"project:{project_id}", labels=len(names))
    return get(db, project_id)


def get(db: Database, project_id: int) -> Project:
    """The project with that id; NotFound otherwise."""
    row = db.execute("SELECT * FROM projects WHERE id = ?", [project_id]).fetchone()
    if row is None:
        raise NotFound("There is no such project.")
    return _project(db, row)


def review_count(db: Database, project_id: int) -> int:
    """How many reviews it holds, as imports and erasures keep count."""
    return int(db.execute("SELECT review_count FROM projects WHERE id = ?", [project_id]).fetchone()[0])


def named(db: Database, name: str) -> Project:
    """The project of that name, else of that id; NotFound lists what there is."""
    row = db.execute(
        "SELECT * FROM projects WHERE name = :name OR CAST(id AS TEXT) = :name ORDER BY name = :name DESC",
        {"name": name},
    ).fetchone()
    if row is None:
        known = ", ".join(project.name for project in everything(db)) or "none yet"
        raise NotFound(f"There is no project {name}. Projects: {known}.")
    return _project(db, row)


def everything(db: Database) -> list[Project]:
    """All projects, by name."""
    return [_project(db, row) for row in db.execute("SELECT * FROM projects ORDER BY name").fetchall()]


def update_settings(db: Database, project_id: int, by: int | None = None, **changes: Any) -> Project:
    """Change some settings; where those of overlap are among them, `insertion.reset_wanted` must follow."""
    with write_transaction(db):
        before = get(db, project_id).settings
        settings = replace(before, **changes).checked()
        db.execute(
            "UPDATE projects SET settings = ? WHERE id = ?", [json.dumps(asdict(settings)), project_id]
        )
        if any(getattr(settings, name) != getattr(before, name) for name in OVERLAP):
            # Noted together with the settings, so that reviews they do not reach now are known.
            db.execute("UPDATE projects SET overlap_from = 0 WHERE id = ?", [project_id])
        audit.log(db, by, "project.settings", f"project:{project_id}", **changes)
    return get(db, project_id)


def pause(db: Database, project_id: int, by: int | None, now: datetime) -> None:
    """Hand out no more reviews and start no more rounds; what people hold is still stored when they answer."""
    with write_transaction(db):
        get(db, project_id)
        changed = db.execute(
            "UPDATE projects SET paused_at = ? WHERE id = ? AND paused_at IS NULL RETURNING id",
            [timestamp(now), project_id],
        ).fetchone()
        if changed:
            audit.log(db, by, "project.pause", f"project:{project_id}", now)


def resume(db: Database, project_id: int, by: int | None, now: datetime) -> None:
    """Go on where a pause began."""
    with write_transaction(db):
        get(db, project_id)
        changed = db.execute(
            "UPDATE projects SET paused_at = NULL WHERE id = ? AND paused_at IS NOT NULL RETURNING id",
            [project_id],
        ).fetchone()
        if changed:
            audit.log(db, by, "project.resume", f"project:{project_id}", now)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise InvalidValue("A project name has 1 to 100 printable characters.")
    return name


def _checked_labels(labels: list[str]) -> list[str]:
    names = [label.strip() for label in labels]
    if len(names) < 2 or len(names) > 9:
        raise InvalidValue("A project has 2 to 9 labels: each gets one number key.")
    if any(not name or len(name) > 40 or not name.isprintable() for name in names):
        raise InvalidValue("A label has 1 to 40 printable characters.")
    if len({name.casefold() for name in names}) < len(names):
        raise InvalidValue("Two labels have the same name.")
    return names


def _project(db: Database, row: Any) -> Project:
    labels = db.execute(
        "SELECT id, name, position FROM labels WHERE project_id = ? AND retired_at IS NULL ORDER BY position",
        [row["id"]],
    ).fetchall()
    known = {f.name for f in fields(ProjectSettings)}
    stored = {key: value for key, value in json.loads(row["settings"]).items() if key in known}
    return Project(
        row["id"],
        row["name"],
        row["language"],
        [Label(label["id"], label["name"], label["position"]) for label in labels],
        ProjectSettings(**stored),
        row["ranking_id"],
        row["model_version_id"],
        row["created_at"],
        row["paused_at"],
    )
