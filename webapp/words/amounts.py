"""Numbers, moments, durations and languages in the reader's language."""

from datetime import datetime, timedelta

from babel import Locale
from flask import Flask
from flask_babel import (
    format_datetime,
    format_decimal,
    format_percent,
    format_timedelta,
    get_locale,
    gettext,
)


def init_app(app: Flask) -> None:
    """Give templates the filters `number`, `percent`, `moment`, `duration` and `language_name`."""
    app.jinja_env.filters.update(
        number=number, percent=percent, moment=moment, duration=duration, language_name=language_name
    )


def number(value: float) -> str:
    """1,234 or 12.5, grouped as the reader expects."""
    return str(format_decimal(value))


def percent(value: float, digits: int = 1) -> str:
    """A share from 0 to 1 as 87.5%."""
    return str(format_percent(value, "#,##0." + "0" * digits + "%" if digits else "#,##0%"))


def moment(value: datetime | str | None) -> str:
    """A moment, given as UTC datetime or as the store writes it; a dash where there is none."""
    if value is None:
        return "–"
    when = datetime.fromisoformat(value) if isinstance(value, str) else value
    # The pattern is a message too: each language has its own order of day, month and year.
    pattern = gettext("d MMM yyyy, HH:mm")
    return str(gettext("%(time)s UTC", time=format_datetime(when, pattern, rebase=False)))


def duration(seconds: float | None) -> str:
    """About how long: 3 minutes, 2 hours."""
    if seconds is None:
        return "–"
    return str(format_timedelta(timedelta(seconds=max(1, round(seconds))), threshold=1.2))


def language_name(code: str) -> str:
    """A language, given by its code, as the reader calls it."""
    if code == "other":
        return str(gettext("another language"))
    return str(Locale.parse(str(get_locale())).languages.get(code, code))
