"""A checkpoint whose writer is killed at any step is there whole or not at all, and the next one completes it."""

import os
import signal
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from learner import checkpoint
from learner.classifiers.head import HeadModel
from learner.encoders import Encoder
from learner.encoding import encode_texts
from learner.errors import CheckpointError
from learner.settings import RoundSettings

LABELS = ["negative", "positive"]


def a_head(encoder: Encoder, seed: int) -> HeadModel:
    coef = np.random.default_rng(seed).normal(size=(2, encoder.dimensions)).astype(np.float32)
    encode = lambda texts, progress=None: encode_texts(encoder, texts)  # noqa: E731
    return HeadModel(LABELS, encode, coef, np.zeros(2, np.float32))


def write(folder: Path, encoder: Encoder, seed: int) -> str:
    about = checkpoint.facts(RoundSettings(seed=seed), LABELS, encoder)
    return checkpoint.save(folder, about, a_head(encoder, seed))


def killed_at(step: int, folder: Path, encoder: Encoder) -> bool:
    """Write in a process that is killed when it touches the disk for the n-th time; False when it came through."""
    pid = os.fork()
    if pid:
        return os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    steps = count(1)

    def strike(event: str, args: tuple[object, ...]) -> None:
        if str(folder.parent) in str(args) and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(strike)
    write(folder, encoder, seed=step)
    os._exit(0)


def test_killed_at_every_step_it_is_whole_or_absent_and_the_old_one_stays(
    tmp_path: Path, tiny_encoder: Encoder, encoders_root: Path
) -> None:
    old = tmp_path / "checkpoints" / "old"
    manifest = write(old, tiny_encoder, seed=0)
    for step in count(1):
        folder = old.with_name(f"new-{step}")
        killed = killed_at(step, folder, tiny_encoder)
        assert step < 200
        checkpoint.load(old, encoders_root, expected=manifest)
        if folder.exists():
            assert checkpoint.verify(folder).settings["seed"] == step
        elif not killed:
            pytest.fail("a writer that came through left nothing")
        write(folder, tiny_encoder, seed=1_000)
        assert checkpoint.verify(folder).settings["seed"] == 1_000
        assert {path.name for path in old.parent.iterdir()} == {
            "old",
            *(f"new-{each + 1}" for each in range(step)),
        }
        if not killed:
            break
    assert step > 15


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is flushed and renamed, in order."""
    seen: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def note_fsync(descriptor: int) -> None:
        seen.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        fsync(descriptor)

    def note_rename(path: Path, target: Path) -> Path:
        seen.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", note_rename)
    return seen


def test_every_file_and_folder_is_on_disk_before_the_name_and_the_name_before_it_is_told(
    tmp_path: Path, tiny_encoder: Encoder, flushed: list[str]
) -> None:
    write(tmp_path / "checkpoints" / "7", tiny_encoder, seed=0)
    named = flushed.index("rename")
    before, after = set(flushed[:named]), flushed[named + 1 :]
    files = {"manifest.json", "checkpoint.json", "model", "head.safetensors"}
    assert {f"fsync {name}" for name in files} <= before
    assert any(name.startswith("fsync .writing-7-") for name in before)
    assert after == ["fsync checkpoints"]


def test_a_mix_of_two_versions_is_never_loaded(
    tmp_path: Path, tiny_encoder: Encoder, encoders_root: Path
) -> None:
    one, other = tmp_path / "checkpoints" / "1", tmp_path / "checkpoints" / "2"
    manifest = write(one, tiny_encoder, seed=1)
    write(other, tiny_encoder, seed=2)
    for name in ("model/head.safetensors", "checkpoint.json", "manifest.json"):
        kept = (one / name).read_bytes()
        (one / name).write_bytes((other / name).read_bytes())
        with pytest.raises(CheckpointError):
            checkpoint.load(one, encoders_root, expected=manifest)
        (one / name).write_bytes(kept)
    checkpoint.load(one, encoders_root, expected=manifest)
