"""The filters of the review list: as an address carries them, in words, and with what a form offers for each."""

import math
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from flask_babel import gettext as _
from sqlite_utils import Database
from werkzeug.datastructures import MultiDict

from webapp.forms.answer_form import SKIP_REASONS
from webapp.forms.fields_of_address import day, name_from_a_file, one_of, words
from webapp.store import assignments, jobs, users
from webapp.store.filters import STATES, Filters
from webapp.store.projects import Project
from webapp.words.amounts import language_name
from webapp.words.label_words import label_name

PARTS = ("pool", "holdout", "validation")
LARGEST_ID = 2**63 - 1
# The field of Filters by its name in an address; all others have the field's own.
NAMES = {"label_id": "label", "predicted_id": "predicted", "read_id": "read"} | {
    "version_id": "version",
    "annotator_id": "annotator",
    "import_id": "import",
}
Options = list[tuple[str, str]]


def parse(typed: MultiDict[str, str], project: Project) -> Filters:
    """The filters in an address; what is unknown counts as not set."""
    labels = {str(label.id) for label in project.labels}
    return Filters(
        text=words(typed, "text"),
        part=one_of(typed, "part", PARTS),
        label_id=_id(typed, "label") if one_of(typed, "label", labels) else None,
        predicted_id=_id(typed, "predicted") if one_of(typed, "predicted", labels) else None,
        read_id=_id(typed, "read") if one_of(typed, "read", labels) else None,
        state=one_of(typed, "state", STATES),
        product=name_from_a_file(typed, "product"),
        version_id=_id(typed, "version"),
        category=name_from_a_file(typed, "category"),
        language=words(typed, "language"),
        stars_from=_stars(typed, "stars_from"),
        stars_to=_stars(typed, "stars_to"),
        annotator_id=_id(typed, "annotator"),
        note=words(typed, "note"),
        reason=one_of(typed, "reason", SKIP_REASONS),
        import_id=_id(typed, "import"),
        since=day(typed, "since"),
        until=day(typed, "until"),
    )


def arguments(filters: Filters) -> dict[str, Any]:
    """What an address needs to bring these filters back."""
    return {
        NAMES.get(field, field): f"{value:g}" if isinstance(value, float) else str(value)
        for field, value in asdict(filters).items()
        if value not in (None, "")
    }


def query(filters: Filters) -> str:
    """The same as what follows the question mark."""
    return urlencode(arguments(filters))


def options(db: Database, project: Project) -> dict[str, Options]:
    """What each list of the form offers, by the filter's name: values with their words."""
    labels = [(str(label.id), label_name(label.name)) for label in project.labels]
    imports = jobs.of_project(db, project.id, "import")
    occurring = assignments.choices(db, project.id)
    return {
        "part": [("pool", _("pool")), ("holdout", _("holdout")), ("validation", _("validation"))],
        "state": _states(),
        "label": labels,
        "predicted": labels,
        "read": labels,
        "annotator": [(str(person.id), person.name) for person in users.everyone(db)],
        "reason": [(reason, str(words)) for reason, words in SKIP_REASONS.items()],
        "language": [(code, language_name(code)) for code in occurring.languages],
        "category": [(name, name) for name in occurring.categories],
        "import": [(str(job.id), str(job.payload.get("name", job.id))) for job in imports],
    }


def names() -> dict[str, str]:
    """What each filter is called on screen."""
    return {
        "text": _("Text"),
        "part": _("Part"),
        "state": _("State"),
        "label": _("People say"),
        "predicted": _("The model says"),
        "read": _("People say, or else the model"),
        "version": _("Model version"),
        "product": _("Product"),
        "category": _("Category"),
        "language": _("Language"),
        "stars_from": _("Stars from"),
        "stars_to": _("Stars to"),
        "annotator": _("Answered by"),
        "note": _("Note"),
        "reason": _("Reason for skipping"),
        "import": _("Import"),
        "since": _("Written from"),
        "until": _("Written until"),
    }


def in_words(db: Database, project: Project, filters: Filters) -> list[tuple[str, str]]:
    """Each filter that is set: what it is called and its value as people know it."""
    known, called = options(db, project), names()
    return [
        (called[name], dict(known.get(name, [])).get(value, value))
        for name, value in arguments(filters).items()
    ]


def _states() -> Options:
    words = {
        "labelled": _("labelled"),
        "unlabelled": _("not labelled"),
        "skipped": _("skipped"),
        "flagged": _("flagged"),
        "noted": _("with a note"),
        "disagreed": _("people disagree"),
        "unsettled": _("people disagree, not settled"),
        "settled": _("settled (gold)"),
        "suspect": _("suspect label"),
        "left-out": _("left out"),
    }
    return [(state, words[state]) for state in STATES]


def _id(typed: MultiDict[str, str], name: str) -> int | None:
    value = typed.get(name, type=int)
    return value if value is not None and 0 < value <= LARGEST_ID else None


def _stars(typed: MultiDict[str, str], name: str) -> float | None:
    value = typed.get(name, type=float)
    return value if value is not None and math.isfinite(value) else None
