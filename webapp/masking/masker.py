"""Put tokens in the place of what the rules find, in a text or in a whole row."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from webapp.importing import EXCERPT, ColumnMap, Row
from webapp.masking.rules import RULES, Span
from webapp.store.errors import InvalidValue

# Wide letters, digits and signs as Chinese input methods type them, one for one, so that places stay the same.
_WIDE = {
    code: code - 0xFEE0
    for code in range(0xFF01, 0xFF5F)
    if chr(code - 0xFEE0).isalnum() or chr(code - 0xFEE0) in "@.-+/:()"
}
_HAS_WIDE = re.compile("[\uff10-\uff19\uff20-\uff3a\uff41-\uff5a]")
# Every find has one of these: most reviews have none, and cost nothing.
_MAY_HOLD = re.compile(r"[0-9@]|://|www\.|\bat\b|[/(\[]|wechat|weixin|微信|威信|薇信|V信|\b[wv]x", re.I)
# A number or an address that goes on behind the end of a text that was cut, and is not known for what it is.
_CUT_OFF = re.compile(r"[\d\s()+./-]*[!-~]*\Z")
# What may stand in a column of ids: a number there is an id, not a phone.
_IN_IDS = ("email",)


@dataclass(frozen=True)
class Masking:
    """What an import was told: rules by name, and whether the text as it was is kept beside the masked one."""

    rules: tuple[str, ...] = ()
    keep_original: bool = False

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> "Masking":
        """As an import job's payload says it; one that says nothing masks nothing."""
        return cls(rules_named(payload.get("mask") or ()), bool(payload.get("keep_original")))

    def to_payload(self) -> dict[str, Any]:
        """What a job's payload says of it."""
        return {"mask": list(self.rules), "keep_original": self.keep_original}


@dataclass(frozen=True)
class Masked:
    """A text with its masks, and the rule of each."""

    text: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class MaskedRow:
    """`original` is the text before, where it changed and is to be kept."""

    row: Row
    original: str | None
    rules: tuple[str, ...]


def rules_named(names: str | Iterable[str]) -> tuple[str, ...]:
    """Rules from "all", "none" or "email,phone", or from a list, in the order in which they look; InvalidValue."""
    chosen = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    if chosen == ["all"]:
        return tuple(RULES)
    if chosen in (["none"], [""], []):
        return ()
    unknown = [name for name in chosen if name not in RULES]
    if unknown:
        raise InvalidValue(
            f"There is no mask {', '.join(unknown)}. Masks: {', '.join(RULES)}, or all, or none."
        )
    return tuple(name for name in RULES if name in chosen)


class Masker:
    """Masks texts and rows by the rules of a masking; `pseudonym` stands in for ids that are addresses."""

    def __init__(self, masking: Masking, pseudonym: Callable[[str], str]) -> None:
        self._masking = masking
        self._rules = [(name, RULES[name]) for name in masking.rules]
        self._pseudonym = pseudonym

    def text(self, text: str) -> str:
        """The text with its masks."""
        return self.mask(text).text

    def excerpt(self, text: str) -> str:
        """The start of a longer text with its masks, without what may be half of a number or an address."""
        return self.text(_CUT_OFF.sub("", text, count=1) if len(text) >= EXCERPT else text)

    def mask(self, text: str) -> Masked:
        """Mask a text; where two rules find the same place, the first has it."""
        if not _MAY_HOLD.search(text) and not _HAS_WIDE.search(text):
            return Masked(text, ())
        plain = text.translate(_WIDE) if _HAS_WIDE.search(text) else text
        taken: list[tuple[Span, str]] = []
        covered = bytearray(len(text))
        for name, rule in self._rules:
            for start, end in rule.find(plain):
                if not any(covered[start:end]):
                    covered[start:end] = b"\1" * (end - start)
                    taken.append(((start, end), name))
        if not taken:
            return Masked(text, ())
        taken.sort()
        pieces, last = [], 0
        for (start, end), name in taken:
            pieces += [text[last:start], RULES[name].token]
            last = end
        return Masked("".join([*pieces, text[last:]]), tuple(name for _, name in taken))

    def row(self, row: Row, columns: ColumnMap) -> MaskedRow:
        """Mask the text and every column without a role; ids that hold an e-mail address become pseudonyms."""
        cells = dict(row.cells)
        # The text is masked whatever else its column is.
        known = {column for column in vars(columns).values() if column and column != columns.text}
        found: list[str] = []
        for column, value in row.cells.items():
            if not value or column in known:
                continue
            masked = self.mask(value)
            cells[column] = masked.text
            found += masked.rules
        for column in filter(None, (columns.author, columns.id)):
            if any(name in _IN_IDS for name in self.mask(cells.get(column, "")).rules):
                cells[column] = self._pseudonym(cells[column])
                found.append("email")
        text = row.cells.get(columns.text or "", "")
        changed = text != cells.get(columns.text or "", "")
        return MaskedRow(
            Row(row.number, cells), text if changed and self._masking.keep_original else None, tuple(found)
        )
