"""Making an ONNX graph smaller and quicker: int8 matrix products, small embedding tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from learner.quiet import quiet

# (look-up node, its table) -> (initializers, nodes) to put in its place, or None to leave it
Replacement = Callable[[Any, np.ndarray], tuple[list[Any], list[Any]] | None]


def quantise(source: Path, target: Path, keep: set[str]) -> None:
    """Weights of the matrix products to int8 per channel, activations on the fly; embedding tables to int8 by row.

    `keep`: names of torch layers whose products stay in fp32.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    products = [node.name for node in onnx.load(str(source)).graph.node if node.op_type == "MatMul"]
    # The exporter names the product of layer a.b.c `/a/b/c/MatMul`.
    kept = [name for name in products if name.replace("/", ".").removesuffix(".MatMul")[1:] in keep]
    with quiet():
        quantize_dynamic(
            str(source),
            str(target),
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"],
            nodes_to_exclude=kept,
        )
    _replace_tables(target, target, _int8_rows)


def halve_tables(source: Path, target: Path) -> None:
    """Store embedding tables as fp16 where that loses nothing, as with weights that were fp16 to begin with."""
    _replace_tables(source, target, _fp16_table)


def _replace_tables(source: Path, target: Path, smaller: Replacement) -> None:
    """Put what `smaller` makes of it in the place of each look-up in an fp32 table."""
    import onnx

    model = onnx.load(str(source))
    tables = {item.name: item for item in model.graph.initializer}
    nodes: list[Any] = []
    for node in model.graph.node:
        table = tables.get(node.input[0]) if node.op_type == "Gather" else None
        replaced = None
        if table is not None and len(table.dims) == 2 and table.data_type == onnx.TensorProto.FLOAT:
            replaced = smaller(node, onnx.numpy_helper.to_array(table))
        if table is None or replaced is None:
            nodes.append(node)
            continue
        model.graph.initializer.remove(table)
        model.graph.initializer.extend(replaced[0])
        nodes.extend(replaced[1])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(target))


def _fp16_table(node: Any, weights: np.ndarray) -> tuple[list[Any], list[Any]] | None:
    from onnx import TensorProto, helper, numpy_helper

    halves = weights.astype(np.float16)
    if not np.array_equal(halves.astype(np.float32), weights):
        return None
    name, output = node.input[0], node.output[0]
    return [numpy_helper.from_array(halves, f"{name}.half")], [
        helper.make_node("Gather", [f"{name}.half", node.input[1]], [f"{output}.half"], axis=0),
        helper.make_node("Cast", [f"{output}.half"], [output], to=TensorProto.FLOAT),
    ]


def _int8_rows(node: Any, weights: np.ndarray) -> tuple[list[Any], list[Any]]:
    from onnx import TensorProto, helper, numpy_helper

    scales = np.maximum(np.abs(weights).max(axis=1, keepdims=True) / 127, 1e-12).astype(np.float32)
    rows = np.rint(weights / scales).astype(np.int8)
    name, ids, output = node.input[0], node.input[1], node.output[0]
    return [
        numpy_helper.from_array(rows, f"{name}.rows"),
        numpy_helper.from_array(scales, f"{name}.scales"),
    ], [
        helper.make_node("Gather", [f"{name}.rows", ids], [f"{output}.rows"], axis=0),
        helper.make_node("Gather", [f"{name}.scales", ids], [f"{output}.scales"], axis=0),
        helper.make_node("Cast", [f"{output}.rows"], [f"{output}.cast"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{output}.cast", f"{output}.scales"], [output]),
    ]
