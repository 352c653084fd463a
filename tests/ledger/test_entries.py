"""Looking back at ledgers on real git: lazily, through merges, and past whatever is damaged."""

from __future__ import annotations

import json
import zlib

import pytest

from here import discover, ledger_writer
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.git.program import Git
from idse_orchestrator.ledger import log
from idse_orchestrator.ledger import log as entry_questions
from idse_orchestrator.ledger.entries import MERGE, Span
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.ledger.log import GitLedgerHistory
from idse_orchestrator.wiring.ledgers import KINDS

REF = "refs/idse/sessions/portal/login"
KEY = ("portal", "login")
EVENT = {
    "format": 1,
    "id": "01J00000000000000000000000",
    "kind": "edited",
    "lamport": 2,
    "at": "2026-01-01T00:00:00Z",
    "replica": "R",
    "actor": {"name": "Ada", "email": "a@b.example", "agent": ""},
    "body": {"changed": {}},
}


@pytest.fixture
def repository(repo):
    return discover(str(repo.path))


@pytest.fixture
def history(repository):
    return GitLedgerHistory(repository, KINDS.words)


@pytest.fixture
def append(repository):
    writer = ledger_writer(repository)

    def append(kind, **body):
        return writer.append(*KEY, lambda _tip: Draft(kind, body)).commit

    return append


def entries(history, **span):
    return [item.entry for item in history.entries(Span(sessions=(KEY,), **span)) if item.entry]


def commit_tree(repo, parents, **blobs):
    """A hand-made ledger commit; blobs by file stem."""
    ids = {name: repo.git("hash-object", "-w", "--stdin", stdin=text) for name, text in blobs.items()}
    rows = "".join(f"100644 blob {blob}\t{name}.json\n" for name, blob in sorted(ids.items()))
    tree = repo.git("mktree", stdin=rows)
    flags = [word for parent in parents for word in ("-p", parent)]
    commit = repo.git("commit-tree", tree, *flags, "-m", "by hand")
    repo.git("update-ref", REF, commit)
    return commit


def long_ledger(repo, count):
    """A ledger of `count` events, newest last, made by fast-import."""
    parts = []
    for number in range(count):
        event = EVENT | {"id": f"01J{number:023d}", "lamport": number + 1}
        text = json.dumps(event)
        parts.append(
            f"commit {REF}\ncommitter Ada <a@b.example> {1_700_000_000 + number} +0000\ndata 5\nsaved\n"
            f"M 100644 inline event.json\ndata {len(text)}\n{text}\n"
        )
    repo.git("fast-import", "--quiet", stdin="".join(parts))


def loose(repo, blob):
    return repo.path / ".git" / "objects" / blob[:2] / blob[2:]


def test_entries_come_newest_first_with_their_events(history, append):
    first, second = (
        append("created", project="portal", session="login"),
        append("edited", changed={"spec.md": "1"}),
    )
    found = entries(history)
    assert [entry.commit for entry in found] == [second, first]
    assert [entry.kind for entry in found] == ["edited", "created"]
    assert found[0].parents == (first,)
    assert {(entry.project, entry.session) for entry in found} == {KEY}


def test_five_entries_of_three_thousand_cost_five_events(repo, history, monkeypatch):
    long_ledger(repo, 3_000)
    parsed = []
    real = entry_questions.with_event
    monkeypatch.setattr(entry_questions, "with_event", lambda *args: parsed.append(1) or real(*args))
    found = entries(history, limit=5)
    assert [entry.event.lamport for entry in found] == [3000, 2999, 2998, 2997, 2996]
    assert len(parsed) == 5


def test_a_reader_who_leaves_early_has_read_little_and_left_no_process(repo, history, monkeypatch):
    long_ledger(repo, 3_000)
    parsed = []
    real = entry_questions.with_event
    monkeypatch.setattr(entry_questions, "with_event", lambda *args: parsed.append(1) or real(*args))
    children = []
    start = Git.start
    monkeypatch.setattr(Git, "start", lambda *args: children.append(start(*args)) or children[-1])
    reading = history.entries(Span(sessions=(KEY,)))
    next(reading)
    reading.close()
    assert len(parsed) == 1
    assert children
    assert all(child.returncode is not None for child in children)


def test_three_thousand_entries_all_arrive_in_order(repo, history):
    long_ledger(repo, 3_000)
    assert [entry.event.lamport for entry in entries(history)] == list(range(3000, 0, -1))


def test_a_merge_is_an_entry_without_an_event(repo, history, append):
    base = append("created", project="portal", session="login")
    left = append("edited", changed={"a": "1"})
    repo.git("update-ref", REF, base)
    right = append("edited", changed={"b": "1"})
    merge = commit_tree(repo, sorted([left, right]), state="{}")
    found = entries(history)
    assert found[0].commit == merge
    assert (found[0].kind, found[0].event, found[0].damage) == (MERGE, None, "")
    assert {entry.commit for entry in found[1:]} == {left, right, base}


