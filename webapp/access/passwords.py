"""Passwords: argon2id hashes of 64 MiB and three passes each, and what makes one too easy to guess."""

import re
import threading
from collections.abc import Iterable
from functools import cache
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

Weakness = Literal["short", "long", "easy", "named"]

# Length is what makes a password strong: no rules about its characters, room for a sentence.
SHORTEST = 12
LONGEST = 1_024  # checked before hashing, so that nobody can keep the processor busy with megabytes
# What zxcvbn needs to guess it, with its lists of leaked passwords, names and words: its highest mark.
FEWEST_GUESSES = 10**10
# A longer one is judged by its beginning: where signs stand for letters, as in p@$$w0rd, zxcvbn takes seconds for 72.
LOOKED_AT = 40
# Words of this place that an attacker tries first, beside the person's and the server's names.
OWN_WORDS = ("winnow", "annotator", "admin", "review", "label", "www", "http", "https")
LEFT_OVER = 4  # letters that must remain once such words are taken out

_hasher = PasswordHasher()
# Each hash takes 64 MiB for a moment; two at a time keep a storm of logins from taking the machine.
_slots = threading.BoundedSemaphore(2)


def weakness(password: str, names: Iterable[str] = ()) -> Weakness | None:
    """Why a new password will not do, None when it will; `names` are the person's and those of the server."""
    if len(password) < SHORTEST:
        return "short"
    if len(password) > LONGEST:
        return "long"
    words = sorted({*OWN_WORDS, *_parts(names)}, key=len, reverse=True)
    rest = password.casefold()
    for word in words:
        rest = rest.replace(word, "")
    if sum(character.isalpha() for character in rest) < LEFT_OVER and rest != password.casefold():
        return "named"
    from zxcvbn import zxcvbn  # its lists take a moment to load, and few requests need them

    guessed = zxcvbn(password[:LOOKED_AT], user_inputs=words)
    return "easy" if guessed["guesses"] < FEWEST_GUESSES else None


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


def _parts(names: Iterable[str]) -> set[str]:
    """The words in names: of label.example.org the three, of "Ada Lovelace" both."""
    return {part for name in names for part in re.findall(r"\w{2,}", name.casefold())}


@cache
def _nobodys_hash() -> str:
    return _hasher.hash("nobody has this password")
