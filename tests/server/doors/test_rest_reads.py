"""Reads over REST: pages, filters, tags, and what is wrong in words."""

from __future__ import annotations

import re

import pytest

from idse_orchestrator.server.api.app import told
from rest_bed import Rest, ready

ENGINES = ("sqlite", "postgresql")


def pages(rest, path, **headers):
    """All items of a list, as the links lead."""
    found, sizes = [], []
    while path:
        said = rest.get(path, **headers)
        assert said.status == 200, said
        found += said.data["items"]
        sizes.append(len(said.data["items"]))
        link = re.fullmatch(r'<(\?[^>]+)>; rel="next"', said.headers.get("link", ""))
        assert bool(link) == bool(said.data["after"])
        path = path.partition("?")[0] + link[1] if link else ""
    return found, sizes


@pytest.fixture
def many(acme):
    """A client with seven sessions more."""
    for number in range(7):
        acme.rest.session(acme.project, f"s{number}", type="spike" if number % 2 else "feature")
    return acme


def test_links_lead_through_all_pages_and_each_item_comes_once(many):
    found, sizes = pages(many.rest, "/sessions?limit=3")
    assert sizes == [3, 3, 2]
    assert len({each["id"] for each in found}) == 8
    assert found == many.rest.get("/sessions?limit=200").data["items"]
    events, _ = pages(many.rest, f"/sessions/{many.session}/events?limit=1")
    assert [each["kind"] for each in events] == ["created", "stage"]
    audit, _ = pages(many.rest, "/audit?limit=4")
    assert [each["id"] for each in audit] == list(range(1, len(audit) + 1))
    projects, _ = pages(many.rest, "/projects?limit=1")
    assert [each["name"] for each in projects] == ["portal"]


def test_filters_go_with_the_pages(many):
    found, sizes = pages(many.rest, "/sessions?type=spike&limit=2")
    assert {each["type"] for each in found} == {"spike"}
    assert sizes == [2, 1]
    assert many.rest.get("/sessions?project=other").data["items"] == []
    assert len(many.rest.get(f"/projects/{many.project}/sessions").data["items"]) == 8
    assert len(many.rest.get("/sessions?repository=shop&status=active&owner=").data["items"]) == 8


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=-1",
        "limit=%D9%A1",
        "limit=000000001999",
        "limit=1000000000000000000000000000000",
        "after=WyJcdWQ4MDAiLCJ4Il0",  # ["\\ud800", "x"]
        "after=WyJcdTAwMDAiLCJ4Il0",  # ["\\u0000", "x"]
        "after=x",
        "after=W10",
        "nope=1",
        "after=bnVsbA",
    ],
)
def test_a_query_that_does_not_fit_is_422_in_words(acme, query):
    said = acme.rest.get(f"/sessions?{query}")
    assert (said.status, said.headers["content-type"]) == (422, "application/problem+json")
    assert said.data["detail"]


def test_a_cursor_of_another_list_is_none(many):
    after = many.rest.get("/sessions?limit=1").data["after"]
    assert many.rest.get(f"/audit?after={after}").status == 422
    assert many.rest.get(f"/sessions/{many.session}/events?after={after}").status == 422


def test_what_did_not_change_is_304_and_what_did_is_not(acme):
    path = f"/sessions/{acme.session}/artifacts/intent.md"
    paths = ["/sessions", f"/sessions/{acme.session}", path, "/projects", "/audit", "/constitution"]
    tags = {each: acme.rest.get(each).headers["etag"] for each in paths}
    for each, tag in tags.items():
        for said in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            answer = acme.rest.get(each, If_None_Match=said)
            assert (answer.status, answer.text, answer.headers["etag"]) == (304, "", tag)
    acme.rest.put(path, "more", acme.rest.tip(acme.session))
    changed = [each for each, tag in tags.items() if acme.rest.get(each, If_None_Match=tag).status == 200]
    assert changed == ["/sessions", f"/sessions/{acme.session}", path, "/audit"]


def test_head_tells_what_get_would(acme):
    said = acme.rest.call("HEAD", f"/sessions/{acme.session}")
    assert (said.status, said.text) == (200, "")
    assert said.headers["etag"] == f'"{acme.rest.tip(acme.session)}"'


