"""ONNX graphs of encoders: exported, shrunk to int8, and trusted only where they agree with torch."""

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from learner import devices, onnx_shrink, tokens
from learner.encoder_files import SETTINGS
from learner.engines import Engine, refuse_what_is_no_number, torch_engine

if TYPE_CHECKING:
    import torch

    from learner.encoders import Encoder

PARITY = 0.99  # cosine to fp32 below which a graph is not used
OPSET = 17
INT8_STEPS = 127
# ONNX's own operators and those that onnxruntime adds for int8.
OPERATORS = ("", "ai.onnx", "com.microsoft")
# Short and long, plain and odd, in two scripts: what an engine must get right before its features are kept.
SAMPLE = (
    "Great product, works exactly as described.",
    "It broke after two days and nobody answered my mails. A waste of money!",
    "Okay for the price, nothing special.",
    "ok",
    (
        "I ordered the blue one in size M; the box held a red one in XL. Sent it back, waited three weeks for the "
        "refund, and would still give the shop another chance, because the woman on the telephone was so kind."
    ),
    "The battery lasts two days, the screen is bright, but the loudspeaker is too quiet for a kitchen.",
    "Not bad at all: my son uses it every day for his homework and has not complained once.",
    "¿Dónde está mi pedido? Llevo un mes esperando.",
    "电池可以用两天，屏幕也很清楚，就是声音小了一点。",
    "质量太差，用了一个星期就坏了，客服也不理人。",
    "还可以吧，一般般。",
    "⭐⭐⭐⭐⭐ 👍👍",
    "Love love LOVE this dress!!! 😍 It fits like a glove & the fabric is sooo soft...",
    "DO NOT BUY. Arrived broken, smelled of smoke, 1/10.",
    (
        "The story begins slowly, and for a hundred pages I wondered whether I should go on; then the two sisters "
        "meet again, and from there to the end I could not put it down. The paper is thin. "
    )
    * 3,
    "",
)


class GraphError(Exception):
    """A graph that cannot be built, or strays from fp32; the caller falls back to torch."""


def ensure(encoder: "Encoder") -> Path:
    """The encoder's quickest graph that passes the parity gate, built on first use; GraphError where none does."""
    folder = _folder(encoder)
    key = sha256(f"{encoder.sha256} {asdict(encoder.settings)}".encode()).hexdigest()[:16]
    for kind in ("int8", "fp32"):
        if (folder / f"{key}.{kind}.onnx").is_file():
            return folder / f"{key}.{kind}.onnx"
    with tempfile.TemporaryDirectory(prefix=".building-", dir=folder) as temporary:
        return _build(encoder, Path(temporary), folder / key)


def _folder(encoder: "Encoder") -> Path:
    """Beside the encoder where it is ours; for a folder of somebody else's, the user's cache."""
    folder = encoder.folder / "onnx"
    if not ((encoder.folder / SETTINGS).is_file() and os.access(encoder.folder, os.W_OK)):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        folder = cache / "winnow" / "onnx"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GraphError(f"{folder} cannot be made ({error.strerror})") from error
    return folder


def _build(encoder: "Encoder", temporary: Path, target: Path) -> Path:
    from learner import pooling

    # Its own copy, gone afterwards, and with the other attention: two ways to the same features.
    exact = sample_features(encoder, torch_engine(pooling.load(encoder), "cpu"))
    refuse_what_is_no_number(exact)
    module = pooling.load(encoder, "eager")
    export(module, temporary / "full.onnx", "features")
    kept = peaked_products(module, tokens.reader(encoder))
    with blaming_the_graph("it cannot be made smaller"):
        onnx_shrink.halve_tables(temporary / "full.onnx", temporary / "fp32.onnx")
        onnx_shrink.quantise(temporary / "full.onnx", temporary / "int8.onnx", kept)
    for kind in ("int8", "fp32"):
        built = temporary / f"{kind}.onnx"
        features = sample_features(encoder, open_engine(built))
        if float((features * exact).sum(axis=1).min()) >= PARITY:
            final = target.with_name(f"{target.name}.{kind}.onnx")
            os.replace(built, final)
            return final
    raise GraphError(f"its exported graph strays from fp32 by more than a cosine of {PARITY}")


