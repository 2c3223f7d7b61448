"""Checkpoints against their manifests, for backups and the doctor; `learner.checkpoint` would load torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webapp.backups.backup_file import MANIFEST_LIMIT, sha256

MANIFEST = "manifest.json"


def fault(folder: Path, manifest_sha256: str) -> str | None:
    """What is wrong with a checkpoint on disk, None when it is whole."""
    if not folder.is_dir():
        return "is missing"
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            return f"holds {path.name}, which is a link or a device"
        if path.is_file():
            hashes[path.relative_to(folder).as_posix()] = sha256(path)
    return disagreement(hashes, folder / MANIFEST, manifest_sha256)


def disagreement(hashes: Mapping[str, str], manifest: Path, manifest_sha256: str) -> str | None:
    """What is wrong with a checkpoint, given the hashes of its files by name."""
    if hashes.get(MANIFEST) != manifest_sha256:
        return "has no manifest, or not the one that was published"
    expected = _listed(manifest)
    found = {name: each for name, each in hashes.items() if name != MANIFEST}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    return f"does not match its manifest ({', '.join(wrong[:3])})" if wrong else None


def _listed(manifest: Path) -> dict[str, Any]:
    try:
        values = json.loads(manifest.read_text("utf-8")) if manifest.stat().st_size < MANIFEST_LIMIT else None
    except (OSError, ValueError, RecursionError):
        values = None
    return values if isinstance(values, dict) else {}
