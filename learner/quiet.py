"""Other libraries' bars and advice stay out of the log and the terminal; progress is told by our callers."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging as transformers_logging


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers (bars, and warnings of the fresh layers we ask for) and the quantiser's root logger."""
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    root = logging.getLogger()
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    root.addFilter(_errors_only)  # a logger's own filter: what other loggers send through it passes
    try:
        yield
    finally:
        root.removeFilter(_errors_only)
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _errors_only(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR
