"""Guidelines: everybody reads, admins write with a preview, nobody loses what they typed."""

from html.parser import HTMLParser

from builders import NOON, a_project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from poisoned import PAYLOADS
from sqlite_utils import Database
from visitor import Browser

from webapp.store import guidelines
from webapp.store.connection import write_transaction

MARKUP = st.text(st.sampled_from("<>&\"'/=`!- ab{};#1"), max_size=20) | st.sampled_from(PAYLOADS)
# Few lines: none is left out of the comparison.
LINES = st.lists(MARKUP, min_size=1, max_size=3).map("\n".join)


def test_admins_are_offered_a_text_to_start_from_and_everybody_reads_what_is_saved(
    admin: Browser, annotator: Browser, web_db: Database
) -> None:
    address = f"/projects/{a_project(web_db).id}/guidelines"
    assert "No guidelines yet" in annotator.get(address).text
    assert "## negative" in admin.get(f"{address}/edit").text
    saved = admin.post(f"{address}/edit", {"text": "# Be *kind*", "based_on": "0"}, follow_redirects=True)
    assert "<h3>Be <em>kind</em></h3>" in saved.text
    assert "<h3>Be <em>kind</em></h3>" in annotator.get(address).text
    assert "/guidelines/edit" not in annotator.get(address).text


def test_annotators_can_read_and_not_write(annotator: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    guidelines.save(web_db, project.id, "one", None, NOON)
    address = f"/projects/{project.id}/guidelines"
    assert annotator.get(f"{address}/versions/1").status_code == 200
    assert annotator.get(f"{address}/history").status_code == 403
    for post in ("edit", "preview", "versions/1/restore"):
        assert annotator.post(f"{address}/{post}", {"text": "mine"}).status_code == 403
    assert len(guidelines.history(web_db, project.id)) == 1


def test_the_preview_comes_as_a_fragment_or_with_the_page_and_stores_nothing(
    admin: Browser, web_db: Database
) -> None:
    project = a_project(web_db)
    address, typed = (
        f"/projects/{project.id}/guidelines/preview",
        {"text": "**new** <script>", "based_on": "0"},
    )
    fragment, page = admin.post(address, typed, htmx=True), admin.post(address, typed)
    for answer in (fragment, page):
        assert "<strong>new</strong> &lt;script&gt;" in answer.text
    assert "<html" not in fragment.text and "**new** &lt;script&gt;</textarea>" in page.text
    assert f'action="/projects/{project.id}/guidelines/edit"' in page.text, "saving from there saves"
    assert guidelines.current(web_db, project.id) is None


def test_what_was_typed_survives_an_error_and_another_admin(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    guidelines.save(web_db, project.id, "by somebody else", None, NOON)
    address = f"/projects/{project.id}/guidelines/edit"
    behind = admin.post(address, {"text": "mine", "based_on": "0"})
    assert behind.status_code == 422 and "mine</textarea>" in behind.text and "meanwhile" in behind.text
    assert 'name="based_on" value="1"' in behind.text
    empty = admin.post(address, {"text": " ", "based_on": "1"})
    assert empty.status_code == 422 and 'id="text-error"' in empty.text


def test_fifty_thousand_chinese_characters_fit_through_the_form(admin: Browser, web_db: Database) -> None:
    project = a_project(web_db)
    address = f"/projects/{project.id}/guidelines/edit"
    assert 'enctype="multipart/form-data"' in admin.get(address).text
    typed = {"text": "好" * 50_000, "based_on": "0"}
    assert admin.post(address, typed, content_type="multipart/form-data").status_code == 303


def test_the_history_compares_two_versions_and_an_old_one_can_be_restored(
    admin: Browser, web_db: Database
) -> None:
    project = a_project(web_db)
    for text in ("skip what is unclear", "flag what is <unclear>"):
        guidelines.save(web_db, project.id, text, None, NOON)
    address = f"/projects/{project.id}/guidelines"
    page = admin.get(f"{address}/history").text
    assert "<del>skip</del><ins>flag</ins> what is " in page and "<ins>&lt;</ins>unclear" in page
    assert "read the same" in admin.get(f"{address}/history?old=1&new=1").text
    admin.post(f"{address}/versions/1/restore")
    current = guidelines.current(web_db, project.id)
    assert current is not None and (current.number, current.text) == (3, "skip what is unclear")


class Compared(HTMLParser):
    """The comparison as its reader sees it: the text content of each line, and whether the line is struck out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sides: dict[str, list[str]] = {"del": [], "ins": []}
        self.tags: list[str] = []
        self.feed(page.split('<div class="comparison">')[1].partition("</div>")[0])

    def handle_starttag(self, tag: str, attributes: object) -> None:
        self.tags.append(tag)
        assert self.tags in (["p"], ["p", "del"], ["p", "ins"]) and attributes == []
        if tag == "p":
            self.line: list[tuple[str, str]] = []

    def handle_endtag(self, tag: str) -> None:
        assert self.tags.pop() == tag
        if tag == "p":
            kinds = {kind for kind, _ in self.line}
            for side in self.sides:
                if not kinds or kinds & {"p", side}:
                    self.sides[side].append("".join(text for kind, text in self.line if kind in ("p", side)))

    def handle_data(self, data: str) -> None:
        if self.tags:
            self.line.append((self.tags[-1], data))


@settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(LINES, LINES)
def test_what_was_changed_is_marked_without_a_letter_of_it_becoming_markup(
    admin: Browser, web_db: Database, old: str, new: str
) -> None:
    if web_db["guidelines"].count == 0:
        project = a_project(web_db)
        for text in ("one", "two"):
            guidelines.save(web_db, project.id, text, None, NOON)
    with write_transaction(web_db):
        web_db.execute("UPDATE guidelines SET text = CASE number WHEN 1 THEN ? ELSE ? END", [old, new])
    page = admin.get("/projects/1/guidelines/history").text
    if old == new:
        assert "These two read the same." in page
        return
    compared = Compared(page)
    for side, text in (("del", old), ("ins", new)):
        assert sorted(filter(None, compared.sides[side])) == sorted(filter(None, text.split("\n")))
