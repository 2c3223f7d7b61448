"""Forms, parsed once: into a value, or into a message a field with everything typed kept to show again."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Generic, TypeVar

from flask_babel import gettext as _

from webapp.importing import ColumnMap, FileOptions
from webapp.masking import RULES, Masking
from webapp.store.label_sets import LONGEST_NAME
from webapp.store.projects import ASSISTANCE, CONSENSUS, DEFAULT_LABELS, LANGUAGES, ProjectSettings
from webapp.words import number

Value = TypeVar("Value")
REASON_LIMIT = 500


@dataclass
class Form(Generic[Value]):
    """`value` is None as long as there are errors; a view may add errors that only the store knows."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    value: Value | None = None

    def checked(self) -> Value:
        """The value of a form without errors."""
        assert self.value is not None and not self.errors, "look at form.errors first"
        return self.value


class Reader:
    """Reads fields one by one; what does not fit becomes a message beside its field."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self.typed = {name: source[name] for name in source}
        self.errors: dict[str, str] = {}

    def text(self, name: str, limit: int, required: bool = True) -> str:
        """One line, trimmed."""
        value = self.typed.get(name, "").strip()
        if required and not value:
            self.errors[name] = _("Please fill this in.")
        elif len(value) > limit:
            self.errors[name] = _("At most %(limit)s characters.", limit=limit)
        return value

    def choice(self, name: str, choices: Collection[str], default: str = "") -> str:
        """One of the choices; the default when the field was not sent."""
        value = self.typed.get(name, default)
        if value not in choices:
            self.errors[name] = _("Choose one of the list.")
        return value

    def flag(self, name: str) -> bool:
        """Whether the box is ticked."""
        return name in self.typed

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number in its range."""
        return int(self.number(name, low, high, whole=True))

    def number(self, name: str, low: float, high: float, whole: bool = False) -> float:
        """A number in its range; a comma may stand for the point."""
        try:
            value = float(self.typed.get(name, "").strip().replace(",", "."))
        except ValueError:
            value = float("nan")
        if not low <= value <= high or (whole and value != int(value)):
            words = _("a whole number") if whole else _("a number")
            ends = {"low": low, "high": high}
            shown = {end: number(bound) if whole else f"{bound:g}" for end, bound in ends.items()}
            self.errors[name] = _("Must be %(kind)s from %(low)s to %(high)s.", kind=words, **shown)
            return low
        return value

    def form(self, value: Value) -> Form[Value]:
        """The parsed form; the value counts only if nothing was wrong."""
        return Form(self.typed, self.errors, None if self.errors else value)


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


def label_name(source: Mapping[str, str]) -> Form[str]:
    """The name of a new or a renamed label."""
    read = Reader(source)
    return read.form(read.text("name", LONGEST_NAME))


@dataclass(frozen=True)
class Retirement:
    """What becomes of the labels given with a label that goes: they become `into`, or None withdraws them."""

    into: int | None


def retirement(source: Mapping[str, str], others: Collection[int]) -> Form[Retirement]:
    """Move to one of the other labels, or withdraw."""
    read = Reader(source)
    fate = read.choice("fate", ("move", "withdraw"))
    into = read.typed.get("into", "")
    if fate == "move" and into not in map(str, others):
        read.errors["into"] = _("Choose one of the list.")
    return read.form(Retirement(int(into) if fate == "move" and into.isdecimal() else None))


@dataclass(frozen=True)
class AssignmentTyped:
    """Whom to limit, and to what; None fits all."""

    user_id: int
    language: str | None
    category: str | None


def assignment(source: Mapping[str, str]) -> Form[AssignmentTyped]:
    """A person with a language, a category or both."""
    read = Reader(source)
    user = read.text("user", 20)
    if user and not user.isdecimal():
        read.errors["user"] = _("Choose one of the list.")
    language, category = read.typed.get("language") or None, read.typed.get("category") or None
    if language is None and category is None:
        read.errors["language"] = _("Choose a language, a category or both.")
    return read.form(AssignmentTyped(int(user) if user.isdecimal() else 0, language, category))


def reason(source: Mapping[str, str]) -> Form[str]:
    """Why a model version is promoted or rolled back: goes into the log."""
    read = Reader(source)
    return read.form(read.text("reason", REASON_LIMIT))


@dataclass(frozen=True)
class CustomerTyped:
    """Whose reviews to erase, and where; None: in all projects."""

    customer: str
    project_id: int | None


def customer(source: Mapping[str, str], projects: Collection[int]) -> Form[CustomerTyped]:
    """A customer's id, exactly as it stood in the file, and a project or all."""
    read = Reader(source)
    typed = read.typed.get("customer", "")
    if not typed.strip():
        read.errors["customer"] = _("Please fill this in.")
    project = read.choice("project", {"", *map(str, projects)})
    return read.form(CustomerTyped(typed, int(project) if project.isdecimal() else None))


@dataclass(frozen=True)
class FileReading:
    """How an uploaded file is to be read, whether its labels are people's, and what of it is masked."""

    options: FileOptions
    columns: ColumnMap
    human_labels: bool
    masking: Masking = field(default_factory=Masking)


NO_MASKS = Masking()
ROLES_OF_COLUMNS = tuple(each.name for each in fields(ColumnMap))
AUTOMATIC = ""


def file_reading(source: Mapping[str, str]) -> Form[FileReading]:
    """Encoding, format and delimiter (empty: find out), a column a role (empty: none), labels, masks."""
    read = Reader(source)
    delimiter = {"tab": "\t"}.get(read.typed.get("delimiter", ""), read.typed.get("delimiter", "")) or None
    options = FileOptions(
        encoding=read.text("encoding", 40, required=False) or None,
        format=read.choice("format", ("", "csv", "tsv", "jsonl"), AUTOMATIC) or None,
        delimiter=delimiter,
    )
    columns = {role: read.typed.get(role, "") or None for role in ROLES_OF_COLUMNS}
    taken: dict[str, str] = {}
    for role, column in columns.items():
        if column and column in taken:
            read.errors[role] = _("This column is chosen twice.")
        elif column:
            taken[column] = role
    human = read.flag("human_labels") and columns["label"] is not None
    rules = tuple(name for name in RULES if read.flag(f"mask_{name}"))
    masking = Masking(rules, bool(rules) and read.flag("keep_original"))
    return read.form(FileReading(options, ColumnMap(**columns), human, masking))


def filled_file_reading(
    options: FileOptions, columns: ColumnMap, human_labels: bool, masking: Masking = NO_MASKS
) -> Form[FileReading]:
    """How a file is read, as the form shows it."""
    typed = {role: column or "" for role, column in asdict(columns).items()}
    typed |= {"encoding": options.encoding or "", "format": options.format or ""}
    typed["delimiter"] = "tab" if options.delimiter == "\t" else options.delimiter or ""
    if human_labels:
        typed["human_labels"] = "1"
    typed |= {f"mask_{name}": "1" for name in masking.rules}
    if masking.keep_original:
        typed["keep_original"] = "1"
    return Form(typed, {}, FileReading(options, columns, human_labels, masking))
