"""The pages of an Agency that serves: who may see what, by which door, and what no other site can do."""

from __future__ import annotations

import http.client
import json
import re
import types
import urllib.parse

import pytest

from idse_orchestrator.server.pages.site import CSP
from rest_bed import Rest

PATHS = ("/", "/findings", "/analytics", "/sync", "/audit", "/keys")


class Person:
    """A browser without a screen: it keeps cookies and sends what a browser sends."""

    def __init__(self, bed):
        self.bed = bed
        self.cookies = {}

    def ask(self, path, form=None, **headers):
        """Returns status, text and headers; a form is posted."""
        given = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        method, body = "GET", None
        if form is not None:
            method, body = "POST", urllib.parse.urlencode(form)
            given["Origin"] = f"http://{self.bed.address}"
            given["Content-Type"] = "application/x-www-form-urlencoded"
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(self.bed.address, timeout=60)
        connection.request(method, path, body, {name: value for name, value in given.items() if value})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        for line in answer.headers.get_all("set-cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies = {**self.cookies, name: value} if value else {}
        return types.SimpleNamespace(status=answer.status, text=text, headers=answer.headers)

    def log_in(self, key, to="/"):
        """Pastes a key."""
        return self.ask("/login", {"key": key, "to": to})

    def data(self, path):
        """What a page is as JSON."""
        said = self.ask(path)
        assert said.status == 200, said.text
        return json.loads(said.text)


@pytest.fixture
def chief(server):
    """An operator who is logged in."""
    person = Person(server)
    assert person.log_in(server.key("", "read")).status == 303
    return person


@pytest.fixture
def two(server, request):
    """Two clients with a project each, and somebody of the first one who is logged in."""
    found = {}
    for name in ("acme", "mill"):
        client = f"{name}-{abs(hash(request.node.name)) % 10**8}"
        key = server.key(client, "read", "push", "create", name=f"Ann of {name}")
        rest = Rest(server, key)
        project = rest.project(f"{name}-portal", f"{name}-shop")
        session = rest.session(project, f"{name}-login", title=f"Secret of {name}")
        rest.put(f"/sessions/{session}/artifacts/intent.md", f"Secret of {name}\n", rest.tip(session))
        found[name] = types.SimpleNamespace(client=client, key=key, rest=rest, session=session)
        found[name].at = f"/c/{client}/{name}-shop/{name}-portal"
    found["acme"].person = Person(server)
    assert found["acme"].person.log_in(found["acme"].key).status == 303
    return types.SimpleNamespace(**found)


def test_who_is_not_logged_in_sees_a_form_and_nothing_else(server, two):
    person = Person(server)
    for path in (*PATHS, two.acme.at, f"/c/{two.acme.client}", f"{two.acme.at}/acme-login", "/c/nobody"):
        said = person.ask(path)
        assert (said.status, said.text) == (303, ""), path
        assert said.headers["location"].startswith("/login")
    assert person.ask("/findings.csv").status == 401
    assert "Secret" not in person.ask("/findings.json").text
    assert person.ask("/nothing-here").status == 404


def test_a_key_opens_the_page_that_was_asked_for(server, two):
    person = Person(server)
    wanted = person.ask(f"{two.acme.at}?q=a%26b").headers["location"]
    form = person.ask(wanted)
    assert form.status == 200
    to = re.search(r'name="to" value="([^"]*)"', form.text)[1].replace("&amp;", "&")
    said = person.log_in(two.acme.key, to)
    assert (said.status, said.headers["location"]) == (303, f"{two.acme.at}?q=a%26b")
    assert person.ask(said.headers["location"]).status == 200
    cookie = said.headers["set-cookie"]
    assert re.fullmatch(r"idse=[\w-]{43}; Path=/; HttpOnly; SameSite=Lax; Max-Age=28800", cookie)
    assert two.acme.key not in str(said.headers)


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "/nowhere", "x"])
def test_a_login_leads_nowhere_else(server, two, to):
    assert Person(server).log_in(two.acme.key, to).headers["location"] == "/"


def test_a_wrong_key_is_told_so(server):
    person = Person(server)
    said = person.log_in("idse_wrong")
    assert (said.status, person.cookies) == (401, {})
    assert "This is no key, or one that ended." in said.text


def test_each_page_says_what_it_may_do(two):
    headers = two.acme.person.ask(two.acme.at).headers
    assert headers["content-security-policy"] == CSP
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "private, no-cache"


def test_a_client_sees_itself_alone(two):
    person, other = two.acme.person, two.mill
    first = person.ask("/")
    assert (first.status, first.headers["location"]) == (303, f"/c/{two.acme.client}")
    theirs = (other.at, f"/c/{other.client}", f"{other.at}/mill-login", f"/findings?client={other.client}")
    for path in theirs:
        for ending in ("", ".json"):
            place, _, query = path.partition("?")
            said = person.ask(f"{place}{ending}{'?' if query else ''}{query}")
            nobody = person.ask(said_path(place, other.client) + ending + (query and "?client=nobody"))
            assert (said.status, nobody.status) == (404, 404)
            assert said.text == nobody.text.replace("nobody", other.client)
    own = (f"/c/{two.acme.client}", two.acme.at, f"{two.acme.at}/acme-login", "/findings", "/analytics")
    for path in own:
        for ending in ("", ".json"):
            said = person.ask(path + ending)
            assert said.status == 200
            assert "mill" not in said.text.replace("millisecond", ""), path
    assert "mill" not in person.ask("/sync").text + person.ask("/audit").text
    assert person.ask("/keys").status == person.ask("/overview").status == 403


