"""One temperature for all classes: it makes confidence honest and never changes a prediction."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

# Fewer labels leave the temperature to chance; uncalibrated is then the more honest choice.
MIN_RANDOM_LABELS: Final = 50


def temperature(logits: NDArray[np.floating], y: NDArray[np.int64]) -> float:
    """The temperature under which the labels y (n,) are likeliest, given out-of-sample logits (n, k).

    1.0 below 50 labels. Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    if len(y) < MIN_RANDOM_LABELS:
        return 1.0
    rows = np.arange(len(y))

    def loss(log_t: float) -> float:
        return -float(log_softmax(logits / np.exp(log_t), axis=1)[rows, y].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.1), np.log(10.0)), method="bounded").x))
