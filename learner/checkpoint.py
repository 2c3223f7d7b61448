"""Checkpoints: a model version on disk, all or nothing, and never trusted further than its manifest."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from learner import encoders, features
from learner.classifiers.interface import Floats, TextModel
from learner.embeddings import Encode
from learner.encoders import Encoder
from learner.encoding import encode_texts
from learner.errors import CheckpointError, EncoderError
from learner.progress import Progress, silent
from learner.settings import CLASSIFIERS, RoundSettings

MANIFEST: Final = "manifest.json"
FACTS: Final = "checkpoint.json"
MODEL: Final = "model"
FORMAT: Final = 1
TEMPORARY: Final = ".writing-"
# A hostile manifest should not fill the memory; ours are a few kilobytes.
JSON_LIMIT: Final = 4_000_000


@dataclass(frozen=True)
class Facts:
    """What checkpoint.json says; `encoder_folder` is where the encoder was when the model was trained."""

    classifier: str
    labels: list[str]
    encoder: str
    encoder_sha256: str
    encoder_folder: str
    encoder_settings: dict[str, Any]
    settings: dict[str, Any]


def facts(settings: RoundSettings, labels: list[str], encoder: Encoder) -> Facts:
    """The facts of a model trained with these settings on this encoder."""
    own = asdict(encoder.settings)
    folder = str(encoder.folder.resolve())
    name, sha256 = encoder.name, encoder.sha256
    return Facts(settings.classifier, list(labels), name, sha256, folder, own, settings.to_dict())


def save(folder: Path, about: Facts, model: TextModel) -> str:
    """Publish the checkpoint at `folder`; returns the sha256 of its manifest.

    Readers see the whole of it or nothing: it is written beside, flushed to disk and renamed. One that a
    killed worker had published under the same name is replaced.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    written = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}{folder.name}-", dir=folder.parent))
    try:
        (written / FACTS).write_text(
            json.dumps({"format": FORMAT, **asdict(about)}, indent=2, sort_keys=True)
        )
        (written / MODEL).mkdir()
        model.save(written / MODEL)
        (written / MANIFEST).write_text(json.dumps(_hashes(written), indent=2, sort_keys=True))
        _flush(written)
        if folder.exists():
            shutil.rmtree(folder)
        written.chmod(0o755)
        written.rename(folder)
        _fsync(folder.parent)
    except BaseException:
        shutil.rmtree(written, ignore_errors=True)
        raise
    return manifest_sha256(folder)


def manifest_sha256(folder: Path) -> str:
    """What the database keeps to recognise this checkpoint."""
    return _sha256(folder / MANIFEST)


def verify(folder: Path, expected: str | None = None) -> Facts:
    """The facts of an intact checkpoint; CheckpointError when a file is missing, added or altered.

    expected: the manifest's sha256 as the database has it, which an intruder on disk cannot change.
    """
    if not folder.is_dir():
        raise CheckpointError(
            f"There is no checkpoint at {folder}. Restore it from a backup or train a new round."
        )
    manifest = _read_json(folder / MANIFEST)
    if expected is not None and manifest_sha256(folder) != expected:
        raise _damaged(folder, "its manifest is not the one that was published")
    if manifest != _hashes(folder):
        raise _damaged(folder, "its files do not match its manifest")
    return _facts(folder)


def load(
    checkpoint: Path,
    encoders_root: Path,
    features_root: Path | None = None,
    expected: str | None = None,
    exact: bool = True,
) -> TextModel:
    """The trained model, verified. `head` needs its encoder: under `encoders_root`, or where it was.

    features_root: where features are kept; texts encoded there before cost nothing, and get the features that
    rounds train on (int8 on a CPU). Without it texts are encoded in fp32, as an exported model does, or where that
    need not be `exact` by the engine of the rounds, and nothing is kept.
    """
    about = verify(checkpoint, expected)
    if about.classifier == "head":
        from learner.classifiers.head import HeadModel

        encode = _encode(about, encoders_root, features_root, exact)
        return HeadModel.read(checkpoint / MODEL, about.labels, encode)
    from learner.classifiers.tuned_model import TunedModel

    return TunedModel.read(checkpoint / MODEL, about.labels)


def encoder_of(about: Facts, root: Path) -> Encoder:
    """The encoder a head was trained on; CheckpointError when it is gone or no longer the same."""
    different = False
    for name in (about.encoder, about.encoder_folder):
        try:
            encoder = encoders.resolve(root, name)
        except EncoderError:
            continue
        if encoder.sha256 == about.encoder_sha256 and asdict(encoder.settings) == _settings(about):
            return encoder
        different = True
    how = "has changed since" if different else "is missing"
    raise CheckpointError(
        f"The encoder {about.encoder!r} that this model was trained on {how}. "
        f"Put the former one back with `winnow encoder add {about.encoder}`, or train a new round."
    )


def _settings(about: Facts) -> dict[str, Any]:
    """As the encoder has them: JSON made a list of the tuple of layers."""
    return {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in about.encoder_settings.items()
    }


def _encode(about: Facts, encoders_root: Path, features_root: Path | None, exact: bool) -> Encode:
    encoder = encoder_of(about, encoders_root)
    if features_root is not None:
        return features.FeatureCache(features_root, encoder).encode

    def encode(texts: Sequence[str], progress: Progress = silent) -> Floats:
        # Exact is fp32, so that an exported graph gives the same labels; int8 features flip two in a hundred.
        return encode_texts(encoder, texts, progress, exact)

    return encode


def _facts(folder: Path) -> Facts:
    values = _read_json(folder / FACTS)
    try:
        if values.pop("format") != FORMAT:
            raise _damaged(folder, "it was written by another version of Winnow")
        about = Facts(**values)
    except (KeyError, TypeError) as problem:
        raise _damaged(folder, f"{FACTS} is not complete") from problem
    strings = (about.encoder, about.encoder_sha256, about.encoder_folder, *about.labels)
    sound = (
        about.classifier in CLASSIFIERS and len(about.labels) > 1 and all(isinstance(s, str) for s in strings)
    )
    if not sound or not isinstance(about.encoder_settings, dict):
        raise _damaged(folder, f"{FACTS} says what no round writes")
    return about


def _damaged(folder: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"The checkpoint {folder.name} cannot be used: {why}. Restore it from a backup or train a new round."
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.is_symlink() or path.stat().st_size > JSON_LIMIT:
            raise _damaged(path.parent, f"{path.name} is not one of ours")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise _damaged(path.parent, f"{path.name} is missing or unreadable") from problem
    if not isinstance(values, dict):
        raise _damaged(path.parent, f"{path.name} is not one of ours")
    return values


def _hashes(folder: Path) -> dict[str, str]:
    """sha256 of every file but the manifest, by its path in the folder; a link is never followed."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise _damaged(folder, f"{path.name} is a link or a device")
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != MANIFEST:
            hashes[name] = _sha256(path)
    return hashes


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        _fsync(path)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    """Remove what a killed worker left half written under this name."""
    for left in folder.parent.glob(f"{TEMPORARY}{folder.name}-*"):
        shutil.rmtree(left, ignore_errors=True)
