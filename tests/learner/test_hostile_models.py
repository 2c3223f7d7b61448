"""Model files that somebody made to do harm: told by content, refused, and never run."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from pickled import PICKLES, Canary, torch_zip
from safetensors.numpy import load_file, save_file

from learner import checkpoint as checkpoints
from learner import encoder_files, encoders, onnx_graph, pooling
from learner.classifiers.tuned_model import TunedModel
from learner.encoders import Encoder
from learner.errors import CheckpointError, EncoderError


@pytest.fixture
def folder(tiny_encoder_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny encoder to spoil."""
    return Path(shutil.copytree(tiny_encoder_folder, tmp_path / "mine"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def refused(folder: Path, tmp_path: Path, match: str | None = None) -> None:
    """Neither added, nor used where it lies, nor read as a trained model."""
    for attempt in (encoders.add, encoders.resolve):
        with pytest.raises(EncoderError, match=match):
            attempt(tmp_path / "encoders", str(folder))
    with pytest.raises(CheckpointError):
        TunedModel.read(folder, ["negative", "positive"])
    assert encoders.available(tmp_path / "encoders") == []


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"]
)
@pytest.mark.parametrize("write", PICKLES)
def test_a_pickle_under_any_of_our_names_is_refused_and_never_runs(
    folder: Path, tmp_path: Path, write: Any, name: str
) -> None:
    write(folder / name, Canary(tmp_path / "touched"))
    refused(folder, tmp_path)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "head.joblib", "learner.dill", "model.ckpt"]
)
def test_pickles_beside_sound_weights_are_neither_read_nor_taken_along(
    folder: Path, tmp_path: Path, name: str
) -> None:
    torch_zip(folder / name, Canary(tmp_path / "touched"))
    (folder / "modeling_evil.py").write_text("open('touched', 'w')")
    added = encoders.add(tmp_path / "encoders", str(folder))
    pooling.load(added)
    assert not (tmp_path / "touched").exists()
    assert {path.name for path in added.folder.iterdir()} <= {
        *encoder_files.JSON_FILES,
        "model.safetensors",
    } | {encoder_files.SETTINGS}


def rewrite_header(path: Path, header: str | bytes, length: int | None = None) -> None:
    """Put this header before the tensors that the file has."""
    content = path.read_bytes()
    tensors = content[8 + struct.unpack("<Q", content[:8])[0] :]
    packed = header.encode() if isinstance(header, str) else header
    path.write_bytes(struct.pack("<Q", len(packed) if length is None else length) + packed + tensors)


def header_of(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    header: dict[str, Any] = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
    return header


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("{}", 2**63), ("{}", 2**64 - 1), ("{}", 0), ("{}", 10**12), ("{}", None), ("[]", None), ("null", None),
        ("[" * 200_000, None), ('{"a":' * 200_000, None), ('{"a": ' + "9" * 5_000 + "}", None), (b"\xff\xfe{}", None),
        ('{"a": {"dtype": "F32", "shape": [1], "data_offsets": ["0", "4"]}}', None),
        ('{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}}', None),
        ('{"a": {"dtype": "F32", "shape": [9999999999999], "data_offsets": [0, 4]}}', None),
        ('{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}', None),
        ('{"a": {"dtype": "OBJ", "shape": [1], "data_offsets": [0, 4]}}', None),
        ('{"a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}}', None),
        ('{"a": {"shape": [1], "data_offsets": [0, 4]}}', None), ('{"a": [0, 4]}', None),
    ],
)  # fmt: skip
def test_a_header_that_no_library_writes_is_refused(
    folder: Path, tmp_path: Path, header: str | bytes, length: int | None
) -> None:
    rewrite_header(folder / "model.safetensors", header, length)
    refused(folder, tmp_path, "safetensors")


