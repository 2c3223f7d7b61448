"""Sentences of the parts that know no gettext: the learner, the store, the worker, the reading of files.

They say in English what happened, and so it is stored, for the log and the command line alike. `extract` gives Babel
their sentences, with `%(name)s` for what an f-string fills in; `said` finds the sentence behind a text and says it in
the reader's language.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any

from babel.messages.mofile import read_mo
from flask import Flask
from flask_babel import get_locale, gettext

from webapp.words.label_words import label_name

CATALOGUES = Path(__file__).parents[1] / "translations"
# Tables of words, and calls whose words are no whole sentences: they count all the same.
TABLES = ("CLASSIFIERS", "STRATEGIES", "ROW_ERRORS", "REVIEW_NOTES")
CALLS = ("setting", "spoken")
# A capital, then no second one, as SQL has it; a full stop at the end.
SENTENCE = re.compile(r"([A-Z][a-z]|A |%\().* .*[.?]", re.S)
PLACEHOLDER = re.compile(r"%\((\w+)\)s")
FEWEST_LETTERS = 5
# How a sentence lists several parts.
BETWEEN = "; "


def init_app(app: Flask) -> None:
    """Give templates the filter `said`."""
    app.jinja_env.filters["said"] = said


def said(text: str | None) -> str:
    """A stored English text in the reader's language; what nobody translated stays as it is."""
    if not text:
        return ""
    known = str(gettext(text))
    if known != text:
        return known
    for pattern, template in templates(str(get_locale())):
        if found := pattern.fullmatch(text):
            filled = {name: _part(value) for name, value in found.groupdict().items()}
            return str(gettext(template)) % filled
    return text


@cache
def templates(locale: str) -> list[tuple[re.Pattern[str], str]]:
    """Translated sentences with placeholders and what matches each, the one with most words of its own first.

    One with hardly any words, as the pages have some ("%(hits)s of %(n)s"), would match what is none of ours.
    """
    path = CATALOGUES / locale / "LC_MESSAGES" / "messages.mo"
    if not path.is_file():
        return []
    with path.open("rb") as file:
        found = [
            message.id for message in read_mo(file) if isinstance(message.id, str) and "%(" in message.id
        ]
    own = {template: PLACEHOLDER.sub("", template) for template in found}
    telling = [template for template in found if sum(map(str.isalpha, own[template])) >= FEWEST_LETTERS]
    telling.sort(key=lambda template: -len(own[template]))
    return [(_pattern(template), template) for template in telling]


def extract(
    source: IO[bytes], keywords: Mapping[str, Any], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Babel's extraction method for a Python file without gettext: line, no function, sentence, no comments."""
    tree = ast.parse(source.read())
    hidden, marked = set(_not_spoken(tree)), set(_marked(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant | ast.JoinedStr) or node in hidden:
            continue
        template = _template(node)
        if " " in template and (node in marked or SENTENCE.fullmatch(template)):
            yield node.lineno, "", template, []


def _part(value: str) -> str:
    """What fills a sentence may be a sentence, several of them, or a label."""
    parts = value.split(BETWEEN)
    known = [said(part) for part in parts]
    if all(after != before for after, before in zip(known, parts, strict=True)):
        return BETWEEN.join(known)
    whole = said(value)  # a sentence may have a semicolon of its own
    return whole if whole != value else BETWEEN.join(label_name(part) for part in parts)


def _pattern(template: str) -> re.Pattern[str]:
    """What matches the template with any values; a value that comes twice is the same both times."""
    pieces = PLACEHOLDER.split(template)
    seen: set[str] = set()
    for place in range(1, len(pieces), 2):
        name = pieces[place]
        pieces[place] = f"(?P={name})" if name in seen else f"(?P<{name}>.*?)"
        seen.add(name)
    pieces[::2] = [re.escape(words.replace("%%", "%")) for words in pieces[::2]]
    return re.compile("".join(pieces), re.S)


def _template(node: ast.Constant | ast.JoinedStr) -> str:
    """The text of a constant, or of an f-string with placeholders named after what fills them."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    names: list[str] = []
    text = ""
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            names.append(_name(part.value, names))
            text += f"%({names[-1]})s"
        elif isinstance(part, ast.Constant):
            text += str(part.value).replace("%", "%%")
    return text


def _name(value: ast.expr, taken: Collection[str]) -> str:
    """A name for a placeholder: the first in the expression that tells something, numbered if it is taken."""
    words = (
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(value)
        if isinstance(node, ast.Name | ast.Attribute)
    )
    name = base = next((word for word in words if word not in ("self", "len", "str", "join")), "value")
    number = 2
    while name in taken:
        name, number = f"{base}{number}", number + 1
    return name


def _not_spoken(tree: ast.AST) -> Iterator[ast.expr]:
    """Docstrings, what goes to the log, and the pieces of f-strings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield from (each for each in ast.walk(node) if each is not node and isinstance(each, ast.expr))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."):
            yield from node.args


def _marked(tree: ast.AST) -> Iterator[ast.expr]:
    """What is raised, what stands in the tables, what the calls are given."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield from node.exc.args
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield from node.args
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id in TABLES:
                yield from node.value.values
