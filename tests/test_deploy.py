"""What deploy/ promises: no rights beyond what Winnow needs, and nothing shown that should not be."""

import re
from pathlib import Path

import pytest

from webapp import defaults

DEPLOY = Path(__file__).parents[1] / "deploy"


def settings(name: str) -> dict[str, str]:
    lines = (DEPLOY / name).read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def test_the_unit_runs_as_an_account_without_rights() -> None:
    unit = settings("winnow.service")
    assert unit["User"] == "winnow"
    assert (unit["NoNewPrivileges"], unit["CapabilityBoundingSet"]) == ("true", "")
    assert (unit["ProtectSystem"], unit["ProtectHome"], unit["UMask"]) == ("strict", "true", "0077")
    assert unit["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert int(unit["TimeoutStopSec"]) > 25, "longer than webapp.serving.supervise waits itself"


def test_the_container_runs_as_a_user_without_rights_and_holds_no_secret() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    *_, last = text.split("\nFROM ")
    assert re.search(r"^USER [1-9]\d+$", last, re.M), "a number: Kubernetes can see that it is not root"
    assert last.index("\nUSER") < last.index("\nCMD")
    assert "HEALTHCHECK" in last
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert ignored[0] == "*" and "!instance" not in ignored


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        ("nginx.conf", r"^ *location = /metrics \{\s+return 404;\s+\}"),
        ("Caddyfile", r"^\trespond /metrics 404$"),
    ],
)
def test_the_proxies_hide_the_figures_and_limit_bodies(name: str, hidden: str) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    assert re.search(hidden, text, re.M)
    sizes = re.findall(r"(?:client_max_body_size|max_size) (\d+)(\w+)", text)
    units = {"m": 1024**2, "MB": 1000**2, "g": 1024**3, "GiB": 1024**3}
    small, large = sorted(int(number) * units[unit] for number, unit in sizes)
    assert defaults.MAX_CONTENT_LENGTH <= small < 2 * defaults.MAX_CONTENT_LENGTH
    assert large == defaults.MAX_UPLOAD_LENGTH
