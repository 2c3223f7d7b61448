"""What the settings accept, and what they say of the rest."""

import subprocess
import sys

import pytest

from learner.errors import SettingsError
from learner.settings import (
    CLASSIFIERS,
    STRATEGIES,
    TUNED,
    TUNED_SCORE_LIMIT,
    FinetuneSettings,
    LoraSettings,
    RoundSettings,
)


def test_settings_survive_being_saved_beside_the_round() -> None:
    settings = RoundSettings.from_dict(
        {"classifier": "finetune", "strategy": "entropy", "query_size": 7, "finetune": {"top_layers": 2}}
    )
    assert settings.finetune.top_layers == 2
    assert RoundSettings.from_dict(settings.to_dict()) == settings


def test_every_offered_name_is_accepted() -> None:
    for classifier in CLASSIFIERS:
        for strategy in STRATEGIES:
            assert RoundSettings.from_dict({"classifier": classifier, "strategy": strategy})


@pytest.mark.parametrize(
    ("values", "field", "hint"),
    [
        ({"classifier": "oracle"}, "classifier", "head"),
        ({"strategy": "best"}, "strategy", "margin-diverse"),
        ({"query_size": 0}, "query_size", "from 1 to"),
        ({"query_size": 2.5}, "query_size", "whole number"),
        ({"query_size": True}, "query_size", "whole number"),
        ({"audit_share": float("nan")}, "audit_share", "a number"),
        ({"audit_share": "lots"}, "audit_share", "a number"),
        ({"encoder": " "}, "encoder", "name"),
        ({"batch": 5}, "batch", "not a setting"),
        ({"head": 3}, "head", "group"),
        ({"head": {"temperature": 1}}, "head.temperature", "true or false"),
        ({"finetune": {"learning_rate": 3}}, "finetune.learning_rate", "from 1e-07 to 0.01"),
        ({"finetune": {"optimizer": "lion"}}, "finetune.optimizer", "adamw"),
        ({"finetune": {"epochs": None}}, "finetune.epochs", "whole number"),
        ({"lora": {"rank": 0}}, "lora.rank", "from 1 to 256"),
        ({"lora": {"self_training": "yes"}}, "lora.self_training", "true or false"),
        ({"contrastive": {"loss": "triplet"}}, "contrastive.loss", "supcon"),
        ({"contrastive": {"max_steps": 0}}, "contrastive.max_steps", "from 1 to"),
    ],
)
def test_each_wrong_field_gets_its_own_message(values: dict[str, object], field: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RoundSettings.from_dict({"seed": -1, **values})
    assert set(caught.value.errors) == {"seed", field}
    assert hint in caught.value.errors[field]


def test_what_trainings_share_has_one_range_and_each_its_own_default() -> None:
    assert FinetuneSettings().learning_rate < LoraSettings().learning_rate
    assert LoraSettings.from_dict({"epochs": 2}) == LoraSettings(epochs=2)


def test_settings_of_an_older_round_are_still_read() -> None:
    old = {"classifier": "finetune", "finetune": {"epochs": 3, "top_layers": None}, "head": {"c": None}}
    assert RoundSettings.from_dict(old).finetune.epochs == 3


def test_whole_numbers_from_json_may_come_as_floats() -> None:
    assert FinetuneSettings.from_dict({"epochs": 3.0}) == FinetuneSettings(epochs=3)


def test_only_tuned_classifiers_limit_the_scored_pool_by_themselves() -> None:
    assert RoundSettings().effective_score_limit is None
    for classifier in TUNED:
        assert RoundSettings(classifier=classifier).effective_score_limit == TUNED_SCORE_LIMIT
    assert RoundSettings(score_limit=9).effective_score_limit == 9


def test_settings_and_errors_import_nothing_heavy() -> None:
    code = (
        "import sys, learner.settings, learner.errors, learner.progress;"
        "sys.exit(bool({'torch', 'numpy', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
