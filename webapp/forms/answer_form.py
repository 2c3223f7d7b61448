"""What an annotator sends: an answer, and what to look for among the answers there are."""

from collections.abc import Mapping
from datetime import date

from flask_babel import gettext, lazy_gettext

from webapp.store.annotations import Answer
from webapp.store.errors import UnknownLabel
from webapp.store.my_answers import EarlierAnswer, MyAnswer, MyFilters
from webapp.store.projects import Project
from webapp.words.label_words import label_name

# In the order of their keys.
SKIP_REASONS = {
    "unclear": lazy_gettext("Unclear"),
    "other-language": lazy_gettext("Another language"),
    "not-a-review": lazy_gettext("Not a review"),
    "mixed": lazy_gettext("Mixed"),
}
KINDS = {
    "skip": lazy_gettext("Skipped"),
    "flag": lazy_gettext("Flagged"),
    "changed": lazy_gettext("Changed"),
}
FILTERS = ("text", "answer", "since", "until", "note")


def answer(source: Mapping[str, str]) -> Answer:
    """A label's id, a skip with its reason or none, or the action flag; the store checks the rest."""
    note, seconds = source.get("note", "").strip(), _seconds(source.get("seconds", ""))
    if "skip" in source:
        return Answer("skip", None, note, seconds, source["skip"] or None)
    label = source.get("label")
    if label is None:
        return Answer(source.get("action", ""), None, note, seconds)
    if not _is_id(label):
        raise UnknownLabel(gettext("This label is not in the project. Load the page again."))
    return Answer("label", int(label), note, seconds)


def words(given: MyAnswer | EarlierAnswer) -> str:
    """An answer in words: its label, or skipped with its reason, or flagged."""
    if given.action == "label":
        return label_name(given.label or "")
    kind = str(KINDS[given.action])
    return f"{kind}: {SKIP_REASONS[given.reason]}" if given.reason else kind


def filters(source: Mapping[str, str], project: Project) -> MyFilters:
    """What to look for among my answers; what does not fit is left out."""
    answer_is = source.get("answer", "")
    known = [label.id for label in project.labels if str(label.id) == answer_is]
    return MyFilters(
        label_id=known[0] if known else None,
        kind=answer_is if answer_is in KINDS else "",
        with_note="note" in source,
        since=_day(source.get("since", "")),
        until=_day(source.get("until", "")),
        text=source.get("text", "").strip(),
    )


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
