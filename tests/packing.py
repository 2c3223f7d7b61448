"""Writing an E5S1 file field by field, the slow and obvious way, for tests of reading one."""

import struct
from pathlib import Path

import numpy as np

Tensor = tuple[int, int, bytes]  # type (0 = fp32, 1 = Q4_0), number of weights, content


def fp32(weights: np.ndarray) -> Tensor:
    return 0, weights.size, weights.astype("<f4").tobytes()


def q4_0(weights: np.ndarray) -> Tensor:
    """Block by block, weight by weight."""
    packed = b""
    for block in weights.reshape(-1, 32):
        scale = np.float16(np.abs(block).max() / 7) or np.float16(1)  # a block of zeros has any scale
        nibbles = [round(float(weight) / float(scale)) + 8 for weight in block]
        packed += scale.tobytes() + bytes(nibbles[row] | nibbles[row + 16] << 4 for row in range(16))
    return 1, weights.size, packed


def packed_file(path: Path, sizes: tuple[int, ...], tensors: dict[str, Tensor], cut: int = 0) -> Path:
    """`sizes`: hidden, layers, heads, intermediate, vocabulary, positions, token types; `cut` bytes are missing."""
    header = b"E5S1" + struct.pack("<I7ifi5i", 1, *sizes, 1e-12, 0, 1, 0, 2, 1, 3)
    header += struct.pack("<Q2If", 3, 0, 3, -1.5) + b"abc" + struct.pack("<iI", 0, 2) + b"xx"
    offset = len(header) + 4 + sum(2 + len(name) + 1 + 4 + 8 + 8 for name in tensors)
    directory, content = struct.pack("<i", len(tensors)), b""
    for name, (kind, count, data) in tensors.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, count, offset + len(content), len(data))
        content += data
    whole = header + directory + content
    path.write_bytes(whole[: len(whole) - cut])
    return path
