"""What was written in English is shown in the reader's language, and stays English where it is stored."""

import numpy as np
import pytest
from flask import Flask
from flask_babel import force_locale

from learner import gate
from learner.errors import NotEnoughLabels, SettingsError
from learner.label_counts import check_labels
from learner.settings import RoundSettings
from webapp.importing.csv_rows import undecodable
from webapp.sentences import PLACEHOLDER, said, templates

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


def test_every_template_finds_itself_again() -> None:
    for pattern, template in templates("zh"):
        text = PLACEHOLDER.sub("7", template).replace("%%", "%")
        assert pattern.fullmatch(text), template
