"""Whatever ends a write, it happened whole or not at all, and nothing that was refused can be read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from idse_orchestrator.base.names import blob_id
from idse_orchestrator.git.program import Git
from idse_orchestrator.server.model.names import place_in
from idse_orchestrator.wiring.agency import ledger_check
from rest_bed import Rest, ready

PLACE = place_in("acme/shop")
REF = "refs/idse/sessions/portal/login"


@pytest.fixture
def scene(own_server):
    """An Agency that serves, with a session; `git` runs in its repository."""
    own_server.key_of_test = own_server.key("acme", "read", "push", "create")
    own_server.start()
    ready(own_server)
    rest = Rest(own_server, own_server.key_of_test)
    session = rest.session(rest.project())
    git = Git(own_server.home.git_dir(PLACE), {"PATH": os.environ["PATH"]})
    return own_server, rest, session, git


def sound(bed):
    """Tests whether `idse fsck` finds nothing in the repository, and git neither."""
    git_dir = bed.home.git_dir(PLACE)
    subprocess.run(
        ["git", "-C", git_dir, "fsck", "--strict", "--no-dangling"], check=True, capture_output=True
    )
    return ledger_check(os.environ)(git_dir) == 0


def test_what_is_refused_is_not_in_the_store_and_cannot_be_fetched(scene, make_repo):
    bed, rest, session, git = scene
    secret = "# Intent\n\n" + "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2 + "\n"
    before = git.text("rev-parse", REF)
    said = rest.put(f"/sessions/{session}/artifacts/intent.md", secret, rest.tip(session))
    assert (said.status, said.code) == (409, "IDSE801"), said
    assert "a1B2c3" not in said.text
    assert git.text("rev-parse", REF) == before
    blob = blob_id(secret.encode())
    assert git.attempt("cat-file", "-e", blob).returncode != 0
    assert not [name for name in os.listdir(f"{git.folder}/objects") if name.startswith("incoming")]
    other = make_repo("other")
    for version in ("0", "2"):
        fetched = other.run(
            "git", "-c", f"protocol.version={version}", "fetch", bed.url("acme/shop", rest.key), blob
        )
        assert fetched.returncode != 0
    row = rest.get("/audit").data["items"][-1]
    assert (row["action"], row["outcome"], row["rule"]) == ("write", "refused", "IDSE801")


STEPS = ("build", "judge", "audit", "objects", "half the objects", "ref", "answer")
CHILD = """
import asyncio, os, signal, sys
from idse_orchestrator.git.libgit2 import libgit2
from idse_orchestrator.ledger.refs import session_ref
from idse_orchestrator.server.model.names import place_in
from idse_orchestrator.server.writing import desk as module, private_objects
from idse_orchestrator.wiring.ledgers import KINDS
from idse_orchestrator.wiring.serving import agency_at

home, key, step, tip = sys.argv[1:]
libgit2()
agency = agency_at(home, os.environ)

def dies(*_given, **_named):
    os.kill(os.getpid(), signal.SIGKILL)

agency.follow = lambda _recorder: None
desk = module.Desk(agency, KINDS)
if step == "build":
    module._Write.build = dies
elif step == "judge":
    module.Desk._judged = dies
elif step == "audit":
    agency.admin.audit.write = dies
elif step == "objects":
    module.take_over = dies
elif step == "half the objects":
    done, rename = [], os.rename
    def renamed(before, after):
        done.append(rename(before, after))
        if len(done) == 3:
            dies()
    os.rename = renamed
elif step == "ref":
    module.move_ref = dies

caller = agency.admin.keys.caller(key)
asked = module.Asked(
    place_in("acme/shop"), session_ref("portal", "login"), ("portal", "login"), tip, {}, "name", "digest"
)
build = lambda replica: replica.edit(("portal", "login"), {"intent.md": b"# Intent"})
print(asyncio.run(desk.write(caller, asked, build)))
if step == "answer":
    dies()