def test_the_graph_draws_a_merge_beside_the_entries(repo, history, append):
    base = append("created", project="portal", session="login")
    left = append("edited", changed={"a": "1"})
    repo.git("update-ref", REF, base)
    right = append("edited", changed={"b": "1"})
    commit_tree(repo, sorted([left, right]), state="{}")
    drawn = list(history.entries(Span(sessions=(KEY,), graph=True)))
    assert drawn[0].prefix.startswith("*")
    assert any("|\\" in line for line in drawn[0].below)
    assert any("|/" in line for item in drawn for line in (item.prefix, *item.below))
    assert sum(item.entry is not None for item in drawn) == 4


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"format":1}',
        "[" * 100_000,
        "\udcff",
        json.dumps(EVENT | {"at": 1}),
        json.dumps(EVENT | {"lamport": "1"}),
        json.dumps(EVENT | {"body": []}),
        json.dumps(EVENT | {"kind": "stage"}),
        json.dumps(EVENT | {"actor": None}),
    ],
    ids=range(10),
)
def test_whatever_stands_in_an_event_is_an_entry_and_reading_goes_on(repo, history, append, text):
    first = append("created", project="portal", session="login")
    commit_tree(repo, [first], event=text, state="{}")
    damaged, sound = entries(history)
    assert damaged.damage
    assert damaged.subject
    assert sound.commit == first


def test_the_event_those_are_made_of_is_sound(repo, history, append):
    first = append("created", project="portal", session="login")
    commit_tree(repo, [first], event=json.dumps(EVENT), state="{}")
    assert [entry.damage for entry in entries(history)] == ["", ""]


def test_a_commit_that_is_neither_event_nor_merge_is_damage(repo, history, append):
    first = append("created", project="portal", session="login")
    commit_tree(repo, [first], state="{}")
    assert entries(history)[0].damage == "it has no event.json"


def test_an_event_that_git_cannot_read_is_damage_and_the_others_are_read(repo, history, append):
    append("created", project="portal", session="login")
    broken = append("edited", changed={"a": "1"})
    append("edited", changed={"b": "1"})
    path = loose(repo, repo.git("rev-parse", f"{broken}:event.json"))
    path.chmod(0o644)
    path.write_bytes(zlib.compress(b"blob 3\0no")[:-2])
    found = entries(history)
    assert [bool(entry.damage) for entry in found] == [False, True, False]


def test_a_history_that_breaks_off_is_told_after_what_could_be_read(repo, history, append):
    first = append("created", project="portal", session="login")
    second = append("edited", changed={"a": "1"})
    loose(repo, first).unlink()
    seen = []
    with pytest.raises(CorruptLedgerError, match="cannot read this history"):
        seen.extend(item.entry.commit for item in history.entries(Span(sessions=(KEY,))))
    assert seen in ([second], [])


@pytest.mark.parametrize("long", [1, 1000])
def test_an_event_is_found_by_the_start_of_its_id_in_any_ledger(repo, history, append, long, monkeypatch):
    monkeypatch.setattr(log, "LONG", long)
    commit = append("created", project="portal", session="login")
    event = entries(history)[0].event.id
    for prefix in (event, event[:20]):
        assert [entry.commit for entry in history.by_event(prefix, 5)] == [commit]
    assert history.by_event("7ZZZZZZZ", 5) == []


@pytest.mark.parametrize("kind", ["fixed", "extended", "perl"])
def test_how_somebody_likes_his_patterns_hides_no_event(repo, history, append, kind):
    commit = append("stage", stage="intent", action="start", **{"from": "pending", "to": "in_progress"})
    event = entries(history)[0].event.id
    repo.git("config", "grep.patternType", kind)
    assert [entry.commit for entry in history.by_event(event, 5)] == [commit]
    assert [entry.commit for entry in entries(history, grep=("Idse-Stage: intent",))] == [commit]


def test_a_ledger_commit_is_found_by_its_start_even_when_no_ref_holds_it(repo, history, append):
    first = append("created", project="portal", session="login")
    second = append("edited", changed={"a": "1"})
    repo.git("update-ref", REF, first)
    found = history.by_commit(second[:12])
    assert [(entry.commit, entry.project, entry.session) for entry in found] == [(second, "portal", "login")]


def test_a_commit_of_code_is_no_entry(repo, history):
    repo.write("a.txt", "a")
    assert history.by_commit(repo.commit()) == []


def test_no_ledger_has_no_entries_and_never_those_of_the_branch(repo, history):
    repo.write("a.txt", "a")
    repo.commit()
    assert list(history.entries(Span(projects=("portal",)))) == []
    assert history.by_event("01J0", 5) == []
