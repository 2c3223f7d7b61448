"""Which language a cell names: a code such as en-US or zh_CN, or a name in English, in Chinese or in itself."""

import re
import unicodedata
from functools import cache, lru_cache

from babel import Locale
from babel.core import get_global

# Codes that say there is no one language.
NO_LANGUAGE = {"und", "mul", "mis", "zxx"}
# Each of these costs reading its table of names.
WRITTEN_IN_ITSELF = "de fr es pt it nl pl ru uk tr ar hi ja ko vi th id".split()
_CODE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8})*")


@lru_cache(maxsize=1024)
def parse_language(text: str) -> str | None:
    """The language's code, without script or country: en-US is en, zh_CN and 中文 are zh; None for anything else."""
    plain = unicodedata.normalize("NFKC", text).strip().casefold()
    match = _CODE.fullmatch(plain)
    if match is None:
        return _names().get(plain)
    code = str(get_global("language_aliases").get(match[1], match[1]))
    return code if code in _codes() else None


@cache
def _codes() -> frozenset[str]:
    return frozenset(code for code in _languages("en") if "_" not in code) - NO_LANGUAGE


@cache
def _names() -> dict[str, str]:
    names = {name.casefold(): code for reader in ("en", "zh") for code, name in _languages(reader).items()}
    names |= {_languages(code).get(code, code).casefold(): code for code in WRITTEN_IN_ITSELF}
    names |= {"汉语": "zh", "普通话": "zh", "国语": "zh", "英文": "en", "日文": "ja", "韩文": "ko"}
    return {name: code for name, code in names.items() if code in _codes()}


def _languages(reader: str) -> dict[str, str]:
    """The languages by their codes, as that language calls them."""
    return dict(Locale(reader).languages)
