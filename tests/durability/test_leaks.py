"""Hundreds of requests leave no connection and no file open (D22)."""

import gc
import os

import psutil
import pytest
from builders import a_project, an_annotation, the_user
from sqlite_utils import Database
from visitor import Browser

REQUESTS = int(os.environ.get("WINNOW_TEST_REQUESTS", "600"))
PAGES = ("/projects/1/annotate", "/projects/1/exports/labels.csv", "/nowhere", "/account", "/healthz")


@pytest.mark.parametrize("read", [True, False])
def test_the_number_of_open_files_stays_the_same(web_db: Database, admin: Browser, read: bool) -> None:
    """Also when a download is left before its end."""
    project = a_project(web_db)
    an_annotation(web_db, project, the_user(admin))
    process = psutil.Process()

    def visit(times: int) -> int:
        for number in range(times):
            answered = admin.get(PAGES[number % len(PAGES)], buffered=read)
            if not read:
                next(iter(answered.response), None)
            answered.close()
        gc.collect()
        return process.num_fds()

    before = visit(50)
    assert visit(REQUESTS // 2) <= before
