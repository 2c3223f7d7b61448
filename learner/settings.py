"""The settings of a round, with their safe ranges; imports nothing heavy, so that forms can use it."""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from learner.setting_rules import Settings, Span, setting

CLASSIFIERS: Final = {
    "head": "Fast: logistic regression on the encoder's stored features; seconds per round.",
    "contrastive": "Few labels: trains the encoder on pairs of reviews (SetFit), then the head; minutes per round.",
    "finetune": "Thorough: trains the encoder itself; minutes per round, best with some hundred labels.",
    "lora": "Thorough with less memory: trains small adapters in the encoder (LoRA); minutes per round.",
    "auto": "Careful: head, unless a tuned encoder proves better on the validation part within a time budget.",
}
# These train the encoder itself and end as one transformer.
TUNED: Final = ("contrastive", "finetune", "lora")
# `auto` compares on a validation part, which a simulation does not hold back: it would always keep head.
SIMULATED: Final = ("head", *TUNED)
STRATEGIES: Final = {
    "margin-diverse": "Close calls that differ from each other (default).",
    "margin-diverse-balanced": "Close calls that differ from each other, rare classes first.",
    "margin": "The closest calls between two classes.",
    "entropy": "The most spread-out predictions.",
    "least-confidence": "The least sure predictions.",
    "contrastive": "Reviews predicted unlike their nearest neighbours, among 4,096 of the pool.",
    "kmeans": "A cross-section of the pool, whatever the model predicts.",
    "random": "Drawn at random; the line every other strategy must beat.",
}
# Scoring through a tuned encoder costs a forward pass per review; small-text's default sample size.
TUNED_SCORE_LIMIT: Final = 4096
# Star ratings that take part at most; a forward and a backward pass each, and that for every epoch, where the encoder
# itself is trained.
STAR_LIMIT: Final = 2000
TUNED_STAR_LIMIT: Final = 200
# Validation labels on which `auto` and the search compare. With 50 a true gain of four points is seen in one round of
# three, of nine in five of six; the settings that a search found would only be fitted to fewer.
MIN_VALIDATION: Final = 50


@dataclass(frozen=True)
class HeadSettings(Settings):
    """The logistic regression on stored features."""

    c: float | None = setting(
        None,
        "Inverse regularisation; empty: the encoder's own value.",
        1e-4,
        1e4,
        search=Span(0.01, 100, log=True),
    )
    class_weights: bool = setting(True, "Weigh rare classes up.", search=(True, False))
    class_names: bool = setting(True, "Let the names of the labels help while there are few of them.")
    temperature: bool = setting(True, "Calibrate the probabilities on randomly drawn labels.")


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """What trainings of a transformer on labels have in common."""

    epochs: int = setting(6, "Passes over the training labels at most.", 1, 100, search=Span(2, 12))
    learning_rate: float = setting(
        5e-5, "Step size at its peak.", 1e-7, 1e-2, search=Span(1e-5, 2e-4, log=True)
    )
    batch_size: int = setting(16, "Reviews per step.", 2, 256, search=(8, 16, 32))
    optimizer: Literal["adamw", "sgd"] = setting(
        "adamw", "AdamW or SGD with momentum.", choices=("adamw", "sgd")
    )
    weight_decay: float = setting(0.01, "Pull of the weights towards zero.", 0.0, 1.0, search=Span(0.0, 0.1))
    dropout: float = setting(
        0.1, "Share of activations dropped while training.", 0.0, 0.9, search=Span(0.0, 0.3)
    )
    warmup: float = setting(
        0.1, "Share of the steps in which the step size rises.", 0.0, 0.9, search=Span(0.0, 0.3)
    )
    clip_norm: float = setting(1.0, "Gradients longer than this are cut.", 0.01, 100.0)
    class_weights: bool = setting(True, "Weigh rare classes up in the loss.")
    max_length: int | None = setting(None, "Tokens read of each review; empty: the encoder's value.", 8, 8192)
    patience: int = setting(3, "Epochs without improvement before training stops.", 1, 100)
    stop_share: float = setting(0.15, "Share of the labels kept for early stopping.", 0.05, 0.5)
    self_training: bool = setting(
        False, "Train again with the pool reviews whose predicted label their neighbours share."
    )


@dataclass(frozen=True)
class FinetuneSettings(TrainingSettings):
    """The training of the encoder itself."""

    top_layers: int | None = setting(
        None, "Train only this many upper layers; empty: all.", 0, 96, search=(None, 2, 4, 6)
    )
    freeze_embeddings: bool = setting(True, "Leave the word embeddings as they are.")


@dataclass(frozen=True)
class LoraSettings(TrainingSettings):
    """The training of low-rank adapters in the encoder's layers, merged into its weights when it ends."""

    learning_rate: float = setting(
        5e-4, "Step size at its peak.", 1e-7, 1e-2, search=Span(1e-4, 2e-3, log=True)
    )
    dropout: float = setting(
        0.05, "Share of activations dropped while training.", 0.0, 0.9, search=Span(0.0, 0.3)
    )
    rank: int = setting(8, "Rank of the adapters: how much they can change.", 1, 256, search=(4, 8, 16, 32))
    alpha: float = setting(16.0, "Adapters count by this divided by their rank.", 0.1, 512.0)


