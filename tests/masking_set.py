"""Sentences with made-up personal data in English and Chinese, and sentences that only look so; from one seed.

The values are drawn at random and given the check digits that real ones have; none was taken from anybody.
"""

import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stdnum import luhn
from stdnum.cn import ric
from stdnum.iso7064 import mod_97_10

SEED = 20_260_301


@dataclass(frozen=True)
class Item:
    """A sentence with the value of one rule in it, or with none: then `rule` is empty and `kind` says what it has."""

    text: str
    rule: str
    value: str
    language: str
    kind: str


def digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choice(string.digits) for _ in range(count))


def email(draw: random.Random) -> str:
    local = draw.choice(
        ["j.smith", "anna_lee", "wang.wei88", "mike", "li-na", "zhang3", "k.o'brien".replace("'", "")]
    )
    host = draw.choice(
        ["gmail.com", "yahoo.co.uk", "qq.com", "163.com", "example.org", "mail.shop-24.de", "outlook.com"]
    )
    shape = draw.randrange(10)
    if shape == 0:
        return f"{local} (at) {host.split('.')[0]} (dot) com"
    if shape == 1:
        return f"{local} at gmail dot com"
    tail = draw.choice(["", digits(draw, 2)])
    return f"{local}{tail}@{host}"


def phone_en(draw: random.Random) -> str:
    area = draw.choice(["212", "415", "312", "617", "702", "503", "206", "718"])
    middle, last = f"{draw.choice('23456789')}{digits(draw, 2)}", digits(draw, 4)
    middle = "555" if middle.endswith("11") else middle
    indian = f"{draw.choice('789')}{digits(draw, 9)}"
    forms = [
        f"{area}-{middle}-{last}",
        f"({area}) {middle}-{last}",
        f"{area}.{middle}.{last}",
        f"+1 {area} {middle} {last}",
        f"+44 20 7946 {last}",
        f"020 7946 {last}",
        f"+91 {indian}",
        f"{indian[:5]} {indian[5:]}",
        f"+49 30 {digits(draw, 7).replace('0', '4')}",
        f"1-{area}-{middle}-{last}",
    ]
    return draw.choice(forms)


def phone_zh(draw: random.Random) -> str:
    start = draw.choice(["138", "139", "150", "186", "177", "131", "188", "159"])
    a, b = digits(draw, 4), digits(draw, 4)
    forms = [
        f"{start}{a}{b}",
        f"{start} {a} {b}",
        f"{start}-{a}-{b}",
        f"+86 {start}{a}{b}",
        f"010-8{digits(draw, 7)}",
        f"021 6{digits(draw, 7)}",
        f"0755-2{digits(draw, 7)}",
        f"400-{draw.choice(['810', '820', '678'])}-{digits(draw, 4)}",
        "".join(chr(ord(sign) + 0xFEE0) for sign in f"{start}{a}{b}"),
    ]
    return draw.choice(forms)


def card(draw: random.Random) -> str:
    start, length = draw.choice(
        [("4", 16), ("51", 16), ("55", 16), ("37", 15), ("6222", 16), ("622848", 19), ("6011", 16)]
    )
    body = start + digits(draw, length - len(start) - 1)
    number = body + luhn.calc_check_digit(body)
    shape = draw.randrange(3)
    if shape == 0 or length == 15:
        return number
    return (" " if shape == 1 else "-").join(number[at : at + 4] for at in range(0, length, 4))


def iban(draw: random.Random) -> str:
    country, bank = draw.choice([("DE", 18), ("FR", 0), ("GB", 14), ("NL", 10), ("ES", 0), ("AT", 16)])
    if country == "GB":
        rest = draw.choice(["NWBK", "BARC", "LOYD"]) + digits(draw, bank)
    elif country == "NL":
        rest = draw.choice(["ABNA", "INGB", "RABO"]) + digits(draw, bank)
    elif bank:
        rest = digits(draw, bank)
    else:
        return draw.choice(
            [
                "FR14 2004 1010 0505 0001 3M02 606",
                "ES91 2100 0418 4502 0005 1332",
                "FR7630006000011234567890189",
            ]
        )
    checked = country + mod_97_10.calc_check_digits(rest + country) + rest
    return draw.choice([checked, " ".join(checked[at : at + 4] for at in range(0, len(checked), 4))])


