"""Annotators as the labelling page behaves: two reviews ahead, an answer, and the next in the same breath.

Run by `run.py`, which makes the accounts; their sessions come in the file that WINNOW_LOAD names.
"""

import itertools
import json
import os
import re
from pathlib import Path
from random import expovariate
from urllib.parse import urlencode

from locust import FastHttpUser, task

PLAN = json.loads(Path(os.environ["WINNOW_LOAD"]).read_text("ascii"))
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
LEASE = re.compile(r'data-lease="([^"]+)"')
LABEL = re.compile(r'name="label" value="(\d+)"')
SCRIPT = {"X-Requested-With": "fetch", "Content-Type": "application/x-www-form-urlencoded"}
sessions = itertools.cycle(PLAN["sessions"])


class Annotator(FastHttpUser):
    """Thinks as long as a person may, then answers; reads the own history now and then."""

    def wait_time(self) -> float:
        return 0.5 + expovariate(1 / (PLAN["think"] - 0.5))

    def on_start(self) -> None:
        self.page = f"/projects/{PLAN['project']}/annotate"
        self.client.cookiejar.clear()
        # The form's own cookie comes with the first page; the session's is the account's.
        first = self.client.get(self.page, name="page", headers={"Cookie": f"winnow={next(sessions)}"})
        self.cookie = "; ".join(part.partition(";")[0] for part in self._cookies(first))
        found = CSRF.search(first.text or "")
        assert found, (first.status_code, (first.text or "")[:300])
        self.token, self.held, self.labels = found[1], [], []
        self.ahead()

    def _cookies(self, first: object) -> list[str]:
        sent = first.request.headers["Cookie"]  # type: ignore[attr-defined]
        fresh = [value for name, value in first.headers.items() if name.lower() == "set-cookie"]  # type: ignore[attr-defined]
        return [sent, *fresh]

    def send(self, path: str, name: str, form: list[tuple[str, str]]) -> str:
        body = urlencode([("csrf_token", self.token), *form])
        headers = {"Cookie": self.cookie, **SCRIPT}
        with self.client.post(path, body, name=name, headers=headers, catch_response=True) as answer:
            if answer.status_code not in (200, 204):
                answer.failure(f"{answer.status_code}")
                return ""
            return answer.text or ""

    def ahead(self) -> None:
        fresh = self.send(f"{self.page}/ahead", "one more ahead", [("have", token) for token in self.held])
        self.held += LEASE.findall(fresh)
        self.labels = self.labels or sorted(set(LABEL.findall(fresh)))

    @task(30)
    def answer(self) -> None:
        if self.held and self.labels:
            lease = self.held.pop(0)
            form = [("label", self.labels[hash(lease) % len(self.labels)]), ("seconds", "2")]
            self.send(f"/leases/{lease}/answer", "submit", form)
        self.ahead()

    @task(1)
    def history(self) -> None:
        self.client.get(f"{self.page}/history", name="history", headers={"Cookie": self.cookie})
