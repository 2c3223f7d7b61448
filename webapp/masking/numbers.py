"""Numbers that say who or what was paid: accounts, cards, ID and order numbers. Check digits tell them from others."""

import re
from collections.abc import Iterator

from stdnum import iban, luhn
from stdnum.cn import ric
from stdnum.exceptions import ValidationError
from stdnum.us import ssn

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{2,4}){3,9}(?![A-Za-z0-9])")
_SHORTEST_IBAN = 15
_RIC = re.compile(
    r"(?<![A-Za-z0-9])[1-9]\d{5}[ -]?(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[ -]?\d{3}[\dXx]"
    r"(?![A-Za-z0-9])"
)
_SSN = re.compile(r"(?<![A-Za-z0-9_-])\d{3}-\d{2}-\d{4}(?![A-Za-z0-9_-])")
_SAID_SSN = re.compile(
    r"(?:\bSSN|social security(?: (?:number|no\.?|#))?)(?: is)?[ :#]{1,3}(\d{3} ?\d{2} ?\d{4})(?!\d)", re.I
)
_CARD = re.compile(r"(?<![A-Za-z0-9_.,/-])\d(?:[ -]?\d){13,18}(?![A-Za-z0-9_/]|[.,]\d)")
# First digits and length by who issues them: Visa, Mastercard, American Express, Diners, UnionPay, Discover, JCB.
_ISSUERS = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[068]\d{12}|62\d{14,17}|6(?:011|4\d\d|5\d\d)\d{12}|35\d{14}"
)
_GROUPS = re.compile(r"\d+")
_AMAZON = re.compile(r"(?<![A-Za-z0-9_-])\d{3}-\d{7}-\d{7}(?![A-Za-z0-9_-])")
_CODE = r"([A-Za-z0-9][A-Za-z0-9_-]{3,39})(?![A-Za-z0-9_-])"
_ORDER = re.compile(
    r"\b(?:order|invoice|tracking|ticket|case|reference|ref|confirmation|shipment|parcel|RMA|booking)"
    r"((?: ?(?:number|num|no|nr|id|code|#)\.?)?(?: is| was)?[ :#]{1,3})" + _CODE,
    re.I,
)
_ORDER_ZH = re.compile(
    r"(?:订单|快递单|快递|运单|物流单|物流|退货单|退款单|工单|流水|单据|发票|单)"
    r"((?:编号|号码|号)?(?: ?是| ?为)?[ :：#]{0,3})" + _CODE
)
_DATE = re.compile(r"\d{2,4}-\d{1,2}-\d{1,4}")


def find_ibans(text: str) -> Iterator[tuple[int, int]]:
    """Bank accounts whose country, length and check digits fit; words that follow are let go."""
    for match in _IBAN.finditer(text):
        end = match.end()
        while end - match.start() >= _SHORTEST_IBAN:
            if iban.is_valid(text[match.start() : end]):
                yield match.start(), end
                break
            cut = max(text.rfind(" ", match.start(), end), text.rfind("-", match.start(), end))
            end = cut if cut > 0 else match.start()


def find_ids(text: str) -> Iterator[tuple[int, int]]:
    """Chinese resident IDs by date and check digit; US social security numbers by their form."""
    for match in _RIC.finditer(text):
        if _is_resident_id(match[0].upper().replace(" ", "").replace("-", "")):
            yield match.span()
    for match in _SSN.finditer(text):
        if ssn.is_valid(match[0]):
            yield match.span()
    for match in _SAID_SSN.finditer(text):
        if ssn.is_valid(match[1].replace(" ", "")):
            yield match.span(1)


def find_cards(text: str) -> Iterator[tuple[int, int]]:
    """Payment cards: first digits and length of an issuer, grouped as on a card or not at all, Luhn's check digit."""
    for match in _CARD.finditer(text):
        groups = _GROUPS.findall(match[0])
        digits = "".join(groups)
        grouped = len(groups) == 1 or all(2 < len(group) < 15 for group in groups[:-1])
        if grouped and _ISSUERS.fullmatch(digits) and luhn.is_valid(digits) and len(set(digits)) > 2:
            yield match.span()


def find_orders(text: str) -> Iterator[tuple[int, int]]:
    """Numbers of orders, parcels and invoices where the text says so; and those of one shop by their form."""
    yield from (match.span() for match in _AMAZON.finditer(text))
    for match in _ORDER.finditer(text):
        if _is_order(match[1].strip(), match[2]):
            yield match.span(2)
    for match in _ORDER_ZH.finditer(text):
        if _is_order(match[1].strip(), match[2]):
            yield match.span(2)


def _is_resident_id(number: str) -> bool:
    """By date and check digit; not by place, since districts were founded after their people were born."""
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    return number[-1] == ric.calc_check_digit(number)


def _is_order(mark: str, code: str) -> bool:
    """Whether a code after such a word is a number of that kind: more digits without a word like "number" between."""
    digits = sum(sign.isdigit() for sign in code)
    if _DATE.fullmatch(code):
        return False
    return digits >= 4 and len(code) >= 5 if mark else digits >= 6 and len(code) >= 8
