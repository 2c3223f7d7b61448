"""What runs an encoder on a batch: torch here, whose features all others are measured against."""

from collections.abc import Callable

import numpy as np

from learner.devices import cores
from learner.errors import EncoderError

# (n, length) int64 ids and mask -> (n, d) float32
Engine = Callable[[np.ndarray, np.ndarray], np.ndarray]


def torch_engine(module: "object", device: str) -> Engine:
    """Run a `pooling.PooledEncoder` on a device, on CUDA with bf16 products."""
    import torch

    assert isinstance(module, torch.nn.Module)
    module.to(device)
    torch.set_num_threads(cores())

    def run(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            output: torch.Tensor = module(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))
        features: np.ndarray = output.float().cpu().numpy()
        return features

    return run


def refuse_what_is_no_number(features: np.ndarray) -> None:
    """EncoderError: a damaged download, or a training that went astray."""
    if not np.isfinite(features).all():
        raise EncoderError("The encoder's output is not a number; its weights are damaged. Add it again.")
