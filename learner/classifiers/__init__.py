"""Classifiers by name, behind small-text's interface."""

from functools import partial
from pathlib import Path

from learner.classifiers.interface import RoundClassifier
from learner.encoders import Encoder
from learner.settings import RoundSettings


def create(settings: RoundSettings, labels: list[str], encoder: Encoder, features: Path) -> RoundClassifier:
    """A fresh, untrained classifier; `features` is where encoded texts are kept."""
    # For those that make others, with settings of their own.
    create_other = partial(create, labels=labels, encoder=encoder, features=features)
    if settings.search.trials:
        from learner.search import SearchingClassifier

        return SearchingClassifier(settings, labels, create_other)
    if settings.classifier == "auto":
        from learner.classifiers.auto import AutoClassifier

        return AutoClassifier(settings, labels, create_other)
    if settings.classifier == "head":
        from learner.classifiers.head import HeadClassifier
        from learner.features import FeatureCache

        encode = FeatureCache(features, encoder).encode
        return HeadClassifier(labels, encode, settings.head, encoder.settings.head_c, settings.seed)
    if settings.classifier == "lora":
        from learner.classifiers.lora import LoraClassifier

        return LoraClassifier(labels, encoder, settings.lora, settings.seed)
    if settings.classifier == "contrastive":
        from learner.classifiers.contrastive import ContrastiveClassifier

        return ContrastiveClassifier(labels, encoder, settings.contrastive, settings.seed)
    from learner.classifiers.finetune import FinetuneClassifier

    return FinetuneClassifier(labels, encoder, settings.finetune, settings.seed)
