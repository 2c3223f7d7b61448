"""How an uploaded file is to be read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from flask_babel import gettext as _

from webapp.forms.form import Form, Reader
from webapp.importing import ColumnMap, FileOptions
from webapp.masking import RULES, Masking


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
