"""Writes over REST beside clones that push: all of it ends in one ledger, on one id."""

from __future__ import annotations

import threading

import pytest

from agency_bed import bearer
from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft

KEY = ("portal", "login")
REF = "refs/idse/sessions/portal/login"


@pytest.fixture
def clone(make_repo, server, acme):
    """Makes clones of the client's repository that have the session, and sync."""

    def made(name):
        repo = make_repo(name)
        repo.git("remote", "add", "agency", server.url(acme.place))
        repo.env = bearer(acme.key)
        done = repo.idse("sync", "pull", env=repo.env)
        assert done.returncode == 0, done.stdout + done.stderr
        assert repo.git("rev-parse", REF)
        return repo

    return made


def titled(repo, title):
    """Appends an event to the session's ledger in a clone."""
    ledger_writer(discover(str(repo.path))).append(*KEY, lambda _: Draft("described", {"title": title}))


def test_a_clone_that_wrote_meanwhile_merges_what_the_server_wrote(server, acme, clone):
    repo, path = clone("one"), f"/sessions/{acme.session}/artifacts/intent.md"
    titled(repo, "of the clone")
    said = acme.rest.put(
        f"/sessions/{acme.session}/artifacts/intent.md", "of the server", acme.rest.tip(acme.session)
    )
    assert said.status == 200
    pushed = repo.idse("sync", "push", env=repo.env)
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    tip = acme.rest.tip(acme.session)
    assert tip == repo.git("rev-parse", REF)
    found = acme.rest.get(f"/sessions/{acme.session}").data
    assert found["title"] == "of the clone"
    assert acme.rest.get(path).text == "of the server"
    events = [each["id"] for each in acme.rest.get(f"/sessions/{acme.session}/events").data["items"]]
    assert said.data["events"][0] in events
    assert len(events) == 4


def test_writers_and_pushing_clones_all_get_through_and_end_on_one_id(server, acme, clone):
    clones = [clone(f"c{number}") for number in range(3)]
    written, failed = [], []

    def writing(number):
        for turn in range(4):
            path = f"/sessions/{acme.session}/artifacts/note-{number}-{turn}.md"
            said = acme.rest.call("PUT", path, f"{number} {turn}".encode(), If_Match="*")
            (written if said.status == 200 else failed).append(said)

    def pushing(repo, number):
        for turn in range(2):
            titled(repo, f"{number} {turn}")
            done = repo.idse("sync", "push", env=repo.env)
            if done.returncode:
                failed.append(done)

    threads = [threading.Thread(target=writing, args=(number,)) for number in range(3)]
    threads += [threading.Thread(target=pushing, args=(repo, n)) for n, repo in enumerate(clones)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
    assert len(written) == 12
    for repo in clones:
        repo.idse("sync", "pull", env=repo.env)
    tips = {repo.git("rev-parse", REF) for repo in clones}
    assert tips == {acme.rest.tip(acme.session)}
    events = {
        each["id"] for each in acme.rest.get(f"/sessions/{acme.session}/events?limit=200").data["items"]
    }
    assert {said.data["events"][0] for said in written} <= events
    assert len(events) == 2 + 12 + 6
    paths = {each["path"] for each in acme.rest.get(f"/sessions/{acme.session}/artifacts").data["items"]}
    assert len(paths) == 7 + 12


def test_of_writers_on_one_tip_one_wins_and_the_others_hear_of_it(acme):
    tip, found = acme.rest.tip(acme.session), []

    def write(number):
        said = acme.rest.put(f"/sessions/{acme.session}/artifacts/intent.md", f"text {number}", tip)
        found.append(said)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said.status for said in found) == [200, 412, 412, 412]
    assert {said.data["tip"] for said in found} == {acme.rest.tip(acme.session)}


def test_one_name_asked_for_at_once_is_made_once(acme):
    found = []

    def make():
        body = {"project_id": acme.project, "name": "at-once"}
        found.append(acme.rest.post("/sessions", body, Idempotency_Key="at-once"))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [said.status for said in found] == [201] * 4
    assert len({said.data["tip"] for said in found}) == 1


def test_names_that_differ_in_case_alone_do_not_both_come_in(acme):
    found = []

    def make(name):
        found.append(acme.rest.post("/sessions", {"project_id": acme.project, "name": name}).status)

    threads = [threading.Thread(target=make, args=(name,)) for name in ("cart", "Cart", "CART")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count(201) == 1
