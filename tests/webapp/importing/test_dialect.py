import gzip

import pytest

from webapp.importing.dialect import FileFormat, detect_format
from webapp.importing.errors import FileError


@pytest.mark.parametrize(
    ("data", "kind", "delimiter"),
    [
        ("id,text\n1,fine\n2,bad\n", "csv", ","),
        ("id;text\n1;good, cheap, small\n2;bad, dear\n", "csv", ";"),
        ("id\ttext\n1\tgood, cheap\n", "tsv", "\t"),
        ("id|text\n1|good, cheap\n2|bad\n", "csv", "|"),
        ('{"text": "good, cheap"}\n{"text": "bad"}\n', "jsonl", ""),
        ('id,text\n1,"a line\nand; another; one"\n2,ok\n', "csv", ","),
        ("{id},text\n1,good\n", "csv", ","),
    ],
)
@pytest.mark.parametrize("pack", [False, True])
def test_the_format_is_found_by_content(data: str, kind: str, delimiter: str, pack: bool) -> None:
    head = gzip.compress(data.encode()) if pack else data.encode()
    found = detect_format("reviews.txt", head)
    assert (found.kind, found.delimiter, found.gzipped) == (kind, delimiter, pack)


def test_one_column_with_commas_in_its_texts_is_one_column() -> None:
    data = b"text\ngood, cheap, small\nbad, dear\nfine, all in all, it works\n"
    assert detect_format("reviews.csv", data).delimiter != ","


def test_a_tsv_file_whose_quotes_enclose_nothing_is_read_without_them() -> None:
    data = b'id\ttext\n1\t"Great" they said\n2\t5" screen\n3\t"No" is my answer\n'
    assert detect_format("reviews.tsv", data) == FileFormat("tsv", "\t", gzipped=False, quoted=False)


def test_a_tsv_file_with_quoted_line_breaks_keeps_its_quotes() -> None:
    assert detect_format("reviews.tsv", b'id\ttext\n1\t"two\nlines"\n2\tone\n').quoted


@pytest.mark.parametrize(
    "head",
    [
        b"PK\x03\x04rest",
        b"PAR1rest",
        b"%PDF-1.7",
        gzip.compress(gzip.compress(b"id,text\n", mtime=0), mtime=0),
        b"SQLite format 3\0",
    ],
)
def test_other_formats_are_named_and_refused(head: bytes) -> None:
    with pytest.raises(FileError) as refused:
        detect_format("reviews.csv", head)
    assert refused.value.code == "unknown_format"


def test_a_json_array_is_refused_with_the_way_out() -> None:
    with pytest.raises(FileError, match="one JSON array"):
        detect_format("reviews.json", b'[{"text": "good"}]')
