"""What an encoder's folder may hold: safetensors and JSON, told by content and never by a file's name alone."""

import hashlib
import json
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

from learner.errors import EncoderError

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
SETTINGS = "winnow-encoder.json"
JSON_FILES = (CONFIG, TOKENIZER, "tokenizer_config.json", "special_tokens_map.json")
PICKLED = ("pytorch_model*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt", "*.msgpack", "*.h5")
# Each of these makes transformers import code, from the folder or from a hub, or read further files.
FORBIDDEN_KEYS = {"auto_map", "custom_pipelines", "trust_remote_code", "use_kernels", "quantization_config"}
HEADER_LIMIT = 100_000_000  # as in the safetensors library


def check(folder: Path) -> list[str]:
    """Names of the files that make up the encoder in `folder`; EncoderError where one is missing or unsafe."""
    for needed in (CONFIG, TOKENIZER):
        if not (folder / needed).is_file():
            raise EncoderError(f"{folder} has no {needed}. {_what_is_needed(folder)}")
    if (folder / "adapter_config.json").exists():
        raise EncoderError(f"{folder} holds an adapter. Merge it into its base model and save that.")
    weights = weight_files(folder)
    for name in weights:
        if name.endswith(".safetensors"):
            check_safetensors(folder / name)
    present = [name for name in JSON_FILES if (folder / name).is_file()]
    for name in present:
        if name != TOKENIZER:  # many megabytes, and read by the tokenizers library, which runs no code
            check_json(folder / name)
    return sorted([*weights, *present])


def weight_files(folder: Path) -> list[str]:
    """The safetensors file, or the index and its shards."""
    if (folder / WEIGHTS).is_file():
        return [WEIGHTS]
    if not (folder / WEIGHTS_INDEX).is_file():
        raise EncoderError(f"{folder} has no {WEIGHTS}. {_what_is_needed(folder)}")
    shards = sorted(set(read_json(folder / WEIGHTS_INDEX).get("weight_map", {}).values()))
    for shard in shards:
        if Path(shard).name != shard or not shard.endswith(".safetensors") or not (folder / shard).is_file():
            raise EncoderError(f"{WEIGHTS_INDEX} names {shard!r}, which is not a weight file of {folder}.")
    return [WEIGHTS_INDEX, *shards]


def _what_is_needed(folder: Path) -> str:
    pickled = any(path for pattern in PICKLED for path in folder.glob(pattern))
    reason = (
        "Weights kept by pickle are never loaded, since they can run code: "
        if pickled
        else "An encoder is a folder with config.json, model.safetensors and tokenizer.json: "
    )
    return (
        reason + "save it with save_pretrained(FOLDER) of the model and of its fast tokenizer, and add that."
    )


def check_safetensors(path: Path) -> None:
    """EncoderError unless the content is a safetensors header that fits its file."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(HEADER_LIMIT, size - 8):
            raise EncoderError(f"{path} is not a safetensors file, whatever its name says; it is not loaded.")
        header = stream.read(length)
    try:
        entries = json.loads(header)
        ends = [entry["data_offsets"][1] for name, entry in entries.items() if name != "__metadata__"]
        end = max(ends)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise EncoderError(f"{path} has a damaged safetensors header; it is not loaded.") from error
    if end + 8 + length != size:
        raise EncoderError(f"{path} is cut short or padded. Fetch the encoder again.")


def check_json(path: Path) -> None:
    """EncoderError where a configuration would have code imported or kernels fetched."""
    found = {key for key in _keys(read_json(path)) if key in FORBIDDEN_KEYS or "_implementation" in key}
    if found:
        raise EncoderError(
            f"{path} asks for code or settings beyond plain weights ({', '.join(sorted(found))}), "
            "which is refused. Use a model of an architecture that transformers has built in."
        )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; EncoderError where the file holds anything else."""
    try:
        value = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise EncoderError(f"{path} is not JSON. Fetch the encoder again.") from error
    if not isinstance(value, dict):
        raise EncoderError(f"{path} is not a JSON object. Fetch the encoder again.")
    return value


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*(_keys(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(_keys(inner) for inner in value))
    return set()


def encoder_sha256(folder: Path, names: list[str]) -> str:
    """One hash over names and contents of the weights, configuration and tokenizer."""
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(f"{name} {file_sha256(folder / name)}\n".encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file; remembered in this process for as long as its size and times stay."""
    status = path.stat()
    return _sha256_of_state(path.resolve(), status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=256)
def _sha256_of_state(path: Path, size: int, changed: int, inode: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
