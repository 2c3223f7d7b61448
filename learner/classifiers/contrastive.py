"""`contrastive`: the encoder tuned on pairs of labelled reviews by SetFit, then a logistic regression on top of it.

What SetFit tuned goes into the architecture that `finetune` starts from, and the regression into its output layer:
the result is one transformer that is saved, scored and exported like any other tuned one.
"""

import math
import random
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from logging import ERROR, getLogger
from typing import Any, Final

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from learner.classifiers.examples import Examples
from learner.classifiers.interface import Ints
from learner.classifiers.length_groups import by_length
from learner.classifiers.starting_point import averages, body_of, open_model, regress_output, sound_embeddings
from learner.classifiers.tuned_classifier import TunedClassifier
from learner.classifiers.tuned_model import TunedModel
from learner.devices import training_products
from learner.errors import NotEnoughLabels, TrainingDiverged
from learner.progress import Progress
from learner.quiet import quiet
from learner.settings import ContrastiveSettings
from learner.tokens import CHARACTERS_PER_TOKEN, readable

# SetFit lists every pair before it draws some: two million of them, of this many texts, take 100 MB.
MOST_TEXTS: Final = 2000
# They print, or describe the model for a hub.
UNWANTED: Final = {"PrinterCallback", "ProgressCallback", "ModelCardCallback"}


class ContrastiveClassifier(TunedClassifier[ContrastiveSettings]):
    """Behind small-text's Classifier interface. Source: Tunstall et al. 2022, SetFit."""

    def tune(
        self, labelled: Examples, further: Examples, validation: Examples, progress: Progress
    ) -> TunedModel:
        """NotEnoughLabels without two classes of two labels; TrainingDiverged when gradients are no numbers."""
        settings, examples = self.settings, labelled + further
        model = open_model(self.encoder, self.labels, self.max_length)
        # Where nothing averages the tokens, the classifier reads the first one: that is what pairs must tune.
        body = _sentence_encoder(
            model, "mean" if averages(model.model) else "cls", settings.freeze_embeddings
        )
        rows = _rows_for_pairs(examples, self.labels, self.seed)
        texts = [readable(examples.texts[row][: self.max_length * CHARACTERS_PER_TOKEN]) for row in rows]
        sound_embeddings(model, texts[:8], progress)
        _train_on_pairs(body, texts, examples.y[rows], settings, self.seed, progress)
        _give_back(body, model)
        regress_output(model, examples, settings.class_weights, c=settings.c)
        return model


def _rows_for_pairs(examples: Examples, labels: list[str], seed: int) -> Ints:
    """Rows in an order drawn by the seed, since SetFit's own is always the same; those that count most if many."""
    counts = np.bincount(examples.y, minlength=len(labels))
    if (counts > 1).sum() < 2:
        few = [name for name, count in zip(labels, counts, strict=True) if count < 2]
        raise NotEnoughLabels(
            "Pairs of reviews need two labels each of at least two classes. "
            f"Fewer have: {'; '.join(few)}. Label more of them, or use the classifier 'head'."
        )
    share = examples.weights / examples.weights.sum()
    size = min(MOST_TEXTS, int((share > 0).sum()))
    return np.random.default_rng(seed).choice(len(share), size, replace=False, p=share)


