"""Fetching an encoder from a Hugging Face hub: asked first for a few seconds only, safetensors and JSON only."""

import os
import shutil
import threading
from pathlib import Path
from typing import Any

from learner.encoder_files import JSON_FILES, WEIGHTS, WEIGHTS_INDEX
from learner.errors import EncoderError
from learner.progress import Progress

# People wait in front of a terminal: an unreachable hub is told before they wonder.
PROBE_SECONDS = 5.0


def download(hub_id: str, into: Path, progress: Progress) -> None:
    """Put weights, configuration and tokenizer into `into`; EncoderError within seconds if the hub is out of reach."""
    from huggingface_hub import snapshot_download

    revision, files = _probe(hub_id)
    if WEIGHTS not in files and WEIGHTS_INDEX not in files:
        raise EncoderError(
            f"{hub_id} has no safetensors weights; others are never loaded, since they can run code. "
            "Convert it with save_pretrained(FOLDER) where you trust it, and add that folder."
        )
    wanted = [WEIGHTS] if WEIGHTS in files else [WEIGHTS_INDEX, "model-*.safetensors"]
    progress("encode", 0, 1)
    try:
        fetched = snapshot_download(
            hub_id,
            revision=revision,
            local_dir=into / "download",
            allow_patterns=[*wanted, *JSON_FILES],
            endpoint=_endpoint(),
        )
    except Exception as error:  # huggingface_hub lets its HTTP library's errors through
        raise EncoderError(
            f"The download of {hub_id} broke off ({_first_line(error)}). Add it again."
        ) from error
    for path in Path(fetched).iterdir():
        if path.is_file():
            path.rename(into / path.name)
    shutil.rmtree(into / "download", ignore_errors=True)
    progress("encode", 1, 1)


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co")


def _probe(hub_id: str) -> tuple[str, set[str]]:
    """Current revision and file names of a model; in a thread, since a look-up of names has no time limit."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    answer: list[Any] = []

    def ask() -> None:
        try:
            answer.append(HfApi(endpoint=_endpoint()).model_info(hub_id, timeout=PROBE_SECONDS))
        except Exception as error:  # whatever it is, the caller's thread tells it
            answer.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PROBE_SECONDS + 1)
    result = answer[0] if answer else TimeoutError("no answer")
    if isinstance(result, RepositoryNotFoundError):
        raise EncoderError(
            f"The hub has no public model {hub_id!r}. Check its spelling (OWNER/NAME)."
        ) from result
    if isinstance(result, Exception):
        raise EncoderError(
            f"The hub at {_endpoint()} cannot be reached ({_first_line(result)}). "
            "Use an embedded encoder (winnow encoder add e5-small, bge-small or minilm), which needs no hub, "
            f"or fetch {hub_id} elsewhere and add its folder: winnow encoder add FOLDER"
        ) from result
    return result.sha, {file.rfilename for file in result.siblings or []}


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
