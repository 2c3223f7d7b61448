"""Texts to token ids: whatever people paste must come through, and only a bounded part of it is read."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from learner.encoder_files import CONFIG, TOKENIZER, read_json
from learner.errors import EncoderError

if TYPE_CHECKING:
    from learner.encoders import Encoder

# A token is rarely longer than this. Cutting before the tokenizer keeps a text of megabytes from costing seconds.
CHARACTERS_PER_TOKEN = 40
# Shuffled batches are cut from this many, sorted by length: little padding, still random.
BUCKET = 8


class TokenReader:
    """An encoder's tokenizer with its prefix and length limit."""

    def __init__(self, folder: Path, prefix: str, max_length: int) -> None:
        """EncoderError where tokenizer.json cannot be read."""
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        except Exception as error:  # the library raises plain Exception
            raise EncoderError(
                f"{folder / TOKENIZER} cannot be read: {error}. Fetch the encoder again."
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)
        self._prefix = prefix
        self.max_length = max_length
        self._pad = int(read_json(folder / CONFIG).get("pad_token_id") or 0)

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens included."""
        prepared = [self._prefix + readable(text[: self.max_length * CHARACTERS_PER_TOKEN]) for text in texts]
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(prepared)]

    def pad(self, batch: Sequence[list[int]]) -> tuple[np.ndarray, np.ndarray]:
        """(n, longest) int64 ids and 0/1 mask; no longer than the batch needs."""
        longest = max(len(ids) for ids in batch)
        ids = np.full((len(batch), longest), self._pad, np.int64)
        mask = np.zeros((len(batch), longest), np.int64)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        return ids, mask

    def save(self, path: Path) -> None:
        """Write the tokenizer so that it cuts and pads by itself; the prefix is not part of it."""
        alone = Tokenizer.from_str(self._tokenizer.to_str())
        alone.enable_padding(pad_id=self._pad, pad_token=alone.id_to_token(self._pad) or "[PAD]")
        alone.save(str(path))


def readable(text: str) -> str:
    """The text as valid Unicode: surrogate pairs joined, lone surrogates replaced, NUL dropped."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "")


def reader(encoder: "Encoder") -> TokenReader:
    """The token reader of an encoder, kept while the process lives: a large vocabulary takes a second to read."""
    return _reader(encoder.folder, encoder.sha256, encoder.settings.prefix, encoder.tokens_read())


@lru_cache(maxsize=2)
def _reader(folder: Path, sha256: str, prefix: str, max_length: int) -> TokenReader:
    return TokenReader(folder, prefix, max_length)


def batches(lengths: Sequence[int], budget: int, largest: int) -> list[list[int]]:
    """Indices grouped by similar length, longest first, each group within `budget` padded tokens and `largest` texts.

    Longest first: if memory does not suffice, that shows in the first batch.
    """
    groups: list[list[int]] = []
    width = 0
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if not groups or len(groups[-1]) >= largest or (len(groups[-1]) + 1) * width > budget:
            groups.append([])
            width = lengths[index]
        groups[-1].append(index)
    return groups


def shuffled_batches(
    lengths: Sequence[int], size: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """All rows in batches of `size` and similar length, the batches and what is in them shuffled."""
    order = rng.permutation(len(lengths))
    width = np.asarray(lengths)
    parts: list[NDArray[np.int64]] = []
    for start in range(0, len(order), size * BUCKET):
        bucket = order[start : start + size * BUCKET]
        bucket = bucket[np.argsort(width[bucket], kind="stable")]
        parts += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    for i in rng.permutation(len(parts)):
        yield parts[i]
