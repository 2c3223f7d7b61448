"""A hub of our own on this machine: what is fetched from one, and what is not."""

import json
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from learner import encoders
from learner.encoders import Encoder
from learner.errors import EncoderError

COMMIT = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """Serves the files of `folder` as someone/tiny; every other model is unknown."""

    folder: Path
    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        self.asked.append(self.path)
        path = self.path.split("?")[0]
        if path.startswith(f"/api/models/someone/tiny/tree/{COMMIT}"):
            files = sorted(self.folder.iterdir())
            listed = [
                {"type": "file", "path": f.name, "size": f.stat().st_size, "oid": "0" * 40} for f in files
            ]
            content = json.dumps(listed).encode()
        elif path.startswith("/api/models/someone/tiny"):
            names = [{"rfilename": file.name} for file in self.folder.iterdir()]
            content = json.dumps({"id": "someone/tiny", "sha": COMMIT, "siblings": names}).encode()
        elif path.startswith(f"/someone/tiny/resolve/{COMMIT}/"):
            content = (self.folder / path.rsplit("/", 1)[1]).read_bytes()
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{sha256(content).hexdigest()[:40]}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing to standard error."""


@pytest.fixture
def hub(tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    folder = tmp_path / "hub"
    folder.mkdir()
    for file in tiny_encoder_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    handler = type("HubOfTheTest", (Hub,), {"folder": folder, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield handler
        server.shutdown()


def test_weights_configuration_and_tokenizer_are_fetched_and_nothing_else(
    hub: type[Hub], tiny_encoder: Encoder, tmp_path: Path
) -> None:
    root = tmp_path / "encoders"
    added = encoders.add(root, "someone/tiny")
    assert added.sha256 == tiny_encoder.sha256
    assert added.name == "someone--tiny"
    assert encoders.resolve(root, "someone/tiny") == added
    assert not any("pytorch_model" in path for path in hub.asked)
    assert sorted(path.name for path in added.folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "winnow-encoder.json",
    ]


def test_a_model_without_safetensors_is_refused_before_any_download(hub: type[Hub], tmp_path: Path) -> None:
    (hub.folder / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match="no safetensors weights"):
        encoders.add(tmp_path / "encoders", "someone/tiny")
    assert not any("resolve" in path for path in hub.asked)


@pytest.mark.usefixtures("hub")
def test_an_unknown_model_is_told_apart_from_an_unreachable_hub(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="no public model"):
        encoders.add(tmp_path / "encoders", "someone/other")
