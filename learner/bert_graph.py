"""Reading the weights of a BERT encoder back from the ONNX graph that it was exported to."""

from pathlib import Path

import numpy as np

# Stored under the names that transformers gives them; a matrix product's second factor has none of its own.
NAMED = ("embeddings.", "encoder.")


def read(path: Path) -> dict[str, np.ndarray]:
    """transformers' name of each weight of a `BertModel` -> float32 array, without the pooler.

    An exporter folds the transposition of a linear layer into its weights and calls them by a number. Which layer
    they belong to stands in the name of the product that takes them: `/encoder/layer.0/output/dense/MatMul`.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path, load_external_data=False).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights = {name: values for name, values in stored.items() if name.startswith(NAMED)}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in stored:
            layer = node.name.removeprefix("/").removesuffix("/MatMul").replace("/", ".")
            weights[f"{layer}.weight"] = np.ascontiguousarray(stored[node.input[1]].T)
    return weights