def test_a_document_beyond_the_projection_comes_from_git(acme):
    text = "# Intent\n" + "x" * 300_000
    path = f"/sessions/{acme.session}/artifacts/notes.md"
    assert acme.rest.put(path, text, acme.rest.tip(acme.session)).status == 200
    assert acme.rest.get(path).text == text
    raw = acme.rest.call("PUT", f"/sessions/{acme.session}/artifacts/raw.bin", b"\xff\0\n", If_Match="*")
    assert raw.status in (200, 409)


def test_both_prefixes_answer_the_same(server, acme):
    old = Rest(server, acme.key, "/api")
    for path in ("/projects", "/sessions", f"/sessions/{acme.session}", "/sync-events"):
        assert old.get(path).data == acme.rest.get(path).data


def test_what_is_not_there_says_so(acme):
    assert acme.rest.get("/nothing").code == "IDSE006"
    assert acme.rest.get("/sessions/x").status == 404
    assert acme.rest.get(f"/sessions/{acme.project}").status == 404
    assert acme.rest.get(f"/sessions/{acme.session}/stages/nope").status == 404
    assert acme.rest.get(f"/sessions/{acme.session}/artifacts/nope.md").status == 404
    said = acme.rest.call("DELETE", f"/sessions/{acme.session}")
    assert (said.status, said.headers["content-type"]) == (405, "application/problem+json")
    assert {"GET", "HEAD"} == set(said.headers["allow"].split(", "))


def test_who_may_not_read_does_not_hear_that_nothing_changed(server, acme):
    tag = acme.rest.get("/sessions").headers["etag"]
    assert acme.rest.get("/sessions", If_None_Match=tag).status == 304
    writer = Rest(server, server.key(acme.name, "push"))
    assert writer.get("/sessions", If_None_Match=tag).status == 403
    other = Rest(server, server.key("other-than-that", "read"))
    assert other.get("/sessions", If_None_Match=tag).status == 200
    assert acme.rest.get("/sessions?limit=0", If_None_Match=tag).status == 422
    ended = server.key(acme.name, "read")
    assert Rest(server, ended).get("/sessions", If_None_Match=tag).status == 304
    server.admin.keys.revoke(server.admin.keys.caller(ended).key_id)
    assert Rest(server, ended).get("/sessions", If_None_Match=tag).status == 401
    assert Rest(server, "").get("/sessions", If_None_Match=tag).status == 401


def test_a_key_that_asks_too_often_waits_and_others_do_not(own_server):
    with open(own_server.home.configuration_file, "a", encoding="utf-8") as file:
        file.write("requests_a_minute = 3\n")
    key, other = own_server.key("acme", "read"), own_server.key("acme", "read")
    own_server.start()
    ready(own_server)
    said = [Rest(own_server, key).get("/sessions") for _ in range(4)]
    assert [each.status for each in said] == [200, 200, 200, 429]
    assert int(said[-1].headers["retry-after"]) > 0
    tag = said[0].headers["etag"]
    assert Rest(own_server, key).get("/sessions", If_None_Match=tag).status == 429
    assert Rest(own_server, other).get("/sessions").status == 200
    assert Rest(own_server, key).get("/healthz").status == 404
    assert Rest(own_server, key, "").get("/healthz").status == 200


def test_the_log_tells_of_requests_and_never_of_keys_or_documents(server, acme):
    path = f"/sessions/{acme.session}/artifacts/intent.md"
    acme.rest.put(path, "the text of a document", acme.rest.tip(acme.session))
    log = server.log.read_text()
    assert acme.key not in log
    assert "the text of" not in log

    def lines():
        return [each for each in server.entries() if each["path"] == f"/api/v1{path}"]

    server.until(lines)
    last = lines()[-1]
    assert (last["method"], last["status"], last["client"]) == ("PUT", 200, acme.name)


def test_a_fault_of_the_server_is_in_the_log_by_its_kind_and_place_alone():
    scope = {}
    try:
        b"the text of a document\xff".decode()
    except UnicodeDecodeError as error:
        problem = told(error, scope)
    assert (problem.status, problem.code) == (500, "IDSE000")
    assert scope["idse.fault"].startswith("UnicodeDecodeError at test_rest_reads.py:")
    assert "the text" not in str(problem.data()) + str(scope)