@pytest.mark.parametrize("spoil", ["overlap", "gap", "swap", "twice", "beyond"])
def test_tensors_that_overlap_leave_gaps_or_come_twice_are_refused(
    folder: Path, tmp_path: Path, spoil: str
) -> None:
    path = folder / "model.safetensors"
    header = header_of(path)
    first, second, *_ = sorted(
        (name for name in header if name != "__metadata__"), key=lambda name: header[name]["data_offsets"]
    )
    begin, end = header[second]["data_offsets"]
    offsets = {"overlap": header[first]["data_offsets"], "gap": [begin + 4, end + 4], "swap": [end, begin]}
    header[second]["data_offsets"] = offsets.get(spoil, [begin, end] if spoil == "twice" else [begin, 2**62])
    text = json.dumps(header)
    if spoil == "twice":
        text = text.replace("{", f'{{"{first}": {json.dumps(header[first])}, ', 1)
    rewrite_header(path, text)
    refused(folder, tmp_path, "safetensors")


@pytest.mark.parametrize(
    "setting",
    [
        {"hidden_size": 10**9}, {"num_hidden_layers": 10**6}, {"vocab_size": 10**10}, {"intermediate_size": 2**40},
        {"max_position_embeddings": 10**12}, {"num_labels": 10**9}, {"hidden_size": -1}, {"num_hidden_layers": 1e300},
        {"vocab_size": 4_000_000, "hidden_size": 32_768}, {"num_hidden_layers": 1_000},
    ],
)  # fmt: skip
def test_a_configuration_that_would_fill_the_memory_is_refused(
    folder: Path, tmp_path: Path, setting: dict[str, object]
) -> None:
    edit(folder / "config.json", **setting)
    refused(folder, tmp_path, "larger model")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", "[" * 100_000), ("config.json", '{"a":' * 100_000), ("config.json", '{"hidden_size": NaN}'),
        ("config.json", '{"a": ' + "9" * 5_000 + "}"), ("config.json", '{"a": 1, "a": 2}'), ("config.json", "[]"),
        ("config.json", '"' + "x" * 17_000_000 + '"'), ("tokenizer.json", "[]"), ("tokenizer.json", "<?xml"),
        ("tokenizer_config.json", '{"model_max_length": 64, "inner": {"auto_map": {}}}'),
        ("special_tokens_map.json", '{"auto_map": {}}'),
        ("config.json", '{"_attn_implementation_internal": "someone/kernel"}'),
        ("config.json", '{"attn_implementation": "someone/kernel"}'), ("config.json", '{"quantization_config": {}}'),
    ],
)  # fmt: skip
def test_json_that_could_do_harm_is_refused(folder: Path, tmp_path: Path, file: str, content: str) -> None:
    (folder / file).write_text(content)
    refused(folder, tmp_path)


