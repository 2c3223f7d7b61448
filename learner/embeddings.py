"""Embeddings of more reviews than fit into memory: read where they are needed, a part at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from learner.progress import Progress, silent

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

# Some 75 MB of features at a time, whatever the size of the pool.
CHUNK: Final = 16_384


class Encode(Protocol):
    """Texts to features (n, d); `FeatureCache.encode` is one."""

    def __call__(self, texts: Sequence[str], progress: Progress = silent) -> Floats: ...


class Embeddings(Protocol):
    """(n, d) in all: rows (m,) give (m, d). An array is one."""

    def __getitem__(self, rows: Ints, /) -> Floats: ...


@dataclass(frozen=True)
class StoredEmbeddings:
    """The stored features of these texts, read when asked for."""

    encode: Encode
    texts: Sequence[str]

    def __getitem__(self, rows: Ints) -> Floats:
        return self.encode([self.texts[row] for row in rows])


@dataclass(frozen=True)
class JoinedEmbeddings:
    """`first`, which has `size` rows, and below it `second`."""

    first: Embeddings
    size: int
    second: Embeddings

    def __getitem__(self, rows: Ints) -> Floats:
        above = rows < self.size
        parts = self.first[rows[above]], self.second[rows[~above] - self.size]
        joined = np.empty((len(rows), max(part.shape[1] for part in parts)), np.float32)
        for place, part in zip((above, ~above), parts, strict=True):
            if len(part):
                joined[place] = part
        return joined


def in_chunks(
    encode: Encode, texts: Sequence[str], progress: Progress = silent
) -> Iterator[tuple[slice, Floats]]:
    """The features of all texts, chunk by chunk, each with its place; progress counts the texts."""
    for start in range(0, len(texts), CHUNK):
        chunk = slice(start, start + CHUNK)

        def tell(phase: str, done: int, total: int, start: int = start) -> None:
            progress(phase, start + done, len(texts))

        yield chunk, encode(texts[chunk], tell)
