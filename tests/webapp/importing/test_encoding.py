import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.importing.encoding import HEAD_BYTES, UNDECODABLE, decode_sample, detect_encoding, usable_encoding
from webapp.importing.errors import FileError

CHINESE = "id,评论,标签\n1,这个商品的质量非常好，一点问题都没有,好评\n2,物流太慢了，等了一个星期,差评\n"
FRENCH = "id,text\n1,Très déçu: café froid à l'arrivée\n2,Garçon pressé, dîner gâché\n"
GERMAN = "id,text\n1,Schöne Größe, aber übel riechend\n2,Für Füße zu groß\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (codecs.BOM_UTF8 + b"id,text\n", "utf-8-sig"),
        (CHINESE.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"), "utf-16"),
        (CHINESE.encode("utf-32"), "utf-32"),
        (CHINESE.encode("utf-16-le"), "utf-16-le"),
        (CHINESE.encode("utf-16-be"), "utf-16-be"),
        (FRENCH.encode("utf-16-le"), "utf-16-le"),
        (FRENCH.encode("utf-32-be"), "utf-32-be"),
        (CHINESE.encode(), "utf-8"),
        (b"id,text\n1,plain\n", "utf-8"),
        (CHINESE.encode("gb18030"), "gb18030"),
        (FRENCH.encode("cp1252"), "cp1252"),
        (GERMAN.encode("latin-1"), "cp1252"),
        (b"id,text\n1,caf\xe9 \x81\n", "latin-1"),
        (b"", "utf-8"),
        (b"id,text\n1,a stray \0 zero\n" * 20, "utf-8"),
    ],
)
def test_the_encoding_is_found(data: bytes, encoding: str) -> None:
    assert detect_encoding(data) == encoding


@pytest.mark.parametrize("cut", range(1, 8))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_a_sample_cut_inside_a_character_is_still_recognised(encoding: str, cut: int) -> None:
    data = (CHINESE * 10_000).encode(encoding)
    assert len(data) > HEAD_BYTES
    assert detect_encoding(data[: HEAD_BYTES - cut]) == encoding


def test_one_bad_byte_does_not_make_a_utf8_file_something_else() -> None:
    assert detect_encoding((CHINESE * 5).encode() + b"\xff\n" + (CHINESE * 5).encode()) == "utf-8"


def test_bytes_that_are_no_text_are_marked() -> None:
    assert decode_sample(b"a\xffb", "utf-8") == f"a{UNDECODABLE}b"


@pytest.mark.parametrize(
    "name", ["no-such", "rot13", "base64", "idna", "undefined", "utf\0", "", "unicode_escape"]
)
def test_only_encodings_of_text_files_can_be_chosen(name: str) -> None:
    with pytest.raises(FileError, match="Choose one of"):
        usable_encoding(name)


@pytest.mark.parametrize(
    ("name", "codec"), [("UTF-8", "utf-8-sig"), (" gbk ", "gbk"), ("latin-1", "iso8859-1")]
)
def test_an_encoding_chosen_by_hand_gets_its_name_in_python(name: str, codec: str) -> None:
    assert usable_encoding(name) == codec


@given(st.binary(max_size=400))
def test_any_bytes_get_an_encoding_that_can_decode_them(data: bytes) -> None:
    assert isinstance(decode_sample(data, detect_encoding(data)), str)
