"""Where fine-tuning starts: a plain Hugging Face classifier that is already as good as the frozen encoder.

Stock classifiers read the first token; for encoders that were made for mean pooling, such as e5, that costs nine
points at the start (.754 against .849 on CR). So encoders of the BERT family get one more layer, set to average
all tokens into the first, and the output layer starts as a regression on what reaches it. The result is still a
stock architecture: any `pipeline("text-classification")` loads it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from learner.classifiers.examples import Examples
from learner.classifiers.head import UNSEEN
from learner.classifiers.interface import Floats
from learner.classifiers.tuned_model import TunedModel, open_classifier
from learner.encoders import Encoder
from learner.errors import EncoderError
from learner.progress import Progress, silent

# Architectures whose classifier reads the first token through one dense layer and tanh.
FIRST_TOKEN: Final = {"bert", "roberta", "xlm-roberta"}
# Makes the average of all tokens outweigh the first token, which the residual connection adds.
AVERAGE_WEIGHT: Final = 10.0
# Keeps tanh in its nearly linear part for layer-normalised input.
DENSE_SCALE: Final = 0.3


def open_model(encoder: Encoder, labels: list[str], max_length: int) -> TunedModel:
    """The encoder with an untrained output layer for these labels."""
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}
    try:
        config = _config(encoder.folder, problem_type="single_label_classification", **names)
        if config.model_type in FIRST_TOKEN:
            config.num_hidden_layers += 1
        model = open_classifier(encoder.folder, config=config)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as problem:
        raise EncoderError(
            f"{encoder.name} cannot be fine-tuned: {str(problem).strip().splitlines()[0]} "
            "Use the classifier 'head' with it."
        ) from problem
    if averages(model):
        _average_into_first(model)
    return TunedModel(labels, model, encoder.folder, max_length)


def body_of(model: Any) -> Any:
    """The transformer below the classifier's own layers."""
    return getattr(model, model.base_model_prefix)


def layers_of(model: Any) -> tuple[list[nn.Module], list[nn.Module]]:
    """The encoder's own layers from the bottom up, and the averaging one on top, where there is one."""
    lists: list[nn.ModuleList] = [m for m in body_of(model).modules() if isinstance(m, nn.ModuleList)]
    layers = list(max(lists, key=len, default=()))
    own = len(layers) - averages(model)
    return layers[:own], layers[own:]


def averages(model: Any) -> bool:
    """Whether the model has the added layer that averages all tokens into the first."""
    return model.config.model_type in FIRST_TOKEN


def regress_output(
    model: TunedModel, examples: Examples, balanced: bool, progress: Progress = silent, c: float = 1.0
) -> None:
    """Set the output layer to a logistic regression on the embeddings (n, d) of the examples.

    c: the inverse regularisation.
    """
    embeddings = sound_embeddings(model, examples.texts, progress)
    weight, bias = _regression(embeddings, examples, len(model.labels), balanced, c)
    with torch.no_grad():
        model.output.weight.copy_(torch.from_numpy(weight))
        model.output.bias.copy_(torch.from_numpy(bias))


def sound_embeddings(model: TunedModel, texts: Sequence[str], progress: Progress = silent) -> Floats:
    """What reaches the output layer (n, d); EncoderError where it is no number."""
    _, embeddings = model.logits(model.reader(texts), lambda *_: progress("train", 0, 1))
    if not np.isfinite(embeddings).all():
        raise EncoderError("The encoder's output is not a number; its weights are damaged. Add it again.")
    return embeddings


def _regression(
    embeddings: Floats, examples: Examples, classes: int, balanced: bool, c: float
) -> tuple[Floats, Floats]:
    fitted = LogisticRegression(C=c, class_weight="balanced" if balanced else None, max_iter=1000)
    fitted.fit(embeddings, examples.y, sample_weight=examples.weights)
    weight = np.zeros((classes, embeddings.shape[1]), dtype=np.float32)
    bias = np.full(classes, UNSEEN, dtype=np.float32)
    seen = fitted.classes_
    if len(seen) == 2:
        weight[seen], bias[seen] = (
            np.vstack([-fitted.coef_, fitted.coef_]) / 2,
            np.ravel([-fitted.intercept_, fitted.intercept_]) / 2,
        )
    else:
        weight[seen], bias[seen] = fitted.coef_, fitted.intercept_
    return weight, bias


def _config(folder: Path, **values: Any) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **values)


@torch.no_grad()
def _average_into_first(model: Any) -> None:
    """Make the added top layer attend evenly to all tokens and pass their mean on; so does the dense layer.

    Even attention comes from keys of zero; queries stay random, or no gradient would ever reach the keys.
    """
    body = body_of(model)
    top = body.encoder.layer[-1]
    attention, projection = top.attention.self, top.attention.output.dense
    for silenced in (attention.key, top.output.dense):
        nn.init.zeros_(silenced.weight)
        nn.init.zeros_(silenced.bias)
    dense = body.pooler.dense if body.pooler is not None else model.classifier.dense
    for passed, scale in ((attention.value, 1.0), (projection, AVERAGE_WEIGHT), (dense, DENSE_SCALE)):
        passed.weight.copy_(scale * torch.eye(*passed.weight.shape))
        nn.init.zeros_(passed.bias)
