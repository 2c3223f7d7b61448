"""The rules by name, in the order in which they look: an earlier one's finds are no longer there for a later one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from webapp.masking import addresses, numbers, phones

Span = tuple[int, int]


@dataclass(frozen=True)
class Rule:
    """`token` stands for each find, in every language the same, so that masked texts stay comparable."""

    token: str
    words: str
    find: Callable[[str], Iterator[Span]]


RULES = {
    "url": Rule("[link]", "web addresses", addresses.find_urls),
    "email": Rule("[e-mail]", "e-mail addresses", addresses.find_emails),
    "iban": Rule("[IBAN]", "bank accounts (IBAN)", numbers.find_ibans),
    "order": Rule("[order no.]", "order, parcel and invoice numbers", numbers.find_orders),
    "id": Rule("[ID no.]", "ID numbers (Chinese resident ID, US social security)", numbers.find_ids),
    "card": Rule("[card no.]", "payment cards", numbers.find_cards),
    "phone": Rule("[phone]", "phone numbers", phones.find_phones),
    "chat": Rule("[chat ID]", "WeChat and QQ names", addresses.find_chats),
}
