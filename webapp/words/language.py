"""English and Simplified Chinese: ?lang first, then what the visitor chose, the account, the browser."""

from urllib.parse import urlencode

from flask import Flask, g, request, session
from flask_babel import Babel

from webapp.access.auth import current_user
from webapp.api import problems

LANGUAGES = {"en": "English", "zh": "简体中文"}
HTML_LANGUAGES = {"en": "en", "zh": "zh-Hans"}
THEMES = ("light", "dark")
THEME_COOKIE = "winnow-theme"
babel = Babel()


def init_app(app: Flask) -> None:
    """Choose the language of each request; give templates what they need to say it and to offer the others."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", "en")
    babel.init_app(app, locale_selector=language)
    app.before_request(_remember_choice)
    app.jinja_env.globals.update(
        language=language,
        html_language=lambda: HTML_LANGUAGES[language()],
        languages=LANGUAGES,
        in_language=in_language,
    )
    app.context_processor(lambda: {"theme": theme()})


def language() -> str:
    """The language of this request."""
    if problems.wanted():
        return "en"
    if "language" not in g:
        user = current_user()
        chosen = (session.get("lang"), user.locale if user else None)
        known = [code for code in chosen if code in LANGUAGES]
        g.language = known[0] if known else request.accept_languages.best_match(LANGUAGES, "en")
    return str(g.language)


def in_language(code: str, nothing_kept: bool = False) -> str:
    """The query that shows this page in another language: with its filters, and whatever else it was asked for."""
    asked = [] if nothing_kept else list(request.args.items(multi=True))
    kept = [(name, value) for name, value in asked if name != "lang"]
    return f"?{urlencode([*kept, ('lang', code)])}"


def theme() -> str | None:
    """Light or dark if this browser's reader chose one; None follows the system."""
    chosen = request.cookies.get(THEME_COOKIE)
    return chosen if chosen in THEMES else None


def _remember_choice() -> None:
    """?lang holds for the visit; an account keeps its own language (webapp/views/account.py)."""
    chosen = request.args.get("lang")
    if chosen in LANGUAGES:
        session["lang"] = chosen
