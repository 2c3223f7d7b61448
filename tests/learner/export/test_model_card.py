"""The card tells figures with their intervals, and no name can break it."""

from dataclasses import replace

from learner.export.model_card import CardFacts, model_card


def test_figures_stand_with_interval_and_count(facts: CardFacts) -> None:
    card = model_card(facts, "Run it.", "same labels.", "onnx")
    assert "| holdout | all | Accuracy | 0.812 | 0.701 to 0.900 | 64 |" in card
    assert "| holdout | good: 好 | Recall | 0.750 |  | 30 |" in card
    assert "120 reviews labelled by people" in card
    assert "| bad\\|worst | 0 | 7 |" in card
    assert "same labels." in card
    assert "## Limits" in card


def test_names_are_text_never_markup(facts: CardFacts) -> None:
    card = model_card(replace(facts, language='en\n"x": y'), "Run it.", "same labels.", "onnx")
    assert "<script" not in card.replace("\\<script", "")
    assert "# Shoes \\<script\\> \\| x, model version 3" in card
    assert 'language: "en\\n\\"x\\": y"' in card


def test_a_model_without_measurement_says_so(facts: CardFacts) -> None:
    assert "Nothing was measured" in model_card(replace(facts, metrics=[]), "Run it.", "same labels.", "onnx")


def test_the_licence_of_an_embedded_encoder_is_stated(facts: CardFacts) -> None:
    assert "Licence of the encoder: MIT" in model_card(replace(facts, encoder="e5-small"), "", "", "onnx")


def test_the_card_of_a_version_that_knows_erased_texts_says_so(facts: CardFacts) -> None:
    card = model_card(replace(facts, stale_since="2026-03-01"), "Run it.", "same labels.", "onnx")
    assert "erased on 2026-03-01, after the training" in card
    assert "erased" not in model_card(facts, "Run it.", "same labels.", "onnx")


def test_star_ratings_are_told_apart_from_labels(facts: CardFacts) -> None:
    card = model_card(replace(facts, weak_labels=1234), "use", "agreement", "transformers")
    assert "1234 star ratings as weak labels" in card
    assert f"{facts.training_labels} reviews labelled by people" in card
    assert "star rating" not in model_card(facts, "use", "agreement", "transformers")
