"""One's own answers, found again."""

from datetime import date, timedelta

from builders import NOON, a_project, a_user, an_annotation
from sqlite_utils import Database

from webapp.store import my_answers
from webapp.store.my_answers import MyFilters


def test_days_are_included_and_the_last_of_all_is_no_error(db: Database) -> None:
    project, ada = a_project(db, "mine"), a_user(db)
    an_annotation(db, project, ada)
    today, yesterday = NOON.date(), NOON.date() - timedelta(days=1)
    for until, found in ((yesterday, 0), (today, 1), (date.max, 1)):
        filters = MyFilters(since=yesterday, until=until)
        assert my_answers.count(db, project.id, ada.id, filters) == found
