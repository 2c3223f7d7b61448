"""The settings of a round as a form."""

from collections.abc import Iterator

import pytest
from flask import Flask

from learner.settings import ContrastiveSettings, FinetuneSettings, HeadSettings, LoraSettings, RoundSettings
from webapp.forms import round_form

ENCODERS = ["e5-small", "minilm"]


@pytest.fixture(autouse=True)
def _words(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    "settings",
    [
        RoundSettings(),
        RoundSettings(
            encoder="minilm",
            classifier="finetune",
            audit_share=0.2,
            score_limit=500,
            head=HeadSettings(c=2.5, class_weights=False),
            finetune=FinetuneSettings(
                learning_rate=5e-5, optimizer="sgd", top_layers=0, freeze_embeddings=False
            ),
            contrastive=ContrastiveSettings(loss="supcon", pairs=None, self_training=True),
            lora=LoraSettings(rank=4, alpha=8.5),
        ),
    ],
)
def test_settings_survive_the_round_trip_through_the_form(settings: RoundSettings) -> None:
    assert round_form.parse(round_form.filled(settings).typed, ENCODERS).checked() == settings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("classifier", "magic"),
        ("strategy", ""),
        ("encoder", "../../etc"),
        ("query_size", "0"),
        ("query_size", "many"),
        ("audit_share", "101"),
        ("finetune.epochs", "1.5"),
        ("finetune.learning_rate", "1"),
        ("head.c", "-1"),
        ("lora.rank", "0"),
        ("contrastive.loss", "hinge"),
    ],
)
def test_a_bad_setting_is_said_beside_its_field(field: str, value: str) -> None:
    typed = {**round_form.filled(RoundSettings()).typed, field: value}
    form = round_form.parse(typed, ENCODERS)
    assert list(form.errors) == [field]
    assert form.typed[field] == value


def test_every_setting_has_words_and_a_range_or_choices() -> None:
    for settings in round_form.further_settings().values():
        for setting in settings:
            assert setting.words != setting.name.rpartition(".")[2]
            assert setting.kind in ("flag", "choice") or setting.high is not None


def test_a_group_the_form_does_not_show_stays_as_it_is_by_default() -> None:
    typed = round_form.filled(RoundSettings(finetune=FinetuneSettings(epochs=9))).typed
    shown = {name: value for name, value in typed.items() if not name.startswith("lora.")}
    settings = round_form.parse(shown, ENCODERS).checked()
    assert (settings.finetune.epochs, settings.lora) == (9, LoraSettings())


def test_an_error_among_all_settings_opens_them() -> None:
    assert round_form.concerns_further({"finetune.epochs": "too many"})
    assert not round_form.concerns_further({"encoder": "unknown"})
