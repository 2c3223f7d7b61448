"""A model as one ONNX graph, token ids to probabilities, which onnxruntime and tokenizers run by themselves."""

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from learner import checkpoint as checkpoints
from learner import onnx_graph, onnx_shrink, pooling
from learner.checkpoint import Facts
from learner.classifiers.head import HeadModel
from learner.classifiers.tuned_model import open_classifier
from learner.encoder_files import TOKENIZER, read_json
from learner.engines import Engine
from learner.errors import ExportError
from learner.export.folder import whole_folder
from learner.export.model_card import CardFacts, model_card
from learner.onnx_graph import SAMPLE, GraphError
from learner.progress import Progress, silent
from learner.tokens import TokenReader

SETTINGS = "winnow-model.json"
# Beyond rounding, for fp32; for int8 what still leaves a clear verdict, a lead of 0.4, the same verdict. A tuned
# model is steep: of the fixed texts, which are odd on purpose, a few come out .1 off and most under .05.
TOLERANCE = {False: 1e-3, True: 0.2}
USE = """`python example.py "some text"` prints label and probability; `onnxruntime`, `tokenizers` and `numpy` suffice.

- `model.onnx`: `input_ids` and `attention_mask` (int64, texts x tokens) to `probabilities` (texts x labels).
- `tokenizer.json`: cuts and pads by itself.
- `winnow-model.json`: the labels in the order of the columns, and the prefix to put before every text."""
EXAMPLE = '''"""Sort texts: python example.py "first text" "second text". Needs onnxruntime, tokenizers and numpy."""

import json
import sys
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession
from tokenizers import Tokenizer

here = Path(__file__).parent
settings = json.loads((here / "winnow-model.json").read_text("utf-8"))
texts = sys.argv[1:] or ["Works exactly as described.", "It broke after two days.", "Okay for the price."]
batch = Tokenizer.from_file(str(here / "tokenizer.json")).encode_batch([settings["prefix"] + text for text in texts])
inputs = {"input_ids": np.array([e.ids for e in batch]), "attention_mask": np.array([e.attention_mask for e in batch])}
for text, row in zip(texts, InferenceSession(here / "model.onnx").run(None, inputs)[0]):
    print(f"{settings['labels'][row.argmax()]} {row.max():.3f} {text}")
'''


class HeadGraph(nn.Module):
    """Encoder, pooling and logistic regression in one."""

    def __init__(self, features: pooling.PooledEncoder, head: HeadModel) -> None:
        super().__init__()
        self.features = features
        self.output = nn.Linear(head.coef.shape[1], head.coef.shape[0])
        self.output.weight.data = torch.from_numpy(head.coef / head.temperature)
        self.output.bias.data = torch.from_numpy(head.intercept / head.temperature)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.output(self.features(input_ids, attention_mask))
        return logits.softmax(dim=-1)


class TunedGraph(nn.Module):
    """A fine-tuned classifier, down to probabilities."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classifier(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits.softmax(dim=-1)


def export_onnx(
    checkpoint: Path,
    out: Path,
    int8: bool,
    card: CardFacts,
    progress: Progress = silent,
    encoders: Path | None = None,
) -> None:
    """Write model.onnx, tokenizer.json, winnow-model.json, README.md and example.py into `out`.

    `encoders`: where a head's encoder is looked for by name; without it, only where it was at training.
    ExportError where the graph cannot be built or strays from the model; its agreement stands in the card.
    """
    about = checkpoints.verify(checkpoint)
    progress("export", 0, 4)
    module, reader, prefix = _open(checkpoint, about, encoders)
    with whole_folder(out) as written:
        progress("export", 1, 4)
        try:
            _write_graph(module, reader, written / "model.onnx", int8)
            progress("export", 2, 4)
            agreement = _agreement(module, onnx_graph.open_engine(written / "model.onnx"), reader, int8)
        except GraphError as error:
            raise ExportError(f"This model cannot be an ONNX graph: {error}.") from error
        progress("export", 3, 4)
        reader.save(written / TOKENIZER)
        settings = {"labels": card.labels, "prefix": prefix, "max_length": reader.max_length}
        (written / SETTINGS).write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", "utf-8")
        (written / "README.md").write_text(model_card(card, USE, agreement, "onnx"), "utf-8")
        (written / "example.py").write_text(EXAMPLE, "utf-8")
    progress("export", 4, 4)


def _open(checkpoint: Path, about: Facts, encoders: Path | None) -> tuple[nn.Module, TokenReader, str]:
    """The model as a module with eager attention, the reader of its texts, and their prefix."""
    model = checkpoint / checkpoints.MODEL
    if about.classifier == "head":
        encoder = checkpoints.encoder_of(about, encoders or Path(about.encoder_folder).parent)
        settings = encoder.settings
        head = HeadModel.read(
            model, about.labels, lambda texts, progress=silent: np.zeros((0, 0), np.float32)
        )
        reader = TokenReader(encoder.folder, settings.prefix, encoder.tokens_read())
        return HeadGraph(pooling.load(encoder, "eager"), head).eval(), reader, settings.prefix
    length = int(read_json(model / "tokenizer_config.json")["model_max_length"])
    classifier = open_classifier(model, attn_implementation="eager")
    return TunedGraph(classifier).eval(), TokenReader(model, "", length), ""


def _write_graph(module: nn.Module, reader: TokenReader, path: Path, int8: bool) -> None:
    with tempfile.TemporaryDirectory(prefix=".graph-", dir=path.parent) as temporary:
        full = Path(temporary) / "full.onnx"
        onnx_graph.export(module, full, "probabilities")
        kept = onnx_graph.peaked_products(module, reader) | _near_output(module) if int8 else set()
        with onnx_graph.blaming_the_graph("it cannot be made smaller"):
            if int8:
                onnx_shrink.quantise(full, path, kept)
            else:
                onnx_shrink.halve_tables(full, path)


def _near_output(module: nn.Module) -> set[str]:
    """Names of a tuned model's layers from the last block on: nothing after them evens their errors out."""
    if not isinstance(module, TunedGraph):
        return set()
    blocks = max((part for part in module.modules() if isinstance(part, nn.ModuleList)), key=len)
    names = [name for name, _ in module.named_modules()]
    last = next(name for name, part in module.named_modules() if part is blocks[-1])
    return set(names[names.index(last) :])


def _agreement(module: nn.Module, engine: Engine, reader: TokenReader, int8: bool) -> str:
    """One sentence for the card; ExportError where probabilities differ by more than the tolerance."""
    inputs = reader.pad(reader(SAMPLE))
    with torch.inference_mode():
        exact = module(*(torch.from_numpy(part) for part in inputs)).numpy()
    exported = engine(*inputs)
    same = int((exact.argmax(axis=1) == exported.argmax(axis=1)).sum())
    difference = float(np.abs(exact - exported).max())
    if difference > TOLERANCE[int8]:
        raise ExportError(
            f"The {'int8' if int8 else 'fp32'} graph strays from the model by {difference:.2f} in probability, so it "
            f"was not written. {'Export it as fp32 ONNX instead.' if int8 else 'This architecture does not export.'}"
        )
    return f"same label for {same} of {len(SAMPLE)} fixed texts, probabilities within {difference:.1e}."
