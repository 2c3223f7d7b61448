import csv
import io
import json
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.labels_export import COLUMNS, Format, guard_cell, iter_bytes, strip_guard, write_labels

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def a_row(**changes: Any) -> dict[str, Any]:
    row = {
        "id": 1,
        "external_id": "007",
        "text": 'fine, "really"\r\n好',
        "label": "positive",
        "annotator": "ann",
        "created_at": "2026-01-02T03:04:05Z",
        "seconds": 2.5,
        "round": 3,
        "model_version": None,
        "origin": "audit",
        "probability": 0.015,
        "part": "pool",
    }
    return row | changes


def written(rows: list[dict[str, Any]], format: Format, guard: bool = False) -> bytes:
    out = io.BytesIO()
    assert write_labels(iter(rows), out, format, guard) == len(rows)
    return out.getvalue()


def csv_rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def test_csv_has_the_columns_in_order_and_nothing_where_there_is_nothing() -> None:
    assert written([a_row()], "csv").decode() == (
        "id,external_id,text,label,annotator,created_at,seconds,round,model_version,origin,probability,part\n"
        '1,"007","fine, ""really""\r\n好","positive","ann",'
        '"2026-01-02T03:04:05Z",2.5,3,"","audit",0.015,"pool"\n'
    )


def test_json_lines_and_parquet_keep_types() -> None:
    assert json.loads(written([a_row(extra="left out")], "jsonl")) == a_row()
    table = pyarrow.parquet.read_table(io.BytesIO(written([a_row(), a_row(round=None)], "parquet")))
    assert table.column_names == list(COLUMNS)
    assert table.to_pylist() == [a_row(), a_row(round=None)]
    columns = ("id", "seconds", "text", "model_version")
    assert [str(table.schema.field(name).type) for name in columns] == [
        "int64",
        "double",
        "string",
        "int64",
    ]


def test_parquet_is_written_in_row_groups() -> None:
    out = io.BytesIO()
    write_labels((a_row(id=n) for n in range(45_000)), out, "parquet")
    assert pyarrow.parquet.ParquetFile(out).num_row_groups == 3


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_no_labels_make_a_file_with_columns_only(format: Format) -> None:
    data = written([], format)
    if format == "parquet":
        assert pyarrow.parquet.read_table(io.BytesIO(data)).column_names == list(COLUMNS)
    else:
        assert data.decode() == (",".join(COLUMNS) + "\n" if format == "csv" else "")


def test_a_row_without_a_column_is_a_mistake_and_not_an_empty_cell() -> None:
    with pytest.raises(KeyError):
        written([{"id": 1}], "csv")


def test_a_download_comes_in_pieces_that_make_the_same_file() -> None:
    rows = [a_row(id=n) for n in range(2_500)]
    pieces = list(iter_bytes(iter(rows), "csv"))
    assert len(pieces) == 4
    assert b"".join(pieces) == written(rows, "csv")
    with pytest.raises(ValueError, match="file"):
        next(iter_bytes(iter(rows), "parquet"))


@given(st.lists(TEXT, max_size=5), st.booleans())
def test_csv_gives_every_text_back(texts: list[str], guard: bool) -> None:
    read = [row["text"] for row in csv_rows(written([a_row(text=text) for text in texts], "csv", guard))]
    assert (list(map(strip_guard, read)) if guard else read) == texts


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "\0=1",
        " =1",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff201",
        "\u3000=1",
        "\ufeff=1",
        "+1 for this",
    ],
)
def test_what_a_spreadsheet_might_run_is_guarded(text: str) -> None:
    assert guard_cell(text) == f"'{text}"
    assert strip_guard(f"'{text}") == text


@pytest.mark.parametrize("text", ["-5", "+3.50", "-1e5", "good", "'tis fine", "a=b", "", "好"])
def test_numbers_keep_their_sign_and_texts_their_form(text: str) -> None:
    assert guard_cell(text) == strip_guard(text) == text


@given(st.one_of(TEXT, st.text(st.sampled_from("'=+-@ \t\r\n\0\uff1d1a"))))
def test_the_guard_can_always_be_taken_off(text: str) -> None:
    assert strip_guard(guard_cell(text)) == text


def test_the_data_form_is_exact_even_for_formulas() -> None:
    assert csv_rows(written([a_row(text="=1+1")], "csv"))[0]["text"] == "=1+1"
