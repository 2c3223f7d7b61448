"""Features of erased texts leave the disk; those of the others stay as they are, whatever happens in between."""

import fcntl
import threading
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from learner.encoders import Encoder
from learner.errors import Cancelled
from learner.features import FeatureCache
from learner.forgetting import forget_features

TEXTS = [f"review {number} is {'good' if number % 2 else 'bad'}" for number in range(30)]


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


@pytest.fixture
def kept(tmp_path: Path, tiny_encoder: Encoder) -> np.ndarray:
    """What the cache in tmp_path says of the texts."""
    return FeatureCache(tmp_path, tiny_encoder).encode(TEXTS)


def test_only_the_rows_of_known_texts_stay(tmp_path: Path, tiny_encoder: Encoder, kept: np.ndarray) -> None:
    open_before = FeatureCache(tmp_path, tiny_encoder)
    assert open_before.missing(TEXTS) == 0
    left = [text for place, text in enumerate(TEXTS) if place not in (0, 7, 29)]
    assert forget_features(tmp_path, lambda: map(digest, left)) == 3
    assert forget_features(tmp_path, lambda: map(digest, left)) == 0
    for place in (0, 7, 29):
        row = kept[place].astype(np.float16).tobytes()
        assert not any(row in path.read_bytes() for path in tmp_path.iterdir())
        assert not any(digest(TEXTS[place]) in path.read_bytes() for path in tmp_path.iterdir())
    cache = FeatureCache(tmp_path, tiny_encoder)
    assert cache.missing(TEXTS) == 3 and open_before.missing(TEXTS) == 3
    np.testing.assert_array_equal(cache.encode(left), np.delete(kept, (0, 7, 29), axis=0))
    assert cache.encode(TEXTS).shape == kept.shape


def test_a_damaged_cache_is_dropped_whole(tmp_path: Path, tiny_encoder: Encoder, kept: np.ndarray) -> None:
    (rows,) = tmp_path.glob("*.rows")
    rows.write_bytes(rows.read_bytes()[:64] + bytes(rows.stat().st_size - 64))
    assert forget_features(tmp_path, lambda: map(digest, TEXTS[1:])) == 30
    assert FeatureCache(tmp_path, tiny_encoder).missing(TEXTS) == 30


def test_a_kill_between_the_two_files_leaves_a_cache_that_starts_anew(
    tmp_path: Path, tiny_encoder: Encoder, kept: np.ndarray
) -> None:
    (rows,) = tmp_path.glob("*.rows")
    index = rows.with_suffix(".index")
    before = index.read_bytes()
    forget_features(tmp_path, lambda: map(digest, TEXTS[1:]))
    index.write_bytes(before)  # as if it had not been replaced yet
    forget_features(tmp_path, lambda: map(digest, TEXTS[1:]))
    assert FeatureCache(tmp_path, tiny_encoder).missing(TEXTS) == 30


def test_a_writer_is_waited_for_and_the_wait_can_be_cancelled(tmp_path: Path, kept: np.ndarray) -> None:
    (rows,) = tmp_path.glob("*.rows")

    def cancel(phase: str, done: int, total: int) -> None:
        if waiting.is_set():
            raise Cancelled("Cancelled.")
        waiting.set()

    waiting = threading.Event()
    with rows.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Cancelled):
            forget_features(tmp_path, lambda: map(digest, TEXTS[1:]), cancel)
    assert forget_features(tmp_path, lambda: map(digest, TEXTS[1:])) == 1
