"""gunicorn's own configuration, beside its command line in supervise.py: logs, and figures of all processes.

Every name here that gunicorn has a setting for is that setting.
"""

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from webapp import instance_lock, logs
from webapp.instance import locate

FIGURES = ".figures"
# prometheus_client reads it when it is imported, in each process that serves.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(locate().folder / FIGURES / str(os.getpid()))
logs.set_up()


class logger_class(Logger):  # type: ignore[misc]
    """gunicorn's lines in our format."""

    def setup(self, cfg: Any) -> None:
        """As gunicorn does it, then with our formatter."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter())


def on_starting(server: Any) -> None:
    """Hold the instance for as long as this server or one of its processes lives; begin the figures anew."""
    instance = locate()
    instance_lock.share(instance)
    folder = instance.folder / FIGURES
    for left in folder.glob("*"):
        if not Path(f"/proc/{left.name}").exists():
            shutil.rmtree(left, ignore_errors=True)
    Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(parents=True, exist_ok=True, mode=0o700)


def on_exit(server: Any) -> None:
    """Leave nothing behind."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
    logging.shutdown()
