"""`idse dashboard`: the pages of one repository, in a real browser, on loopback behind a token."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import struct
import subprocess
import time
import urllib.parse

import pytest

from agency_bed import BIN
from pages_bed import HOSTILE, LONG, fill
from pushes import Clone
from sights import barriers, hold


@pytest.fixture
def running(sealed):
    """Starts `idse dashboard` in a repository; returns the address that it prints."""
    processes = []

    def start(folder, *words):
        process = subprocess.Popen(
            [str(BIN / "idse"), "dashboard", *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        address = process.stdout.readline().strip()
        if not address:
            pytest.fail(process.stderr.read())
        return address

    start.processes = processes
    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.fixture
def filled(repo, once):
    """A repository with a session of every kind, and some more."""
    once(repo, lambda: fill(Clone(repo), 6))
    return repo


class Visitor:
    """Asks a dashboard without a browser; it keeps the cookie."""

    def __init__(self, address):
        self.parts = urllib.parse.urlsplit(address)
        self.cookie = ""

    def ask(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection(self.parts.hostname, self.parts.port, timeout=60)
        given = {"Cookie": self.cookie} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=given)
        answer = connection.getresponse()
        self.headers = answer.headers
        text = answer.read().decode()
        connection.close()
        if answer.headers["set-cookie"]:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer.status, text

    def open(self):
        """Comes in by the token."""
        assert self.ask(f"/?{self.parts.query}")[0] == 303
        return self


@pytest.fixture
def visitor(filled, running):
    return Visitor(running(filled.path)).open()


def test_the_token_works_once_and_only_its_browser_sees_pages(filled, running):
    address = running(filled.path)
    stranger, owner = Visitor(address), Visitor(address)
    assert stranger.ask("/")[0] == 403
    assert stranger.ask("/?token=x")[0] == 403
    owner.open()
    assert "HttpOnly; SameSite=Strict" in owner.headers["set-cookie"]
    assert owner.ask("/")[0] == 303
    assert owner.ask("/findings")[0] == 200
    assert owner.ask(f"/?{owner.parts.query}")[0] == 303  # the way back in its own history
    status, text = stranger.ask(f"/?{owner.parts.query}")
    assert (status, "This address was used" in text) == (403, True)
    assert stranger.ask("/findings")[0] == 403


def test_no_other_host_or_site_gets_an_answer_and_nothing_is_written(visitor):
    assert visitor.ask("/findings", Host="evil.example")[0] == 403
    assert visitor.ask("/findings", Host=f"localhost:{visitor.parts.port}")[0] == 200
    assert visitor.ask("/findings", Origin="http://evil.example")[0] == 403
    assert visitor.ask("/findings", Origin=f"http://127.0.0.1:{visitor.parts.port}")[0] == 200
    assert visitor.ask("/findings", "POST")[0] == 405
    assert visitor.ask("/login")[0] == 404


def test_nothing_is_written_with_it(visitor):
    at = f"{project_path(visitor)}/login"
    text = visitor.ask(at)[1]
    assert "Changed since complete" in text
    assert "<form" not in text
    assert "/write" not in text
    assert "Handoffs" not in text
    for path in (f"{at}/write", f"{at}/write?document=spec.md", f"{at}/handoffs", "/designs/kit/button"):
        assert visitor.ask(path)[0] == 404, path
    assert visitor.ask(f"{at}/write", "POST")[0] == 405


def test_it_writes_nothing_into_the_repository_but_what_it_keeps_for_itself(filled, running):
    def stand():
        return {
            str(path.relative_to(filled.path)): path.read_bytes()
            for path in filled.path.rglob("*")
            if path.is_file() and ".git/idse/pages" not in str(path)
        }

    before = stand()
    visitor = Visitor(running(filled.path)).open()
    for path in ("/c/here", "/findings", "/analytics", "/sync"):
        assert visitor.ask(path)[0] == 200
    assert stand() == before


def project_path(visitor):
    assert visitor.ask("/")[0] == 303
    return visitor.headers["location"]


def test_every_page_is_json_as_well_and_every_table_csv(visitor):
    grid = project_path(visitor)
    for path, rows in (
        ("/c/here", "projects"),
        (grid, "sessions"),
        (f"{grid}/login", "log"),
        ("/findings", "findings"),
        ("/analytics", "rows"),
        ("/sync", "points"),
    ):
        data = json.loads(visitor.ask(f"{path}.json")[1])
        assert data["schema"].startswith("idse.pages.")
        assert isinstance(data[rows], list)
        status, text = visitor.ask(f"{path}.csv")
        assert (status, visitor.headers["content-type"]) == (200, "text/csv; charset=utf-8")
        assert text.count("\r\n") >= len(data[rows]) + 1
    assert visitor.ask("/audit")[0] == visitor.ask("/keys")[0] == 404


def sessions(visitor, query=""):
    return json.loads(visitor.ask(f"{project_path(visitor)}.json{query}")[1])["sessions"]


def test_the_grid_says_how_each_stage_of_each_session_stands(visitor):
    rows = {row["session"]: row for row in sessions(visitor)}
    assert [rows["login"][stage] for stage in ("intent", "context", "spec", "plan")] == [
        "changed",
        "stale",
        "in_progress",
        "pending",
    ]
    assert rows["done"]["feedback"] == "complete"
    assert rows["hostile"]["blocks"]["intent"] > 0
    assert rows["hostile"]["title"] == HOSTILE


def test_filters_are_query_strings(visitor):
    def found(query):
        return {row["session"] for row in sessions(visitor, f"?{query}")}

    assert found("q=SECOND+factor") == {"login"}
    assert found("q=%25") == set()
    assert found("show=stale") == {"login"}
    assert found("show=waived") == {"login"}
    assert "hostile" in found("show=blocked")
    assert found("type=nothing") == set()
    assert found("owner=Ann+Lee+%3Cann%40example.org%3E") == {"login"}
    assert found("page=2") == set()


def test_a_page_that_is_the_same_is_not_sent_again(visitor):
    path = project_path(visitor)
    visitor.ask(path)
    assert visitor.ask(path, If_None_Match=visitor.headers["etag"]) == (304, "")


def test_a_page_that_is_loaded_again_shows_what_happened_since(filled, visitor):
    path = f"{project_path(visitor)}.json"
    before = json.loads(visitor.ask(path)[1])["total"]
    Clone(filled).create("new-one")
    time.sleep(1.1)
    assert json.loads(visitor.ask(path)[1])["total"] == before + 1


def test_a_session_may_be_called_as_a_format(filled, running):
    Clone(filled).create("notes.json")
    visitor = Visitor(running(filled.path)).open()
    status, text = visitor.ask(f"{project_path(visitor)}/notes.json")
    assert (status, "<h1>notes.json</h1>" in text) == (200, True)
    assert json.loads(visitor.ask(f"{project_path(visitor)}/notes.json.json")[1])["name"] == "notes.json"


NOWHERE = ["/c/here/x/y", "/c/there", "/c/here/..%2f..", "/c", "/nothing", "/static/x.css"]


@pytest.mark.parametrize("path", NOWHERE)
def test_what_is_not_there_is_404(visitor, path):
    assert visitor.ask(path)[0] == 404


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to(filled, running, how):
    running(filled.path)
    running.processes[0].send_signal(how)
    assert running.processes[0].wait(timeout=30) == 0
    assert running.processes[0].stderr.read() == ""


def test_a_browser_that_goes_away_and_an_odd_address_leave_the_terminal_alone(filled, running):
    visitor = Visitor(running(filled.path)).open()
    where = (visitor.parts.hostname, visitor.parts.port)
    head = f"Host: {visitor.parts.netloc}\r\nCookie: {visitor.cookie}\r\n\r\n"
    for said in (f"GET / HTTP/1.1\r\n{head}", "GET / HT"):
        with socket.create_connection(where) as connection:
            connection.sendall(said.encode())
            time.sleep(0.2)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with socket.create_connection(where) as connection:
        connection.sendall(f"GET http://[/ HTTP/1.0\r\n{head}".encode())
        assert b" 404 " in connection.recv(100)
    assert visitor.ask("/overview")[0] in (200, 303, 403, 404)
    running.processes[0].send_signal(signal.SIGINT)
    assert running.processes[0].wait(20) == 0
    assert running.processes[0].stderr.read() == ""


def test_a_repository_without_a_session_has_a_page(repo, running):
    visitor = Visitor(running(repo.path)).open()
    assert project_path(visitor) == "/c/here"
    assert "No project has come here yet" in visitor.ask("/c/here")[1]


def test_a_port_that_is_taken_is_told(filled, running):
    port = urllib.parse.urlsplit(running(filled.path)).port
    done = filled.idse("dashboard", "--port", str(port))
    assert done.returncode == 2
    assert f"cannot listen at port {port}" in done.stderr


def test_it_has_no_json(filled):
    assert filled.idse("dashboard", "--json").returncode == 2


# --- in a browser ---


@pytest.fixture
def sight(filled, running, page):
    """Opens a page of the dashboard in a window of its own; `{grid}` is the project's."""
    address = running(filled.path)
    made = page()
    made.goto(address)
    root, grid = address.partition("/?")[0], urllib.parse.urlsplit(made.url).path

    def see(path, width=1280, *, dark=False):
        made.set_viewport_size({"width": width, "height": 900})
        made.emulate_media(color_scheme="dark" if dark else "light")
        made.goto(root + path.replace("{grid}", grid))
        return made

    return see


OF_SESSIONS = {
    "{grid}": "portal",
    "/c/here": "repo",
    "{grid}/login": "login",
    "{grid}/hostile?document=plan.md": "hostile",
    f"{{grid}}/{LONG}": LONG,
}
ALL = {**OF_SESSIONS, "/findings": "Findings", "/analytics": "Analytics", "/sync": "Sync"}


def test_each_page_is_whole_in_a_browser(sight):
    for path, heading in ALL.items():
        for width, dark in ((1280, False), (360, True)):
            seen = sight(path, width, dark=dark)
            hold(seen, seen.get_by_role("heading", level=1).inner_text())
            assert heading in seen.get_by_role("heading", level=1).inner_text()
            assert barriers(seen) == []


def test_the_menu_has_no_keys_and_no_audit(sight):
    menu = sight("{grid}").get_by_role("navigation", name="Site")
    assert menu.get_by_role("link").all_inner_texts() == ["Sessions", "Findings", "Analytics", "Sync"]


def test_a_second_browser_sees_that_the_address_was_used(filled, running, page):
    address = running(filled.path)
    page().goto(address)
    other = page()
    other.goto(address)
    hold(other, "This address was used")
    assert "idse dashboard" in other.get_by_role("main").inner_text()
