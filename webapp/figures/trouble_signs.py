"""What is worth a look in an annotator's report: signs with the figures behind them, never a verdict."""

from dataclasses import dataclass

from flask_babel import format_decimal
from flask_babel import gettext as _

from webapp.figures.proportions import Proportion, upper_tail
from webapp.store.annotators import AnnotatorReport
from webapp.store.projects import Project
from webapp.words.amounts import percent
from webapp.words.label_words import label_name

# Below so many answers on either side nothing can be told from chance.
FEWEST = 20
# An interval takes account of its own size.
FEWEST_COMPARED = 10
# Twice the usual speed of silent reading in characters a second (Brysbaert 2019, Journal of Memory and Language 109:
# 238 English words a minute); nobody reads a text faster and knows what it says.
READING = {"zh": 12.0}
USUAL_READING = 48.0
FASTEST_ANSWER = 2.0
TEAM_SHARE_OF_SECONDS = 1 / 3
# One label is given much more often than by the others: so far above their share, and by chance so rarely.
LABEL_EXCESS = 0.20
CHANCE = 0.001
SKIP_SHARE, SKIP_FACTOR = 0.10, 2


@dataclass(frozen=True)
class Sign:
    """kind: fast, one-label, agreement, checks or skips."""

    kind: str
    title: str
    text: str


def signs_of(report: AnnotatorReport, project: Project) -> list[Sign]:
    """All signs that this person's figures show."""
    found = (
        _too_fast(report, project.language),
        _one_label(report, project),
        _agreement(report),
        _checks(report),
        _skips(report),
    )
    return [sign for sign in found if sign is not None]


def sign_words() -> dict[str, str]:
    """Each kind of sign in a word or two."""
    return {
        "fast": _("pace"),
        "one-label": _("one label"),
        "agreement": _("agreement"),
        "checks": _("hidden checks"),
        "skips": _("skips"),
    }


def _too_fast(report: AnnotatorReport, language: str) -> Sign | None:
    own, others = report.own, report.others
    if min(own.timed, others.timed) < FEWEST or own.seconds is None or own.characters is None:
        return None
    readable = max(FASTEST_ANSWER, own.characters / READING.get(language, USUAL_READING))
    if own.seconds >= readable or own.seconds >= (others.seconds or 0) * TEAM_SHARE_OF_SECONDS:
        return None
    words = _("Half of %(n)s labels took less than %(seconds)s s; the others usually take %(others)s s. The reviews"
              " have some %(characters)s characters, which take %(readable)s s to read at twice the usual speed.",
              n=own.timed, seconds=_seconds(own.seconds), others=_seconds(others.seconds or 0),
              characters=round(own.characters), readable=_seconds(readable))  # fmt: skip
    return Sign("fast", _("Answers faster than one can read"), words)


def _one_label(report: AnnotatorReport, project: Project) -> Sign | None:
    total, rest = report.own.labels.total(), report.others.labels.total()
    if min(total, rest) < FEWEST:
        return None
    label_id, hits = report.own.labels.most_common(1)[0]
    # One more of each label than seen: others who never gave a label do not make it impossible.
    usual = (report.others.labels[label_id] + 1) / (rest + len(project.labels))
    chance = upper_tail(hits, total, usual)
    if hits / total - usual < LABEL_EXCESS or chance >= CHANCE:
        return None
    name = next((label.name for label in project.labels if label.id == label_id), "")
    words = _("%(hits)s of %(n)s labels (%(share)s) are %(label)s; of the others' labels it is %(others)s. Chance"
              " brings that less than once in a thousand times. The reviews may differ from the others': look at some.",
              hits=hits, n=total, share=percent(hits / total), label=label_name(name),
              others=percent(usual))  # fmt: skip
    return Sign("one-label", _("One label far more often than the others"), words)


def _agreement(report: AnnotatorReport) -> Sign | None:
    if not _is_lower(report.own.agreement, report.others.agreement):
        return None
    words = _("%(hits)s of %(n)s labels (%(share)s, at most %(high)s) are those of the others' majority; the others"
              " agree on %(others)s of theirs.",
              **_compared(report.own.agreement, report.others.agreement))  # fmt: skip
    return Sign("agreement", _("Agrees less with the others than they with each other"), words)


def _checks(report: AnnotatorReport) -> Sign | None:
    if not _is_lower(report.own.checks, report.others.checks):
        return None
    words = _("%(hits)s of %(n)s hidden checks (%(share)s, at most %(high)s) are answered as decided; the others answer"
              " %(others)s so.",
              **_compared(report.own.checks, report.others.checks))  # fmt: skip
    return Sign("checks", _("Fewer hidden checks answered as decided"), words)


def _skips(report: AnnotatorReport) -> Sign | None:
    own, others = report.own.skipped, report.others.skipped
    if min(own.n, others.n) < FEWEST or own.low is None or own.value is None or others.value is None:
        return None
    if own.value < SKIP_SHARE or own.low <= others.value * SKIP_FACTOR:
        return None
    words = _("%(hits)s of %(n)s reviews (%(share)s) were skipped; the others skip %(others)s. The reasons given"
              " may tell more.",
              hits=own.hits, n=own.n, share=percent(own.value), others=percent(others.value))  # fmt: skip
    return Sign("skips", _("Skips much more than the others"), words)


def _is_lower(own: Proportion, others: Proportion) -> bool:
    """Whether the whole interval lies below what the others reach."""
    if min(own.n, others.n) < FEWEST_COMPARED or own.high is None or others.value is None:
        return False
    return own.high < others.value


def _compared(own: Proportion, others: Proportion) -> dict[str, object]:
    return {
        "hits": own.hits,
        "n": own.n,
        "share": percent(own.value or 0),
        "high": percent(own.high or 0),
        "others": percent(others.value or 0),
    }


def _seconds(value: float) -> str:
    return str(format_decimal(value, "0.0"))
