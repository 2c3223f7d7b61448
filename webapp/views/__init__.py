"""The pages, one blueprint a file."""

from webapp.views import (
    account,
    adjudicate,
    annotate,
    annotators,
    assets,
    auth,
    exports,
    guidelines,
    health,
    home,
    imports,
    people,
    projects,
    reviews,
    rounds,
    team,
)

BLUEPRINTS = (
    home.blueprint,
    auth.blueprint,
    account.blueprint,
    projects.blueprint,
    imports.blueprint,
    annotate.blueprint,
    adjudicate.blueprint,
    annotators.blueprint,
    rounds.blueprint,
    reviews.blueprint,
    exports.blueprint,
    guidelines.blueprint,
    team.blueprint,
    people.blueprint,
    health.blueprint,
    assets.blueprint,
)
