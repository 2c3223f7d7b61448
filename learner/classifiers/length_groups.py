"""A batch drawn without regard to length, computed in groups of similar length: padding costs as much as text."""

from collections.abc import Callable
from typing import Any, Final

import torch
from torch.nn.functional import pad

from learner import tokens

# Padded tokens of a group. Measured on two cores (benchmarks/training.py); a GPU is rather kept full.
GROUP_TOKENS: Final = 512


def by_length(
    features: dict[str, Any], compute: Callable[[dict[str, Any]], torch.Tensor], budget: int = GROUP_TOKENS
) -> torch.Tensor:
    """What `compute` makes of tokens (n, l), token embeddings (n, l, d), as if it had got all n rows at once.

    features: the tensors (n, l) or (n, l, d) that a transformer takes, among them its attention_mask. Embeddings of
    what is only padding are zero where a group left it out.
    """
    mask: torch.Tensor = features["attention_mask"]
    lengths, width = mask.sum(dim=1).tolist(), mask.shape[1]
    groups = tokens.batches(lengths, budget, len(lengths))
    nothing_to_gain = len(groups) == 1 and max(lengths) == width
    # Padding in front would shift what positions mean.
    if nothing_to_gain or not mask[:, 0].all():
        return compute(features)
    parts = []
    for rows in groups:
        longest = lengths[rows[0]]
        part = compute({name: _cut(value, mask, rows, longest) for name, value in features.items()})
        parts.append(pad(part, (0, 0, 0, width - longest)))
    order = torch.tensor([row for rows in groups for row in rows], device=mask.device)
    return torch.cat(parts)[order.argsort()]


def _cut(value: Any, mask: torch.Tensor, rows: list[int], longest: int) -> Any:
    """These rows up to that token; what is no tensor of tokens stays."""
    of_tokens = isinstance(value, torch.Tensor) and value.shape[:2] == mask.shape
    return value[rows, :longest] if of_tokens else value