def resident_id(draw: random.Random) -> str:
    place = draw.choice(["110101", "310104", "440305", "330106", "510107", "420111"])
    body = f"{place}{draw.randrange(1950, 2005)}{draw.randrange(1, 13):02}{draw.randrange(1, 29):02}{digits(draw, 3)}"
    return body + ric.calc_check_digit(f"{body}0")


def social_security(draw: random.Random) -> str:
    area, group, serial = draw.randrange(1, 666), draw.randrange(1, 100), draw.randrange(1, 9999)
    return f"{area:03}-{group:02}-{serial:04}"


def order_en(draw: random.Random) -> str:
    return draw.choice([
        f"{digits(draw, 3)}-{digits(draw, 7)}-{digits(draw, 7)}",
        f"{draw.choice('ABCW')}{digits(draw, 8)}",
        f"{draw.randrange(10**7, 10**8)}",
        f"SO-{draw.randrange(10**5, 10**6)}",
        f"1Z{digits(draw, 3)}AA{digits(draw, 10)}",
    ])  # fmt: skip


def order_zh(draw: random.Random) -> str:
    return draw.choice(
        [
            f"{draw.randrange(10**11, 10**12)}",
            f"JD{digits(draw, 12)}",
            f"SF{digits(draw, 13)}",
            f"2023{digits(draw, 14)}",
        ]
    )


def address(draw: random.Random) -> str:
    word = draw.choice(["photos", "myblog", "review", "item"])
    return draw.choice([
        f"https://www.{word}-{digits(draw, 2)}.com/u/{digits(draw, 6)}",
        f"http://{word}.net/?id={digits(draw, 5)}&x=1",
        f"www.{word}{digits(draw, 2)}.co.uk",
        f"bit.ly/{draw.choice(string.ascii_letters)}{digits(draw, 4)}",
        f"https://m.tb.cn/h.{digits(draw, 4)}x",
    ])  # fmt: skip


def chat_zh(draw: random.Random) -> str:
    return draw.choice([f"wx{digits(draw, 6)}", f"lily_{digits(draw, 4)}", f"zhang-{digits(draw, 4)}"])


def chat_en(draw: random.Random) -> str:
    return f"{draw.choice(['anna', 'tommy', 'li'])}_{digits(draw, 5)}"


