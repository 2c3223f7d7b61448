"""Which reviews are meant: conditions that combine, each a line here, and the SQL that finds them."""

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from webapp.store import projects

TRIGRAM = 3


@dataclass(frozen=True)
class Filters:
    """What to show; empty means all. `state` is one of STATES, `reason` why a review was skipped.

    `version_id` names the model version whose predictions are meant, the serving one if none is named. `read_id` is the
    label that people agreed on, or else the one that the version predicts, as the insights count: without what was left
    out.
    `since` and `until` are days (2026-03-01) on which a review was written, both included.
    """

    text: str = ""
    part: str = ""
    label_id: int | None = None
    predicted_id: int | None = None
    read_id: int | None = None
    state: str = ""
    product: str = ""
    version_id: int | None = None
    category: str = ""
    language: str = ""
    stars_from: float | None = None
    stars_to: float | None = None
    annotator_id: int | None = None
    note: str = ""
    reason: str = ""
    import_id: int | None = None
    since: str = ""
    until: str = ""


# Sets that are small beside the reviews come first and are looked up by id; the rest is asked of each review.
_LABELLED = "SELECT c.review_id FROM current_labels c WHERE c.project_id = :project"
_ANSWERED = (
    "SELECT a.review_id FROM annotations a WHERE a.project_id = :project AND a.undone_by IS NULL"
    " AND a.action <> 'undo'"
)
_DISAGREED = f"{_LABELLED} GROUP BY c.review_id HAVING min(c.label_id) <> max(c.label_id)"
_SETTLED = "SELECT review_id FROM adjudications"
STATES = {
    "labelled": f"r.id IN ({_LABELLED})",
    "unlabelled": "NOT EXISTS (SELECT 1 FROM current_labels c WHERE c.review_id = r.id)",
    "skipped": f"r.id IN ({_ANSWERED} AND a.action = 'skip')",
    "flagged": f"r.id IN ({_ANSWERED} AND a.action = 'flag')",
    "noted": f"r.id IN ({_ANSWERED} AND a.note <> '')",
    "disagreed": f"r.id IN ({_DISAGREED})",
    "unsettled": f"r.id IN ({_DISAGREED}) AND r.id NOT IN ({_SETTLED})",
    "settled": f"r.id IN ({_SETTLED})",
    "suspect": "r.id IN (SELECT review_id FROM suspects WHERE project_id = :project AND state = 'open')",
    "left-out": "r.excluded_at IS NOT NULL",
}
# Asked of the review itself. Only part and import have an index; the others read on until a page is full.
_OF_REVIEW = {
    "part": "r.part = :part",
    "product": "trim(r.product_id) = :product",
    "category": "trim(r.category) = :category",
    "language": "coalesce(r.language, (SELECT language FROM projects WHERE id = :project)) = :language",
    "stars_from": "r.rating >= :stars_from",
    "stars_to": "r.rating <= :stars_to",
    "import_id": "r.import_id = :import_id",
    "since": "substr(r.reviewed_at, 1, 10) >= :since",
    "until": "substr(r.reviewed_at, 1, 10) <= :until",
    "predicted_id": "d.label_id = :predicted_id",
    "read_id": "r.excluded_at IS NULL AND coalesce((SELECT c.label_id FROM consensus c JOIN labels l"
    " ON l.id = c.label_id AND l.retired_at IS NULL WHERE c.review_id = r.id), d.label_id) = :read_id",
}
# All of one answer: a label and a person together ask for that person's label.
_OF_ANSWER = {
    "label_id": "a.label_id = :label_id",
    "annotator_id": "a.annotator_id = :annotator_id",
    "reason": "a.reason = :reason",
    "note": "instr(lower(a.note), lower(:note)) > 0",
}


@dataclass(frozen=True)
class Matching:
    """The reviews that fit, as everything from FROM on: `r` is the review, `d` what the model version says of it."""

    sql: str
    values: dict[str, Any]


def matching(db: Database, project_id: int, filters: Filters) -> Matching:
    """The reviews of a project that fit all of the filters."""
    version = filters.version_id or projects.get(db, project_id).model_version_id
    asked = {name: value for name, value in vars(filters).items() if value not in (None, "")}
    conditions = [condition for name, condition in _OF_REVIEW.items() if name in asked]
    answer = [condition for name, condition in _OF_ANSWER.items() if name in asked]
    if answer:
        conditions.append(f"r.id IN ({' AND '.join([_ANSWERED, *answer])})")
    if filters.state in STATES:
        conditions.append(STATES[filters.state])
    if len(filters.text) >= TRIGRAM:
        # The index finds candidates by LIKE, for which % and _ mean any character; instr takes them for themselves.
        # lower() and LIKE fold the same letters, those of ASCII. With an ESCAPE the index would not be asked.
        conditions.append("r.id IN (SELECT rowid FROM reviews_fts WHERE text LIKE '%' || :text || '%')")
        conditions.append("instr(lower(r.text), lower(:text)) > 0")
    elif filters.text:
        conditions.append("instr(r.text, :text) > 0")
    sql = (
        "FROM reviews r LEFT JOIN predictions d ON d.review_id = r.id AND d.model_version_id = :version"
        f" WHERE {' AND '.join(['r.project_id = :project', *conditions])}"
    )
    return Matching(sql, {**asked, "project": project_id, "version": version})
