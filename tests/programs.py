"""A program that uses the HTTP API: a token instead of a browser's session."""

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webapp.store.tokens import Token
from webapp.store.users import User


@dataclass
class Program:
    """`secret` is the token that `token` is the record of; `user` is whom it acts as."""

    client: FlaskClient
    user: User
    token: Token
    secret: str

    def get(self, address: str, **options: Any) -> TestResponse:
        return self.call("GET", address, **options)

    def post(self, address: str, body: Any = None, key: str | None = None, **options: Any) -> TestResponse:
        """JSON unless `data` is among the options; `key` goes as Idempotency-Key."""
        if body is not None:
            options["json"] = body
        return self.call("POST", address, key=key, **options)

    def delete(self, address: str) -> TestResponse:
        return self.call("DELETE", address)

    def call(self, method: str, address: str, key: str | None = None, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secret}", **options.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.client.open(f"/api/v1{address}", method=method, headers=headers, **options)
