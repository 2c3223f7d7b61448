"""Tell a person again without keeping who it was: keyed hashes under the instance's secret key."""

import hashlib
import hmac
import re

from webapp.instance import Instance, secret_key

PSEUDONYM = re.compile(r"person-[0-9a-f]{20}")


class SubjectKeys:
    """Keys of customers and annotators. Whoever has the secret key can tell whether a name belongs to one."""

    def __init__(self, instance: Instance) -> None:
        self._secret = secret_key(instance).encode()

    def pseudonym(self, author: str) -> str:
        """What stands for a customer's id where that id must not be kept; always the same for the same id."""
        if PSEUDONYM.fullmatch(author):
            return author
        return f"person-{self._hash('author', author).hex()[:20]}"

    def customer(self, author: str) -> bytes:
        """The key of a customer, by id or by pseudonym alike."""
        return self._hash("customer", self.pseudonym(author))

    def annotator(self, name: str, created_at: str) -> bytes:
        """The key of an account; another account that takes the name later has another key."""
        return self._hash("annotator", f"{name}\0{created_at}")

    def _hash(self, what: str, subject: str) -> bytes:
        message = f"winnow\0{what}\0{subject}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, message, hashlib.sha256).digest()
