"""Where somebody can be written to: web and e-mail addresses, WeChat and QQ names.

No pattern here repeats within a repetition without a bound, and each begins at a place that one look behind decides:
the time grows with the length of the text and with nothing else.
"""

import re
from collections.abc import Iterator

_LOCAL = r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}"
_LABELS = r"(?:[A-Za-z0-9-]{1,63}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
_EMAIL = re.compile(rf"{_LOCAL}@{_LABELS}")
# As people write it to hide it from programs: name (at) host (dot) com, name at gmail dot com.
_HIDDEN_EMAIL = re.compile(
    rf"{_LOCAL}(?: ?(?:\(at\)|\[at\]) ?[A-Za-z0-9-]{{1,63}}| at (?:gmail|yahoo|hotmail|outlook|icloud|qq|163|126))"
    r"(?: ?(?:\(dot\)|\[dot\]) ?| dot |\.)[A-Za-z]{2,12}(?![A-Za-z0-9-])",
    re.I,
)
_ADDRESS_END = r"\s<>\"'，。！？；：、）】》」（【《「"
_URL = re.compile(
    rf"(?:(?:https?|ftp)://|(?<![A-Za-z0-9])www\.)[^{_ADDRESS_END}]{{3,2000}}"
    # Without either, a host with a path: the name of a shop alone, as Amazon.com, says nothing of anybody.
    rf"|(?<![A-Za-z0-9.@/-])(?:[A-Za-z0-9-]{{1,63}}\.){{1,4}}"
    rf"(?:com|net|org|cn|io|co|me|ly|gl|uk|de|in|tv|cc|be|info|shop|link)/[^{_ADDRESS_END}]{{2,2000}}",
    re.I,
)
_AFTER_ADDRESS = ".,;:!?)]}'\"*"
_CHAT = re.compile(
    r"(?:微信|威信|薇信|V信|(?<![A-Za-z])(?:wechat|weixin|wx|vx))"
    r"(?: ?(?:号码|号|id|账号|帐号|名))?(?: is)?[ :：是为]{0,3}([A-Za-z][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9_-])"
    r"|(?<![A-Za-z])QQ(?:群|号码|号|邮箱)?[ :：是为]{0,3}([1-9]\d{4,10})(?!\d)",
    re.I,
)
_MARKED = re.compile(r"号|账|帐|id|[:：]", re.I)


def find_emails(text: str) -> Iterator[tuple[int, int]]:
    """E-mail addresses, also with (at) and (dot) in words."""
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))
    lowered = text.lower()
    if " at " in lowered or "at)" in lowered or "at]" in lowered:
        yield from (match.span() for match in _HIDDEN_EMAIL.finditer(text))


def find_urls(text: str) -> Iterator[tuple[int, int]]:
    """Web addresses with a scheme, with www, or with a path; a host alone stays."""
    if "/" not in text and "www." not in text.lower():
        return
    for match in _URL.finditer(text):
        yield match.start(), match.start() + len(match[0].rstrip(_AFTER_ADDRESS))


def find_chats(text: str) -> Iterator[tuple[int, int]]:
    """Names on WeChat and QQ where the text says that they are."""
    for match in _CHAT.finditer(text):
        group = 1 if match[1] else 2
        named = group == 2 or _MARKED.search(text[match.start() : match.start(group)])
        # "wechat payment": without a mark only what no word looks like.
        if named or any(sign.isdigit() or sign in "_-" for sign in match[1]):
            yield match.span(group)
