"""Every visible string has its Chinese, and the compiled catalogue is that of the text one."""

import ast
import re
from collections.abc import Sequence
from gettext import GNUTranslations
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
WEBAPP = ROOT / "webapp"
CATALOGUE = WEBAPP / "translations" / "zh" / "LC_MESSAGES"
CONFIGURATION = WEBAPP / "translations" / "babel.cfg"
# Where the English has one word for two things: which of them, and the word.
Said = tuple[str, str]


def catalogue() -> Catalog:
    with (CATALOGUE / "messages.po").open("rb") as file:
        return read_po(file)


def keywords() -> dict[str, tuple[int, ...] | None]:
    """Babel's own, and those that the command in babel.cfg adds."""
    added = re.findall(r"-k (\w+)", CONFIGURATION.read_text("utf-8"))
    assert "lazy_gettext" in added
    return {**DEFAULT_KEYWORDS, **dict.fromkeys(added)}


def is_ours(folder: str) -> bool:
    """Whether a folder of the root may hold what people read."""
    return Path(folder).relative_to(ROOT).parts[0] in ("learner", "webapp")


def messages_in_the_source() -> set[Said]:
    with CONFIGURATION.open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(str(ROOT), methods, options, keywords(), directory_filter=is_ours)
    return {(context or "", _first(message)) for _, _, message, _, context in found}


def _first(message: str | Sequence[str]) -> str:
    """The singular of what has a plural."""
    return message if isinstance(message, str) else message[0]


def test_every_string_has_its_chinese() -> None:
    translated = {
        (message.context or "", _first(message.id))
        for message in catalogue()
        if message.string and all(message.string)
    }
    assert sorted(messages_in_the_source() - translated) == [], "see webapp/translations/babel.cfg"


def test_no_string_hides_from_the_catalogue() -> None:
    """Babel does not look inside f-strings."""
    hidden = [
        f"{path.relative_to(WEBAPP)}:{call.lineno}"
        for path in WEBAPP.rglob("*.py")
        for text in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in keywords()
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]
    assert hidden == []


def test_the_chinese_keeps_every_placeholder() -> None:
    chinese = catalogue()
    wrong = [
        (message.id, str(error)) for message in chinese if message.id for error in message.check(chinese)
    ]
    assert wrong == []


def test_the_compiled_catalogue_is_that_of_the_text() -> None:
    with (CATALOGUE / "messages.mo").open("rb") as file:
        compiled = GNUTranslations(file)
    for message in catalogue():
        if isinstance(message.id, str) and message.context:
            assert compiled.pgettext(message.context, message.id) == message.string
        elif isinstance(message.id, str) and message.id:
            assert compiled.gettext(message.id) == message.string
        elif message.id:
            assert compiled.ngettext(*message.id, 1) == message.string[0]