@dataclass(frozen=True)
class ContrastiveSettings(Settings):
    """The training of the encoder on pairs of labelled reviews, and the head after it."""

    loss: Literal["cosine", "cosent", "supcon"] = setting(
        "supcon",
        "Pairs by their cosine, pairs by the order of their cosines, or whole batches against each other.",
        choices=("cosine", "cosent", "supcon"),
    )
    pairs: int | None = setting(
        20,
        "Like and unlike pairs drawn per label and epoch; empty: all, as sampling says. Whole batches see as many.",
        1,
        1000,
    )
    sampling: Literal["oversampling", "undersampling", "unique"] = setting(
        "oversampling",
        "Where all pairs are taken: the fewer kind repeated, the more frequent one cut, or each pair once.",
        choices=("oversampling", "undersampling", "unique"),
    )
    epochs: int = setting(1, "Passes over the pairs.", 1, 100, search=Span(1, 3))
    max_steps: int = setting(200, "Steps at most, which keeps a round on a CPU bounded.", 1, 100_000)
    learning_rate: float = setting(
        5e-5, "Step size at its peak.", 1e-7, 1e-2, search=Span(5e-6, 1e-4, log=True)
    )
    batch_size: int = setting(32, "Pairs per step; reviews, where whole batches are compared.", 4, 256)
    warmup: float = setting(0.1, "Share of the steps in which the step size rises.", 0.0, 0.9)
    weight_decay: float = setting(0.01, "Pull of the weights towards zero.", 0.0, 1.0)
    freeze_embeddings: bool = setting(True, "Leave the word embeddings as they are.")
    max_length: int | None = setting(None, "Tokens read of each review; empty: the encoder's value.", 8, 8192)
    c: float = setting(
        1.0, "Inverse regularisation of the head.", 1e-4, 1e4, search=Span(0.01, 100, log=True)
    )
    class_weights: bool = setting(True, "Weigh rare classes up in the head.")
    self_training: bool = setting(
        False, "Train again with the pool reviews whose predicted label their neighbours share."
    )


@dataclass(frozen=True)
class AutoSettings(Settings):
    """What `auto` may try, and for how long."""

    candidate: str = setting(
        "contrastive", "What is trained beside head and compared with it.", choices=TUNED
    )
    min_labels: int = setting(100, "With fewer labels head is taken untried.", 2, 1_000_000)
    budget_minutes: float = setting(10.0, "Minutes that this may add to a round.", 0.01, 1440.0)


@dataclass(frozen=True)
class SearchSettings(Settings):
    """The search for better settings of the chosen classifier."""

    trials: int = setting(0, "Settings tried at most; 0: no search.", 0, 1000)
    minutes: float = setting(10.0, "Minutes after which the search ends.", 0.01, 1440.0)


@dataclass(frozen=True)
class RoundSettings(Settings):
    """Everything a round's outcome depends on beside its data; saved with the round."""

    encoder: str = setting("e5-small", "Name of an added encoder, or its folder.")
    classifier: str = setting("head", "What is trained.", choices=CLASSIFIERS)
    strategy: str = setting("margin-diverse", "How the next reviews are chosen.", choices=STRATEGIES)
    query_size: int = setting(100, "Reviews in the next batch.", 1, 10_000)
    audit_share: float = setting(0.15, "Share of each batch drawn uniformly at random.", 0.0, 1.0)
    seed: int = setting(0, "Same data and seed, same ranking.", 0, 2**31 - 1)
    score_limit: int | None = setting(
        None,
        "Pool reviews scored, drawn at random; empty: all, or 4,096 where the encoder is tuned.",
        1,
        100_000_000,
    )
    stars: bool = setting(
        True, "Star ratings of reviews that nobody labelled count as weak labels, labels of people more."
    )
    disagreement_share: float = setting(
        0.1, "Share of each batch whose stars contradict a sure prediction; none without stars.", 0.0, 1.0
    )
    head: HeadSettings = field(default_factory=HeadSettings)
    contrastive: ContrastiveSettings = field(default_factory=ContrastiveSettings)
    finetune: FinetuneSettings = field(default_factory=FinetuneSettings)
    lora: LoraSettings = field(default_factory=LoraSettings)
    auto: AutoSettings = field(default_factory=AutoSettings)
    search: SearchSettings = field(default_factory=SearchSettings)

    def drawing_at(self, labels: int) -> "RoundSettings":
        """With a seed of its own for that many labels.

        Rounds that share a seed would draw their random reviews from the same state: each time those beside the ones
        before, since the pool keeps its order. Of a file sorted by product such draws say next to nothing.
        """
        return replace(self, seed=(self.seed * 10_007 + labels) % 2**31)

    @property
    def effective_score_limit(self) -> int | None:
        """How many pool reviews to score at most; None for the whole pool."""
        if self.score_limit is None and self.classifier in TUNED:
            return TUNED_SCORE_LIMIT
        return self.score_limit

    @property
    def effective_star_limit(self) -> int:
        """How many star ratings to learn from at most."""
        return STAR_LIMIT if self.classifier == "head" else TUNED_STAR_LIMIT