def peaked_products(module: "torch.nn.Module", reader: "tokens.TokenReader") -> set[str]:
    """Names of the linear layers whose input, on SAMPLE, peaks so high that int8 would drown the rest of it.

    A few layers of many encoders put out single values a hundred times the usual. One step of int8 is the
    127th part of the peak: above that ratio it is larger than a typical value. In e5-small, leaving three of
    72 such layers in fp32 halves the error of the features.
    """
    import torch

    peaks: dict[str, float] = {}

    def look(name: str) -> Callable[[torch.nn.Module, tuple[torch.Tensor, ...]], None]:
        def hook(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            peaks[name] = float(inputs[0].abs().max() / inputs[0].square().mean().sqrt().clamp(min=1e-12))

        return hook

    linear = [(name, part) for name, part in module.named_modules() if isinstance(part, torch.nn.Linear)]
    hooks = [part.register_forward_pre_hook(look(name)) for name, part in linear]
    with torch.inference_mode():
        module(*(torch.from_numpy(part) for part in reader.pad(reader(SAMPLE))))
    for hook in hooks:
        hook.remove()
    return {name for name, peak in peaks.items() if peak > INT8_STEPS}


def sample_features(encoder: "Encoder", engine: Engine) -> np.ndarray:
    """Features of SAMPLE, in mixed batches, so that padding is put to the test as well; (16, d)."""
    reader = tokens.reader(encoder)
    ids = reader(SAMPLE)
    parts = [engine(*reader.pad(ids[start : start + 8])) for start in range(0, len(ids), 8)]
    return np.concatenate(parts)


def export(module: "torch.nn.Module", path: Path, output: str) -> None:
    """Write a module of (input_ids, attention_mask) as an fp32 graph; GraphError where torch cannot.

    The classic exporter, on a module with eager attention: it is exact and gives the faster graph. (The newer
    one's int8 graphs ran at two thirds of the speed; with sdpa attention the classic one loses the mask.)
    """
    import torch

    example = (torch.tensor([[0, 5, 6, 2], [0, 5, 2, 1]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]))
    batch = {0: "texts", 1: "tokens"}
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # it warns of every shape it fixes; the parity gate judges the outcome
        with blaming_the_graph("torch cannot export it"):
            torch.onnx.export(
                module,
                example,
                str(path),
                dynamo=False,
                opset_version=OPSET,
                input_names=["input_ids", "attention_mask"],
                output_names=[output],
                dynamic_axes={"input_ids": batch, "attention_mask": batch, output: {0: "texts"}},
            )


@contextmanager
def blaming_the_graph(words: str) -> Iterator[None]:
    """GraphError of these words for whatever goes wrong inside; but a full disk is not the graph's fault.

    The exporter raises what the architecture runs into, and no ONNX file is larger than 2 GB.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise GraphError(f"{words} ({type(error).__name__})") from error


def check(path: Path) -> None:
    """GraphError unless the file is one graph of the usual operators with all of its weights inside.

    A graph may name other files for its weights, by any path, and functions of libraries: ours never do.
    """
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's own errors share no base class with those of the file
        raise GraphError(f"{path.name} is not an ONNX graph; remove it to have it built again") from error
    if model.functions or not all(_is_plain(graph) for graph in _graphs(model.graph)):
        raise GraphError(f"{path.name} asks for more than itself; remove it to have it built again")


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph and those inside of its nodes, as of loops and branches."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _graphs(inner)


def _is_plain(graph: Any) -> bool:
    tensors = [*graph.initializer]
    for sparse in graph.sparse_initializer:
        tensors += [sparse.values, sparse.indices]
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [*attribute.tensors, *([attribute.t] if attribute.HasField("t") else [])]
    inside = not any(tensor.external_data or tensor.data_location for tensor in tensors)
    return inside and all(node.domain in OPERATORS for node in graph.node)


def open_engine(path: Path) -> Engine:
    """Run a graph on the CPU with as many threads as there are cores; GraphError where it does not load."""
    import onnxruntime

    check(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = devices.cores()
    options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors share no base class
        raise GraphError(f"{path.name} does not load; remove it to have it built again") from error

    def run(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        output: np.ndarray = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
        return output

    return run
