"""The masks in the words of whoever reads the page."""

from dataclasses import dataclass

from flask_babel import gettext as _

from webapp.masking import RULES


@dataclass(frozen=True)
class RuleWords:
    """What a mask hides, and what stands there instead."""

    words: str
    token: str


def rule_words() -> dict[str, RuleWords]:
    """Every mask by name."""
    words = {
        "url": _("Web addresses"),
        "email": _("E-mail addresses"),
        "iban": _("Bank accounts (IBAN)"),
        "order": _("Order, parcel and invoice numbers"),
        "id": _("ID numbers (China, USA)"),
        "card": _("Payment cards"),
        "phone": _("Phone numbers"),
        "chat": _("WeChat and QQ names"),
    }
    return {name: RuleWords(words[name], rule.token) for name, rule in RULES.items()}
