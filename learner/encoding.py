"""Texts to feature vectors: length-bucketed batches through the quickest faithful engine of this machine."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from learner import tokens
from learner.devices import on_cuda
from learner.engines import Engine, refuse_what_is_no_number, torch_engine
from learner.progress import Progress, silent

if TYPE_CHECKING:
    from learner.encoders import Encoder

log = logging.getLogger(__name__)

# Padded tokens to a batch: more no longer helps the engine, and on a CPU leaves the cache.
CPU_TOKENS, CPU_TEXTS = 4096, 64
CUDA_TOKENS, CUDA_TEXTS = 131_072, 2048


def encode_texts(
    encoder: "Encoder", texts: Sequence[str], progress: Progress = silent, exact: bool = False
) -> np.ndarray:
    """Features of the texts, (n, d) float32, each of length 1; d = encoder.dimensions.

    `exact` keeps to fp32, where an exported model must give the same; otherwise the quickest engine is taken
    whose features agree with fp32 to a cosine of 0.99 (bf16 on CUDA, int8 on a CPU). EncoderError where they are no
    numbers, before anything is kept of them.
    """
    features = np.zeros((len(texts), encoder.dimensions), np.float32)
    if not len(texts):
        return features
    progress("encode", 0, len(texts))
    open_engine = exact_engine if exact else quick_engine
    engine = _telling(lambda: open_engine(encoder), lambda: progress("encode", 0, len(texts)))
    reader = tokens.reader(encoder)
    ids = reader(texts)
    budget, largest = (CUDA_TOKENS, CUDA_TEXTS) if on_cuda() and not exact else (CPU_TOKENS, CPU_TEXTS)
    done = 0
    for batch in tokens.batches([len(text) for text in ids], budget, largest):
        features[batch] = engine(*reader.pad([ids[index] for index in batch]))
        done += len(batch)
        progress("encode", done, len(texts))
    refuse_what_is_no_number(features)
    return features


def _telling(work: Callable[[], Engine], tell: Callable[[], None]) -> Engine:
    """Do the work in a thread and report meanwhile: building a graph takes half a minute, once.

    Where the report cancels, the build goes on behind, and the next call finds its graph.
    """
    pool = ThreadPoolExecutor(1)
    try:
        future = pool.submit(work)
        while not wait([future], timeout=0.5).done:
            tell()
        return future.result()
    finally:
        pool.shutdown(wait=False)


@lru_cache(maxsize=1)
def exact_engine(encoder: "Encoder") -> Engine:
    """fp32 on the CPU through torch: what every other engine is measured against."""
    from learner import pooling

    return torch_engine(pooling.load(encoder), "cpu")


@lru_cache(maxsize=1)
def quick_engine(encoder: "Encoder") -> Engine:
    """bf16 on CUDA; on a CPU int8 through ONNX Runtime, unless its features stray or the graph cannot be built."""
    from learner import onnx_graph, pooling

    if on_cuda():
        return torch_engine(pooling.load(encoder), "cuda")
    try:
        return onnx_graph.open_engine(onnx_graph.ensure(encoder))
    except (onnx_graph.GraphError, OSError) as error:
        log.warning("%s is run by torch, more slowly: %s", encoder.name, error)
        return exact_engine(encoder)
