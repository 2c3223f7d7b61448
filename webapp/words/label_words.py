"""How a label looks: a colour and a sign, so that it is never told by colour alone."""

from flask import Flask
from flask_babel import gettext

USUAL = {"negative": "−", "neutral": "○", "positive": "+"}
# The same in Chinese, as learner/class_names.py reads them; that file is not for the web process.
CHINESE = {"负面": "negative", "消极": "negative", "中性": "neutral", "正面": "positive", "积极": "positive"}
SHAPES = "◆▲■★●▼◇△□"


def init_app(app: Flask) -> None:
    """Give templates `label_tone`, `label_sign` and `label_name`."""
    app.jinja_env.globals.update(label_tone=label_tone, label_sign=label_sign, label_name=label_name)


def label_tone(name: str, position: int = 0) -> str:
    """The name of a colour in the stylesheet: the usual three have theirs, others get one by their place."""
    usual = _usual(name)
    return usual if usual in USUAL else str(4 + position % 3)


def label_sign(name: str, position: int = 0) -> str:
    """Minus, ring or plus for the usual three, a shape of its own for any other."""
    return USUAL.get(_usual(name), SHAPES[position % len(SHAPES)])


def label_name(name: str) -> str:
    """The usual three in the reader's language, any other as its admin wrote it."""
    usual = {"negative": gettext("negative"), "neutral": gettext("neutral"), "positive": gettext("positive")}
    return str(usual.get(name, name))


def _usual(name: str) -> str:
    return CHINESE.get(name, name.casefold())
