"""Phone numbers: a form that prices, sizes and dates have not, then the numbering plans that phonenumbers knows."""

import re
from collections.abc import Iterator

import phonenumbers

# Without a country code a number is tried in these; the reviews we know come from there.
REGIONS = ("CN", "US", "GB", "IN")
_START = r"(?<![\w.,:/#$¥￥€£-])"
_END = r"(?![\w%/:]|[.,]\d|-\d)"
_INTERNATIONAL = re.compile(rf"{_START}(?:\+|00)[1-9]\d{{0,2}}(?:[ .-]?\(?\d{{1,5}}\)?){{2,6}}{_END}")
# By region, written so that nothing else looks like it: groups and leading digits.
_NATIONAL = {
    "CN": re.compile(
        rf"(?<![\w.,/#$¥￥€£-])(?:1[3-9]\d([ -]?)\d{{4}}\1\d{{4}}|\(?0\d{{2,3}}\)?[ -]?[2-9]\d{{2,3}}[ -]?\d{{4}}"
        rf"|[48]00-?\d{{3}}-?\d{{4}}|[48]00-\d{{4}}-\d{{3}}){_END}"
    ),
    "US": re.compile(
        rf"{_START}(?:1[ .-])?(?:\([2-9]\d{{2}}\) ?|[2-9]\d{{2}}[ .-])[2-9]\d{{2}}[ .-]\d{{4}}{_END}"
    ),
    "GB": re.compile(rf"{_START}\(?0[1-37]\d{{1,4}}\)?[ -]\d{{3,4}}[ -]?\d{{3,6}}{_END}"),
    "IN": re.compile(rf"{_START}[6-9]\d{{4}}[ -]\d{{5}}{_END}"),
}
_SAID = re.compile(
    r"(?:电话|手机|座机|热线|联系方式|联系|致电|拨打|号码|微信|(?<![A-Za-z])(?:tel|phone|call|calling|mobile|cell"
    r"|whatsapp|fax|text|ring|dial|contact)(?![A-Za-z]))"
    r"[^\d\n]{0,20}?([(（]?\d(?:[ ().-]{0,2}\d){6,14})(?![\w%]|[.,]\d)",
    re.I,
)
# Chinese letters stand right beside a number, where English has a space.
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def find_phones(text: str) -> Iterator[tuple[int, int]]:
    """Numbers with a country code, in a national form, or where the text says that one can call them."""
    spaced = _CHINESE.sub(" ", text)
    for match in _INTERNATIONAL.finditer(spaced):
        number = match[0] if match[0].startswith("+") else f"+{match[0][2:]}"
        if _is_valid(number, None):
            yield match.span()
    for region, form in _NATIONAL.items():
        yield from (match.span() for match in form.finditer(spaced) if _is_valid(match[0], region))
    for match in _SAID.finditer(text):
        if any(_is_valid(match[1], region) for region in REGIONS):
            yield match.span(1)


def _is_valid(number: str, region: str | None) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False