def test_a_tokenizer_may_not_name_files_of_this_machine(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    for named in (str(tmp_path / "secret"), "../secret"):
        edit(folder / "tokenizer_config.json", vocab_file=named)
        refused(folder, tmp_path, "vocab_file")
    edit(folder / "tokenizer_config.json", vocab_file="/gone/with/the/machine/it/was/made/on.txt")
    assert encoders.add(tmp_path / "encoders", str(folder)).name == "mine"


@pytest.mark.parametrize(
    "weight_map", [[], {}, {"a": 1}, {"a": ["model.safetensors"]}, "x", {"a": "/etc/passwd"}]
)
def test_an_index_that_names_no_weights_is_refused(folder: Path, tmp_path: Path, weight_map: object) -> None:
    (folder / "model.safetensors").unlink()
    (folder / encoder_files.WEIGHTS_INDEX).write_text(json.dumps({"weight_map": weight_map}))
    refused(folder, tmp_path)


@pytest.mark.parametrize("write", PICKLES)
def test_a_pickle_as_a_checkpoints_head_is_refused_though_its_manifest_agrees(
    tiny_encoder: Encoder, tmp_path: Path, write: Any
) -> None:
    saved = a_head(tmp_path, tiny_encoder)
    write(saved / "model" / "head.safetensors", Canary(tmp_path / "touched"))
    (saved / "manifest.json").write_text(json.dumps(checkpoints._hashes(saved)))
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoints.load(saved, tiny_encoder.folder.parent)
    assert not (tmp_path / "touched").exists()


def a_head(tmp_path: Path, encoder: Encoder) -> Path:
    """A checkpoint of a head."""
    from learner.classifiers.head import HeadModel
    from learner.settings import RoundSettings

    labels = ["negative", "positive"]
    coef = np.ones((2, encoder.dimensions), np.float32)
    model = HeadModel(labels, lambda texts, progress=None: coef, coef, np.zeros(2, np.float32))
    checkpoints.save(tmp_path / "head", checkpoints.facts(RoundSettings(), labels, encoder), model)
    return tmp_path / "head"


def a_graph(path: Path, domain: str = "", elsewhere: str = "", within: bool = False) -> Path:
    """A graph of one operator, its weight in another file where `elsewhere` names one."""
    weight = numpy_helper.from_array(np.ones(4, np.float32), "w")
    if elsewhere:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value=elsewhere)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"], domain=domain)], "g", inputs, outputs, [weight]
    )
    if within:
        branch = helper.make_graph(graph.node, "b", [], outputs, graph.initializer)
        condition = numpy_helper.from_array(np.array(True), "c")
        node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
        graph = helper.make_graph([node], "g", inputs, outputs, [condition])
    opsets = [helper.make_opsetid(name, 17) for name in {"", domain}]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    return path


@pytest.mark.parametrize("within", [False, True])
def test_a_graph_loads_only_from_itself(tmp_path: Path, within: bool) -> None:
    (tmp_path / "weights").write_bytes(np.ones(4, np.float32).tobytes())
    onnx_graph.open_engine(a_graph(tmp_path / "plain.onnx", within=within))
    for elsewhere in ("weights", "../weights", "/etc/passwd"):
        with pytest.raises(onnx_graph.GraphError, match="more than itself"):
            onnx_graph.open_engine(a_graph(tmp_path / "g.onnx", elsewhere=elsewhere, within=within))
    with pytest.raises(onnx_graph.GraphError, match="more than itself"):
        onnx_graph.open_engine(a_graph(tmp_path / "g.onnx", domain="evil.library", within=within))


@pytest.mark.parametrize("write", PICKLES)
def test_a_pickle_as_a_graph_is_refused(tmp_path: Path, write: Any) -> None:
    write(tmp_path / "g.onnx", Canary(tmp_path / "touched"))
    with pytest.raises(onnx_graph.GraphError):
        onnx_graph.open_engine(tmp_path / "g.onnx")
    assert not (tmp_path / "touched").exists()


def test_labels_may_be_called_like_settings(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    names = ["poor_implementation", "auto_map", "use_kernels"]
    config |= {"label2id": {name: i for i, name in enumerate(names)}, "id2label": dict(enumerate(names))}
    (folder / "config.json").write_text(json.dumps(config))
    assert encoders.add(tmp_path / "encoders", str(folder)).sha256


def test_what_the_libraries_write_is_accepted(folder: Path, tmp_path: Path) -> None:
    """Every type of number, empty tensors, scalars: the check knows the format and not just our own files."""
    tensors = {
        str(kind): np.zeros(shape, kind)
        for kind, shape in (
            ("f2", 3),
            ("f4", (2, 5)),
            ("f8", ()),
            ("i1", 7),
            ("u2", (1, 1)),
            ("i8", 0),
            ("?", 9),
        )
    }
    save_file(tensors, tmp_path / "mixed.safetensors", metadata={"format": "pt"})
    assert encoder_files.check_safetensors(tmp_path / "mixed.safetensors") == sum(
        each.size for each in tensors.values()
    )
    assert load_file(tmp_path / "mixed.safetensors").keys() == tensors.keys()
