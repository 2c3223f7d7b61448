"""Look for texts in the bytes of every file of an instance, as somebody with the disk in hands would."""

import json
import mmap
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from learner.progress import Progress, silent

# A quotation mark, a backslash or a line break is written in many ways; between them a text is always the same.
_PIECE = re.compile(r'[^"\\\r\n\t]+')
LONGEST = 60
# Shorter pieces stand in texts of others too. A Chinese character says as much as some letters.
SHORTEST, SHORTEST_WIDE = 16, 8
# A shorter name or id is part of other words.
SHORTEST_NAME = 8


@dataclass(frozen=True)
class Searched:
    """What a search went through, and the files that hold one of the texts."""

    files: int
    bytes: int
    found: list[str]


def telling_piece(text: str) -> str | None:
    """The first piece of a text by which it can be recognised; None where it is too short for that."""
    for piece in _PIECE.findall(text):
        if len(piece) >= (SHORTEST if piece.isascii() else SHORTEST_WIDE):
            return str(piece[:LONGEST])
    return None


def pieces_of(texts: Iterable[str], names: Iterable[str]) -> list[str]:
    """What to look for: names that are long enough to tell, and a telling piece of each text."""
    pieces = [piece for text in texts if (piece := telling_piece(text))]
    return [*(name for name in names if len(name) >= SHORTEST_NAME), *pieces]


def search(
    folder: Path, pieces: Sequence[str], skip: Iterable[str] = (), progress: Progress = silent
) -> Searched:
    """Search all files below a folder but those in the subfolders `skip`: UTF-8, UTF-16, GB 18030, JSON's escapes."""
    needles = sorted({needle for piece in pieces for needle in _spellings(piece)})
    left_out = set(skip)
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.relative_to(folder).parts[0] not in left_out
    ]
    found, total = [], 0
    for number, path in enumerate(paths):
        progress("search", number, len(paths))
        with suppress(FileNotFoundError):  # the instance is at work: what was removed meanwhile holds nothing
            total += path.stat().st_size
            if _holds(path, needles):
                found.append(str(path.relative_to(folder)))
    return Searched(len(paths), total, found)


def _spellings(piece: str) -> list[bytes]:
    encodings = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
    spelled = [
        piece.encode(encoding, "surrogatepass" if "utf" in encoding else "replace") for encoding in encodings
    ]
    return [*spelled, json.dumps(piece)[1:-1].encode()]


def _holds(path: Path, needles: Iterable[bytes]) -> bool:
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(needle) >= 0 for needle in needles)
