"""Which encoding a file is in, and decoding that marks what cannot be decoded."""

import codecs
import io
import re

from webapp.importing.errors import FileError

HEAD_BYTES = 256 * 1024
# Offered on the import page; any other text encoding that Python knows can be named by hand.
ENCODINGS = ("utf-8", "utf-16", "gb18030", "cp1252", "latin-1")

# A lone surrogate never comes out of a decoder that works, so it can stand for bytes that are no text.
UNDECODABLE = "\udcff"
MARK_UNDECODABLE = "winnow-mark-undecodable"

_BOMS = (  # the longer ones first: UTF-32 LE begins like UTF-16 LE
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Text for programs or for host names: they decode almost anything into something else.
_NOT_FOR_FILES = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape"}
_UNDEFINED_IN_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
# Punctuation, full-width letters and the 3,755 common characters; not the rare ones, which "öß" would be.
_COMMON_GB_PAIR = re.compile(rb"[\xa1-\xa3\xb0-\xd7][\xa1-\xfe]")
_STRUCTURE = "\n\r\t, "


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, error.end


codecs.register_error(MARK_UNDECODABLE, _mark)


def usable_encoding(name: str) -> str:
    """Python's name for an encoding chosen by hand; FileError where it is no encoding of text files."""
    try:
        info = codecs.lookup(name.strip())
        io.TextIOWrapper(io.BytesIO(), encoding=info.name).read()  # refuses codecs that make no text
        is_text = info.name.replace("-", "_") not in _NOT_FOR_FILES
    except (LookupError, ValueError, TypeError):
        is_text = False
    if not is_text:
        known = ", ".join(ENCODINGS)
        raise FileError("unknown_encoding", f"There is no text encoding “{name}”. Choose one of {known}.")
    # With a BOM or without: utf-8-sig reads both.
    return "utf-8-sig" if info.name == "utf-8" else info.name


def decode_sample(head: bytes, encoding: str) -> str:
    """The start of a file as text; a character cut off at the end is left out."""
    decoder = codecs.getincrementaldecoder(encoding)(errors=MARK_UNDECODABLE)
    try:
        return decoder.decode(head, final=False)
    except UnicodeError as error:
        raise FileError("undecodable", f"The file is not {encoding}: choose another encoding.") from error


def detect_encoding(head: bytes) -> str:
    """The most likely encoding of a file that begins with these (unpacked) bytes.

    A byte-order mark decides; else UTF-16 and UTF-32 by where their zero bytes are, UTF-8 by its
    validity, GB18030 by its pairs of high bytes; what is left is Windows-1252 or Latin-1.
    """
    head = head[:HEAD_BYTES]
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    if wide := _wide_without_bom(head):
        return wide
    if _mostly_utf8(head):
        return "utf-8"
    if _looks_like_gb18030(head):
        return "gb18030"
    return "latin-1" if _UNDEFINED_IN_CP1252.search(head) else "cp1252"


def _wide_without_bom(head: bytes) -> str | None:
    if b"\0" not in head:
        return None
    for encoding in ("utf-32-le", "utf-32-be"):
        if len(head) >= 8 and UNDECODABLE not in decode_sample(head[: len(head) // 4 * 4], encoding):
            return encoding
    text = {name: decode_sample(head[: len(head) // 2 * 2], name) for name in ("utf-16-le", "utf-16-be")}
    # Read with the wrong byte order, a comma or a line end is a letter of a script hardly anybody writes.
    structure = {name: sum(map(decoded.count, _STRUCTURE)) for name, decoded in text.items()}
    best, other = sorted(structure, key=structure.__getitem__, reverse=True)
    plain = UNDECODABLE not in text[best] and structure[best] > 0 and structure[other] * 10 <= structure[best]
    # A few stray zero bytes do not make a UTF-8 file a UTF-16 one.
    if not plain or (head.count(0) * 5 < len(head) and _mostly_utf8(head)):
        return None
    return best


def _mostly_utf8(head: bytes) -> bool:
    text = decode_sample(head, "utf-8")
    bad = text.count(UNDECODABLE)
    return bad == 0 or bad * 4 <= sum(not c.isascii() for c in text) - bad


def _looks_like_gb18030(head: bytes) -> bool:
    high = len(_HIGH_BYTE.findall(head))
    pairs = len(_COMMON_GB_PAIR.findall(head))
    bad = decode_sample(head, "gb18030").count(UNDECODABLE)
    # In Western texts accented letters stand alone, in Cyrillic ones half the words have an odd length.
    return pairs * 2 >= high * 0.6 and bad * 50 <= pairs
