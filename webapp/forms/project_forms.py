"""A new project, and what an existing one is set to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from webapp.forms.form import Form, Reader
from webapp.store.projects import ASSISTANCE, CONSENSUS, DEFAULT_LABELS, LANGUAGES, ProjectSettings


@dataclass(frozen=True)
class NewProject:
    name: str
    labels: list[str]
    language: str


def new_project(source: Mapping[str, str]) -> Form[NewProject]:
    """A project's name, its labels one a line, its language."""
    read = Reader(source)
    name = read.text("name", 100)
    labels = [line.strip() for line in read.typed.get("labels", "").splitlines() if line.strip()]
    if not 2 <= len(labels) <= 9:
        read.errors["labels"] = _("Give 2 to 9 labels, one a line: each gets one number key.")
    elif len({label.casefold() for label in labels}) < len(labels):
        read.errors["labels"] = _("Two labels have the same name.")
    return read.form(NewProject(name, labels, read.choice("language", LANGUAGES, "en")))


def blank_project() -> Form[NewProject]:
    """What the page for a new project shows at first."""
    return Form({"labels": "\n".join(DEFAULT_LABELS), "language": "en"})


# Name of the field, lowest and highest value.
PROJECT_NUMBERS = {
    "holdout_size": (0, 100_000),
    "validation_size": (0, 100_000),
    "holdout_labels": (1, 10),
    "overlap_labels": (1, 10),
    "lease_minutes": (1, 240),
    "auto_round_every": (0, 1_000_000),
    "ahead": (0, 25),
    "goal_labels": (0, 100_000_000),
}


# The highest value in per cent, as they are typed; fractions in the settings.
PROJECT_SHARES = {"overlap_share": 100, "blind_share": 50, "gold_share": 50, "target_accuracy": 100}


def project_settings(source: Mapping[str, str]) -> Form[dict[str, Any]]:
    """The changes to a project's settings, without those of the learner."""
    read = Reader(source)
    changes: dict[str, Any] = {name: read.whole(name, *span) for name, span in PROJECT_NUMBERS.items()}
    changes |= {name: read.number(name, 0, highest) / 100 for name, highest in PROJECT_SHARES.items()}
    changes["assistance"] = read.choice("assistance", ASSISTANCE)
    changes["consensus"] = read.choice("consensus", CONSENSUS)
    changes["leaderboard"] = read.flag("leaderboard")
    return read.form(changes)


def filled_project_settings(settings: ProjectSettings) -> Form[dict[str, Any]]:
    """A project's settings as the form shows them."""
    typed = {name: str(getattr(settings, name)) for name in (*PROJECT_NUMBERS, "assistance", "consensus")}
    typed |= {name: f"{getattr(settings, name) * 100:g}" for name in PROJECT_SHARES}
    if settings.leaderboard:
        typed["leaderboard"] = "1"
    return Form(typed)
