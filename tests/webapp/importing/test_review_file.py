import codecs
import csv
import gzip
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webapp.importing import FileError, FileOptions, ReviewFile, Row, RowError, open_file

OpenBytes = Callable[..., ReviewFile]
CHINESE = "id,评论\n" + "".join(f"{n},质量很好，物流也快，第{n}次购买\n" for n in range(50))
GOOD = "id,text\n1,fine\n2,bad\n"


def cells(file: ReviewFile) -> list[dict[str, str]]:
    return [row.cells for row in file.rows() if isinstance(row, Row)]


def errors(file: ReviewFile) -> list[tuple[int, str]]:
    return [(row.row, row.code) for row in file.rows() if isinstance(row, RowError)]


def refusal(open_bytes: OpenBytes, data: bytes | str, options: FileOptions | None = None) -> FileError:
    with pytest.raises(FileError) as refused:
        list(open_bytes(data, options).rows())
    return refused.value


def test_rows_have_the_numbers_a_spreadsheet_shows_and_texts_as_they_are(open_bytes: OpenBytes) -> None:
    file = open_bytes("zip,text\n01234,  two spaces \n\n1e5,TRUE\n")
    assert list(file.rows()) == [
        Row(2, {"zip": "01234", "text": "  two spaces "}),
        Row(4, {"zip": "1e5", "text": "TRUE"}),
    ]
    assert list(file.rows()) == list(file.rows())
    assert file.bytes_read == file.size


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_encodings_give_the_same_rows(
    open_bytes: OpenBytes, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    assert cells(open_bytes(pack(CHINESE.encode(encoding)))) == cells(open_bytes(CHINESE))


@pytest.mark.parametrize(
    ("chosen", "data"),
    [
        ("utf-8", codecs.BOM_UTF8 + b'"id",text\n1,a\n'),
        ("utf-16-le", codecs.BOM_UTF16_LE + '"id",text\n1,a\n'.encode("utf-16-le")),
        ("utf-16-be", codecs.BOM_UTF16_BE + '"id",text\n1,a\n'.encode("utf-16-be")),
    ],
)
def test_a_byte_order_mark_is_no_part_of_the_first_column(
    open_bytes: OpenBytes, chosen: str, data: bytes
) -> None:
    assert open_bytes(data, FileOptions(encoding=chosen)).columns == ["id", "text"]


def test_a_byte_order_mark_inside_a_text_stays(open_bytes: OpenBytes) -> None:
    assert cells(open_bytes("id,text\n1,\ufeffstarts odd\n"))[0]["text"] == "\ufeffstarts odd"


def test_a_wrong_encoding_is_refused_at_once(open_bytes: OpenBytes) -> None:
    error = refusal(
        open_bytes, CHINESE.replace("评论", "text").encode("gb18030"), FileOptions(encoding="utf-8")
    )
    assert error.code == "undecodable"
    assert "Choose another encoding" in error.message


@pytest.mark.parametrize("chosen", ["utf-8", "cp1252"])
def test_utf16_read_as_something_else_is_refused_at_once(open_bytes: OpenBytes, chosen: str) -> None:
    error = refusal(open_bytes, GOOD.encode("utf-16"), FileOptions(encoding=chosen))
    assert error.code in ("undecodable", "bad_header")


def test_single_rows_that_cannot_be_decoded_are_errors_with_their_number(open_bytes: OpenBytes) -> None:
    data = b"id,text\n" + "1,schön\n".encode() * 5 + b"6,caf\xe9\n" + "7,schön\n".encode() * 5
    file = open_bytes(data)
    assert errors(file) == [(7, "undecodable")]
    assert len(cells(file)) == 10
    assert [note.code for note in file.notes] == ["undecodable"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"\n \r\n", "empty"),
        (codecs.BOM_UTF8, "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        ("id,text\n", "no_rows"),
        ("id,text", "no_rows"),
        (",".join(f"c{n}" for n in range(501)) + "\n1\n", "too_many_columns"),
        ('"id,text\n1,2\n', "bad_header"),
        ("id,text\n" + "only one field\n" * 30, "unreadable_rows"),
        (b"PK\x03\x04zipped", "unknown_format"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_a_reason(
    open_bytes: OpenBytes, data: bytes | str, code: str
) -> None:
    assert (
        refusal(open_bytes, data, FileOptions(format="csv") if code == "unreadable_rows" else None).code
        == code
    )


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (FileOptions(encoding="klingon"), "unknown_encoding"),
        (FileOptions(format="xml"), "unknown_format"),
        (FileOptions(delimiter="ab"), "bad_delimiter"),
        (FileOptions(delimiter='"'), "bad_delimiter"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    open_bytes: OpenBytes, options: FileOptions, code: str
) -> None:
    assert refusal(open_bytes, GOOD, options).code == code


def test_options_win_over_what_was_found(open_bytes: OpenBytes) -> None:
    assert open_bytes("a;b,c\n1;2,3\n", FileOptions(delimiter=";")).columns == ["a", "b,c"]
    assert open_bytes(GOOD.encode("utf-8"), FileOptions(encoding="latin-1")).encoding == "iso8859-1"


def test_ragged_rows_are_errors_and_the_others_are_read(open_bytes: OpenBytes) -> None:
    file = open_bytes("id,text\n1,fine\n2\n3,too,many\n4,good\n")
    assert errors(file) == [(3, "ragged"), (4, "ragged")]
    assert [row["id"] for row in cells(file)] == ["1", "4"]


def test_duplicate_and_missing_column_names_are_made_unique_and_said(open_bytes: OpenBytes) -> None:
    file = open_bytes("a,a,,a_2,a\n1,2,3,4,5\n")
    assert file.columns == ["a", "a_3", "column_3", "a_2", "a_4"]
    assert [note.code for note in file.notes] == ["renamed_column"] * 3
    assert list(cells(file)[0].values()) == ["1", "2", "3", "4", "5"]


def test_json_lines_have_the_columns_of_all_first_lines(open_bytes: OpenBytes) -> None:
    file = open_bytes('{"text": "a"}\n{"text": "b", "stars": 5}\nbroken\n', name="reviews.jsonl")
    assert file.columns == ["text", "stars"]
    assert cells(file) == [{"text": "a", "stars": ""}, {"text": "b", "stars": "5"}]
    assert errors(file) == [(3, "bad_json")]


def test_an_empty_key_of_json_lines_has_a_name_so_that_it_plays_no_role_by_itself(
    open_bytes: OpenBytes,
) -> None:
    file = open_bytes('{"text": "a", "": 0}\n{"": 1, "text": "b"}\n', name="reviews.jsonl")
    assert file.columns == ["text", "column_2"]
    assert cells(file) == [{"text": "a", "column_2": "0"}, {"text": "b", "column_2": "1"}]
    assert [note.code for note in file.notes] == ["renamed_column"]
    late = open_bytes('{"text": "a"}\n' * 300 + '{"text": "b", "": 1}\n', name="reviews.jsonl")
    assert cells(late)[-1] == {"text": "b", "column_2": "1"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.tsv", "a.jsonl"]), st.booleans())
def test_any_bytes_give_rows_or_a_file_error(
    open_bytes: OpenBytes, data: bytes, name: str, pack: bool
) -> None:
    try:
        rows = list(open_bytes(gzip.compress(data) if pack else data, name=name).rows())
    except FileError:
        return
    numbers = [row.number if isinstance(row, Row) else row.row for row in rows]
    assert numbers == sorted(set(numbers))


VALUE = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=6), st.sampled_from([",", ";", "\t", "|"]))
def test_strings_written_as_csv_are_read_as_they_were(
    open_bytes: OpenBytes, rows: list[tuple[str, str]], delimiter: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([("one", "two"), *rows])
    options = FileOptions(encoding="utf-8", format="csv", delimiter=delimiter)
    assert [tuple(row.values()) for row in cells(open_bytes(text.getvalue(), options))] == rows


def test_the_shared_files_are_read_as_csv_reads_them(shared_data: Path) -> None:
    for path in sorted(shared_data.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            assert list(open_file(path).rows()) == [
                Row(n, row) for n, row in enumerate(csv.DictReader(text), start=2)
            ]


@pytest.mark.parametrize("name", ["messy_raw.csv.gz", "jd_aircon_zh.csv.gz", "shopping_zh.csv.gz"])
@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_the_shared_files_are_the_same_in_other_encodings(
    shared_data: Path, open_bytes: OpenBytes, name: str, encoding: str
) -> None:
    data = gzip.decompress((shared_data / name).read_bytes()).decode("utf-8")
    assert list(open_bytes(data.encode(encoding)).rows()) == list(open_file(shared_data / name).rows())


MEMORY = """
import resource, sys
from pathlib import Path
from webapp.importing.review_file import open_file
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = sum(1 for _ in open_file(Path(sys.argv[1])).rows())
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("start", ["", '0,"never closed\n', "0," + "x" * 50_000_000 + "\n"])
def test_a_large_file_takes_little_memory(tmp_path: Path, start: str) -> None:
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("id,text\n" + start)
        for n in range(0, 150_000, 1_000):
            file.write("".join(f"{k},{'a review of some length ' * 12}\n" for k in range(n, n + 1_000)))
    root = Path(__file__).parents[3]
    output = subprocess.run(
        [sys.executable, "-c", MEMORY, str(path)], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    rows, megabytes = map(int, output.split())
    assert rows == 150_000 + bool(start)
    assert megabytes < 40  # of a file of 45 to 95


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("chosen", [None, "csv"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_first_line_that_tells_excel_the_delimiter_is_no_header(
    open_bytes: OpenBytes, delimiter: str, chosen: str | None, mark: str
) -> None:
    row = delimiter.join(["1", "fine; quick, cheap | good" if delimiter == "\t" else "fine"])
    data = f"{mark}sep={delimiter}\r\n{delimiter.join(['id', 'text'])}\r\n{row}\r\n"
    file = open_bytes(data, FileOptions(format=chosen))
    assert file.columns == ["id", "text"]
    assert [row.number for row in file.rows() if isinstance(row, Row)] == [3]
    assert errors(file) == []
