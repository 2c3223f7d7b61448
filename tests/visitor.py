"""A test client that behaves like a browser with our pages: it sends each form's token, and speaks htmx if asked."""

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp.store.users import User

TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')
HTMX = {"HX-Request": "true"}
SCRIPT = {"X-Requested-With": "fetch"}


class Browser:
    """`user` is who is logged in, None when nobody is."""

    def __init__(self, client: FlaskClient, user: User | None = None) -> None:
        self.client = client
        self.user = user

    def get(self, address: str, htmx: bool = False, **options: Any) -> TestResponse:
        return self.client.get(address, headers=HTMX if htmx else {}, **options)

    def post(
        self,
        address: str,
        data: dict[str, Any] | None = None,
        htmx: bool = False,
        script: bool = False,
        **options: Any,
    ) -> TestResponse:
        """Send a form with its token; `data` may hold files as (stream, name). `script`: as the labelling page does."""
        form = {"csrf_token": self.token(), **(data or {})}
        headers = (HTMX if htmx else {}) | (SCRIPT if script else {})
        return self.client.post(address, data=form, headers=headers, **options)

    def token(self) -> str:
        """The token of this visitor's forms."""
        found = TOKEN.search(self.client.get("/account", follow_redirects=True).text)
        assert found, "the page has no form"
        return found[1]
