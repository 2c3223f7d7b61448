"""Which column is which: a guess from names and contents, for people to correct."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

from webapp.importing.columns import ColumnMap
from webapp.importing.dates import parse_date
from webapp.importing.languages import parse_language
from webapp.importing.reviews import PARTS, parse_rating

# Names as they are after _plain, the likeliest first.
_NAMES = {
    "text": """
        text reviewtext reviewstext reviewbody body comment comments commenttext review content contents
        sentence message feedback opinion description
        评论内容 评价内容 评论文本 评论 内容 文本 正文 评价 留言 句子""",
    "id": """
        id reviewid reviewsid commentid uniqueid uuid guid externalid rowid itemid
        评论id 编号 序号 id号""",
    "rating": """
        rating reviewsrating stars star score overall starrating reviewrating ratings reviewscore
        评分 星级 打分 分数 得分 用户评分""",
    "product": """
        productid product asin sku itemid item productname parentasin businessid variation name
        商品id 产品id 商品编号 商品 产品 商品名称 产品名称 店铺""",
    "author": """
        userid user author authorid reviewerid reviewer username customerid customer reviewsusername
        profilename 用户id 用户 用户名 用户昵称 昵称 作者 评论者 买家""",
    "date": """
        date reviewdate reviewsdate reviewedat createdat created timestamp datetime time reviewtime
        unixreviewtime published publishedat postedat
        日期 时间 评论时间 评论日期 评价时间 发布时间 创建时间""",
    "category": """
        category categories cat productcategory department departmentname classname class topic
        类别 分类 类目 品类 商品类别 种类""",
    "label": """
        label labels sentiment polarity gold goldlabel sentimentlabel class target
        标签 情感 情感标签 情感倾向 极性""",
    "split": """
        split part partition fold subset dataset set
        划分 数据集 集合""",
    "language": """
        language lang locale languagecode langcode reviewlanguage reviewlang
        语言 语种 评论语言""",
}
_CERTAIN = 0.8
_LABELS = "positive negative neutral mixed pos neg neu good bad 正面 负面 中性 积极 消极 好评 差评 中评"
_COUNT_NAME = re.compile(r"count|votes|num|helpful|agree|recommend|age|^n_|id$|数|人")


def guess_columns(columns: Sequence[str], sample_rows: Sequence[Mapping[str, str]]) -> ColumnMap:
    """The likeliest column for each role, from English and Chinese names and from what the rows hold."""
    values = {
        column: [value for row in sample_rows if (value := row.get(column, "")).strip()] for column in columns
    }
    free = list(columns)
    found: dict[str, str | None] = {}
    for role in (
        "split",
        "language",
        "rating",
        "date",
        "label",
        "id",
        "text",
        "product",
        "author",
        "category",
    ):
        found[role] = _by_name(role, free, values) or _by_content(role, free, values)
        if found[role] is not None:
            free.remove(str(found[role]))
    return ColumnMap(**found)


def _by_name(role: str, free: Sequence[str], values: Mapping[str, list[str]]) -> str | None:
    plain = {column: _plain(column) for column in free}
    for name in _NAMES[role].split():
        for column in free:
            if plain[column] == name and _may_be(role, values[column]):
                return column
    return None


def _by_content(role: str, free: Sequence[str], values: Mapping[str, list[str]]) -> str | None:
    if role == "text":
        lengths = {column: _mean_length(values[column]) for column in free if _may_be_text(column, values)}
        longest = max(lengths, key=lengths.__getitem__, default=None)
        return longest if longest is not None and lengths[longest] > 0 else None
    if role not in ("rating", "date", "label", "split"):
        return None
    for column in free:
        # Counts and ages are small numbers too: without a name, only varied stars are believed.
        counts = role == "rating" and (len(set(values[column])) < 3 or _is_count(column))
        check = _is_known_label if role == "label" else _CHECKS[role]
        if len(values[column]) >= 3 and not counts and _share(check, values[column]) == 1:
            return column
    return None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())


def _is_count(column: str) -> bool:
    return _COUNT_NAME.search(column.casefold()) is not None


def _may_be(role: str, values: list[str]) -> bool:
    check = _CHECKS.get(role)
    return check is None or not values or _share(check, values) >= _CERTAIN


def _share(check: Callable[[str], bool], values: list[str]) -> float:
    return sum(map(check, values)) / len(values)


def _may_be_text(column: str, values: Mapping[str, list[str]]) -> bool:
    return not _plain(column).endswith("id") and any(map(_has_letter, values[column]))


def _has_letter(value: str) -> bool:
    return any(map(str.isalpha, value))


def _mean_length(values: list[str]) -> float:
    return sum(map(len, values)) / len(values) if values else 0.0


def _is_date(value: str) -> bool:
    return parse_date(value, "dmy") is not None or parse_date(value, "mdy") is not None


def _is_label(value: str) -> bool:
    return len(value) <= 40 and "\n" not in value


def _is_known_label(value: str) -> bool:
    return value.strip().casefold() in _LABELS.split()


_CHECKS: dict[str, Callable[[str], bool]] = {
    "rating": lambda value: parse_rating(value) is not None,
    "date": _is_date,
    "split": lambda value: value.strip().casefold() in PARTS,
    "label": _is_label,
    "language": lambda value: parse_language(value) is not None,
}
