"""What the log tells of a request."""

import logging

import pytest
from flask import Flask


@pytest.mark.parametrize("path", ["/projects/3/reviews", "/api/v1/projects/3/labels"])
def test_a_line_names_the_project_that_was_asked_for(
    app: Flask, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    app.config["ACCESS_LOG"] = True
    caplog.set_level(logging.INFO, "webapp.request_record")
    app.test_client().get(f"{path}?text=secret")
    [line] = [record.getMessage() for record in caplog.records if record.name == "webapp.request_record"]
    assert line.startswith(f"GET {path} ") and "secret" not in line
