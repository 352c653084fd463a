"""Many processes write at once, with git repacking beside them: every event is there, once, in order."""

from __future__ import annotations

import pathlib
import subprocess
import sys

from here import discover, fold
from idse_orchestrator.git.object_stream import ObjectStream
from idse_orchestrator.ledger.events import event_from_json
from idse_orchestrator.pipeline.reader import GitLedgerReader

LOOP = str(pathlib.Path(__file__).with_name("ledger_loop.py"))
EACH = 25


def work(repo, tmp_path, sessions, beside=()):
    """One process for each name in `sessions`, EACH events apiece; git runs `beside` meanwhile."""
    workers = [
        subprocess.Popen(
            [
                sys.executable,
                LOOP,
                str(repo.path),
                session,
                str(tmp_path / f"acknowledged-{number}"),
                str(EACH),
            ],
            stderr=subprocess.PIPE,
        )
        for number, session in enumerate(sessions)
    ]
    while any(worker.poll() is None for worker in workers):
        for command in beside:
            repo.git(*command)
        if not beside:
            break
    for worker in workers:
        _, errors = worker.communicate(timeout=120)
        assert worker.returncode == 0, errors.decode()
    return [(tmp_path / f"acknowledged-{number}").read_text().split() for number in range(len(sessions))]


def events_of(repo, session):
    """Events of one ledger from its first, and the state at its tip."""
    repository = discover(str(repo.path))
    tip = GitLedgerReader(repository).session("portal", session)
    commits = repo.git("rev-list", "--reverse", "--topo-order", tip.commit).split()
    with ObjectStream(repository.git) as objects:
        blobs = list(objects.read_all([f"{commit}:event.json" for commit in commits]))
    return commits, [event_from_json(blob.data) for blob in blobs], tip.state


def assert_every_event_is_there_once_and_in_order(repo, session, acknowledged):
    commits, events, state = events_of(repo, session)
    assert sorted(commits) == sorted(acknowledged)
    assert [event.lamport for event in events] == list(range(1, len(events) + 1))
    assert fold("portal", session, events) == state


def test_eight_processes_share_one_ledger(repo, tmp_path):
    acknowledged = work(repo, tmp_path, ["login"] * 8)
    everything = [commit for lines in acknowledged for commit in lines]
    assert len(everything) == 8 * EACH
    assert_every_event_is_there_once_and_in_order(repo, "login", everything)
    _, events, _ = events_of(repo, "login")
    assert [event.kind for event in events].count("created") == 1


def test_git_may_pack_and_collect_while_they_write(repo, tmp_path):
    repo.git("config", "gc.auto", "1")
    sessions = ["login", "login", "login", "search", "search", "cart"]
    acknowledged = work(
        repo, tmp_path, sessions, [("pack-refs", "--all", "--prune"), ("gc", "--auto", "--quiet")]
    )
    for session in sorted(set(sessions)):
        mine = [lines for name, lines in zip(sessions, acknowledged, strict=True) if name == session]
        assert_every_event_is_there_once_and_in_order(repo, session, [c for lines in mine for c in lines])
    done = repo.run("git", "fsck", "--connectivity-only")
    assert done.returncode == 0, done.stderr


def test_git_may_move_other_refs_while_they_write(repo, tmp_path):
    commit = repo.commit(allow_empty=True)
    beside = [
        ("update-ref", "refs/idse/sessions/portal/other", commit),
        ("update-ref", "-d", "refs/idse/sessions/portal/other"),
    ]
    acknowledged = work(repo, tmp_path, ["login", "login"], beside)
    assert_every_event_is_there_once_and_in_order(repo, "login", [c for lines in acknowledged for c in lines])
