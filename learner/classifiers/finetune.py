"""`finetune`: the encoder itself, trained end to end on the labels; a compact loop behind small-text's interface."""

from typing import Any

from learner.classifiers.examples import Examples
from learner.classifiers.starting_point import body_of, layers_of, open_model, regress_output
from learner.classifiers.training import stopping, train
from learner.classifiers.tuned_classifier import TunedClassifier
from learner.classifiers.tuned_model import TunedModel
from learner.progress import Progress
from learner.settings import FinetuneSettings


class FinetuneClassifier(TunedClassifier[FinetuneSettings]):
    """Behind small-text's Classifier interface."""

    def tune(
        self, labelled: Examples, further: Examples, validation: Examples, progress: Progress
    ) -> TunedModel:
        """TrainingDiverged when the loss stops being a number; EncoderError when the encoder cannot be tuned."""
        model = open_model(self.encoder, self.labels, self.max_length)
        examples, stop = stopping(labelled, validation, self.settings.stop_share, self.seed)
        regress_output(model, examples + further, self.settings.class_weights, progress)
        _freeze(model.model, self.settings)
        train(model, self.settings, examples + further, stop, self.seed, progress)
        return model


def _freeze(model: Any, settings: FinetuneSettings) -> None:
    """What the settings name is to stay as it is."""
    if settings.top_layers is not None:
        own, added = layers_of(model)
        body_of(model).requires_grad_(False)
        # The averaging layer added on top is part of the head, not of the encoder.
        for layer in own[max(0, len(own) - settings.top_layers) :] + added:
            layer.requires_grad_(True)
    if settings.freeze_embeddings:
        model.get_input_embeddings().requires_grad_(False)
