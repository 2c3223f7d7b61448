"""Logs: one event a line, on stderr, as text or as JSON; whatever a visitor sends cannot look like another line."""

import logging
import os
import re
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from pythonjsonlogger.json import JsonFormatter

FORMAT = "WINNOW_LOG_FORMAT"
TEXT = "%(asctime)s %(levelname)s %(name)s%(request)s: %(message)s"
# Which request a line belongs to; empty outside of one.
request_id: ContextVar[str] = ContextVar("request_id", default="")

# All that moves a cursor, ends a line or turns the direction of writing.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# gunicorn names a request by its whole address; what people search for stays out of the log.
QUERY = re.compile(r"\?\S+")


def set_up() -> None:
    """Send this process's log to stderr: what we do, and what libraries warn of."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter())
    handler.addFilter(note_request)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("webapp").setLevel(logging.INFO)
    logging.captureWarnings(True)


def formatter() -> logging.Formatter:
    """As the environment asks: WINNOW_LOG_FORMAT=json, or text."""
    return JsonLines() if os.environ.get(FORMAT, "").lower() == "json" else TextLines(TEXT)


def note_request(record: logging.LogRecord) -> bool:
    """Tell a line which request it belongs to."""
    record.request_id = request_id.get()
    return True


def clean(text: str) -> str:
    """The text without a sign that could end its line or colour the next."""
    return CONTROLS.sub(lambda sign: f"\\x{ord(sign[0]):02x}", text)


class TextLines(logging.Formatter):
    """For people. A traceback follows its line, each line of it set in, so that none looks like an event."""

    def format(self, record: logging.LogRecord) -> str:
        """One event."""
        number = getattr(record, "request_id", "")
        line = TEXT % {
            "asctime": _moment(record),
            "levelname": record.levelname,
            "name": record.name,
            "request": f" [{number}]" if number else "",
            "message": clean(_message(record)),
        }
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            line += "".join(f"\n    {clean(each)}" for each in trace.splitlines())
        return line


class JsonLines(JsonFormatter):
    """For programs: an object a line, in ASCII, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(reserved_attrs=[*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"])

    def format(self, record: logging.LogRecord) -> str:
        """One event."""
        record = logging.makeLogRecord(vars(record))
        record.msg, record.args = clean(_message(record)), ()
        return str(super().format(record))

    def add_fields(
        self, log_data: dict[str, object], record: logging.LogRecord, message_dict: dict[str, object]
    ) -> None:
        """The moment, the level and where it comes from, beside what the event itself tells."""
        log_data |= {"time": _moment(record), "level": record.levelname, "logger": record.name}
        log_data["process"] = record.process
        super().add_fields(log_data, record, message_dict)
        log_data["message"] = record.getMessage()
        if not log_data.get("request_id"):
            log_data.pop("request_id", None)


def _message(record: logging.LogRecord) -> str:
    message = record.getMessage()
    return QUERY.sub("?...", message) if record.name.startswith("gunicorn") else message


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
