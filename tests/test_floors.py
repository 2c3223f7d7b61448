"""No dependency below the release that closed a known hole: declared, pinned and installed.

pip-audit needs a feed of advisories, which a closed network has not: this list is kept by hand.
"""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The first release without the hole, and the hole.
FLOORS = {
    "flask": ("3.1.3", "GHSA-68rp-wp8r-4726: private pages in shared caches"),
    "werkzeug": ("3.1.6", "CVE-2024-49767, CVE-2025-66221, CVE-2026-27199: form memory, safe_join"),
    "jinja2": ("3.1.6", "CVE-2025-27516: out of the sandbox"),
    "gunicorn": ("27.0.1", "CVE-2024-6827: request smuggling; and lost keep-alive requests at a stop"),
    "sqlite-utils": ("4.2.1", "transform() fired cascades"),
    "torch": ("2.10", "CVE-2025-32434, CVE-2026-24747: code from weights"),
    "transformers": ("5.3", "CVE-2026-4372, CVE-2026-5241: code from config.json"),
    "onnx": ("1.20", "CVE-2024-5187, CVE-2025-51480: path traversal"),
    "pyarrow": ("22", "CVE-2023-47248: code from files"),
    "scikit-learn": ("1.7", "CVE-2024-5206: training data in attributes"),
    "joblib": ("1.2", "CVE-2022-21797: eval"),
    "urllib3": ("2.6.3", "CVE-2025-66471, CVE-2026-21441: decompression bombs"),
    "requests": ("2.32.4", "CVE-2024-47081: credentials to others"),
    "h11": ("0.16", "CVE-2025-43859: chunked bodies"),
    "protobuf": ("6.31.1", "CVE-2025-4565: recursion"),
    "filelock": ("3.20.3", "CVE-2025-68146: links"),
    "markdown-it-py": ("2.2", "CVE-2023-26303: crash"),
    "idna": ("3.7", "CVE-2024-3651: time"),
    "certifi": ("2024.7.4", "CVE-2024-39689: a root that is not trusted"),
}
# Affected by the WAL-reset race; gone from the registry.
NEVER = ("pysqlite3-binary", "torchtext")


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version; what comes after them counts for nothing here."""
    return tuple(int(part) for part in re.match(r"\d+(?:\.\d+)*", version)[0].split("."))  # type: ignore[index]


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return {name.lower(): version for name, _, version in (line.partition("==") for line in lines) if version}


def declared() -> dict[str, str]:
    """The lower bound of each direct dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    bounds = (re.match(r"([\w.-]+)[>=]=([\d.]+)", each) for each in project["dependencies"])
    return {found[1].lower(): found[2] for found in bounds if found}


def installed(name: str) -> str | None:
    """None for what only the load tests need, where nobody installed them."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@pytest.mark.parametrize("name", FLOORS)
def test_nothing_is_declared_pinned_or_installed_below_its_floor(name: str) -> None:
    floor, hole = FLOORS[name]
    versions = {
        "declared": declared().get(name, floor),
        "pinned": pinned()[name],
        "installed": installed(name) or floor,
    }
    below = {where: version for where, version in versions.items() if release(version) < release(floor)}
    assert below == {}, f"{name} {floor}: {hole}"


def test_every_direct_dependency_is_pinned_and_none_is_forbidden() -> None:
    assert {name.replace("_", "-") for name in declared()} <= {name.replace("_", "-") for name in pinned()}
    assert set(NEVER) & set(pinned()) == set()
