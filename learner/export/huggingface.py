"""A fine-tuned model as a plain Hugging Face folder, which `transformers` loads without any code of ours."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from learner import checkpoint as checkpoints
from learner import encoder_files
from learner.classifiers.tuned_model import TunedModel
from learner.encoder_files import CONFIG
from learner.errors import ExportError
from learner.export.folder import whole_folder
from learner.export.model_card import CardFacts, model_card
from learner.onnx_graph import SAMPLE
from learner.progress import Progress, silent
from learner.quiet import quiet

# Where transformers notes the machine a model was made on.
PATH_KEYS = ("_name_or_path", "name_or_path", "tokenizer_file", "vocab_file", "special_tokens_map_file")
USE = """```python
from transformers import pipeline

classify = pipeline("text-classification", model=".", truncation=True)
print(classify(["Works as described.", "Broke after two days."], top_k=None))
```

`truncation=True` cuts long reviews where training did. Needs `transformers` and `torch`; `example.py` is the same
as a program."""
EXAMPLE = '''"""Sort texts: python example.py "first text" "second text". Needs transformers and torch."""

import sys
from pathlib import Path
from typing import Any

from transformers import pipeline

classify = pipeline("text-classification", model=str(Path(__file__).parent), truncation=True)
texts = sys.argv[1:] or ["Works exactly as described.", "It broke after two days.", "Okay for the price."]
for text, best in zip(texts, classify(texts)):
    print(f"{best['label']} {best['score']:.3f} {text}")
'''


def export_huggingface(checkpoint: Path, out: Path, card: CardFacts, progress: Progress = silent) -> None:
    """Write the folder; ExportError for a `head`, or where the folder would not label as Winnow does."""
    about = checkpoints.verify(checkpoint)
    if about.classifier == "head":
        raise ExportError(
            "A 'head' model is no single transformer and cannot be a Hugging Face folder. Export it as ONNX, "
            "or train a round with one of the classifiers that tune the encoder: 'contrastive', 'finetune', 'lora'."
        )
    progress("export", 0, 2)
    with whole_folder(out) as folder:
        model = checkpoint / checkpoints.MODEL
        for name in encoder_files.check(model):
            if name.endswith(".safetensors"):
                shutil.copyfile(model / name, folder / name)
            else:
                _copy_json(model / name, folder / name)
        _name_labels(folder / CONFIG, card.labels)
        progress("export", 1, 2)
        agreement = _check(TunedModel.read(model, about.labels), folder, card.labels)
        (folder / "README.md").write_text(model_card(card, USE, agreement, "transformers"), "utf-8")
        (folder / "example.py").write_text(EXAMPLE, "utf-8")
    progress("export", 2, 2)


def _copy_json(source: Path, target: Path) -> None:
    """Copy without the paths of this machine."""
    if source.name == encoder_files.TOKENIZER:
        shutil.copyfile(source, target)
        return
    values = encoder_files.read_json(source)
    kept = {key: value for key, value in values.items() if key not in PATH_KEYS}
    target.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _name_labels(config: Path, labels: list[str]) -> None:
    """Call the labels what the project calls them today."""
    values = encoder_files.read_json(config)
    values["id2label"] = {str(place): label for place, label in enumerate(labels)}
    values["label2id"] = {label: place for place, label in enumerate(labels)}
    config.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _check(model: TunedModel, folder: Path, labels: list[str]) -> str:
    """Run the folder as its users will; ExportError unless it gives our labels."""
    from transformers import pipeline

    texts = [text for text in SAMPLE if text]
    ours = model.predict_proba(texts)
    with quiet():
        classify = pipeline("text-classification", model=str(folder), truncation=True, device="cpu")
    answered: Any = classify(texts, top_k=None)
    answers = [{row["label"]: row["score"] for row in rows} for rows in answered]
    theirs = np.array([[answer[label] for label in labels] for answer in answers])
    difference = float(np.abs(ours - theirs).max())
    if (ours.argmax(axis=1) != theirs.argmax(axis=1)).any() and difference > 0.01:
        raise ExportError(
            f"The exported folder labels texts otherwise than Winnow (up to {difference:.2f} in probability), "
            f"so it was not written. Check that {CONFIG} of the encoder is unchanged."
        )
    return f"same labels on {len(texts)} fixed texts, probabilities within {difference:.1e}."
