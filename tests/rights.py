"""Who may do what: every page's route with the answer that each person gets for each object."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from learner.settings import RoundSettings
from webapp.forms import round_form
from webapp.forms.project_forms import filled_project_settings
from webapp.store.projects import ProjectSettings

NOBODY_KNOWS = 987_654
# A project of the same instance that owns none of the objects that the addresses name.
OTHER_PROJECT = 3


@dataclass(frozen=True)
class Right:
    """One route: `who` is its mark, `done` the answer to whoever may; all others are refused and change nothing."""

    who: str
    done: int = 200
    form: Mapping[str, Any] = field(default_factory=dict)
    # What the address names instead of the world's first of each kind.
    ids: Mapping[str, int | str] = field(default_factory=dict)
    # What an admin gets who asks for what is an annotator's own.
    admin: int | None = None
    # An object of the same kind that a colleague holds; whoever asks for it learns no more than of a missing one.
    others: Mapping[str, int | str] = field(default_factory=dict)
    for_others: int = 404
    # Where admins look after everybody's: what they get for it.
    others_by_admin: int | None = None
    missing: int = 404
    # None: the address names no object of a project.
    foreign: int | None = 404

    def typed(self, form: Mapping[str, Any]) -> "Right":
        """The same route with another form."""
        return replace(self, form=form)


def everyone(done: int = 200, **more: Any) -> Right:
    """Open to whoever comes."""
    return Right("public", done, **more)


def people(done: int = 200, **more: Any) -> Right:
    """For annotators and admins alike."""
    return Right("annotator", done, **more)


def admins(done: int = 200, **more: Any) -> Right:
    """For admins alone."""
    return Right("admin", done, **more)


NEW_PASSWORD = {"current": "a password for tests", "new": "nine quiet herons", "again": "nine quiet herons"}
CHINESE_LABEL = {"project_id": 2, "label_id": 5}  # where no round is open
COLUMNS = {"text": "text", "id": "", "part": ""}
SETTINGS = {**filled_project_settings(ProjectSettings()).typed, **round_form.filled(RoundSettings()).typed}
RIGHTS = {
    "account.change_password": people(303, form=NEW_PASSWORD),
    "account.choose_password": people(),
    "account.confirm": people(303, form={"current": NEW_PASSWORD["current"]}),
    "account.end_sessions": people(303, form={"session": "others"}),
    "account.save_keys": people(303, form={"reset": "1"}),
    "account.save_preferences": people(303, form={"locale": "zh", "theme": ""}),
    "account.show": people(),
    "adjudicate.ask": admins(303, ids={"review_id": "unsettled"}),
    "adjudicate.decide": admins(303, ids={"review_id": "unsettled"}, form={"label": 1, "reason": ""}),
    "adjudicate.index": admins(),
    "adjudicate.leave_out": admins(303, ids={"review_id": "unsettled"}, form={"reason": "Says nothing."}),
    "adjudicate.review": admins(),
    "adjudicate.send_back": admins(303, ids={"review_id": "skipped"}),
    "adjudicate.take_back": admins(303, missing=409, foreign=409),
    "adjudicate.take_back_in": admins(303, ids={"review_id": 7}),
    "annotate.ahead": people(form={"have": ""}),
    "annotate.answer": people(
        303, form={"label": 4}, admin=403, others={"token": "bob's lease"}, for_others=403, missing=409
    ),
    "annotate.change": people(
        303,
        form={"label": 1},
        admin=409,
        others={"annotation_id": "bob's answer"},
        for_others=409,
        missing=409,
        foreign=409,
    ),
    "annotate.earlier": people(),
    "annotate.history": people(),
    "annotate.release": people(204),
    "annotate.show": people(),
    "annotate.take_next": people(303, ids={"project_id": 2}),
    "annotate.token": people(),
    "annotate.undo": people(303, admin=409),
    "annotators.index": admins(),
    "annotators.show": admins(foreign=None),
    "assets.htmx": everyone(404),
    "audit.download": admins(),
    "audit.index": admins(),
    "auth.log_in": everyone(422),
    "auth.log_in_form": everyone(admin=303),
    "auth.log_out": everyone(303),
    "exports.cancel": admins(303, ids={"job_id": "queued export"}),
    "exports.download": admins(ids={"job_id": "export"}),
    "exports.index": admins(),
    "exports.labels": admins(),
    "exports.start": admins(303, form={"format": "onnx", "version": 1}),
    "guidelines.edit": admins(303, form={"text": "Label the whole.", "based_on": 2}),
    "guidelines.history": admins(),
    "guidelines.preview": admins(form={"text": "Label the whole."}),
    "guidelines.restore": admins(303),
    "guidelines.show": people(),
    "guidelines.version": people(),
    "health.back_up": admins(303),
    "health.clear_alarm": admins(303),
    "health.probe": everyone(503),  # no worker runs here
    "health.show": admins(),
    "home.index": people(admin=303),
    "imports.cancel": admins(303, ids={"job_id": "import"}),
    "imports.change_reading": admins(ids={"job_id": "import"}, form=COLUMNS),
    "imports.check": admins(303, ids={"job_id": "import"}, form=COLUMNS),
    "imports.errors": admins(ids={"job_id": "import"}),
    "imports.new": admins(),
    "imports.show": admins(ids={"job_id": "import"}),
    "imports.start": admins(303, ids={"job_id": "import"}),
    "imports.upload": admins(422),
    "insights.figures": admins(ids={"kind": "groups.csv"}),
    "insights.index": admins(),
    "labels.add": admins(303, ids={"project_id": 2}, form={"name": "mixed"}),
    "labels.index": admins(),
    "labels.move": admins(303, ids=CHINESE_LABEL, form={"direction": "down"}),
    "labels.rename": admins(303, ids=CHINESE_LABEL, form={"name": "bad"}),
    "labels.retire": admins(303, ids=CHINESE_LABEL, form={"fate": "withdraw"}),
    "labels.show": admins(),
    "metrics.show": everyone(),  # it asks for an address of this machine or a token of its own
    "people.add": admins(form={"name": "dora", "role": "annotator", "password": ""}),
    "people.change_role": admins(303, form={"role": "admin"}),
    "people.disable": admins(303),
    "people.enable": admins(303),
    "people.end_sessions": admins(303),
    "people.index": admins(),
    "people.reset_password": admins(form={"password": ""}),
    "people.show": admins(),
    "privacy.erase_annotator": admins(303, form={"user": 3}),
    "privacy.erase_customer": admins(303, form={"customer": "c1", "project": ""}),
    "privacy.go_on": admins(303),
    "privacy.index": admins(),
    "privacy.preview_annotator": admins(form={"user": 3}),
    "privacy.preview_customer": admins(form={"customer": "c1", "project": ""}),
    "projects.create": admins(
        303, form={"name": "Kettles", "language": "en", "labels": "negative\npositive"}
    ),
    "projects.curve": admins(),
    "projects.index": admins(),
    "projects.pause": admins(303),
    "projects.resume": admins(303),
    "projects.settings": admins(303, form=SETTINGS),
    "projects.show": admins(),
    "quality.cancel": admins(303, ids={"job_id": "quality"}),
    "quality.course": admins(),
    "quality.decide": admins(303, form={"decision": "right"}),
    "quality.index": admins(),
    "quality.start": admins(303),
    "reviews.bulk.apply": admins(303, form={"action": "leave_out", "review": "1", "count": "1"}),
    "reviews.bulk.confirm": admins(),
    "reviews.bulk.labels": admins(),
    "reviews.delete_view": admins(303),
    "reviews.index": admins(),
    "reviews.save_view": admins(303, form={"name": "Mine", "part": "holdout", "state": "labelled"}),
    "reviews.show": admins(),
    "rounds.cancel": admins(303, ids={"number": 3}),
    "rounds.index": admins(),
    "rounds.new": admins(),
    "rounds.serve": admins(303, form={"reason": "It reads irony."}),
    "rounds.show": admins(),
    "rounds.start": admins(303),
    "simulations.cancel": admins(303, ids={"job_id": "queued simulation"}),
    "simulations.figures": admins(),
    "simulations.index": admins(),
    "simulations.start": admins(422),  # too few labels for one
    "team.assign": admins(303, form={"user": 3, "product": "", "category": "phones"}),
    "team.index": admins(),
    "team.release": admins(303, foreign=None),
    "team.unassign": admins(303),
    "tokens.create": people(form={"user": 2, "scopes": "annotate", "days": 30, "name": "a program"}),
    "tokens.index": people(),
    "tokens.revoke": people(303, others={"token_id": "bob's token"}, others_by_admin=303),
}
