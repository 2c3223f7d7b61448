"""What was published in other shapes becomes a folder that plain transformers loads."""

from pathlib import Path

import numpy as np
import pytest
import torch
from packing import fp32, packed_file, q4_0
from safetensors.numpy import load_file
from transformers import AutoModel, BertConfig, BertModel

from learner import embedded
from learner.e5_packing import EMBEDDINGS, LAYER_PARTS

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


class Exported(BertModel):
    """Takes tensors alone and gives one, as the exporter wants it."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        state: torch.Tensor = super().forward(input_ids, attention_mask).last_hidden_state
        return state


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::UserWarning", "ignore::torch.jit.TracerWarning"
)
def test_a_bert_that_was_exported_as_a_graph_becomes_the_same_bert_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = Exported(BertConfig(**CONFIG, attn_implementation="eager"), add_pooling_layer=False).eval()
    for parameter in original.parameters():
        torch.nn.init.normal_(parameter)  # an exporter merges those that are equal, as fresh ones are
    original.config.save_pretrained(tmp_path)
    inputs = torch.tensor([[2, 7, 11, 3]]), torch.ones(1, 4, dtype=torch.int64)
    torch.onnx.export(original, inputs, str(tmp_path / "model.onnx"), dynamo=False, opset_version=17)
    embedded._convert_bge(tmp_path)

    assert not (tmp_path / "model.onnx").exists()
    loaded = AutoModel.from_pretrained(tmp_path, local_files_only=True).eval()
    for name, value in original.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name
    assert set(load_file(tmp_path / "model.safetensors")) == set(loaded.state_dict())
    assert torch.allclose(loaded(*inputs).last_hidden_state, original(*inputs))
