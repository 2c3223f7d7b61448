"""What can be wrong with a file of reviews, or with one row of it."""

from dataclasses import dataclass

# For the pages: every code a row can be refused with, and what it means. Messages add the details.
ROW_ERRORS = {
    "undecodable": "some bytes are not text in the chosen encoding",
    "bad_quotes": "the quotes of the row do not match",
    "unclosed_quote": "a quote is opened and never closed",
    "field_too_long": "a field or the whole row is too long",
    "ragged": "the row has more or fewer fields than the header",
    "bad_json": "the line is not one JSON object that can be read",
    "bad_text": "the row holds a character that cannot be stored",
    "empty": "there is no text",
    "too_long": "the text is longer than a review may be",
    "bad_split": "the split column names no known part",
    "duplicate_id": "another review has this id",
    "erased_customer": "its author was erased",
}


class FileError(Exception):
    """The file as a whole cannot be read; the message says why and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that was refused. A spreadsheet shows the same row number: the header is row 1."""

    row: int
    code: str  # a key of ROW_ERRORS
    message: str
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class FileNote:
    """Something about the file that people should know and that stops nothing."""

    code: str
    message: str
