"""How the step size goes while an encoder is trained."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def rise_and_fall(optimizer: Optimizer, warmup: float, steps: int) -> LambdaLR:
    """A linear rise over that share of the steps, then a linear fall to zero."""
    warm = max(1, round(warmup * steps))
    return LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
    )
