"""Why a model version is promoted or rolled back."""

from collections.abc import Mapping

from webapp.forms.form import Form, Reader

REASON_LIMIT = 500


def reason(source: Mapping[str, str]) -> Form[str]:
    """Why a model version is promoted or rolled back: goes into the log."""
    read = Reader(source)
    return read.form(read.text("reason", REASON_LIMIT))
