"""What a browser calls itself, in a few words that people know."""

from flask import Flask
from flask_babel import gettext

# The first that is found counts: others name themselves after those below.
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("FxiOS", "Firefox"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def init_app(app: Flask) -> None:
    """Give templates the filter `agent`."""
    app.jinja_env.filters["agent"] = described


def described(agent: str) -> str:
    """As "Firefox on Linux"; never the raw text, which anybody can make up."""
    browser, system = (
        next((words for sign, words in known if sign in agent), None) for known in (BROWSERS, SYSTEMS)
    )
    if browser and system:
        return str(gettext("%(browser)s on %(system)s", browser=browser, system=system))
    return browser or system or str(gettext("An unknown browser"))
