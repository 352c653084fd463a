"""Ledgers that the code of commit b729234 wrote stay what they are: every id, every byte, every answer.

`b729234.bundle` has every feature that ledgers had then, `b729234.json` its ids, `b729234.log.jsonl` what
`idse log --json` said of it. See `make_bundle.py`. None of these files is ever made anew: a test that
fails here says that ledgers in the world would be read otherwise.
"""

from __future__ import annotations

import json
import pathlib
import sys

LOG = pathlib.Path(__file__).with_name("b729234.log.jsonl")
THEN = pathlib.Path(__file__).with_name("then.py")
DYNAMIC = ("session.stages", "session.claims")
"""Objects of a state whose keys are names."""


def ledgers_of(kept):
    return list(kept["states"])


def projects_of(kept):
    return [ref.split("/")[3] for ref in kept["states"] if ref.startswith("refs/idse/projects/")]


def sessions_of(kept):
    return ["/".join(ref.split("/")[3:]) for ref in kept["states"] if ref.startswith("refs/idse/sessions/")]


def data_of(repo, *words):
    done = repo.idse(*words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)["data"]


def documents_of(repo, refs, name):
    """Each `event.json` or `state.json` in the history of ledgers."""
    names = "".join(f"{commit}:{name}\n" for commit in repo.git("rev-list", *refs).split())
    listed = repo.git("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=names).splitlines()
    blobs = {line.split()[1] for line in listed if line.startswith("blob ")}
    shown = repo.git("cat-file", "--batch=", stdin="".join(f"{blob}\n" for blob in blobs))
    return [json.loads(line) for line in shown.split("\n") if line]


def flat(prefix, value):
    """What is in a JSON object, as `shapes.py` calls it; empty values count as missing."""
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if inner not in ("", None, [], {}):
            yield name
        if isinstance(inner, str):
            yield f"{name}={inner}"
        parts = inner.values() if name in DYNAMIC else inner if isinstance(inner, list) else [inner]
        for each in parts:
            if isinstance(each, dict):
                yield from flat(f"{name}.", each)


def shapes_in(repo, refs):
    found = set()
    for event in documents_of(repo, refs, "event.json"):
        found |= {event["kind"], *flat(f"{event['kind']}.", event["body"])}
    for state in documents_of(repo, refs, "state.json"):
        found |= set(flat("session." if "session" in state else "project.", state))
    return found


def test_the_bundle_holds_the_refs_that_were_noted(opened, fill, kept):
    fill(opened, "refs/heads/*:refs/heads/*", "--update-head-ok")
    listed = opened.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse", "refs/heads")
    assert dict(line.split() for line in listed.splitlines()) == kept["refs"]
    opened.git("fsck", "--strict")


def test_fsck_finds_nothing(opened, kept):
    data = data_of(opened, "fsck")
    assert (data["sound"], data["defects"]) == (True, [])
    assert {each["ref"]: each["commits"] for each in data["ledgers"]} == {
        ref: kept["commits"][ref] for ref in ledgers_of(kept)
    }
    assert {each["ref"]: each["sound"] for each in data["ledgers"]} == {
        ref: kept["refs"][ref] for ref in ledgers_of(kept)
    }


def test_every_merge_made_again_in_either_order_is_the_one_that_was_made(opened, kept, ask):
    wanted = {row["id"]: row["id"] for row in kept["merges"]}
    for order in (1, -1):
        pairs = [[row["ref"], *row["parents"][::order]] for row in kept["merges"]]
        assert dict(zip(wanted, ask("joined", opened, pairs), strict=True)) == wanted


def test_where_no_merge_is_they_all_are_made_again(opened, kept, ask, make_repo):
    other = make_repo("other")
    merges = [row["id"] for row in kept["merges"]]
    rows = opened.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    packed = opened.path / "without"
    opened.git(
        "pack-objects", "-q", str(packed), stdin="".join(f"{row}\n" for row in rows if row not in merges)
    )
    for path in opened.path.glob("without-*"):
        path.rename(other.path / ".git/objects/pack" / path.name.replace("without", "pack"))
    missing = other.git("cat-file", "--batch-check", stdin="\n".join(merges)).splitlines()
    assert missing == [f"{merge} missing" for merge in merges]
    pairs = [[row["ref"], *row["parents"]] for row in kept["merges"]]
    assert ask("joined", other, pairs) == merges
    for ref, commit in kept["refs"].items():
        if ref.startswith("refs/idse/"):
            other.git("update-ref", ref, commit)
    other.git("fsck", "--strict")


def test_merges_tell_the_same_conflicts(opened, kept, ask):
    pairs = [[row["ref"], *row["parents"]] for row in kept["merges"]]
    assert ask("conflicts", opened, pairs) == [row["conflicts"] for row in kept["merges"]]


def test_histories_meet_in_every_way(kept):
    """The bundle is worth what it covers: strangers, criss-cross merges, and each kind of conflict."""
    assert {row["bases"] for row in kept["merges"]} >= {0, 1, 2, 3}
    kinds = {conflict.split()[0] for row in kept["merges"] for conflict in row["conflicts"]}
    assert kinds == {"markers", "no-text", "removed-here", "removed-there", "folder", "case"}
    refs = {row["ref"] for row in kept["merges"]}
    assert {"refs/idse/notes/commits", "refs/idse/projects/portal", "refs/idse/sessions/legacy/login"} <= refs
    assert len([ref for ref in kept["refs"] if ref.startswith("refs/idse/sync/")]) == 4


def test_states_fold_to_the_same_bytes(opened, kept, ask):
    assert ask("folded", opened, ledgers_of(kept)) == kept["states"]
    assert {ref: opened.git("rev-parse", f"{ref}:state.json") for ref in kept["states"]} == kept["states"]


def test_events_and_states_are_read_and_written_byte_for_byte(opened, kept, ask):
    assert ask("encoded", opened, ledgers_of(kept)) == []


def test_everything_that_the_schema_of_then_knew_is_noted(kept, repo, older_source):
    done = repo.run(sys.executable, str(THEN), env={"PYTHONPATH": str(older_source)})
    assert json.loads(done.stdout) == kept["shapes"]


def test_everything_that_is_noted_is_in_the_bundle(opened, kept):
    assert set(kept["shapes"]) - shapes_in(opened, ledgers_of(kept)) == set()


def test_everything_that_is_noted_is_known_today(opened, kept, ask):
    assert set(kept["shapes"]) - set(ask("known", opened)) == set()


def test_the_log_says_the_same(opened, kept):
    entries = [
        entry
        for name in projects_of(kept)
        for entry in data_of(opened, "log", "--all", "--project", name)["entries"]
    ]
    entries += data_of(opened, "log", "--sync")["entries"]
    for entry in entries:  # keys that came later
        entry.pop("ticked", None)
        entry.pop("opened", None)
        entry.pop("alias", None)
    assert entries == [json.loads(line) for line in LOG.read_text(encoding="utf-8").split("\n")[:-1]]


def test_each_session_has_the_status_that_its_state_says(opened, kept):
    for name in sessions_of(kept):
        ref = f"refs/idse/sessions/{name}"
        state = json.loads(opened.git("cat-file", "blob", f"{ref}:state.json"))
        status = data_of(opened, "status", name)
        assert status["ledger"]["commit"] == kept["refs"][ref]
        assert {each["stage"]: each["status"] for each in status["stages"]} == statuses_of(state)
        assert [each["event"] for each in status["not_applied"]] == [
            each["event"] for each in state["not_applied"]
        ]
    assert opened.idse("status", name).returncode == 0


def test_all_sessions_are_listed_with_what_their_states_say(opened, kept):
    rows = {
        f"{project}/{each['session']}": each
        for project in projects_of(kept)
        for each in data_of(opened, "session", "list", "--project", project)["sessions"]
    }
    assert sorted(rows) == sorted(sessions_of(kept))
    for name, row in rows.items():
        state = json.loads(opened.git("cat-file", "blob", f"refs/idse/sessions/{name}:state.json"))
        assert row["stages"] == statuses_of(state)
        assert [row[key] for key in ("title", "owner", "tags", "parents", "events")] == [
            state[key] for key in ("title", "owner", "tags", "parents", "events")
        ]


def statuses_of(state):
    return {stage: record["status"] for stage, record in state["stages"].items()}
