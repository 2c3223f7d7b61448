"""Passwords as argon2id hashes: 64 MiB and three passes each."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

# Length is what makes a password strong: no rules about its characters, room for a sentence.
SHORTEST = 12
LONGEST = 1_024  # checked before hashing, so that nobody can keep the processor busy with megabytes

_hasher = PasswordHasher()
# Each hash takes 64 MiB for a moment; two at a time keep a storm of logins from taking the machine.
_slots = threading.BoundedSemaphore(2)


def hash_password(password: str) -> str:
    """The hash to store; it carries its own parameters and salt."""
    with _slots:
        return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether this is the password; takes as long for an unknown account (`stored` None) as for a known one."""
    if len(password) > LONGEST:
        return False
    with _slots:
        try:
            known = _hasher.verify(_nobodys_hash() if stored is None else stored, password)
            return known and stored is not None
        except (Argon2Error, InvalidHashError):
            return False


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with older parameters than today's."""
    return _hasher.check_needs_rehash(stored)


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
