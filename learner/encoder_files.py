"""What an encoder's folder may hold: safetensors and JSON, told by content and never by a file's name alone."""

import hashlib
import json
import struct
from functools import lru_cache
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, NoReturn

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
LABEL_KEYS = {"label2id", "id2label"}
HEADER_LIMIT = 100_000_000  # as in the safetensors library
# The largest index of a model in hundreds of shards has two; a tokenizer of a quarter of a million words has 17.
JSON_LIMIT = 16_000_000
TOKENIZER_LIMIT = 128_000_000
# Bits of one element, by the names that safetensors gives to types.
BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16}
BITS |= {"I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64}
# What decides how large a model transformers builds, with the most that any real encoder comes near to.
LARGEST = {
    **dict.fromkeys(("hidden_size", "dim", "d_model", "n_embd", "embedding_size"), 32_768),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "d_ff", "ffn_dim"), 262_144),
    **dict.fromkeys(("num_hidden_layers", "n_layers", "n_layer", "num_layers", "num_attention_heads"), 1_024),
    **dict.fromkeys(("vocab_size", "max_position_embeddings", "n_positions"), 4_000_000),
    "type_vocab_size": 1_024,
    "num_labels": 10_000,
}
# Layers that share their weights, as ALBERT's, ask for a dozen times what the file holds; nothing asks for more.
MOST_PER_WEIGHT = 32


def check(folder: Path) -> list[str]:
    """Names of the files that make up the encoder in `folder`; EncoderError where one is missing or unsafe."""
    for needed in (CONFIG, TOKENIZER):
        if not (folder / needed).is_file():
            raise EncoderError(f"{folder} has no {needed}. {_what_is_needed(folder)}")
    if (folder / "adapter_config.json").exists():
        raise EncoderError(f"{folder} holds an adapter. Merge it into its base model and save that.")
    weights = weight_files(folder)
    elements = sum(check_safetensors(folder / name) for name in weights if name.endswith(".safetensors"))
    present = [name for name in JSON_FILES if (folder / name).is_file()]
    for name in present:
        if name != TOKENIZER:
            check_json(folder / name)
    check_tokenizer(folder / TOKENIZER)
    check_sizes(folder / CONFIG, elements)
    return sorted([*weights, *present])


def weight_files(folder: Path) -> list[str]:
    """The safetensors file, or the index and its shards."""
    if (folder / WEIGHTS).is_file():
        return [WEIGHTS]
    if not (folder / WEIGHTS_INDEX).is_file():
        raise EncoderError(f"{folder} has no {WEIGHTS}. {_what_is_needed(folder)}")
    weight_map = read_json(folder / WEIGHTS_INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(shard, str) for shard in weight_map.values()):
        raise EncoderError(f"{folder / WEIGHTS_INDEX} names no weight files. Fetch the encoder again.")
    shards = sorted(set(weight_map.values()))
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