"""


@pytest.mark.parametrize("step", STEPS)
def test_killed_anywhere_a_write_is_whole_or_not_there_and_is_made_once(scene, step):
    bed, rest, _session, git = scene
    tip = git.text("rev-parse", REF)

    def write(step):
        words = [sys.executable, "-c", CHILD, bed.home.path, rest.key, step, tip]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    assert write(step).returncode == -signal.SIGKILL
    moved = git.text("rev-parse", REF) != tip
    assert moved == (step == "answer")
    assert sound(bed)
    if step in ("build", "judge", "audit", "objects"):
        assert git.attempt("cat-file", "-e", blob_id(b"# Intent")).returncode != 0
    again = write("")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("Written(")
    assert git.text("rev-list", "--count", f"{tip}..{REF}") == "1"
    assert sound(bed)
    assert bed.admin.audit.verify() == []


def test_killed_at_any_time_nothing_acknowledged_is_lost_or_made_twice(scene):
    bed, rest, session, git = scene
    acknowledged, stop = {}, threading.Event()

    def write(number):
        """Writes until it is acknowledged, each time under the same name."""
        name, path = f"w{number}", f"/sessions/{session}/artifacts/note-{number}.md"
        while not stop.is_set():
            try:
                said = rest.call("PUT", path, f"text {number}".encode(), If_Match="*", Idempotency_Key=name)
            except OSError:
                time.sleep(0.05)
                continue
            if said.status == 200:
                acknowledged[number] = said.data["events"]
                return
            assert said.status in (429, 503), said
            time.sleep(0.05)

    def all_of():
        for number in range(12):
            write(number)

    writer = threading.Thread(target=all_of)
    writer.start()
    try:
        for delay in (0.15, 0.3, 0.05, 0.4):
            time.sleep(delay)
            address = bed.address
            bed.stop(signal.SIGKILL)
            bed.start(listen=address)
    finally:
        writer.join(60)
        stop.set()
    assert len(acknowledged) == 12
    log = git.text("log", "--format=%s%n%b", REF)
    for events in acknowledged.values():
        assert log.count(events[0]) == 1
    assert git.text("rev-list", "--count", REF) == str(2 + 12)
    assert sound(bed)


def test_a_full_disk_and_a_judge_that_is_gone_refuse_with_words(scene):
    bed, rest, session, git = scene
    tip, path = rest.tip(session), f"/sessions/{session}/artifacts/intent.md"
    judge = bed.children()[0]
    os.kill(judge, signal.SIGSTOP)
    os.rename(f"{bed.home.run}/judge.sock", f"{bed.home.run}/away.sock")
    try:
        said = rest.put(path, "x", tip)
        assert said.status == 503
        assert "judge" in said.data["detail"]
    finally:
        os.rename(f"{bed.home.run}/away.sock", f"{bed.home.run}/judge.sock")
        os.kill(judge, signal.SIGCONT)
    assert git.text("rev-parse", REF) == tip
    assert rest.put(path, "x", tip).status == 200


def test_after_a_restore_a_write_that_was_lost_is_made_and_one_that_was_kept_is_not(scene, tmp_path):
    bed, rest, session, git = scene
    tip = rest.tip(session)
    path = f"/sessions/{session}/artifacts/note.md"
    kept = rest.put(path, "kept", tip, Idempotency_Key="kept")
    idse = str(os.path.join(os.path.dirname(sys.executable), "idse"))
    subprocess.run(
        [idse, "agency", "backup", str(tmp_path / "b"), "--home", bed.home.path],
        check=True,
        capture_output=True,
    )
    lost = rest.call(
        "PUT", f"/sessions/{session}/artifacts/lost.md", b"lost", If_Match="*", Idempotency_Key="lost"
    )
    assert lost.status == 200
    bed.stop()
    other = str(tmp_path / "restored")
    subprocess.run(
        [idse, "agency", "restore", str(tmp_path / "b"), "--home", other], check=True, capture_output=True
    )
    os.rename(bed.home.path, f"{bed.home.path}.old")
    os.rename(other, bed.home.path)
    bed.start()
    ready(bed)
    again = rest.put(path, "kept", tip, Idempotency_Key="kept")
    assert (again.status, again.data) == (200, kept.data)
    anew = rest.call(
        "PUT", f"/sessions/{session}/artifacts/lost.md", b"lost", If_Match="*", Idempotency_Key="lost"
    )
    assert anew.status == 200
    assert "idempotency-replayed" not in anew.headers
    assert git.text("rev-list", "--count", f"{tip}..{REF}") == "2"
