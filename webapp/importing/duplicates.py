"""When two texts are the same review, or nearly."""

import hashlib
import html
import re
import unicodedata

_TAG = re.compile(r"</?(?:br|p|div|span|b|i|em|strong|a)\b[^<>]{0,200}>", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_OTHER = re.compile(r"[^\w\s]")
# Emoji, stars, currency, vowel signs of Indian scripts: texts that differ there may differ in meaning.
_TELLING = {"So", "Sc", "Mn", "Mc"}
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


def text_hash(text: str) -> bytes:
    """SHA-256 of exactly this text in UTF-8 (32 bytes); UnicodeEncodeError for a lone surrogate."""
    return hashlib.sha256(text.encode("utf-8")).digest()


def near_duplicate_key(text: str) -> bytes:
    """32 bytes, equal for texts alike up to letter case, width, spaces, punctuation, entities and tags."""
    plain = _TAG.sub(" ", html.unescape(html.unescape(text)))
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())
    words = "".join(_WORD.findall(plain))
    signs = "" if plain.isascii() else "".join(filter(_is_telling, _OTHER.findall(plain)))
    # A text of nothing but punctuation is like itself only: "!!!" is not "???".
    key = f"{words}\0{signs}" if words or signs else "\0\0" + "".join(plain.split())
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _is_telling(sign: str) -> bool:
    return ord(sign) not in _VARIATION_SELECTORS and unicodedata.category(sign) in _TELLING