def check_safetensors(path: Path) -> int:
    """Elements of all tensors; EncoderError unless the content is a safetensors header that fits its file exactly."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(HEADER_LIMIT, size - 8):
            raise EncoderError(f"{path} is not a safetensors file, whatever its name says; it is not loaded.")
        header = stream.read(length)
    try:
        entries = json.loads(header, object_pairs_hook=_no_key_twice)
        tensors = [_tensor(entry) for name, entry in entries.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EncoderError(f"{path} has a damaged safetensors header; it is not loaded.") from error
    places = sorted((begin, end) for begin, end, _ in tensors)
    if not places or places[0][0] != 0 or any(one[1] != next_[0] for one, next_ in pairwise(places)):
        raise EncoderError(f"{path} has tensors that overlap or leave gaps; it is not loaded.")
    if places[-1][1] + 8 + length != size:
        raise EncoderError(f"{path} is cut short or padded. Fetch the encoder again.")
    return sum(elements for _, _, elements in tensors)


def _tensor(entry: dict[str, Any]) -> tuple[int, int, int]:
    """Begin, end and elements of one tensor; ValueError where they do not go together."""
    (begin, end), shape = entry["data_offsets"], entry["shape"]
    if set(entry) != {"dtype", "shape", "data_offsets"} or not isinstance(shape, list):
        raise ValueError(entry)
    if not all(type(number) is int and 0 <= number < 2**63 for number in (begin, end, *shape)):
        raise ValueError(entry)
    elements = prod(shape)
    if (end - begin) * 8 != elements * BITS[entry["dtype"]]:
        raise ValueError(entry)
    return begin, end, elements


def check_tokenizer(path: Path) -> None:
    """EncoderError unless it begins as JSON; the rest is read by the tokenizers library, which runs no code."""
    with path.open("rb") as stream:
        begins_well = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    if not begins_well or path.stat().st_size > TOKENIZER_LIMIT:
        raise EncoderError(f"{path} is not a tokenizer, whatever its name says; it is not loaded.")


def check_sizes(path: Path, elements: int) -> None:
    """EncoderError where a configuration asks for a model far larger than its weights: it would fill the memory."""
    config = read_json(path)
    asked = {key: config[key] for key in LARGEST if isinstance(config.get(key), int | float)}
    beyond = [key for key, value in asked.items() if not 0 <= value <= LARGEST[key]]
    width = max(
        (asked[key] for key in ("hidden_size", "dim", "d_model", "n_embd") if key in asked), default=0
    )
    inner = max(
        (asked[key] for key in ("intermediate_size", "hidden_dim", "d_ff") if key in asked), default=0
    )
    layers = max(
        (asked[key] for key in ("num_hidden_layers", "n_layers", "num_layers") if key in asked), default=1
    )
    rows = asked.get("vocab_size", 0) + asked.get("max_position_embeddings", 0) + asked.get("num_labels", 0)
    wanted = width * rows + layers * width * (4 * width + 2 * inner)
    if beyond or wanted > MOST_PER_WEIGHT * max(elements, 1):
        which = f" ({', '.join(sorted(beyond))})" if beyond else ""
        raise EncoderError(
            f"{path} asks for a larger model than its weights are{which}, which is refused. Fetch the encoder again."
        )


def check_json(path: Path) -> None:
    """EncoderError where a configuration would have code imported or kernels fetched."""
    values = read_json(path)
    found = {key for key in _keys(values) if key in FORBIDDEN_KEYS or "_implementation" in key}
    found |= {
        key for key, value in values.items() if key.endswith("_file") and _is_elsewhere(path.parent, value)
    }
    if found:
        raise EncoderError(
            f"{path} asks for code or settings beyond plain weights ({', '.join(sorted(found))}), "
            "which is refused. Use a model of an architecture that transformers has built in."
        )


def _is_elsewhere(folder: Path, value: object) -> bool:
    """Whether a setting names a file that is there and does not belong to the encoder."""
    if not isinstance(value, str) or "\0" in value or len(value) > 4_096:
        return False
    named = (folder / value).resolve()
    return named.is_file() and named.parent != folder.resolve()


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; EncoderError where the file holds anything else."""
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise EncoderError(f"{path} is too large for a configuration; it is not loaded.")
        value = json.loads(
            path.read_text("utf-8"), object_pairs_hook=_no_key_twice, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError, OSError) as error:
        raise EncoderError(f"{path} is not JSON. Fetch the encoder again.") from error
    if not isinstance(value, dict):
        raise EncoderError(f"{path} is not a JSON object. Fetch the encoder again.")
    return value


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Whoever reads the file next might take the other one."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key occurs twice")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _keys(value: object) -> set[str]:
    """All keys in it; those that are names of labels mean nothing to transformers."""
    if isinstance(value, dict):
        return set(value).union(*(_keys(inner) for key, inner in value.items() if key not in LABEL_KEYS))
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