def _sentence_encoder(model: TunedModel, pooling: str, freeze_embeddings: bool) -> Any:
    """The encoder as SetFit takes it, read anew: one vector a text, pooled from the last layer."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    output = "token_embeddings"

    class QuickTransformer(Transformer):
        def forward(self, features: dict[str, Any], **options: Any) -> dict[str, Any]:
            def compute(part: dict[str, Any]) -> torch.Tensor:
                with training_products(model.device):
                    found: torch.Tensor = super(QuickTransformer, self).forward(part, **options)[output]
                return found.float()

            embeddings = compute(features) if model.device == "cuda" else by_length(features, compute)
            return {**features, output: embeddings}

    plain = {"local_files_only": True, "trust_remote_code": False}
    with quiet():
        transformer = QuickTransformer(
            str(model.folder),
            model_kwargs={**plain, "use_safetensors": True, "dtype": torch.float32},
            processor_kwargs=plain,
            config_kwargs=plain,
            max_seq_length=model.max_length,
        )
    if freeze_embeddings:
        transformer.model.get_input_embeddings().requires_grad_(False)
    size = model.model.config.hidden_size
    return SentenceTransformer(modules=[transformer, Pooling(size, pooling)], device=model.device)


def _give_back(body: Any, model: TunedModel) -> None:
    """What was tuned, into the classifier; its pooler is our own and no part of what was tuned."""
    tuned = {
        name: value for name, value in body[0].model.state_dict().items() if not name.startswith("pooler")
    }
    body_of(model.model).load_state_dict(tuned, strict=False)


def _train_on_pairs(
    body: Any, texts: list[str], y: Ints, settings: ContrastiveSettings, seed: int, progress: Progress
) -> None:
    """SetFit's first phase, in place; TrainingDiverged when gradients stop being numbers."""
    with _setfit() as (setfit, losses), tempfile.TemporaryDirectory() as nowhere, _own_randomness():
        arguments = setfit.TrainingArguments(
            output_dir=nowhere,
            loss=losses[settings.loss],
            num_iterations=settings.pairs,
            sampling_strategy=settings.sampling,
            max_steps=_steps(y, settings),
            batch_size=settings.batch_size // 2 * 2,  # as many like as unlike; one loss refuses odd ones
            body_learning_rate=settings.learning_rate,
            warmup_proportion=settings.warmup,
            l2_weight=settings.weight_decay,
            seed=seed,
            report_to="none",
            logging_strategy="no",
            save_strategy="no",
            show_progress_bar=False,
        )
        trainer = setfit.Trainer(setfit.SetFitModel(body, LogisticRegression()), arguments)
        if settings.loss == "supcon":
            # SetFit means to, but compares an instance with its class; batches without likes give no number.
            trainer.st_trainer.args.batch_sampler = "group_by_label"
        for callback in list(trainer.st_trainer.callback_handler.callbacks):
            if type(callback).__name__ in UNWANTED:
                trainer.remove_callback(callback)
        trainer.add_callback(_watch(body, settings, progress))
        trainer.train_embeddings(texts, y.tolist(), args=arguments)


def _steps(y: Ints, settings: ContrastiveSettings) -> int:
    """As many as the pairs of all epochs need, and no more than the settings allow."""
    if settings.pairs is not None:
        pairs = 2 * settings.pairs * len(y)
    else:
        counts = np.bincount(y)
        like = int((counts * (counts + 1) // 2).sum())
        unlike = len(y) * (len(y) + 1) // 2 - like
        both = {"oversampling": 2 * max(like, unlike), "undersampling": 2 * min(like, unlike)}
        pairs = both.get(settings.sampling, like + unlike)
    return min(settings.max_steps, settings.epochs * math.ceil(pairs / settings.batch_size))


def _watch(body: Any, settings: ContrastiveSettings, progress: Progress) -> Any:
    """Tells of each step, which may cancel, and stops when a gradient is no number."""
    from transformers import TrainerCallback

    # A loss that is no number leaves no gradient that is one; the small ones are quickly looked at.
    small = [parameter for parameter in body.parameters() if parameter.requires_grad and parameter.ndim == 1]

    def check(values: Iterable[torch.Tensor], step: int) -> None:
        if not all(torch.isfinite(value).all() for value in values):
            raise TrainingDiverged(
                f"The loss stopped being a number in step {step}. Start again with a smaller learning rate "
                f"(it was {settings.learning_rate:g})."
            )

    class Watch(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            progress("train", state.global_step, state.max_steps)

        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            check([p.grad for p in small if p.grad is not None], state.global_step + 1)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            check(body.parameters(), state.global_step)
            progress("train", state.max_steps, state.max_steps)

    return Watch()


@contextmanager
def _setfit() -> Iterator[tuple[Any, dict[str, Any]]]:
    """The library and its losses by our names; it sets warnings and loggers as it likes, which ends with it."""
    with warnings.catch_warnings(), quiet():
        import setfit
        from sentence_transformers.sentence_transformer import losses
        from setfit.losses import SupConLoss

        warnings.simplefilter("ignore")
        getLogger("setfit").setLevel(ERROR)
        kinds = {"cosine": losses.CosineSimilarityLoss, "cosent": losses.CoSENTLoss, "supcon": SupConLoss}
        yield setfit, kinds


@contextmanager
def _own_randomness() -> Iterator[None]:
    """SetFit seeds every generator of the process; afterwards those that are not torch's go on as before."""
    before, numbers = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numbers)
