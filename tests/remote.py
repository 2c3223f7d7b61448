"""An annotator before a real server, who sends each answer until the server has said what became of it."""

import http.client
import json
import random
import re
import time
from typing import Any
from urllib.parse import urlencode

TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')
HELD = re.compile(r'data-held="([^"]*)"')
RETRY_SECONDS = 0.02
PATIENCE_SECONDS = 60


class Remote:
    """`acknowledged` holds what the server said it had stored; `waits` the seconds of each answer that came through."""

    def __init__(self, port: int, session: str, labels: list[int], project: int = 1) -> None:
        self.port, self.session, self.labels, self.project = port, session, labels, project
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.refused = self.cut_off = 0
        self.waits: list[float] = []
        self._cookies = {"winnow": session}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._held: list[str] = []
        found = TOKEN.search(self._insist("GET", f"/projects/{project}/annotate", {})[1])
        assert found, "the page has no form"
        self._token = found[1]

    def answer(self, draw: random.Random) -> bool:
        """Answer the next review; False when there is none."""
        if not self._held:
            _, text = self._post(f"/projects/{self.project}/annotate/ahead", {})
            held = HELD.search(text)
            assert held, text[:300]
            self._held = held[1].split()
            if not self._held:
                return False
        lease, label = self._held.pop(0), draw.choice([*self.labels, None])
        form = {"label": str(label)} if label else {"skip": "unclear"}
        began = time.perf_counter()
        status, text = self._post(f"/leases/{lease}/answer", form)
        if status == 200:
            self.waits.append(time.perf_counter() - began)
            told = {
                "annotation": json.loads(text)["annotation"],
                "lease": lease,
                "label": label,
                "undone": False,
            }
            assert lease not in self.acknowledged
            self.acknowledged[lease] = told
        else:
            self.refused += 1
        return True

    def _post(self, path: str, form: dict[str, str]) -> tuple[int, str]:
        return self._insist("POST", path, {"csrf_token": self._token, **form})

    def _insist(self, method: str, path: str, form: dict[str, str]) -> tuple[int, str]:
        """Again and again while the server is away or busy."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                status, text = self._once(method, path, form)
                if status < 500:
                    return status, text
            except (OSError, http.client.HTTPException):
                self._connection.close()
            self.cut_off += 1
            assert time.monotonic() < deadline, "the server does not come back"
            time.sleep(RETRY_SECONDS)

    def _once(self, method: str, path: str, form: dict[str, str]) -> tuple[int, str]:
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
            "Content-Type": "application/x-www-form-urlencoded",
        } | ({"X-Requested-With": "fetch"} if method == "POST" else {})
        self._connection.request(method, path, urlencode(form), headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        for each in response.headers.get_all("Set-Cookie") or []:
            name, _, value = each.partition(";")[0].partition("=")
            self._cookies[name] = value
        return response.status, text
