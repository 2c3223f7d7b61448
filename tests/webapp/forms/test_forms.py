"""Forms give a value, or a message beside each field that is wrong."""

from dataclasses import fields, replace

import pytest
from flask import Flask

from webapp.forms import import_form, people_forms, project_forms
from webapp.importing import ColumnMap, FileOptions
from webapp.masking import Masking
from webapp.store.projects import ProjectSettings


@pytest.fixture(autouse=True)
def _words(app: Flask) -> object:
    """Messages are translated, which takes an application."""
    with app.test_request_context():
        yield


def test_a_new_project_has_its_labels_one_a_line() -> None:
    form = project_forms.new_project({"name": " Phones ", "labels": "bad\n good \n\n", "language": "zh"})
    assert form.checked() == project_forms.NewProject("Phones", ["bad", "good"], "zh")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": "", "labels": "a\nb"}, "name"),
        ({"name": "x" * 101, "labels": "a\nb"}, "name"),
        ({"name": "x", "labels": "only one"}, "labels"),
        ({"name": "x", "labels": "Good\ngood"}, "labels"),
        ({"name": "x", "labels": "a\nb", "language": "tlh"}, "language"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(typed: dict[str, str], field: str) -> None:
    form = project_forms.new_project(typed)
    assert list(form.errors) == [field]
    assert form.value is None and form.typed == typed


def test_shares_are_typed_in_per_cent_and_survive_the_round_trip() -> None:
    shown = project_forms.filled_project_settings(ProjectSettings(overlap_share=0.125))
    assert shown.typed["overlap_share"] == "12.5"
    assert project_forms.project_settings(shown.typed).checked()["overlap_share"] == 0.125
    assert (
        project_forms.project_settings({**shown.typed, "overlap_share": "12,5"}).checked()["overlap_share"]
        == 0.125
    )


@pytest.mark.parametrize(
    "settings",
    [
        ProjectSettings(),
        ProjectSettings(
            ahead=0, assistance="assisted", blind_share=0.25, gold_share=0.055, consensus="dawid-skene",
            goal_labels=5_000, leaderboard=True,
        ),
    ],
)  # fmt: skip
def test_every_setting_of_a_project_survives_the_round_trip(settings: ProjectSettings) -> None:
    changes = project_forms.project_settings(project_forms.filled_project_settings(settings).typed).checked()
    assert replace(ProjectSettings(), **changes) == settings
    assert {each.name for each in fields(ProjectSettings)} == {*changes, "learner"}


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("gold_share", "51"),
        ("blind_share", "-1"),
        ("ahead", "26"),
        ("assistance", "psychic"),
        ("consensus", ""),
    ],
)
def test_settings_that_cannot_be_are_said_beside_their_field(field: str, typed: str) -> None:
    shown = project_forms.filled_project_settings(ProjectSettings()).typed
    assert list(project_forms.project_settings({**shown, field: typed}).errors) == [field]


@pytest.mark.parametrize("typed", ["", "ten", "nan", "inf", "1.5", "-1", "241"])
def test_a_number_outside_its_range_is_refused(typed: str) -> None:
    shown = project_forms.filled_project_settings(ProjectSettings()).typed
    assert list(project_forms.project_settings({**shown, "lease_minutes": typed}).errors) == ["lease_minutes"]


def test_the_ends_of_a_range_are_written_out() -> None:
    shown = project_forms.filled_project_settings(ProjectSettings()).typed
    refused = project_forms.project_settings({**shown, "goal_labels": "1e9"})
    assert refused.errors["goal_labels"] == "Must be a whole number from 0 to 100,000,000."


def test_an_empty_password_asks_for_one_to_be_made_and_a_short_one_is_refused() -> None:
    assert people_forms.new_person({"name": "ada", "role": "annotator"}).checked().password is None
    short = people_forms.new_person({"name": "ada", "role": "annotator", "password": "hunter2"})
    assert list(short.errors) == ["password"]


def test_a_file_reading_survives_the_round_trip() -> None:
    options, columns = FileOptions(encoding="gb18030", delimiter="\t"), ColumnMap(text="评论", label="情感")
    masking = Masking(("email", "phone"), keep_original=True)
    shown = import_form.filled_file_reading(options, columns, True, masking)
    assert import_form.file_reading(shown.typed).checked() == import_form.FileReading(
        options, columns, True, masking
    )


def test_an_original_is_kept_only_of_what_is_masked() -> None:
    assert (
        not import_form.file_reading({"text": "text", "keep_original": "1"}).checked().masking.keep_original
    )


def test_labels_cannot_be_human_without_a_label_column() -> None:
    assert not import_form.file_reading({"text": "text", "human_labels": "1"}).checked().human_labels


def test_one_column_plays_one_role() -> None:
    assert list(import_form.file_reading({"text": "a", "id": "a"}).errors) == ["id"]
