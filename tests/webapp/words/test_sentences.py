"""What was written in English is shown in the reader's language, and stays English where it is stored."""

from pathlib import Path

import numpy as np
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from flask import Flask
from flask_babel import force_locale

from learner import gate
from learner.errors import NotEnoughLabels, SettingsError
from learner.label_counts import check_labels
from learner.settings import RoundSettings
from webapp.importing.csv_rows import undecodable
from webapp.words.sentences import PLACEHOLDER, said, templates

ROOT = Path(__file__).resolve().parents[3]
CONFIGURATION = ROOT / "webapp" / "translations" / "babel.cfg"
LABELS = ["negative", "neutral", "positive"]


def in_chinese(app: Flask, text: str) -> str:
    with app.test_request_context(), force_locale("zh"):
        return said(text)


def test_a_verdict_is_told_with_each_of_its_differences(app: Flask) -> None:
    y = np.r_[np.zeros(170, int), np.ones(15, int), np.full(170, 2)]
    new = y.copy()
    new[y == 1] = 0
    reason = gate.compare(y, y, new, LABELS).reason
    shown = in_chinese(app, reason)
    assert shown.startswith("在 355 条验证标注上比使用中的版本差：")
    assert "中性" in shown and "100.0 → 0.0%（差 -100.0" in shown
    assert reason.isascii() or "→" in reason
    assert "interval" not in shown and "recall" not in shown


def test_too_few_labels_are_told_with_the_names_of_labels(app: Flask) -> None:
    with pytest.raises(NotEnoughLabels) as raised:
        check_labels(np.zeros(7, int), LABELS)
    assert in_chinese(app, str(raised.value)).startswith("全部 7 条标注都是“负面”")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (undecodable(4, "x").message, "第 4 行有字节"),
        ("The worker died 3 times while it ran this. See the log of the worker; memory is the usual cause.", "3 次"),
        ("Row 3 opens a quote that is never closed.", "第 3 行的引号没有闭合"),
        ("There is a user named ada already. Choose another name.", "已有名为 ada 的用户"),
    ],
)  # fmt: skip
def test_a_stored_sentence_is_shown_in_chinese(app: Flask, text: str, words: str) -> None:
    assert words in in_chinese(app, text)


def test_what_is_wrong_with_a_setting_is_shown_in_chinese(app: Flask) -> None:
    with pytest.raises(SettingsError) as raised:
        RoundSettings.from_dict({"query_size": 2.5})
    assert in_chinese(app, raised.value.errors["query_size"]).startswith("必须是")


def test_what_nobody_knows_is_shown_as_it_is(app: Flask) -> None:
    assert in_chinese(app, "Segmentation fault (core dumped)") == "Segmentation fault (core dumped)"


@pytest.mark.parametrize(
    "text", ["CUDA error: out of memory", "5 to 9 on 3 of 4", "late, broken", "kind: 3", "7 s"]
)
def test_a_foreign_text_is_not_taken_for_a_figure_of_a_page(app: Flask, text: str) -> None:
    assert in_chinese(app, text) == text
    whole = f"Unexpected RuntimeError: {text}. The worker's log has the details."
    assert in_chinese(app, whole) == f"意外的 RuntimeError：{text}。详情见工作进程的日志。"


def test_a_label_in_a_sentence_keeps_its_name(app: Flask) -> None:
    with pytest.raises(NotEnoughLabels) as raised:
        check_labels(np.zeros(7, int), ["out of scope", "praise"])
    assert in_chinese(app, str(raised.value)).startswith("全部 7 条标注都是“out of scope”")


def test_hardly_a_sentence_of_the_parts_without_gettext_is_too_short_to_be_known_again() -> None:
    with CONFIGURATION.open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    ours = [each for each in methods if each[1] in ("ignore", "webapp.words.sentences:extract")]
    folders = [str(ROOT / name) for name in ("learner", "webapp")]
    found = extract_from_dir(
        str(ROOT), ours, options, directory_filter=lambda folder: folder.startswith(tuple(folders))
    )
    spoken = {message for _, _, message, _, _ in found if PLACEHOLDER.search(str(message))}
    assert len(spoken) > 100
    # What the system says of a file and the file's name: nothing of it is ours to translate.
    assert spoken - {template for _, template in templates("zh")} == {"%(strerror)s (%(filename)s)."}


def test_every_template_finds_itself_again() -> None:
    for pattern, template in templates("zh"):
        text = PLACEHOLDER.sub("7", template).replace("%%", "%")
        assert pattern.fullmatch(text), template
