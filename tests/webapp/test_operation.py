"""A real server under way: begun anew under load without losing or doubling a label; its logs and its figures."""

import http.client
import json
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlencode

import pytest
from builders import PASSWORD, a_project, a_user
from remote import TOKEN, Remote
from served import Served, family, free_port
from sqlite_utils import Database

from webapp.backups import making, restoring
from webapp.instance import Instance
from webapp.instance_lock import InstanceInUse
from webapp.serving.supervise import GRACE_SECONDS
from webapp.store import sessions
from webapp.store.connection import utc_now

PEOPLE = 4
CANARY_TEXT = "canary-review-about-a-phone"
CANARY_PASSWORD = "canary-password-of-somebody"
METRICS_TOKEN = "canary-token-of-the-monitoring"


@pytest.fixture
def site(web_instance: Instance, web_db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """`winnow run` with four annotators before a long queue; logs as JSON, with a line for every request."""
    monkeypatch.setenv("WINNOW_LOG_FORMAT", "json")
    monkeypatch.setenv("WINNOW_ACCESS_LOG", "true")
    monkeypatch.setenv("WINNOW_METRICS_TOKEN", METRICS_TOKEN)
    a_project(web_db, texts=[f"{CANARY_TEXT} number {number}" for number in range(3000)])
    for number in range(PEOPLE):
        a_user(web_db, f"ada{number}")
    served = Served(web_instance, free_port())
    served.start()
    yield served
    served.stop()


def annotators(site: Served, db: Database) -> list[Remote]:
    labels = [row[0] for row in db.execute("SELECT id FROM labels")]
    return [Remote(site.port, sessions.start(db, number + 1, utc_now()), labels) for number in range(PEOPLE)]


def test_begun_anew_and_stopped_under_load_no_label_is_lost_or_doubled(
    site: Served, web_db: Database
) -> None:
    backup = making.make(site.instance).path
    people = annotators(site, web_db)
    over = threading.Event()

    def label(person: Remote) -> None:
        draw = random.Random(person.session)
        while not over.is_set():
            assert person.answer(draw)

    threads = [threading.Thread(target=label, args=(person,)) for person in people]
    for thread in threads:
        thread.start()

    def acknowledged() -> int:
        return sum(len(person.acknowledged) for person in people)

    def until_more(count: int) -> None:
        reached = acknowledged() + count
        while acknowledged() < reached:
            time.sleep(0.01)

    until_more(20)
    supervisor = site.processes[-1]
    before = set(family(supervisor.pid))
    supervisor.send_signal(signal.SIGHUP)
    while len(before & set(family(supervisor.pid))) > 2:  # the supervisor and gunicorn's master stay
        time.sleep(0.02)
    until_more(20)
    answered = acknowledged()
    figures = ask(site, "GET", "/metrics", Authorization=f"Bearer {METRICS_TOKEN}")[1]
    with pytest.raises(InstanceInUse):
        restoring.restore(site.instance, backup, utc_now())
    cut_off = sum(person.cut_off for person in people)
    began = time.monotonic()
    supervisor.terminate()
    assert supervisor.wait(timeout=GRACE_SECONDS + 5) == 0
    stopped = time.monotonic() - began
    site.start()
    until_more(20)
    over.set()
    for thread in threads:
        thread.join()

    values = dict(line.rsplit(" ", 1) for line in figures.splitlines() if not line.startswith("#"))
    route = 'route="/leases/<token>/answer"'
    assert float(values[f'winnow_requests_total{{method="POST",{route},status="200"}}']) >= answered
    assert float(values[f"winnow_request_seconds_count{{{route}}}"]) >= answered
    assert "winnow_worker_heartbeat_seconds" in values
    assert CANARY_TEXT not in figures and "ada0" not in figures
    assert cut_off == 0, "an answer was cut off though the server only began anew"
    assert stopped < GRACE_SECONDS
    told = [each for person in people for each in person.acknowledged.values()]
    rows = web_db.execute("SELECT id, lease_token, label_id FROM annotations").fetchall()
    stored = {row["lease_token"]: (row["id"], row["label_id"]) for row in rows}
    assert len(stored) == len(rows) == len(told)
    assert {each["lease"]: (each["annotation"], each["label"]) for each in told} == stored


def ask(
    site: Served, method: str, path: str, body: str | None = None, **headers: str
) -> tuple[int, str, str]:
    """Status, text and cookies of one request."""
    with closing(http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)) as connection:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        cookies = "; ".join(each.partition(";")[0] for each in answer.headers.get_all("Set-Cookie") or [])
        return answer.status, answer.read().decode(), cookies


