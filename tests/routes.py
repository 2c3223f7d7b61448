"""Every route of the pages, with an address that reaches it; tests/webapp/api/ has the API's own."""

from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter, Rule


def addresses(app: Flask, method: str, access: str | None = None) -> Iterator[str]:
    """One address for every route that takes the method; `access` keeps those with that mark."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            continue
        mark = getattr(app.view_functions[rule.endpoint], "access", None)
        if method in (rule.methods or ()) and access in (None, mark):
            yield _address(rule)


def _address(rule: Rule) -> str:
    built = rule.build({name: _sample(converter) for name, converter in rule._converters.items()})
    assert built is not None
    return built[1]


def _sample(converter: BaseConverter) -> object:
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return 1 if isinstance(converter, IntegerConverter) else "sample"
