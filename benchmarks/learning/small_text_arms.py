"""small-text's own classifiers with breaking ties, as its documentation sets them up, on the same encoder folder.

Nothing is tuned: every setting is the library's default, but for what a machine without a network or a GPU needs:
files only, no progress bars, a token limit that fits the set, and no arithmetic on padding (small-text pads every text
to the limit). The query looks at a sample of the pool, by small-text's own SubsamplingQueryStrategy.
"""

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sets import LabelledSet
from small_text import (
    BreakingTies,
    PoolBasedActiveLearner,
    SetFitClassificationFactory,
    SetFitModelArguments,
    SubsamplingQueryStrategy,
    TextDataset,
    TransformerBasedClassificationFactory,
    TransformerModelArguments,
    TransformersDataset,
)
from small_text.integrations.transformers.classifiers import classification
from transformers import AutoTokenizer, BertModel
from transformers.modeling_outputs import BaseModelOutputWithPoolingAndCrossAttentions

from learner.classifiers.length_groups import by_length
from learner.devices import cores
from learner.encoders import Encoder

ARMS = ("small-text-transformer", "small-text-setfit")
# Token limits that leave at least 95 of 100 texts whole.
LIMITS = (64, 96, 128, 192, 256)
# Padded tokens of a group, the fastest of five sizes on one core with a batch of 12.
GROUP_TOKENS = 256


@dataclass(frozen=True)
class Step:
    """After one round: labels in all, predictions (t,) for the test part, seconds to train and to query."""

    labels: int
    predicted: NDArray[np.int64]
    train_seconds: float
    query_seconds: float


def replay(
    arm: str, data: LabelledSet, encoder: Encoder, seed: int, start: int, batch: int, budget: int, sample: int
) -> Iterator[Step]:
    """Rounds from a random start until the budget is spent; the set answers instead of an annotator."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "WANDB_DISABLED": "true", "TOKENIZERS_PARALLELISM": "false"}
    torch.set_num_threads(cores())
    torch.manual_seed(seed)
    np.random.seed(seed)
    warnings.simplefilter("ignore")
    pool, test = np.flatnonzero(~data.test), np.flatnonzero(data.test)
    limit = _limit(data, encoder)
    make = _transformers if arm == "small-text-transformer" else _setfit
    dataset, factory = make(data, encoder, limit, seed)
    strategy = SubsamplingQueryStrategy(BreakingTies(), sample)
    learner = PoolBasedActiveLearner(factory, strategy, dataset(pool))
    labelled = np.random.default_rng(seed).choice(len(pool), start, replace=False)
    with tempfile.TemporaryDirectory() as scratch, chdir(scratch):  # both write checkpoints where they stand
        _, trained = _timed(learner.initialize, labelled)
        while True:
            predicted = learner.classifier.predict(dataset(test))
            count = len(learner.indices_labeled)
            if count >= budget:
                yield Step(count, np.asarray(predicted), trained, 0.0)
                return
            asked, queried = _timed(learner.query, min(batch, budget - count))
            yield Step(count, np.asarray(predicted), trained, queried)
            _, trained = _timed(learner.update, data.y[pool[asked]])


def skip_padding() -> None:
    """Once a process: batches in groups of similar length, which gives the same tokens in a fraction of the time."""
    forward = BertModel.forward

    def in_groups(self: BertModel, input_ids: torch.Tensor, **kwargs: Any) -> Any:
        def compute(features: dict[str, Any]) -> torch.Tensor:
            return forward(self, **features).last_hidden_state

        # Words are looked up once: each lookup's gradient is as large as the vocabulary.
        words = self.get_input_embeddings()(input_ids)
        tokens = by_length({**kwargs, "inputs_embeds": words}, compute, GROUP_TOKENS)
        pooled = None if self.pooler is None else self.pooler(tokens)
        return BaseModelOutputWithPoolingAndCrossAttentions(last_hidden_state=tokens, pooler_output=pooled)

    BertModel.forward = in_groups


def hurry() -> None:
    """Once a process: the forward pass in bf16, which small-text allows on CUDA alone, and AdamW as one kernel.

    Twice as fast on a CPU with AVX-512 BF16 (benchmarks/training.py); a run repeated in fp32 ended .1 points beside it.
    """
    forward = BertModel.forward

    def in_bf16(self: BertModel, *args: Any, **kwargs: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16):
            output = forward(self, *args, **kwargs)
        for name in ("last_hidden_state", "pooler_output"):
            if output[name] is not None:
                output[name] = output[name].float()
        return output

    BertModel.forward = in_bf16
    classification.AdamW = partial(torch.optim.AdamW, fused=True)


def _limit(data: LabelledSet, encoder: Encoder) -> int:
    tokenizer = AutoTokenizer.from_pretrained(encoder.folder, local_files_only=True)
    lengths = [len(ids) for ids in tokenizer(data.texts)["input_ids"]]
    wanted = np.quantile(lengths, 0.95)
    return next((limit for limit in LIMITS if limit >= wanted), LIMITS[-1])


def _transformers(data: LabelledSet, encoder: Encoder, limit: int, seed: int) -> tuple[Any, Any]:
    classes = np.arange(len(data.label_names))
    tokenizer = AutoTokenizer.from_pretrained(encoder.folder, local_files_only=True)

    def dataset(rows: NDArray[np.int64]) -> TransformersDataset:
        texts = [data.texts[row] for row in rows]
        return TransformersDataset.from_arrays(
            texts, data.y[rows], tokenizer, max_length=limit, target_labels=classes
        )

    arguments = TransformerModelArguments(str(encoder.folder), show_progress_bar=False)
    return dataset, TransformerBasedClassificationFactory(arguments, len(classes))


def _setfit(data: LabelledSet, encoder: Encoder, limit: int, seed: int) -> tuple[Any, Any]:
    classes = np.arange(len(data.label_names))

    def dataset(rows: NDArray[np.int64]) -> TextDataset:
        return TextDataset.from_arrays([data.texts[row] for row in rows], data.y[rows], target_labels=classes)

    arguments = SetFitModelArguments(
        str(encoder.folder), max_length=limit, show_progress_bar=False, seed=seed
    )
    return dataset, SetFitClassificationFactory(
        arguments, len(classes), classification_kwargs={"max_length": limit}
    )


def _timed(work: Callable[[Any], Any], argument: Any) -> tuple[Any, float]:
    """What it returned, and the seconds that took."""
    started = time.perf_counter()
    return work(argument), time.perf_counter() - started