def log_in(site: Served, name: str, password: str) -> int:
    _, page, cookies = ask(site, "GET", "/login")
    found = TOKEN.search(page)
    assert found
    form = urlencode({"csrf_token": found[1], "name": name, "password": password})
    return ask(site, "POST", "/login", form, Cookie=cookies)[0]


def lines(site: Served) -> list[dict[str, object]]:
    """The events of the log; what else stands there must be the greeting."""
    text = (site.instance.folder / "winnow.log").read_text("utf-8")
    rest = [line for line in text.splitlines() if line and not line.startswith("{")]
    assert all(line.startswith(("Winnow is ready", "Ctrl-C")) for line in rest), rest
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_the_log_tells_each_request_on_a_line_of_its_own_without_secrets_and_reviews(
    site: Served, web_db: Database
) -> None:
    [person, *_] = annotators(site, web_db)
    for _ in range(5):
        assert person.answer(random.Random(1))
    assert log_in(site, "ada0", PASSWORD) == 303
    assert log_in(site, "ada0", CANARY_PASSWORD) == 422
    web_db.execute("UPDATE users SET role = 'admin' WHERE name = 'ada0'")
    cookie = f"winnow={person.session}"
    assert ask(site, "GET", f"/projects/1/reviews?q={CANARY_TEXT}", Cookie=cookie)[0] == 200
    assert ask(site, "GET", "/metrics", Authorization=f"Bearer {METRICS_TOKEN}")[0] == 200
    assert ask(site, "GET", f"/?q={CANARY_TEXT}", Host="evil.example")[0] == 400
    ask(site, "GET", "/nowhere%0d%0a%7B%22logger%22:%22forged%22%7D%1b[31mred%E2%80%A8end")
    with socket.create_connection(("127.0.0.1", site.port)) as raw:
        raw.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n{"logger": "forged"}\x1b[31m: x\r\n\r\n')
        assert b" 400 " in raw.recv(100)
    site.stop()

    log = (site.instance.folder / "winnow.log").read_text("utf-8")
    token = web_db.execute("SELECT token FROM leases LIMIT 1").fetchone()[0]
    secrets = (PASSWORD, CANARY_PASSWORD, METRICS_TOKEN, CANARY_TEXT, person.session, token)
    assert [
        each for each in (*secrets, site.instance.secret_key_file.read_text().strip()) if each in log
    ] == []
    stored = b"".join(path.read_bytes() for path in site.instance.folder.rglob("*") if path.is_file())
    assert [
        each for each in (PASSWORD, CANARY_PASSWORD, METRICS_TOKEN, person.session) if each.encode() in stored
    ] == []
    requests = [line for line in lines(site) if line["logger"] == "webapp.request_record"]
    answers = [line for line in requests if str(line["path"]).endswith("/answer")]
    assert [line["status"] for line in answers] == [200] * 5
    assert {line["address"] for line in answers} == {"127.0.0.1"} and {
        line["user_id"] for line in answers
    } == {1}
    assert len({line["request_id"] for line in requests}) == len(requests)
    [forged] = [line for line in requests if "nowhere" in str(line["message"])]
    assert "\x1b" not in str(forged["message"]) and "\u2028" not in str(forged["message"])
    assert "forged" not in {line["logger"] for line in lines(site)}
