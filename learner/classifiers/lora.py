"""`lora`: low-rank adapters in the encoder's layers, trained in the loop of `finetune` and merged when it ends."""

from torch import nn

from learner.classifiers.examples import Examples
from learner.classifiers.starting_point import body_of, layers_of, open_model, regress_output
from learner.classifiers.training import stopping, train
from learner.classifiers.tuned_classifier import TunedClassifier
from learner.classifiers.tuned_model import TunedModel
from learner.errors import EncoderError
from learner.progress import Progress
from learner.settings import LoraSettings


class LoraClassifier(TunedClassifier[LoraSettings]):
    """Behind small-text's Classifier interface. Source: Hu et al. 2021, LoRA."""

    def tune(
        self, labelled: Examples, further: Examples, validation: Examples, progress: Progress
    ) -> TunedModel:
        """TrainingDiverged when the loss stops being a number; EncoderError when the encoder has no such layers."""
        model = open_model(self.encoder, self.labels, self.max_length)
        examples, stop = stopping(labelled, validation, self.settings.stop_share, self.seed)
        regress_output(model, examples + further, self.settings.class_weights, progress)
        adapt(model, self.settings)
        train(model, self.settings, examples + further, stop, self.seed, progress)
        merge(model)
        return model


def adapt(model: TunedModel, settings: LoraSettings) -> None:
    """Freeze the encoder and put adapters into the linear layers of its own; what lies above stays trainable."""
    from peft import LoraConfig, get_peft_model

    own, added = layers_of(model.model)
    linear = {id(m) for layer in own for m in layer.modules() if isinstance(m, nn.Linear)}
    names = [name for name, module in model.model.named_modules() if id(module) in linear]
    if not names:
        raise EncoderError(
            f"{model.folder.name} has no linear layers that adapters fit. Use the classifier 'finetune' with it."
        )
    body = {id(parameter) for parameter in body_of(model.model).parameters()}
    above = [parameter for parameter in model.model.parameters() if id(parameter) not in body]
    above += [parameter for layer in added for parameter in layer.parameters()]
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # any number will do
        lora_dropout=settings.dropout,
        target_modules=names,
    )
    model.model = get_peft_model(model.model, config)
    for parameter in above:
        parameter.requires_grad_(True)


def merge(model: TunedModel) -> None:
    """Add the adapters to the weights, which leaves the plain classifier it was before."""
    model.model = model.model.merge_and_unload()
