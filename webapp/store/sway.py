"""How far suggestions sway people: how often they agree with a guess they see, and with one they do not see."""

from dataclasses import dataclass

from sqlite_utils import Database

from webapp.figures.proportions import NOTHING, Difference, Proportion, difference
from webapp.store.queue import ALWAYS_BLIND


@dataclass(frozen=True)
class Sway:
    """Labels equal to the model's guess, of those given with the guess on screen and of those given blind."""

    shown: Proportion = NOTHING
    blind: Proportion = NOTHING

    @property
    def difference(self) -> Difference | None:
        """How much more often people agree with a guess that they see; None while one of the two has no label."""
        return difference(self.shown, self.blind)

    def __add__(self, other: "Sway") -> "Sway":
        return Sway(self.shown + other.shown, self.blind + other.blind)


def of_project(db: Database, project_id: int) -> Sway:
    """Everybody's labels together."""
    return sum(by_person(db, project_id).values(), Sway())


def by_person(db: Database, project_id: int) -> dict[int, Sway]:
    """Each person's own, by user id.

    Chance decides which review is shown blind only while suggestions are on, and never for reviews that measure: blind
    labels from before the first suggestion, after the last, or on such reviews tell of other reviews and other models.
    """
    rows = db.execute(
        "WITH assisted AS (SELECT min(id) AS first, max(id) AS last FROM annotations"
        "  WHERE project_id = :project AND shown = 'suggestion')"
        " SELECT a.annotator_id, a.shown, sum(a.label_id = a.suggestion_id) AS hits, count(*) AS n"
        " FROM annotations a JOIN assisted s ON a.id BETWEEN s.first AND s.last WHERE a.project_id = :project"
        " AND a.action = 'label' AND a.undone_by IS NULL AND a.suggestion_id IS NOT NULL"
        f" AND a.origin NOT IN {ALWAYS_BLIND} GROUP BY a.annotator_id, a.shown",
        {"project": project_id},
    ).fetchall()
    found: dict[int, dict[str, Proportion]] = {}
    for row in rows:
        found.setdefault(row["annotator_id"], {})[row["shown"]] = Proportion(row["hits"], row["n"])
    return {
        person: Sway(given.get("suggestion", NOTHING), given.get("blind", NOTHING))
        for person, given in found.items()
    }
