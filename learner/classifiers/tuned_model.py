"""A fine-tuned transformer as a plain Hugging Face sequence classifier: predict, save, read back."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from learner import encoder_files, tokens
from learner.classifiers.interface import Floats
from learner.devices import cores, on_cuda, training_products
from learner.encoding import CPU_TEXTS, CPU_TOKENS, CUDA_TEXTS, CUDA_TOKENS
from learner.errors import CheckpointError, EncoderError
from learner.progress import Progress, silent
from learner.quiet import quiet


class TunedModel:
    """The transformer with its tokenizer. No prefix: what `pipeline("text-classification")` sees, it sees."""

    def __init__(self, labels: list[str], model: nn.Module, folder: Path, max_length: int) -> None:
        """folder: where the tokenizer is."""
        self.labels, self.max_length, self.folder = labels, max_length, folder
        self.device = "cuda" if on_cuda() else "cpu"
        torch.set_num_threads(cores())
        self.model: Any = model.to(self.device)
        self.reader = tokens.TokenReader(folder, "", max_length)

    @property
    def output(self) -> nn.Linear:
        """The last linear layer, from embedding to logits, whatever the architecture calls it."""
        wide = [
            m for m in self.model.modules() if isinstance(m, nn.Linear) and m.out_features == len(self.labels)
        ]
        if not wide:
            raise EncoderError(
                "This architecture has no linear output layer. Use the classifier 'head' with it."
            )
        return wide[-1]

    def forward(self, ids: Sequence[list[int]]) -> torch.Tensor:
        """Logits (n, k) of token ids; bf16 products on CUDA, and in training wherever they are fast."""
        input_ids, mask = (torch.from_numpy(part).to(self.device) for part in self.reader.pad(ids))
        # On a CPU the scores are to be those of the exported model, which plain transformers runs in fp32.
        exact = self.device == "cpu" and not self.model.training
        with nullcontext() if exact else training_products(self.device):
            logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=mask).logits
        return logits.float()

    def predict_proba(self, texts: Sequence[str], progress: Progress = silent) -> Floats:
        return self.scores(texts, progress)[0]

    def scores(self, texts: Sequence[str], progress: Progress = silent) -> tuple[Floats, Floats]:
        logits, embeddings = self.logits(self.reader(texts), progress)
        return torch.from_numpy(logits).softmax(dim=1).numpy(), embeddings

    def logits(self, ids: Sequence[list[int]], progress: Progress = silent) -> tuple[Floats, Floats]:
        """Logits (n, k) and what went into the output layer (n, d), by batches of similar length."""
        logits = np.zeros((len(ids), len(self.labels)), dtype=np.float32)
        embeddings = np.zeros((len(ids), self.output.in_features), dtype=np.float32)
        caught: list[torch.Tensor] = []
        hook = self.output.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
        limits = (CUDA_TOKENS, CUDA_TEXTS) if self.device == "cuda" else (CPU_TOKENS, CPU_TEXTS)
        self.model.eval()
        done = 0
        try:
            with torch.inference_mode():
                for batch in tokens.batches([len(text) for text in ids], *limits):
                    logits[batch] = self.forward([ids[row] for row in batch]).cpu().numpy()
                    embeddings[batch] = caught.pop().float().cpu().numpy()
                    done += len(batch)
                    progress("score", done, len(ids))
        finally:
            hook.remove()
        return logits, embeddings

    def cool(self, temperature: float) -> None:
        """Divide the logits for good: in the output layer, so that every export is calibrated too."""
        with torch.no_grad():
            self.output.weight.div_(temperature)
            self.output.bias.div_(temperature)

    def save(self, folder: Path) -> None:
        tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True, trust_remote_code=False)
        # `truncation=True` in a pipeline then cuts where training did.
        tokenizer.model_max_length = self.max_length
        tokenizer.save_pretrained(folder)
        with quiet():
            self.model.save_pretrained(folder)

    @classmethod
    def read(cls, folder: Path, labels: list[str]) -> Self:
        """CheckpointError when the folder does not hold a classifier for these labels."""
        try:
            encoder_files.check(folder)
            settings = encoder_files.read_json(folder / "tokenizer_config.json")
            model = open_classifier(folder)
        except (EncoderError, OSError, ValueError, RuntimeError, KeyError) as problem:
            raise CheckpointError(
                f"The model in {folder} cannot be read: {problem}. Train a new round."
            ) from problem
        if [model.config.id2label.get(i) for i in range(len(labels))] != labels:
            raise CheckpointError(f"The model in {folder} was trained for other labels. Train a new round.")
        return cls(labels, model, folder, int(settings["model_max_length"]))


def open_classifier(folder: Path, **config: Any) -> Any:
    """A sequence classifier in fp32 from safetensors and JSON alone; `config` overrides its configuration."""
    with quiet():
        return AutoModelForSequenceClassification.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            **config,
        )
