"""The encoder with its pooling as one torch module: token ids in, finished feature vectors out."""

from typing import TYPE_CHECKING

import torch
from torch import nn
from transformers import AutoConfig, AutoModel

from learner.errors import EncoderError
from learner.quiet import quiet

if TYPE_CHECKING:
    from learner.encoders import Encoder


class PooledEncoder(nn.Module):
    """Mean-pools the chosen hidden states; each to length 1, concatenated, scaled so that the whole has length 1."""

    def __init__(self, transformer: nn.Module, layers: tuple[int, ...]) -> None:
        super().__init__()
        self.transformer = transformer
        self.layers = layers

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """(n, length) ids and 0/1 mask, both int64 -> (n, layers x hidden) float32."""
        states = self.transformer(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        ).hidden_states
        weights = attention_mask.unsqueeze(-1).to(torch.float32)
        counts = weights.sum(1).clamp(min=1.0)
        pooled = [(states[layer].to(torch.float32) * weights).sum(1) / counts for layer in self.layers]
        normalised = [nn.functional.normalize(vector, dim=-1) for vector in pooled]
        scale = float(len(self.layers)) ** -0.5
        features: torch.Tensor = torch.cat(normalised, dim=-1) * scale
        return features


def load(encoder: "Encoder", attention: str = "sdpa") -> PooledEncoder:
    """The encoder on the CPU in fp32, ready to evaluate; EncoderError where transformers cannot build it."""
    try:
        config = AutoConfig.from_pretrained(encoder.folder, local_files_only=True, trust_remote_code=False)
        with quiet():
            transformer = AutoModel.from_pretrained(
                encoder.folder,
                config=config,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                attn_implementation=attention,
                dtype=torch.float32,
            )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EncoderError(f"{encoder.name} does not load as a text encoder: {reason}") from error
    return PooledEncoder(transformer.eval(), encoder.settings.layers)
