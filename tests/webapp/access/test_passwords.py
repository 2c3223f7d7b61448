"""Password hashes, and passwords that are too easy to guess."""

import threading
import time

import psutil
import pytest
from argon2 import PasswordHasher
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from webapp.access import passwords


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


def _seconds(stored: str | None, password: str) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        passwords.matches(stored, password)
        best = min(best, time.process_time() - start)
    return best


def test_a_huge_password_is_refused_without_hashing_it() -> None:
    stored, huge = passwords.hash_password("a password"), "x" * 10_000_000
    assert not passwords.matches(stored, huge)
    assert _seconds(stored, huge) < _seconds(stored, "wrong") / 2


def test_an_unknown_account_takes_as_long_as_a_known_one() -> None:
    stored = passwords.hash_password("a password")
    passwords.matches(None, "warm up")
    assert _seconds(None, "wrong") > _seconds(stored, "wrong") / 2


def test_eight_logins_at_once_take_the_memory_of_two() -> None:
    stored = passwords.hash_password("a password")
    process, done = psutil.Process(), threading.Event()
    before = highest = process.memory_info().rss
    threads = [threading.Thread(target=passwords.matches, args=(stored, f"guess {n}")) for n in range(8)]
    ended = threading.Thread(target=lambda: ([each.join() for each in threads], done.set()))
    for each in (*threads, ended):
        each.start()
    while not done.wait(0.001):
        highest = max(highest, process.memory_info().rss)
    # Two slots of 64 MiB, and room for what else the process does meanwhile.
    assert highest - before < 180 * 2**20


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elevensigns", "short"),
        ("x" * 1025, "long"),
        ("password12345", "easy"),
        ("Chickenwing101", "easy"),
        ("qwertyuiop[]", "easy"),
        ("internationalization", "easy"),
        ("aaaaaaaaaaaaaaaa", "easy"),
        ("winnow2026!!!", "named"),
        ("ada-winnow-2026", "named"),
        ("Lovelace.Lovelace", "named"),
        ("https://label.example.org", "named"),
    ],
)
def test_what_others_would_guess_is_refused(password: str, why: str) -> None:
    assert passwords.weakness(password, ["Ada Lovelace", "label.example.org"]) == why


@pytest.mark.parametrize(
    "password",
    [
        "nine quiet herons",
        "correct horse battery staple " * 30,
        "九只安静的苍鹭站在水里看着月亮",
        " spaces count too ok ",
        "ада и девять цапель",
        "x9$Kq!v2@Lm4",
    ],
)
def test_any_signs_will_do_where_there_are_enough(password: str) -> None:
    assert passwords.weakness(password, ["Ada Lovelace"]) is None


def test_every_common_password_that_is_long_enough_is_refused() -> None:
    common = [word for word in FREQUENCY_LISTS["passwords"] if len(word) >= passwords.SHORTEST]
    assert len(FREQUENCY_LISTS["passwords"]) >= 3_000 and len(common) > 200
    assert [word for word in common if passwords.weakness(word) is None] == []
