"""A round's settings as a form, made from the learner's own description of them."""

from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, fields
from typing import Any, get_args

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from learner.errors import SettingsError
from learner.setting_rules import Settings
from learner.settings import (
    CLASSIFIERS,
    STRATEGIES,
    AutoSettings,
    ContrastiveSettings,
    FinetuneSettings,
    HeadSettings,
    LoraSettings,
    RoundSettings,
    SearchSettings,
)
from webapp.forms.form import Form
from webapp.words.sentences import said

GROUPS: dict[str, type[Settings]] = {
    "head": HeadSettings,
    "contrastive": ContrastiveSettings,
    "finetune": FinetuneSettings,
    "lora": LoraSettings,
    "auto": AutoSettings,
    "search": SearchSettings,
}
# Asked on the page itself; everything else is behind "All settings".
SHOWN_FIRST = ("encoder", "classifier", "strategy", "query_size", "audit_share")
WORDS = {
    "seed": lazy_gettext("Seed"),
    "stars": lazy_gettext("Star ratings as weak labels"),
    "disagreement_share": lazy_gettext("Share where stars disagree"),
    "score_limit": lazy_gettext("Reviews scored at most"),
    "head.c": lazy_gettext("Inverse regularisation C"),
    "head.class_weights": lazy_gettext("Class weights"),
    "head.class_names": lazy_gettext("Names of the labels"),
    "head.temperature": lazy_gettext("Calibrated probabilities"),
    "auto.candidate": lazy_gettext("Compared with head"),
    "auto.min_labels": lazy_gettext("Labels from which it is tried"),
    "auto.budget_minutes": lazy_gettext("Minutes granted"),
    "search.trials": lazy_gettext("Trials"),
    "search.minutes": lazy_gettext("Minutes granted"),
}
# By the setting's own name: the tuned classifiers share most of theirs.
TUNED_WORDS = {
    "epochs": lazy_gettext("Epochs"),
    "learning_rate": lazy_gettext("Learning rate"),
    "batch_size": lazy_gettext("Batch size"),
    "optimizer": lazy_gettext("Optimiser"),
    "weight_decay": lazy_gettext("Weight decay"),
    "dropout": lazy_gettext("Dropout"),
    "warmup": lazy_gettext("Warm-up"),
    "clip_norm": lazy_gettext("Longest gradient"),
    "class_weights": lazy_gettext("Class weights"),
    "top_layers": lazy_gettext("Upper layers trained"),
    "freeze_embeddings": lazy_gettext("Word embeddings frozen"),
    "max_length": lazy_gettext("Tokens read"),
    "patience": lazy_gettext("Patience"),
    "stop_share": lazy_gettext("Share for early stopping"),
    "self_training": lazy_gettext("Self-training"),
    "rank": lazy_gettext("Rank of the adapters"),
    "alpha": lazy_gettext("Weight of the adapters"),
    "loss": lazy_gettext("Loss"),
    "pairs": lazy_gettext("Pairs per label"),
    "sampling": lazy_gettext("Sampling of pairs"),
    "max_steps": lazy_gettext("Steps at most"),
    "c": lazy_gettext("Inverse regularisation C"),
}


@dataclass(frozen=True)
class Setting:
    """One setting for the page: `kind` is flag, choice, whole or number; empty is allowed where it is optional."""

    name: str
    words: str
    about: str
    kind: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    optional: bool


def further_settings() -> dict[str, list[Setting]]:
    """What stands behind "All settings": of every round, of each group."""
    general = [_setting(each) for each in fields(RoundSettings) if _is_further(each.name)]
    groups = {
        name: [_setting(each, f"{name}.") for each in fields(group)]  # type: ignore[arg-type]
        for name, group in GROUPS.items()
    }
    return {"general": general, **groups}


def concerns_further(errors: Mapping[str, str]) -> bool:
    """Whether any message belongs to a setting behind "All settings"."""
    return any(name in WORDS or name.partition(".")[0] in GROUPS for name in errors)


def classifier_choices() -> list[tuple[str, str, str]]:
    """Value, words and a line about it."""
    return [(name, name, _(about)) for name, about in CLASSIFIERS.items()]


def strategy_choices() -> list[tuple[str, str]]:
    """Value and words."""
    return [(name, f"{name} – {_(about)}") for name, about in STRATEGIES.items()]


def filled(settings: RoundSettings) -> Form[RoundSettings]:
    """Settings as the form shows them."""
    typed: dict[str, str] = {}
    for name, value in settings.to_dict().items():
        inner = {f"{name}.{key}": each for key, each in value.items()} if name in GROUPS else {name: value}
        typed |= {key: _typed(each) for key, each in inner.items() if each is not False}
    typed["audit_share"] = f"{settings.audit_share * 100:g}"
    return Form(typed, {}, settings)


def parse(source: Mapping[str, str], encoders: Sequence[str]) -> Form[RoundSettings]:
    """The settings typed; the encoder must be one of those that were added."""
    typed = {name: source[name] for name in source}
    values: dict[str, Any] = {}
    for each in fields(RoundSettings):
        if each.name in GROUPS:
            group = GROUPS[each.name]
            if not any(name.startswith(f"{each.name}.") for name in typed):
                continue  # a form that does not show the group leaves it as it is by default
            values[each.name] = {
                inner.name: _value(_setting(inner, f"{each.name}."), typed)
                for inner in fields(group)  # type: ignore[arg-type]
            }
        else:
            values[each.name] = _value(_setting(each), typed)
    if isinstance(values["audit_share"], int | float):
        values["audit_share"] /= 100
    errors: dict[str, str] = {}
    settings = None
    try:
        settings = RoundSettings.from_dict(values)
    except SettingsError as problem:
        errors = {name: _sentence(said(message)) for name, message in problem.errors.items()}
    if typed.get("encoder") not in encoders:
        errors["encoder"] = _("Choose an encoder that was added; “winnow encoder add NAME” adds one.")
    if "audit_share" in errors:
        errors["audit_share"] = _("Must be from 0 to 100 per cent.")
    return Form(typed, errors, None if errors else settings)


def _is_further(name: str) -> bool:
    return name not in SHOWN_FIRST and name not in GROUPS


def _setting(each: "Field[Any]", prefix: str = "") -> Setting:
    about, wanted = each.metadata, set(get_args(each.type) or [each.type])
    choices = tuple(about["choices"] or ())
    kind = "choice" if choices else "flag" if bool in wanted else "text" if str in wanted else "number"
    if kind == "number" and int in wanted:
        kind = "whole"
    name = prefix + each.name
    words = str(WORDS.get(name) or TUNED_WORDS.get(each.name, each.name))
    return Setting(
        name, words, _(about["about"]), kind, about["low"], about["high"], choices, type(None) in wanted
    )


def _value(setting: Setting, typed: Mapping[str, str]) -> Any:
    """The field in its type; what cannot be read stays text, and the learner says what is wrong with it."""
    text = typed.get(setting.name, "").strip()
    if setting.kind == "flag":
        return setting.name in typed
    if setting.kind in ("choice", "text"):
        return text
    if not text:
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text


def _typed(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else "1" if value is True else str(value)


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:]
