"""small-text's own classifiers with breaking ties, as its documentation sets them up, on the same encoder folder.

Nothing is tuned: every setting is the library's default, but for what a machine without a network or a GPU needs:
files only, no progress bars, a token limit that fits the set, and no arithmetic on padding (small-text pads every text
to the limit) or on words that no text has. The query looks at a sample of the pool, by small-text's own
SubsamplingQueryStrategy.
"""

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
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
from transformers import AutoTokenizer, BertModel, PreTrainedModel
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
    tokenizer = AutoTokenizer.from_pretrained(encoder.folder, local_files_only=True)
    read = tokenizer(data.texts)["input_ids"]
    limit = _limit(read)
    make = _transformers if arm == "small-text-transformer" else _setfit
    dataset, factory = make(data, encoder, limit, seed)
    strategy = SubsamplingQueryStrategy(BreakingTies(), sample)
    learner = PoolBasedActiveLearner(factory, strategy, dataset(pool))
    labelled = np.random.default_rng(seed).choice(len(pool), start, replace=False)
    words = {*chain.from_iterable(read), *tokenizer.all_special_ids}
    # Both write checkpoints where they stand.
    with tempfile.TemporaryDirectory() as scratch, chdir(scratch), _only(sorted(words)):
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


@contextmanager
def _only(words: list[int]) -> Iterator[None]:
    """Models read meanwhile hold the embeddings of these token ids alone; any other is an IndexError.

    Rows without a gradient never change what a text with other words gets, but AdamW goes through them at each step.
    """
    read = PreTrainedModel.from_pretrained.__func__

    def pruned(model_class: type, *args: Any, **kwargs: Any) -> Any:
        model = read(model_class, *args, **kwargs)
        model.set_input_embeddings(_Words(model.get_input_embeddings(), words))
        return model

    PreTrainedModel.from_pretrained = classmethod(pruned)
    try:
        yield
    finally:
        PreTrainedModel.from_pretrained = classmethod(read)


class _Words(torch.nn.Module):
    """The rows of an embedding (v, d) that these ids have, looked up by the ids they had there."""

    def __init__(self, whole: torch.nn.Embedding, ids: list[int]) -> None:
        super().__init__()
        self.rows = torch.nn.Embedding.from_pretrained(whole.weight[ids].detach().clone(), freeze=False)
        self.register_buffer("places", torch.full((whole.num_embeddings,), -1))
        self.places[ids] = torch.arange(len(ids))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.rows(self.places[ids])


def _limit(read: list[list[int]]) -> int:
    wanted = np.quantile([len(ids) for ids in read], 0.95)
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
