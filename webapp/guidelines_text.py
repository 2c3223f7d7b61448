"""Guidelines as people read them: Markdown made harmless, a text to start from."""

from functools import lru_cache

import nh3
from flask_babel import force_locale
from flask_babel import gettext as _
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from webapp.store.projects import Label, Project
from webapp.words.label_words import label_name

# What is left of the author's own page: no images, which could watch readers, and no attribute but a link's address.
TAGS = set(
    "h3 h4 h5 h6 p br hr strong em s code pre blockquote ul ol li table thead tbody tr th td a".split()
)
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
# Headings stand below a page's h1 and a section's or a dialog's h2.
ABOVE = 2
DEEPEST = 6

_markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


@lru_cache(maxsize=64)
def rendered(markdown: str) -> Markup:
    """Markdown as HTML that can neither run nor load anything, nor take an id or a class of the page around it."""
    tokens = _markdown.parse(markdown)
    _order_headings(tokens)
    html = nh3.clean(
        _markdown.renderer.render(tokens, _markdown.options, {}),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},  # the review stays on screen
    )
    # A wide table scrolls by itself. Nothing but a table's own tag reads like this in what nh3 wrote.
    html = html.replace("<table>", '<div class="table-wrap" tabindex="0"><table>')
    return Markup(html.replace("</table>", "</table></div>"))  # noqa: S704 - nh3 wrote it from our list of tags


def starter(project: Project) -> str:
    """A text to start from, made of the project's labels, in the language of its reviews."""
    if project.language not in ("en", "zh"):
        return _starter(project.labels)
    with force_locale(project.language):
        return _starter(project.labels)


def _order_headings(tokens: list[Token]) -> None:
    """Whatever levels the author used, the first is h3 and none is left out on the way down."""
    above: list[int] = []
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            while above and above[-1] >= level:
                above.pop()
            above.append(level)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(DEEPEST, ABOVE + len(above))}"


def _starter(labels: list[Label]) -> str:
    usual = {
        "negative": _("The writer is unhappy on the whole, or warns others."),
        "neutral": _("Facts without an opinion, or good and bad in balance."),
        "positive": _("The writer is happy on the whole, or recommends it."),
    }
    rule = _("When to give it, and when not to.")
    in_doubt = _("When in doubt")
    parts = [
        _("Give each review the one label that fits what its writer thinks on the whole."),
        *(_label_part(label.name, usual.get(label.name.casefold(), rule)) for label in labels),
        f"## {in_doubt}",
        "\n".join(
            f"- {advice}"
            for advice in (
                _("Judge what is written, not what you would think of it yourself."),
                _("Irony counts as what is meant."),
                _("Where good and bad are mixed, ask which side the writer would be remembered for."),
                _("Skip what you cannot tell, and say why: unclear, mixed, another language, not a review."),
                _("Flag what an admin should see, with a note."),
            )
        ),
    ]
    return "\n\n".join(parts)


def _label_part(name: str, rule: str) -> str:
    example = _("An example from your own reviews.")
    return f"## {label_name(name)}\n\n{rule}\n\n> {example}"
