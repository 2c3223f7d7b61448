"""The settings of a project's rounds where nobody chose others."""

import logging

from learner.errors import SettingsError
from learner.settings import RoundSettings
from webapp.store.projects import Project

log = logging.getLogger(__name__)


def usual_settings(project: Project) -> RoundSettings:
    """The project's own settings for rounds; the learner's defaults where they no longer fit, as after an upgrade."""
    try:
        return RoundSettings.from_dict(project.settings.learner)
    except SettingsError as problem:
        log.warning("the settings of project %s do not fit, the defaults are taken: %s", project.id, problem)
        return RoundSettings()
