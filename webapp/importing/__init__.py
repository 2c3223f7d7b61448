"""Reading files of reviews: encoding, format, columns, rows. Knows neither Flask nor SQL."""

from webapp.importing.columns import ColumnMap
from webapp.importing.csv_rows import EXCERPT
from webapp.importing.dates import DateOrder, guess_date_order, parse_date
from webapp.importing.dialect import DELIMITERS, KINDS, FileFormat, detect_format
from webapp.importing.duplicates import near_duplicate_key, text_hash
from webapp.importing.encoding import ENCODINGS, HEAD_BYTES, detect_encoding
from webapp.importing.error_file import ErrorFile
from webapp.importing.errors import ROW_ERRORS, FileError, FileNote, RowError
from webapp.importing.guess import guess_columns
from webapp.importing.languages import parse_language
from webapp.importing.preview import Preview, choose_columns, preview
from webapp.importing.review_file import FileOptions, ReviewFile, Row, open_file
from webapp.importing.reviews import PARTS, REVIEW_NOTES, ParsedReview, parse_rating, parse_review

__all__ = [
    "DELIMITERS",
    "ENCODINGS",
    "EXCERPT",
    "HEAD_BYTES",
    "KINDS",
    "PARTS",
    "REVIEW_NOTES",
    "ROW_ERRORS",
    "ColumnMap",
    "DateOrder",
    "ErrorFile",
    "FileError",
    "FileFormat",
    "FileNote",
    "FileOptions",
    "ParsedReview",
    "Preview",
    "ReviewFile",
    "Row",
    "RowError",
    "choose_columns",
    "detect_encoding",
    "detect_format",
    "guess_columns",
    "guess_date_order",
    "near_duplicate_key",
    "open_file",
    "parse_date",
    "parse_language",
    "parse_rating",
    "parse_review",
    "preview",
    "text_hash",
]
