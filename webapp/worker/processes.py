"""Which process is which: a number comes again after a restart, the moment of its start does not."""

import ctypes
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from webapp.store.deaths import Holder

PROC = Path("/proc")
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ProcessName:
    """What tells a process from any other that had its number; empty where the system does not say."""

    host: str
    pid: int
    boot: str
    born: str


def this_process() -> ProcessName:
    """The process that asks."""
    return ProcessName(socket.gethostname(), os.getpid(), boot_id(), _born(os.getpid()))


def boot_id() -> str:
    """Another one after each start of the machine."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def is_gone(holder: Holder) -> bool:
    """Whether that process surely ended; what another machine or container runs is not ours to judge."""
    if holder.host != socket.gethostname() or not holder.boot or not holder.born:
        return False
    if holder.boot != boot_id():
        return True
    if holder.born.partition(":")[0] != _namespace():
        return False
    return holder.born != _born(holder.pid)


def die_with_parent(number: signal.Signals) -> None:
    """Ask Linux to send this process that signal when its parent ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def _born(pid: int) -> str:
    """The container of a process and its start in ticks since the machine's; empty when it is over."""
    try:
        # The name in parentheses may hold anything; state and start are counted from its end.
        words = (PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if words[0] in "ZX" else f"{_namespace()}:{words[19]}"


def _namespace() -> str:
    try:
        return os.readlink(PROC / "self/ns/pid").strip("pid:[]")
    except OSError:
        return ""
