"""Whether the labels suffice to train on, and what is missing if they do not."""

import numpy as np
from numpy.typing import NDArray

from learner import weak_labels
from learner.errors import NotEnoughLabels

Ints = NDArray[np.int64]


def check_labels(y: Ints, label_names: list[str], weak: Ints = weak_labels.NONE.y) -> None:
    """NotEnoughLabels unless there are two classes with a label and at least as many labels as classes.

    Weak labels (m,) of two classes do as well.
    """
    if len(label_names) > 1 and len(np.unique(weak)) > 1:
        return
    if len(y) == 0 and len(weak):
        raise NotEnoughLabels(
            f"There is no label yet, and all {len(weak)} star ratings mean “{label_names[weak[0]]}”, so there is "
            "nothing to tell apart. Label some reviews, then start the round."
        )
    if len(y) == 0:
        raise NotEnoughLabels("There is no label to train on yet. Label some reviews, then start the round.")
    if len(label_names) < 2:
        raise NotEnoughLabels("The project has a single class; a classifier needs at least two.")
    present = {label_names[i] for i in np.unique(y)}
    missing = [name for name in label_names if name not in present]
    if len(present) == 1:
        raise NotEnoughLabels(
            f"All {len(y)} labels are “{present.pop()}”, so there is nothing to tell apart. "
            f"Go on until a review is one of these: {'; '.join(missing)}. Then start the round."
        )
    if len(y) < len(label_names):
        raise NotEnoughLabels(
            f"There are {len(y)} labels for {len(label_names)} classes. "
            f"Label at least {len(label_names) - len(y)} more, then start the round."
        )
