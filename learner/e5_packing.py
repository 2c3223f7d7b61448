"""Reading the `E5S1` file: a BERT encoder whose matrices are packed in four bits (GGML's Q4_0)."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from learner.errors import EncoderError

BLOCK = 32  # weights to one scale
BLOCK_BYTES = 2 + BLOCK // 2
FP32, Q4_0 = 0, 1

# Their names in the file, and in a transformers `BertModel`.
EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class Shape:
    """Sizes of the encoder, as the file's header gives them."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


class _Reader:
    """Takes little-endian fields off a buffer, one after the other."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def take(self, layout: str) -> tuple[int | float, ...]:
        fields = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return fields

    def skip(self, size: int) -> None:
        self.at += size

    def text(self, size: int) -> str:
        self.at += size
        return bytes(self.data[self.at - size : self.at]).decode("utf-8")


def unpack_q4_0(packed: np.ndarray, count: int) -> np.ndarray:
    """`count` float32 weights from Q4_0 blocks (uint8): an fp16 scale, then 16 bytes of two nibbles each.

    The low nibbles of a block are its weights 0 to 15, the high ones 16 to 31; weight = (nibble - 8) x scale.
    """
    blocks = packed.reshape(-1, BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 0x0F, blocks[:, 2:] >> 4], axis=1).astype(np.float32)
    return ((nibbles - 8.0) * scales).reshape(-1)[:count]


def read(path: Path) -> tuple[Shape, Iterator[tuple[str, np.ndarray]]]:
    """The sizes, and an iterator of (transformers name, float32 array) over every tensor of the file.

    EncoderError where the file is not in this format or cut short.
    """
    data = np.memmap(path, dtype=np.uint8, mode="r")
    reader = _Reader(data.data)
    try:
        shape = _read_header(reader)
        entries = _read_directory(reader)
    except (struct.error, UnicodeDecodeError) as error:
        raise EncoderError(f"{path.name} is not a complete E5S1 file. Add the encoder again.") from error
    return shape, _tensors(data, entries, shape)


def _read_header(reader: _Reader) -> Shape:
    if reader.text(4) != "E5S1":
        raise EncoderError("The packed encoder does not begin with E5S1. Add the encoder again.")
    reader.take("I")
    hidden, layers, heads, intermediate, vocabulary, positions, token_types = map(int, reader.take("7i"))
    epsilon = float(reader.take("f")[0])
    reader.take("i")
    pieces = int(reader.take("5i")[0])
    piece_bytes = int(reader.take("Q")[0])
    # The pieces themselves are not needed: the original's tokenizer.json says the same and more.
    reader.skip(4 * (pieces + 1) + 4 * pieces + piece_bytes + 4)
    reader.skip(int(reader.take("I")[0]))
    return Shape(hidden, layers, heads, intermediate, vocabulary, positions, token_types, epsilon)


def _read_directory(reader: _Reader) -> list[tuple[str, int, int, int, int]]:
    """(name, type, number of weights, offset, bytes) of every tensor."""
    entries = []
    for _ in range(int(reader.take("i")[0])):
        name = reader.text(int(reader.take("H")[0]))
        kind, count, offset, size = (int(field) for field in reader.take("BIQQ"))
        entries.append((name, kind, count, offset, size))
    return entries


def _tensors(
    data: np.ndarray, entries: list[tuple[str, int, int, int, int]], shape: Shape
) -> Iterator[tuple[str, np.ndarray]]:
    for name, kind, count, offset, size in entries:
        expected = 4 * count if kind == FP32 else math.ceil(count / BLOCK) * BLOCK_BYTES
        packed = data[offset : offset + size]
        if kind not in (FP32, Q4_0) or len(packed) != expected:
            raise EncoderError(f"Tensor {name} of the packed encoder is damaged. Add the encoder again.")
        weights = packed.copy().view("<f4") if kind == FP32 else unpack_q4_0(packed, count)
        yield transformers_name(name), weights.reshape(_dimensions(name, shape))


def transformers_name(name: str) -> str:
    """`l3.q.w` -> `encoder.layer.3.attention.self.query.weight`."""
    if name in EMBEDDINGS:
        return EMBEDDINGS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{int(layer[1:])}.{LAYER_PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"


def _dimensions(name: str, shape: Shape) -> tuple[int, ...]:
    if name.endswith(".b") or "ln." in name:
        return (-1,)
    return (-1, shape.intermediate if name.split(".")[1] == "fo" else shape.hidden)