Values = Callable[[random.Random], str]
# By rule and language: sentences, a | between them, and what draws a value.
EN: dict[str, tuple[str, Values]] = {
    "email": (
        "Nobody answered, write to me at {} please.|My address is {}, I want my money back|Contact:{}.|({}) Great!",
        email,
    ),
    "phone": (
        "Call me on {} if you want it.|Their hotline {} is always busy.|ring {}, ask for Ann|My number {}, twice.",
        phone_en,
    ),
    "card": (
        "They charged my card {} twice!|paid with {} and never again|Visa {}: refund still missing.",
        card,
    ),
    "iban": ("Please refund to {} soon.|IBAN {}|My account is {} and I am waiting.", iban),
    "order": (
        "Order number {} never came.|order #{} was late|Tracking no. {} shows nothing|My order {} arrived broken.",
        order_en,
    ),
    "id": ("They even wanted my SSN {}!|my number is {} and it is all over their mails", social_security),
    "url": ("Photos at {}.|see {} for the whole story|I wrote about it ({})", address),
    "chat": ("Add me on WeChat: {}|my wechat id is {}, ask me anything", chat_en),
}
ZH: dict[str, tuple[str, Values]] = {
    "email": ("有问题请发邮件到{}，谢谢。|我的邮箱是{}麻烦退款|联系:{}", email),
    "phone": (
        "打电话{}没人接，太差了。|需要的联系我{}|客服热线{}一直占线|我的手机号是{}，麻烦回电",
        phone_zh,
    ),
    "card": ("退款到我的卡{}，谢谢|银行卡号{}被扣了两次", card),
    "iban": ("请退到{}这个账户|账号：{}。", iban),
    "order": ("订单号{}一直没发货|快递单号：{}，查不到|订单编号是{}，等了半个月|运单{}丢了", order_zh),
    "id": ("居然要我的身份证{}，不放心|身份证号码：{}。|实名认证填{}还是不行", resident_id),
    "url": ("照片在{}。|详见 {} 这个帖子|链接{}，自己看", address),
    "chat": ("加我微信{}聊|微信号：{}，有货|vx {} 可以便宜", chat_zh),
}
# As people write who know that a program reads along; no rule of ours promises to find these.
HIDDEN: dict[str, tuple[str, Values]] = {
    "email": ("mail me: {}", lambda draw: f"anna{digits(draw, 2)} @ gmail . com"),
    "phone": (
        "加我{}|打{}",
        lambda draw: draw.choice([f"138.{digits(draw, 4)}.{digits(draw, 4)}", "一三八零零一三八零零零"]),
    ),
    "url": ("my shop is {}", lambda draw: f"annas-shop{digits(draw, 2)}.com"),
    "chat": ("加V {}|find me, {} on the green app", chat_zh),
}
# What has digits, dots or signs and tells nothing of anybody; # is any digit.
NEGATIVES = {
    "en": (
        "It was $1,###.99 and worth it.",
        "The box is 1# x 1# x 1# cm.",
        "Bought on 201#-01-1#, broken a week later.",
        "Delivered 1/1#/2023 at 1:3# pm.",
        "Runs version 1#.1.1###.1### fine.",
        "The WH-1###XM4 beats the SM-G###B.",
        "ISBN 978-1-####-####-# is the one to get.",
        "EAN 40###########, the same as in the shop",
        "ASIN B0######## is the older one",
        "I give it 4.5/5 stars, 10/10 would buy again, 1## likes.",
        "I am order-obsessed and ordered 1## of them, order 2 more!",
        "A case of 1# bottles in 20##.",
        "1### mAh battery, 1000:1 contrast, 1920x1080.",
        "Cheaper on Amazon.com, and 1#% off at the mall",
        "Meet me at 8, look at @the size of it, 1#0 mm f/1.8",
        "I call it a 10. 1#### steps a day, phone at 50%.",
        "Serial numbers from 1######### are the bad batch",
        "Population 1,###,### and not one good 1##-1## lens",
    ),
    "zh": (
        "花了1###.00元，比去年便宜1#%。",
        "¥1####买的，尺寸1##*1##cm",
        "201#年1月1#日下单，1#:3#送到",
        "型号KFR-3#LW/A###-X1，噪音1#dB",
        "系统版本1#.#.1#，内存1#GB",
        "书号9787#########，第1版",
        "好评率9#.#%，1####人付款",
        "订单很快，下单1小时就发货，打了1次电话",
        "快递1天到的，一共1##公里",
        "微信支付立减1#元，QQ糖很好吃",
        "电池1###毫安，屏幕1###×1###",
        "条码69###########，跟超市的一样",
    ),
}


def negative(draw: random.Random, pattern: str) -> str:
    """The pattern with its digits drawn."""
    return re.sub("#", lambda _: draw.choice(string.digits), pattern)


def items(per_rule: int = 40, per_negative: int = 12) -> Iterator[Item]:
    """`per_rule` sentences a rule and language, `per_negative` a kind of hard negative."""
    draw = random.Random(SEED)
    for language, table in (("en", EN), ("zh", ZH), ("hidden", HIDDEN)):
        for rule, (sentences, value) in table.items():
            patterns = sentences.split("|")
            for number in range(per_rule):
                drawn = value(draw)
                yield Item(patterns[number % len(patterns)].format(drawn), rule, drawn, language, rule)
        for kind, pattern in enumerate(NEGATIVES.get(language, ())):
            for _ in range(per_negative):
                yield Item(negative(draw, pattern), "", "", language, f"negative {kind}")
