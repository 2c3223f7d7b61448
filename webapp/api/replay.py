"""Idempotency-Key: what is created once is answered again as often as it is asked for."""

import hashlib
from collections.abc import Callable
from typing import Any

from flask import Response, json, make_response, request
from werkzeug.exceptions import BadRequest

from webapp.api.access import the_token
from webapp.clock import now
from webapp.db import get_db
from webapp.store import idempotency
from webapp.store.connection import write_transaction
from webapp.store.idempotency import Kept

HEADER = "Idempotency-Key"
KEY_LIMIT = 255


def once(create: Callable[[], dict[str, Any]], status: int = 201) -> Response:
    """Create and answer; under a key that came before, the answer of that time.

    What is created and what is answered are stored together or not at all, so a reply that was lost on the way can
    be asked for again.
    """
    sent = key()
    if sent is None:
        return answer(Kept(status, json.dumps(create())))
    with write_transaction(get_db()):
        earlier = find(sent, request_hash(request.get_data()))
        if earlier is None:
            made = Kept(status, json.dumps(create()))
            keep(sent, request_hash(request.get_data()), made)
    return answer(earlier, replayed=True) if earlier is not None else answer(made)


def key() -> str | None:
    """The key that came; BadRequest for one that cannot be a header's."""
    sent = request.headers.get(HEADER)
    if sent is not None and not (0 < len(sent) <= KEY_LIMIT and sent.isascii() and sent.isprintable()):
        raise BadRequest(f"An {HEADER} has 1 to {KEY_LIMIT} printable ASCII characters.")
    return sent


def request_hash(body: bytes) -> bytes:
    """What makes a request the same: method, address with its query, body."""
    head = f"{request.method} {request.path}?{request.query_string.decode('latin-1')}\n"
    return hashlib.sha256(head.encode() + body).digest()


def find(sent: str, digest: bytes) -> Kept | None:
    """What was answered under this key; KeyReused for another request's."""
    return idempotency.find(get_db(), the_token().id, sent, digest, now())


def keep(sent: str, digest: bytes, made: Kept) -> None:
    """Keep an answer under this key, inside the transaction that creates."""
    idempotency.keep(get_db(), the_token().id, sent, digest, made, now())


def answer(kept: Kept, replayed: bool = False) -> Response:
    """The very bytes of the first time; a header tells a repetition."""
    response = make_response(kept.body, kept.status)
    response.mimetype = "application/json"
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
