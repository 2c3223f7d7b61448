"""What an instance is set to, for those parts that are no web application: defaults, config.py, the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webapp.instance import Instance


@dataclass(frozen=True)
class Schedule:
    """When backups are made by themselves, and how many are kept; `every` is zero where they are not."""

    every: timedelta
    daily: int
    weekly: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Schedule":
        """As the settings say."""
        hours, daily, weekly = (
            settings[name] for name in ("BACKUP_EVERY_HOURS", "BACKUP_KEEP_DAILY", "BACKUP_KEEP_WEEKLY")
        )
        return cls(timedelta(hours=float(hours)), int(daily), int(weekly))


def read(instance: "Instance", with_defaults: bool = True) -> dict[str, Any]:
    """The settings as the web application of this instance has them; without the defaults: what somebody decided."""
    from flask import Config

    from webapp import defaults

    config = Config(instance.folder)
    if with_defaults:
        config.from_object(defaults)
    config.from_pyfile("config.py", silent=True)
    config.from_prefixed_env("WINNOW")
    return dict(config)
