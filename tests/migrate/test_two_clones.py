"""Two clones that migrate one source, before either has heard of the other, write one history."""

from __future__ import annotations

import json
import os

import pytest

_LONG_AGO = 1_700_000_000


def aged(old):
    """The source as it would be after years: its files are not of today."""
    for number, path in enumerate(old.files()):
        os.utime(old.path / path, (_LONG_AGO, _LONG_AGO + number))
    return old


def sessions(taker):
    told = taker.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse/sessions/")
    return dict(line.split() for line in told.splitlines())


@pytest.fixture
def clones(make_taker):
    """Two repositories of two people."""
    found = [make_taker("one"), make_taker("other")]
    for number, each in enumerate(found):
        each.git("config", "user.name", f"Person {number}")
        each.git("config", "user.email", f"person{number}@example.invalid")
    return found


def test_a_folder_becomes_the_same_commits_whoever_takes_it_over(old, clones):
    old.session("C")
    old.session("D", "other")
    old.json("projects/portal/sessions/login/session_state.json", {"stages": {"tasks": "in_progress"}})
    old.put("handoff_claude_to_codex_7.md", "# Handoff\n\n## Metadata\n\n- From: claude\n- To: codex\n")
    old.put("CURRENT_SESSION", "login")
    aged(old)
    for each in clones:
        each.migrate(old)
    one, other = map(sessions, clones)
    assert one == other
    assert len(one) == 2


def test_a_repository_does_in_two_checkouts(old, clones, make_repo):
    old.path.rmdir()
    source = make_repo("old", at="2024-03-04T05:06:07+02:00")
    old.json("projects/portal/session_state.json", {"stages": {"plan": "in_progress"}})
    old.put("handoff_claude_to_codex_7.md", "# Handoff\n")
    for text in ("first", "second"):
        old.session("C", about=text)
        source.commit(text)
    source.git("clone", "-q", ".", "../again")
    clones[0].migrate(aged(old))
    clones[1].migrate(old.path.parent / "again")
    assert sessions(clones[0]) == sessions(clones[1])
    assert {event["at"] for event in clones[0].events()} == {"2024-03-04T03:06:07Z"}


def test_what_somebody_answers_for_is_theirs(old, clones):
    """A waiver is: only from there on the two histories differ, and a join has little to join."""
    old.session("C")
    old.json("projects/portal/sessions/login/session_state.json", {"stages": {"intent": "completed"}})
    aged(old)
    for each in clones:
        each.migrate(old)
    told = [each.events() for each in clones]
    kinds = [event["kind"] for event in told[0]]
    assert "approved" in kinds
    shared = kinds.index("approved")
    assert told[0][:shared] == told[1][:shared]
    assert {event["actor"]["name"] for event in told[0][:shared]} == {"idse"}
    for number, events in enumerate(told):
        assert {event["kind"] for event in events[shared:]} == {"approved"}
        assert {event["actor"]["name"] for event in events[shared:]} == {f"Person {number}"}


def test_they_meet_at_an_agency_and_nothing_is_told_twice(old, clones, make_repo):
    old.session("C")
    old.json("projects/portal/sessions/login/session_state.json", {"stages": {"intent": "completed"}})
    aged(old)
    hub = make_repo("hub").path / ".git"
    for each in clones:
        each.migrate(old)
        each.git("config", "idse.agencyUrl", str(hub))
        assert each.idse("sync", "setup", str(hub)).returncode == 0
    for each in (*clones, clones[0]):
        done = each.idse("sync", "push")
        assert done.returncode == 0, done.stdout + done.stderr
    assert sessions(clones[0]) == sessions(clones[1])
    data = json.loads(clones[0].idse("log", "portal/login", "--json").stdout)["data"]
    assert not [entry for entry in data["entries"] if entry["not_applied"]]
    told = [entry["subject"] for entry in data["entries"] if entry["kind"] not in ("approved", None, "")]
    assert len(told) == len(set(told))


def test_another_source_makes_other_events(old, clones):
    old.session("C")
    aged(old)
    clones[0].migrate(old)
    old.put(old.where("C", "plan"), "# Plan\n\nAnother one, of which nobody had heard.\n")
    aged(old)
    clones[1].migrate(old)
    ids = [{event["id"] for event in each.events() if event["kind"] != "created"} for each in clones]
    assert not ids[0] & ids[1]


def test_a_folder_is_dated_by_its_files_where_it_says_nothing(old, taker):
    old.session("C")
    aged(old)
    taker.migrate(old)
    assert {event["at"][:10] for event in taker.events() if event["kind"] != "approved"} == {"2023-11-14"}
    assert taker.is_sound()


def test_files_that_come_from_the_future_do_not_date_anything(old, taker):
    old.session("C")
    for path in old.files():
        os.utime(old.path / path, (_LONG_AGO, 30 * _LONG_AGO))
    taker.migrate(old)
    assert max(event["at"] for event in taker.events()) < "2100"
