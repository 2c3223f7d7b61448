import json
from collections.abc import Callable

from click.testing import Result
from sqlite_utils import Database

from webapp.store import tokens
from webapp.store.connection import utc_now

Winnow = Callable[..., Result]


def test_a_token_is_created_listed_and_revoked(winnow: Winnow, db: Database) -> None:
    made = winnow("token", "create", "root", "--scope", "read,annotate", "--scope", "admin", "--days", "7")
    secret = made.stdout.split()[-1]
    found = tokens.holder(db, secret, utc_now())
    assert found is not None
    assert found[0].scopes == ("annotate", "read", "admin")
    (listed,) = json.loads(winnow("token", "list", "--json").stdout)
    assert listed["state"] == "active" and listed["user"] == "root"
    assert secret not in winnow("token", "list").stdout
    assert winnow("token", "revoke", listed["id"]).exit_code == 0
    assert tokens.holder(db, secret, utc_now()) is None


def test_what_is_wrong_with_a_token_is_said(winnow: Winnow, db: Database) -> None:
    winnow("user", "add", "ada", "--role", "annotator")
    assert winnow("token", "create", "root").exit_code == 2
    assert winnow("token", "create", "root", "--scope", "everything").exit_code == 2
    assert winnow("token", "create", "nobody", "--scope", "read").exit_code == 1
    assert winnow("token", "create", "ada", "--scope", "admin").exit_code == 1
    assert winnow("token", "revoke", "99").exit_code == 1
    assert winnow("token", "revoke", 2**63).exit_code == 2
