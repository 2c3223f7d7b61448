"""The encoder that a new project starts with: of those that were added, the one that reads its language best."""

from dataclasses import replace
from typing import Final

from learner import encoders
from webapp.instance import Instance
from webapp.store.projects import ProjectSettings

# By language; docs/benchmarks.md has the figures. Elsewhere it is the learner's default, which reads a hundred.
BEST: Final = {"en": "bge-small"}


def with_encoder(settings: ProjectSettings, instance: Instance, language: str) -> ProjectSettings:
    """The settings with that encoder, where it is another than the default."""
    best = BEST.get(language)
    if best not in {encoder.name for encoder in encoders.available(instance.encoders)}:
        return settings
    return replace(settings, learner={**settings.learner, "encoder": best})
