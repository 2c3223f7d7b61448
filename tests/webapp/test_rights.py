"""Route x role x owner: who is refused learns nothing and changes nothing, and no route is left out."""

from rights import NOBODY_KNOWS, OTHER_PROJECT, RIGHTS, Right
from rights_world import ROLES, World, ids_of, pages, requests, send
from werkzeug.routing import Rule


def test_every_route_is_in_the_table(world: World) -> None:
    views = world.app.view_functions
    marks = {rule.endpoint: getattr(views[rule.endpoint], "access", None) for rule in pages(world.app)}
    assert {endpoint: right.who for endpoint, right in RIGHTS.items()} == marks


def wrong(
    world: World, rule: Rule, method: str, role: str, right: Right, wanted: int, **others: int | str
) -> list[str]:
    """What is wrong with one answer: its status, or a change by somebody who was refused."""
    world.restore()
    status = send(world, rule, method, role, ids_of(rule, right, world, **others), right)
    what = f"{method} {rule.endpoint} by {role}{others or ''}: "
    found = [] if status == wanted else [f"{what}{status} instead of {wanted}"]
    refused = wanted >= 400 and not (wanted == 503 and right.who == "public")
    return found + ([f"{what}changed something"] if refused and world.has_changed() else [])


def at_the_door(method: str) -> int:
    """What somebody without a session is told: the form for a page, a refusal for anything else."""
    return 303 if method == "GET" else 401


def test_every_role_gets_what_the_table_says(world: World) -> None:
    found = []
    for rule, method, right in requests(world):
        # A form that is only looked at is a page.
        done = 200 if method == "GET" and right.form else right.done
        for role in ROLES:
            wanted = done
            if role in ("nobody", "disabled") and right.who != "public":
                wanted = at_the_door(method)
            elif role == "annotator" and right.who == "admin":
                wanted = 403
            elif role == "admin" and right.admin is not None:
                wanted = right.admin
            elif role == "annotator" and right.who == "public":
                wanted = right.admin or done
            found += wrong(world, rule, method, role, right, wanted)
    assert found == []


def test_nobody_reaches_what_is_another_s_or_lies_elsewhere(world: World) -> None:
    found = []
    for rule, method, right in requests(world):
        named = rule.arguments - {"kind"}
        own = sorted(named - {"project_id"})
        for role in ("annotator", "admin"):
            if right.who == "admin" and role == "annotator":
                continue
            for name, object_ in right.others.items():
                theirs = {name: world.ids[str(object_)]}
                wanted = right.for_others
                if role == "admin" and right.others_by_admin is not None:
                    wanted = right.others_by_admin
                found += wrong(world, rule, method, role, right, wanted, **theirs)
            for name in own or sorted(named):
                nothing = "nothing" if name == "token" else NOBODY_KNOWS
                found += wrong(world, rule, method, role, right, right.missing, **{name: nothing})
            if own and "project_id" in named and right.foreign is not None:
                found += wrong(world, rule, method, role, right, right.foreign, project_id=OTHER_PROJECT)
    assert found == []


def test_a_lease_named_in_a_form_must_be_one_s_own_too(world: World) -> None:
    world.restore()
    form = {
        "csrf_token": world.tokens["annotator"],
        "lease": world.ids["bob's lease"],
        "have": world.ids["bob's lease"],
    }
    assert world.browser("annotator").post("/projects/2/annotate/release", data=form).status_code == 403
    assert not world.has_changed()
    page = world.browser("annotator").post("/projects/2/annotate/ahead", data=form).text
    assert str(world.ids["token"]) in page and str(world.ids["bob's lease"]) not in page
    world.restore()