def said_path(path, client):
    return path.replace(client, "nobody")


def test_an_operator_sees_all_and_one_client_with_its_eyes(two, chief):
    names = [row["client"] for row in chief.data("/overview.json")["clients"]]
    assert {two.acme.client, two.mill.client} <= set(names)
    assert two.acme.client in chief.ask("/").text
    assert "Secret of mill" in chief.ask(f"{two.mill.at}/mill-login").text
    rows = chief.data(f"/findings.json?client={two.mill.client}")["findings"]
    assert {row["client"] for row in rows} <= {two.mill.client}
    keys = chief.data(f"/keys.json?client={two.mill.client}")["keys"]
    assert [row["name"] for row in keys] == ["Ann of mill"]
    assert "hash" not in keys[0]
    for path in PATHS:
        assert chief.ask(path).status == 200
        assert chief.ask("/overview.csv" if path == "/" else f"{path}.csv").status == 200
    audit = chief.data(f"/audit.json?client={two.mill.client}")["rows"]
    assert [row["id"] for row in audit] == list(range(len(audit), 0, -1))


def test_a_key_for_one_repository_sees_no_other(server, two):
    Rest(server, two.acme.key).project("hidden", "other")
    person = Person(server)
    person.log_in(server.key(two.acme.client, "read", repositories=("acme-shop",)))
    assert [row["project"] for row in person.data(f"/c/{two.acme.client}.json")["projects"]] == [
        "acme-portal"
    ]
    assert person.ask(f"/c/{two.acme.client}/other/hidden").status == 404
    assert person.ask("/analytics").status == person.ask("/audit").status == 403


def test_a_key_that_may_not_read_sees_nothing(server, two):
    person = Person(server)
    person.log_in(server.key(two.acme.client, "push"))
    for path in (f"/c/{two.acme.client}", two.acme.at, "/findings", "/analytics", "/sync", "/audit"):
        assert person.ask(path).status == 403, path


def test_a_key_in_a_header_is_for_programs(server, two):
    said = Person(server).ask("/findings.csv", Authorization=f"Bearer {two.acme.key}")
    assert said.status == 200
    assert said.text.startswith("client,repository,project,session,rule")
    assert Person(server).ask("/findings.csv", Authorization="Bearer x").status == 401


def test_a_key_that_is_revoked_ends_its_logins_at_once(server, two):
    assert two.acme.person.ask(two.acme.at).status == 200
    server.admin.keys.revoke(server.admin.keys.caller(two.acme.key).key_id)
    assert two.acme.person.ask(two.acme.at).status == 303


def test_who_logs_out_is_out(server, two):
    person = two.acme.person
    token = re.search(r'name="token" value="(\w+)"', person.ask(two.acme.at).text)[1]
    kept = dict(person.cookies)
    assert person.ask("/logout", {"token": "x"}).status == 403
    assert person.ask(two.acme.at).status == 200
    assert person.ask("/logout", {"token": token}).status == 303
    assert person.cookies == {}
    person.cookies = kept
    assert person.ask(two.acme.at).status == 303


def test_other_sites_can_do_nothing(server, two):
    person = two.acme.person
    for origin in ("http://evil.example", "null", f"https://{server.address}.evil.example"):
        assert person.ask(two.acme.at, Origin=origin).status == 403
        assert Person(server).ask("/login", {"key": two.acme.key}, Origin=origin).status == 403
    assert Person(server).ask("/login", {"key": two.acme.key}, Origin="").status == 403
    for host in ("evil.example", "evil.example:80"):
        assert person.ask(two.acme.at, Host=host).status == 421
    assert person.ask(two.acme.at, {"a": "b"}).status == 405
    assert person.ask("/login", {"key": "x" * 20_000}).status == 413


def test_the_secret_of_a_login_and_the_key_stand_nowhere(server, two):
    kept = server.admin.database.read("SELECT * FROM logins")
    secret = two.acme.person.cookies["idse"]
    assert secret not in str(kept)
    log = server.log.read_text()
    assert secret not in log
    assert two.acme.key not in log


def test_the_servers_own_addresses_stay(server):
    person = Person(server)
    assert person.ask("/healthz").text == "ok\n"
    assert person.ask("/readyz").status == 200
    assert person.ask("/metrics").status == 401


ODD = ["page=0", "page=-1", "page=x", "page=999999999999", "show=x", "q=%00", "since=x"]


@pytest.mark.parametrize("query", ODD)
def test_odd_words_of_a_query_harm_nothing(chief, two, query):
    for path in (two.acme.at, "/findings", "/analytics", "/sync", "/audit", "/keys", "/"):
        assert chief.ask(f"{path}?{query}").status in (200, 404)
    assert chief.ask("/sync?after=x").status == 422
