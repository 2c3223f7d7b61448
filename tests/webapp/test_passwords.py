"""Password hashes."""

import time

import pytest
from argon2 import PasswordHasher

from webapp import passwords


def test_a_password_matches_its_hash_and_no_other() -> None:
    stored = passwords.hash_password("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,")
    assert passwords.matches(stored, "correct horse battery")
    assert not passwords.matches(stored, "correct horse batterz")
    assert not passwords.needs_rehash(stored)


@pytest.mark.parametrize("stored", [None, "", "not a hash", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"])
def test_nothing_matches_what_is_no_hash(stored: str | None) -> None:
    assert not passwords.matches(stored, "nobody has this password")


def test_a_hash_with_older_parameters_asks_to_be_made_again() -> None:
    assert passwords.needs_rehash(
        PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("a password")
    )


def test_a_huge_password_is_refused_without_hashing_it() -> None:
    stored = passwords.hash_password("a password")
    huge = "x" * 10_000_000
    start = time.process_time()
    assert not passwords.matches(stored, huge)
    assert time.process_time() - start < 0.01


def test_an_unknown_account_takes_as_long_as_a_known_one() -> None:
    stored = passwords.hash_password("a password")
    passwords.matches(None, "warm up")

    def seconds(hashed: str | None) -> float:
        start = time.process_time()
        passwords.matches(hashed, "wrong")
        return time.process_time() - start

    known, unknown = (min(seconds(each) for _ in range(3)) for each in (stored, None))
    assert unknown > known / 2
