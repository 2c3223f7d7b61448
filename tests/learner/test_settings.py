"""What the settings accept, and what they say of the rest."""

import subprocess
import sys

import pytest

from learner.errors import SettingsError
from learner.settings import CLASSIFIERS, FINETUNE_SCORE_LIMIT, STRATEGIES, FinetuneSettings, RoundSettings


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
        ({"classifier": "lora"}, "classifier", "head"),
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
    ],
)
def test_each_wrong_field_gets_its_own_message(values: dict[str, object], field: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RoundSettings.from_dict({"seed": -1, **values})
    assert set(caught.value.errors) == {"seed", field}
    assert hint in caught.value.errors[field]


def test_whole_numbers_from_json_may_come_as_floats() -> None:
    assert FinetuneSettings.from_dict({"epochs": 3.0}) == FinetuneSettings(epochs=3)


def test_only_finetune_limits_the_scored_pool_by_itself() -> None:
    assert RoundSettings().effective_score_limit is None
    assert RoundSettings(classifier="finetune").effective_score_limit == FINETUNE_SCORE_LIMIT
    assert RoundSettings(score_limit=9).effective_score_limit == 9


def test_settings_and_errors_import_nothing_heavy() -> None:
    code = (
        "import sys, learner.settings, learner.errors, learner.progress;"
        "sys.exit(bool({'torch', 'numpy', 'sklearn'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
