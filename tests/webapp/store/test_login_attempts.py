"""Failed logins, counted where all processes see them; what a server makes of them: tests/webapp/test_guessing.py."""

from datetime import timedelta

from builders import NOON
from sqlite_utils import Database

from webapp.store import login_attempts


def test_nobody_is_kept_out_by_tries_from_before_the_clock_was_set_back(db: Database) -> None:
    ahead = NOON + timedelta(days=366)
    for _ in range(login_attempts.LIMIT_PER_NAME_AND_ADDRESS):
        assert isinstance(login_attempts.begin(db, "ada", "203.0.113.7", ahead), int)
    blocked = login_attempts.begin(db, "ada", "203.0.113.7", ahead)
    assert blocked == ahead + login_attempts.WINDOW
    assert isinstance(login_attempts.begin(db, "ada", "203.0.113.7", NOON), int)
