"""The settings of a round, with their safe ranges; imports nothing heavy, so that forms can use it."""

from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from typing import Any, Final, Literal, Self, get_args

from learner.errors import SettingsError

CLASSIFIERS: Final = {
    "head": "Fast: logistic regression on the encoder's stored features; seconds per round.",
    "finetune": "Thorough: trains the encoder itself; minutes per round, best with some hundred labels.",
}
STRATEGIES: Final = {
    "margin-diverse": "Close calls that differ from each other (default).",
    "margin-diverse-balanced": "Close calls that differ from each other, rare classes first.",
    "margin": "The closest calls between two classes.",
    "entropy": "The most spread-out predictions.",
    "least-confidence": "The least sure predictions.",
    "contrastive": "Reviews predicted unlike their nearest neighbours, among 4,096 drawn at random.",
    "kmeans": "A cross-section of the pool, whatever the model predicts.",
    "random": "Drawn at random; the line every other strategy must beat.",
}
# Scoring through the fine-tuned encoder costs a forward pass per review; small-text's default sample size.
FINETUNE_SCORE_LIMIT: Final = 4096


def setting(
    default: Any, about: str, low: float | None = None, high: float | None = None, choices: Any = None
) -> Any:
    """One field with its default, a line for people, and its safe range or choices."""
    return field(default=default, metadata={"about": about, "low": low, "high": high, "choices": choices})


class Settings:
    """Reading a settings dataclass from plain JSON values and writing it back."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from plain values, defaults for what is missing; SettingsError holds a message per field."""
        accepted, errors = _read(cls, values)
        if errors:
            raise SettingsError(errors)
        return cls(**accepted)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that `from_dict` reads back to an equal object."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True)
class HeadSettings(Settings):
    """The logistic regression on stored features."""

    c: float | None = setting(None, "Inverse regularisation; empty: the encoder's own value.", 1e-4, 1e4)
    class_weights: bool = setting(True, "Weigh rare classes up.")
    class_names: bool = setting(True, "Let the names of the labels help while there are few of them.")
    temperature: bool = setting(True, "Calibrate the probabilities on randomly drawn labels.")


@dataclass(frozen=True)
class FinetuneSettings(Settings):
    """The training of the encoder itself."""

    epochs: int = setting(6, "Passes over the training labels at most.", 1, 100)
    learning_rate: float = setting(5e-5, "Step size at its peak.", 1e-7, 1e-2)
    batch_size: int = setting(16, "Reviews per step.", 2, 256)
    optimizer: Literal["adamw", "sgd"] = setting(
        "adamw", "AdamW or SGD with momentum.", choices=("adamw", "sgd")
    )
    weight_decay: float = setting(0.01, "Pull of the weights towards zero.", 0.0, 1.0)
    dropout: float = setting(0.1, "Share of activations dropped while training.", 0.0, 0.9)
    warmup: float = setting(0.1, "Share of the steps in which the step size rises.", 0.0, 0.9)
    clip_norm: float = setting(1.0, "Gradients longer than this are cut.", 0.01, 100.0)
    class_weights: bool = setting(True, "Weigh rare classes up in the loss.")
    top_layers: int | None = setting(None, "Train only this many upper layers; empty: all.", 0, 96)
    freeze_embeddings: bool = setting(True, "Leave the word embeddings as they are.")
    max_length: int | None = setting(None, "Tokens read of each review; empty: the encoder's value.", 8, 8192)
    patience: int = setting(3, "Epochs without improvement before training stops.", 1, 100)
    stop_share: float = setting(0.15, "Share of the labels kept for early stopping.", 0.05, 0.5)


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
        None, "Pool reviews scored, drawn at random; empty: all, or 4,096 with finetune.", 1, 100_000_000
    )
    head: HeadSettings = field(default_factory=HeadSettings)
    finetune: FinetuneSettings = field(default_factory=FinetuneSettings)

    @property
    def effective_score_limit(self) -> int | None:
        """How many pool reviews to score at most; None for the whole pool."""
        if self.score_limit is None and self.classifier == "finetune":
            return FINETUNE_SCORE_LIMIT
        return self.score_limit


_GROUPS: Final[dict[str, type[Settings]]] = {"head": HeadSettings, "finetune": FinetuneSettings}


def _read(cls: type[Any], values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The accepted values and the messages for the others, by field; groups as `group.field`."""
    known = {item.name: item for item in fields(cls)}
    accepted: dict[str, Any] = {}
    errors = {
        name: f"is not a setting; known are {', '.join(known)}." for name in values if name not in known
    }
    for name, item in known.items():
        if name not in values:
            continue
        if name in _GROUPS and cls is RoundSettings:
            _read_group(name, values[name], accepted, errors)
            continue
        try:
            accepted[name] = _check(values[name], item.type, dict(item.metadata))
        except ValueError as problem:
            errors[name] = str(problem)
    return accepted, errors


def _read_group(name: str, values: Any, accepted: dict[str, Any], errors: dict[str, str]) -> None:
    if not isinstance(values, dict):
        errors[name] = "must be a group of settings."
        return
    inner, problems = _read(_GROUPS[name], values)
    errors.update({f"{name}.{key}": message for key, message in problems.items()})
    if not problems:
        accepted[name] = _GROUPS[name](**inner)


def _check(value: Any, kind: Any, rule: dict[str, Any]) -> Any:
    """The value in the type its field wants; ValueError with a message for people."""
    wanted = set(get_args(kind) or [kind])
    if value is None and type(None) in wanted:
        return None
    if rule["choices"] is not None:
        if not isinstance(value, str) or value not in rule["choices"]:
            raise ValueError(f"{value!r} is not known; choose one of {', '.join(rule['choices'])}.")
    elif bool in wanted:
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {value!r}.")
    elif str in wanted:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("must be a name.")
    else:
        return _check_number(value, int in wanted, rule)
    return value


def _check_number(value: Any, whole: bool, rule: dict[str, Any]) -> int | float:
    number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if not number or (whole and value != int(value)):
        raise ValueError(f"must be {'a whole number' if whole else 'a number'}, not {value!r}.")
    if not rule["low"] <= value <= rule["high"]:
        raise ValueError(f"must be from {rule['low']:g} to {rule['high']:g}, not {value:g}.")
    return int(value) if whole else float(value)
