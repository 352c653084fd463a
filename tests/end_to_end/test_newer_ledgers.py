"""A ledger that a newer idse wrote on, and that came by plain fetch: it is read, and never written over."""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.ledger.events import event_from_json, trailers_of
from idse_orchestrator.ledger.refs import HIGHEST
from idse_orchestrator.pipeline.values import KEPT
from idse_orchestrator.wiring.ledgers import KINDS

REF = "refs/idse/sessions/portal/login"
UPGRADE = "pip install --upgrade idse-orchestrator"
NEWER_ID = "01KZZZZZZZZZZZZZZZZZZZZZZZ"


def of_a_newer_format(event, state):
    event |= {"format": HIGHEST + 1, "kind": "estimated"}
    state["format"] = HIGHEST + 1


def of_an_unknown_kind(event, _state):
    event |= {"kind": "estimated", "body": {"points": 3}}


def with_an_unknown_key(_event, state):
    state["estimate"] = {"points": 3}


def with_an_unknown_key_below(_event, state):
    state["stages"]["intent"]["points"] = 3


CHANGES = {
    of_a_newer_format: f"format {HIGHEST + 1} needs a newer idse: this one reads format {HIGHEST}",
    of_an_unknown_kind: "it holds an event of the kind 'estimated', which this idse does not know",
    with_an_unknown_key: "it holds the key 'estimate' in its state, which this idse does not know",
    with_an_unknown_key_below: (
        "it holds the key 'stages.intent.points' in its state, which this idse does not know"
    ),
}


def written_on(repo, change):
    """Let a newer idse append one event, whose effect is `change`; the ledger's tip."""
    event, state = (
        json.loads(repo.git("cat-file", "blob", f"{REF}:{name}.json")) for name in ("event", "state")
    )
    event |= {"id": NEWER_ID, "kind": "described", "body": {"title": "new"}, "lamport": event["lamport"] + 1}
    state |= {"title": "new", "lamport": state["lamport"] + 1, "events": state["events"] + 1}
    change(event, state)
    rows = [row for row in repo.git("ls-tree", REF).splitlines() if not row.endswith(".json")]
    for name, value in (("event", event), ("state", state)):
        repo.write("scratch", json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
        rows.append(f"100644 blob {repo.git('hash-object', '-w', '--no-filters', 'scratch')}\t{name}.json")
    (repo.path / "scratch").unlink()
    done = repo.run("sh", "-c", "printf '%s\n' \"$1\" | git mktree", "sh", "\n".join(rows))
    read = event_from_json(json.dumps(event).encode()) if event["format"] == 1 else None
    trailers = trailers_of(read) if read else {"Idse-Event": NEWER_ID}
    message = "newer\n\n" + "\n".join(f"{key}: {value}" for key, value in trailers.items())
    commit = repo.git("commit-tree", done.stdout.strip(), "-p", REF, "-m", message)
    repo.git("update-ref", REF, commit)
    return commit


@pytest.mark.parametrize(("change", "cause"), CHANGES.items())
@pytest.mark.parametrize(
    "command", [("session", "set", "login", "--title", "old"), ("stage", "complete", "intent"), ("save",)]
)
def test_what_a_newer_idse_wrote_is_not_written_over(begun, change, cause, command):
    begun.idse("switch", "login")
    tip = written_on(begun, change)
    done = begun.idse(*command)
    assert done.returncode != 0
    if command[0] == "session":
        assert done.stderr.startswith("error[IDSE057]: this ledger needs a newer idse\n"), done.stderr
        assert cause in done.stderr
        assert UPGRADE in done.stderr
    assert begun.git("rev-parse", REF) == tip


@pytest.mark.parametrize("change", CHANGES)
def test_one_such_ledger_stops_no_work_on_the_others(begun, change):
    assert begun.idse("spawn", "search").returncode == 0
    written_on(begun, change)
    listed = begun.idse("session", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "search" in listed.stdout
    assert "login" in listed.stdout
    judged = begun.idse("validate", "--all", "--format", "concise")
    assert "error[IDSE057]" not in judged.stderr
    assert "sessions/search/" in judged.stdout
    assert begun.idse("session", "set", "search", "--title", "mine").returncode == 0


def test_what_needs_a_newer_idse_is_named(begun):
    assert begun.idse("spawn", "search").returncode == 0
    written_on(begun, of_a_newer_format)
    assert (
        f"login: this ledger needs a newer idse (format {HIGHEST + 1}" in begun.idse("session", "list").stdout
    )
    (told,) = json.loads(begun.idse("session", "list", "--json").stdout)["diagnostics"]
    assert (told["code"], told["where"]) == ("IDSE057", REF)
    judged = begun.idse("validate", "--all")
    assert "the ledger of portal/login needs a newer idse, so its gates were not checked" in (
        judged.stdout + judged.stderr
    )
    assert "IDSE705" not in judged.stdout


@pytest.mark.parametrize(("change", "cause"), list(CHANGES.items())[1:])
def test_a_status_names_what_is_not_known_here(begun, change, cause):
    begun.idse("switch", "login")
    assert "newer" not in begun.idse("status").stdout
    written_on(begun, change)
    status = begun.idse("status")
    assert status.returncode == 0
    assert f"needs a newer idse: {cause.partition(', which')[0]}\n" in status.stdout
    assert "next: use a newer idse" in status.stdout
    assert f"      {UPGRADE}\n" in status.stdout
    (told,) = json.loads(begun.idse("status", "--json").stdout)["diagnostics"]
    assert (told["code"], told["where"], told["cause"]) == ("IDSE057", REF, cause)


@pytest.mark.parametrize(("change", "cause"), CHANGES.items())
def test_doctor_fsck_and_next_name_it_and_what_to_type(begun, change, cause):
    begun.idse("switch", "login")
    tip = written_on(begun, change)
    (found,) = [
        each
        for each in json.loads(begun.idse("doctor", "--json").stdout)["data"]["checks"]
        if each["name"] == "ledger refs"
    ]
    assert cause in found["says"]
    assert found["fix"] == [UPGRADE]
    fsck = begun.idse("fsck")
    assert cause in fsck.stdout
    assert f"hint: newer-format: {UPGRADE}" in fsck.stderr
    assert "sound commit" not in fsck.stderr
    assert UPGRADE in begun.idse("next").stdout + begun.idse("next").stderr
    assert begun.git("rev-parse", REF) == tip


def test_what_other_themes_keep_is_known_to_a_status():
    assert set(KEPT) == set(KINDS["session"].kept)


@pytest.mark.parametrize("change", [of_an_unknown_kind, of_a_newer_format])
def test_what_cannot_be_understood_is_not_merged(begun, make_repo, bare_remote, change):
    assert begun.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert begun.idse("sync", "push").returncode == 0
    other = make_repo("other")
    assert other.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    assert other.idse("sync", "pull").returncode == 0
    tip = written_on(begun, change)
    assert other.idse("session", "set", "portal/login", "--title", "theirs").returncode == 0
    assert other.idse("sync", "push").returncode == 0
    done = begun.idse("sync", "pull")
    assert done.returncode != 0
    assert begun.git("rev-parse", REF) == tip
