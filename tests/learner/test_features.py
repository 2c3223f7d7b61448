"""Kept features survive kills, cuts and damage, and are never wrong."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from learner import features
from learner.encoders import Encoder
from learner.encoding import encode_texts
from learner.errors import Cancelled, EncoderError
from learner.features import FeatureCache

TEXTS = [f"review {number} is {'good' if number % 2 else 'bad'}" for number in range(40)]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "CHUNK", 10)


def files_of(folder: Path) -> tuple[Path, Path]:
    (rows,) = folder.glob("*.rows")
    return rows, rows.with_suffix(".index")


def assert_true(encoder: Encoder, kept: np.ndarray, texts: list[str]) -> None:
    """Against features encoded afresh; int8 depends a little on the batch."""
    fresh = encode_texts(encoder, texts)
    assert kept.dtype == np.float32
    assert (kept * fresh).sum(axis=1).min() > 0.98
    # Above all, each row belongs to its text.
    assert ((kept @ fresh.T).argmax(axis=1) == np.arange(len(texts))).mean() > 0.9


def test_texts_are_encoded_once_and_come_back_in_order(tmp_path: Path, tiny_encoder: Encoder) -> None:
    cache = FeatureCache(tmp_path, tiny_encoder)
    assert cache.missing([*TEXTS, TEXTS[0]]) == 40
    first = cache.encode(TEXTS)
    assert_true(tiny_encoder, first, TEXTS)
    calls: list[object] = []
    again = FeatureCache(tmp_path, tiny_encoder).encode(
        [*TEXTS[::-1], TEXTS[5]], lambda *call: calls.append(call)
    )
    np.testing.assert_array_equal(again, first[[*range(39, -1, -1), 5]])
    assert calls == []
    assert cache.missing(TEXTS) == 0


def test_duplicates_are_encoded_once(tmp_path: Path, tiny_encoder: Encoder) -> None:
    totals: set[int] = set()
    FeatureCache(tmp_path, tiny_encoder).encode(
        ["a good one"] * 50 + ["bad"], lambda _, __, total: totals.add(total)
    )
    assert totals == {2}


@pytest.mark.usefixtures("small_chunks")
def test_a_cancel_loses_one_chunk_at_most(tmp_path: Path, tiny_encoder: Encoder) -> None:
    def cancel(phase: str, done: int, total: int) -> None:
        if done >= 25:
            raise Cancelled

    with pytest.raises(Cancelled):
        FeatureCache(tmp_path, tiny_encoder).encode(TEXTS, cancel)
    cache = FeatureCache(tmp_path, tiny_encoder)
    assert cache.missing(TEXTS) == 20
    assert_true(tiny_encoder, cache.encode(TEXTS), TEXTS)


def cut_rows(rows: Path, index: Path) -> None:
    os.truncate(rows, rows.stat().st_size - 7)


def cut_index(rows: Path, index: Path) -> None:
    os.truncate(index, index.stat().st_size - 7)


def spoil_header(rows: Path, index: Path) -> None:
    rows.write_bytes(b"x" * 64 + rows.read_bytes()[64:])


def flip_a_bit(rows: Path, index: Path) -> None:
    content = bytearray(rows.read_bytes())
    content[500] ^= 1
    rows.write_bytes(content)


def flip_a_checksum(rows: Path, index: Path) -> None:
    content = bytearray(index.read_bytes())
    content[64 + 33] ^= 1
    index.write_bytes(content)


def empty_both(rows: Path, index: Path) -> None:
    rows.write_bytes(b"")
    index.write_bytes(b"")


def lose_rows(rows: Path, index: Path) -> None:
    rows.unlink()


def lose_index(rows: Path, index: Path) -> None:
    index.unlink()


@pytest.mark.parametrize(
    "damage",
    [cut_rows, cut_index, spoil_header, flip_a_bit, flip_a_checksum, empty_both, lose_rows, lose_index],
)
def test_damage_is_mended_never_trusted(
    tmp_path: Path, tiny_encoder: Encoder, damage: Callable[[Path, Path], None]
) -> None:
    before = FeatureCache(tmp_path, tiny_encoder).encode(TEXTS)
    damage(*files_of(tmp_path))
    after = FeatureCache(tmp_path, tiny_encoder).encode(TEXTS)
    assert (before * after).sum(axis=1).min() > 0.98
    assert FeatureCache(tmp_path, tiny_encoder).missing(TEXTS) == 0


def test_rows_of_another_generation_are_not_mixed(tmp_path: Path, tiny_encoder: Encoder) -> None:
    FeatureCache(tmp_path / "a", tiny_encoder).encode(TEXTS)
    FeatureCache(tmp_path / "b", tiny_encoder).encode(TEXTS[::-1])
    os.replace(files_of(tmp_path / "b")[0], files_of(tmp_path / "a")[0])
    assert_true(tiny_encoder, FeatureCache(tmp_path / "a", tiny_encoder).encode(TEXTS), TEXTS)


def test_a_full_disk_is_told_and_keeps_what_was_saved(
    tmp_path: Path, tiny_encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = FeatureCache(tmp_path, tiny_encoder)
    cache.encode(TEXTS[:20])
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", refuse)
        with pytest.raises(EncoderError, match="Make room"):
            cache.encode(TEXTS)
    assert FeatureCache(tmp_path, tiny_encoder).missing(TEXTS[:20]) == 0
    assert_true(tiny_encoder, cache.encode(TEXTS), TEXTS)


def refuse(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


def test_an_open_cache_sees_what_another_wrote(tmp_path: Path, tiny_encoder: Encoder) -> None:
    reader, writer = FeatureCache(tmp_path, tiny_encoder), FeatureCache(tmp_path, tiny_encoder)
    assert reader.missing(TEXTS) == 40
    writer.encode(TEXTS)
    assert reader.missing(TEXTS) == 0


@pytest.mark.usefixtures("small_chunks")
def test_two_writers_at_once_write_every_text_once(tmp_path: Path, tiny_encoder: Encoder) -> None:
    # A lock belongs to an open file, so two caches in one process meet as two processes would.
    caches = [FeatureCache(tmp_path, tiny_encoder) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        written = list(pool.map(lambda cache: cache.encode(TEXTS), caches))
    np.testing.assert_array_equal(written[0], written[1])
    rows, _ = files_of(tmp_path)
    assert rows.stat().st_size == 64 + 40 * 2 * tiny_encoder.dimensions


def test_settings_and_encoders_do_not_share_features(tmp_path: Path, tiny_encoder: Encoder) -> None:
    FeatureCache(tmp_path, tiny_encoder).encode(TEXTS)
    shorter = replace(tiny_encoder, settings=replace(tiny_encoder.settings, max_length=16))
    other = replace(tiny_encoder, sha256="0" * 64)
    assert FeatureCache(tmp_path, shorter).missing(TEXTS) == 40
    assert FeatureCache(tmp_path, other).missing(TEXTS) == 40


@pytest.mark.timeout(30)
def test_a_million_rows_open_soon(tmp_path: Path, tiny_encoder: Encoder) -> None:
    cache = FeatureCache(tmp_path, tiny_encoder)
    cache.encode(TEXTS)
    rows, index = files_of(tmp_path)
    entries = np.zeros(1_000_000, features.ENTRY)
    entries["digest"] = np.frombuffer(np.random.default_rng(0).bytes(32_000_000), "V32")
    with index.open("ab") as stream:
        stream.write(entries.tobytes())
    os.truncate(rows, 64 + 1_000_040 * 2 * tiny_encoder.dimensions)  # sparse: takes no room
    assert FeatureCache(tmp_path, tiny_encoder).missing([*TEXTS, "new"]) == 1
