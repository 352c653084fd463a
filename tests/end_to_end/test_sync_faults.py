"""What goes wrong on the way to an Agency loses nothing, doubles nothing, and is never called a success."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

IDSE = str(pathlib.Path(sys.executable).parent / "idse")
FOLDER = ".idse/projects/portal/sessions"
LOGIN = "refs/idse/sessions/portal/login"
PAY = "refs/idse/sessions/portal/pay"
SUCCESS = re.compile(r"\bpushed\b|\bpulled\b|\bmerged\b|up to date")
NUMBER = iter(range(1_000_000))


def published(repo):
    rows = repo.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse").splitlines()
    return dict(row.split(" ") for row in rows)


def sync(repo, direction="push"):
    done = repo.idse("sync", direction, "--json")
    assert done.returncode in (0, 3), done.stdout  # 3: clones that edit one line leave a conflict
    assert done.returncode == 0 or json.loads(done.stdout)["data"]["conflicts"], done.stdout + done.stderr
    return json.loads(done.stdout)["data"]


def edit(repo, session="login", name="intent.md"):
    """Save a text that no one saved before; the ledger commit that has it."""
    repo.write(f"{FOLDER}/{session}/{name}", f"# A title\n\nText {next(NUMBER)}.\n")
    done = repo.idse("save", session)
    assert done.returncode == 0, done.stderr
    return repo.git("rev-parse", f"refs/idse/sessions/portal/{session}")


def hook(repo, name, script):
    path = repo.path / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def assert_no_success(done):
    """Nothing that a person or a program reads sounds as if all were well."""
    assert not SUCCESS.search(done.stdout), done.stdout
    assert not SUCCESS.search(done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def assert_nothing_is_left_behind(repo):
    names = [path.name for path in (repo.path / ".git/idse").iterdir()]
    assert [name for name in names if name.startswith("incoming-")] == []
    assert repo.git("for-each-ref", "refs/idse-local/pending/", "refs/idse-local/outgoing/") == ""
    assert list((repo.path / ".git/refs").rglob("*.lock")) == []


def assert_same(*repos):
    first, *others = map(published, repos)
    for other in others:
        assert other == first


@pytest.fixture
def agency(bare_remote):
    return bare_remote


@pytest.fixture
def one(begun, agency):
    """A clone with the sessions login and pay, both on the Agency."""
    assert begun.idse("session", "new", "pay").returncode == 0
    assert begun.idse("sync", "setup", str(agency.path)).returncode == 0
    sync(begun)
    return begun


@pytest.fixture
def clone_of(tmp_path, agency):
    """``clone_of(repo, name)``: another clone of its code and its ledgers, with an id of its own."""

    def make(repo, name):
        path = tmp_path / name
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(repo.path), str(path)], check=True)
        other = type(repo)(path)
        other.git("remote", "remove", "origin")
        assert other.idse("sync", "setup", str(agency.path)).returncode == 0
        sync(other, "pull")
        assert other.idse("init", "portal", "--no-hooks").returncode == 0
        return other

    return make


@pytest.fixture(params=[True, False], ids=["atomic", "not atomic"])
def any_agency(one, agency, request):
    """The Agency, with and without atomic pushes."""
    agency.git("config", "receive.advertiseAtomic", str(request.param).lower())
    return agency


def test_a_hook_that_declines_one_ref_keeps_no_other_back(one, any_agency):
    hook(any_agency, "update", f'test "$1" != {LOGIN} || {{ echo login is closed >&2; exit 1; }}')
    before = published(any_agency)
    edit(one)
    pay = edit(one, "pay")
    done = one.idse("sync", "push", "--json")
    data = json.loads(done.stdout)["data"]
    assert (done.returncode, data["ok"]) == (1, False)
    assert {ref["ref"]: ref["result"] for ref in data["refs"] if "/sync/" not in ref["ref"]} == {
        LOGIN: "rejected",
        PAY: "pushed",
    }
    assert "login is closed" in next(ref["why"] for ref in data["refs"] if ref["ref"] == LOGIN)
    there = published(any_agency)
    assert (there[PAY], there[LOGIN]) == (pay, before[LOGIN])
    noted = json.loads(any_agency.git("show", f"{data['sync_point']}:sync.json"))
    assert [move["ref"] for move in noted["refs"]] == [PAY]
    assert_nothing_is_left_behind(one)


def test_what_a_hook_declined_goes_with_the_next_push_and_is_told_until_then(one, any_agency):
    closed = hook(any_agency, "update", f'test "$1" != {LOGIN}')
    edit(one)
    for _ in range(2):
        done = one.idse("sync", "push")
        assert done.returncode == 1
        assert "portal/login" in done.stdout
        assert_no_success(done)
    closed.unlink()
    assert [ref["result"] for ref in sync(one)["refs"]] == ["pushed"]
    assert_same(one, any_agency)


def test_a_hook_that_declines_sync_points_keeps_no_ledger_back(one, any_agency):
    hook(any_agency, "update", 'case "$1" in refs/idse/sync/*) exit 1;; esac')
    tip = edit(one)
    done = one.idse("sync", "push", "--json")
    data = json.loads(done.stdout)["data"]
    assert done.returncode == 1
    assert {ref["result"] for ref in data["refs"] if "/sync/" in ref["ref"]} == {"rejected"}
    assert published(any_agency)[LOGIN] == tip
    assert data["sync_point"] is None
    assert_nothing_is_left_behind(one)


def test_more_declined_refs_than_a_push_has_tries_keep_no_other_back(one, agency):
    from here import discover, ledger_writer
    from idse_orchestrator.ledger.events import Draft

    writer = ledger_writer(discover(str(one.path)))
    for number in range(35):
        body = {"project": "portal", "session": f"closed-{number}", "type": "feature"}
        writer.append("portal", f"closed-{number}", lambda _, body=body: Draft("created", body))
    hook(agency, "update", 'case "$1" in */closed-*) exit 1;; esac')
    pay = edit(one, "pay")
    done = one.idse("sync", "push", "--json")
    results = [ref["result"] for ref in json.loads(done.stdout)["data"]["refs"]]
    assert (done.returncode, results.count("rejected")) == (1, 35)
    assert published(agency)[PAY] == pay


def test_a_hook_that_declines_everything_is_told_for_every_ref(one, any_agency):
    hook(any_agency, "pre-receive", "echo closed for today >&2; exit 1")
    before = published(any_agency)
    edit(one)
    edit(one, "pay")
    done = one.idse("sync", "push")
    assert done.returncode == 1
    assert done.stdout.count("closed for today") >= 2
    assert_no_success(done)
    assert published(any_agency) == before
    assert_nothing_is_left_behind(one)


@pytest.mark.parametrize("name", ["pre-receive", "update", "post-receive"])
def test_a_remote_that_is_killed_at_any_moment_is_no_success_and_the_next_push_heals(one, any_agency, name):
    dying = hook(any_agency, name, "kill -9 $PPID")
    edit(one)
    edit(one, "pay")
    for _ in range(2):
        done = one.idse("sync", "push")
        if name == "post-receive" and done.returncode == 0:
            break  # it could tell all before it died
        assert done.returncode == 5, done.stderr
        assert "error[IDSE020]" in done.stderr
        assert_no_success(done)
    dying.unlink()
    sync(one)
    assert_same(one, any_agency)
    assert sync(one)["refs"] == []
    assert_nothing_is_left_behind(one)
    assert one.idse("fsck").returncode == 0


@pytest.mark.parametrize("count", [0, 150, 700])
@pytest.mark.parametrize("side", ["sent", "said"])
def test_a_connection_that_breaks_after_any_byte_is_no_success(one, any_agency, tmp_path, side, count):
    """`sent`: what we send ends there. `said`: what the remote answers."""
    broken = tmp_path / "receive-pack"
    sent = f'dd bs=1 count={count} 2>/dev/null | git-receive-pack "$@"'
    said = f'git-receive-pack "$@" | {{ dd bs=1 count={count} 2>/dev/null; kill -9 $$; }}'
    pipe = sent if side == "sent" else said
    broken.write_text(f'#!/bin/sh\nPATH="$(git --exec-path):$PATH"\n{pipe}\n')
    broken.chmod(0o755)
    edit(one)
    one.git("config", "remote.agency.receivepack", str(broken))
    one.git("config", "idse.agency.timeout", "20")
    done = one.idse("sync", "push")
    if done.returncode == 0:  # it broke after the last word
        assert_same(one, any_agency)
    else:
        assert done.returncode in (1, 5), done.stderr
        assert_no_success(done)
    one.git("config", "--unset", "remote.agency.receivepack")
    sync(one)
    assert_same(one, any_agency)
    assert sync(one)["refs"] == []
    assert_nothing_is_left_behind(one)


@pytest.mark.parametrize(("times", "code"), [(1, 0), (9, 1)])
def test_a_remote_that_cleans_up_beside_a_push_is_asked_again(one, any_agency, times, code):
    """`times`: how often what came in cannot be put where it belongs."""
    script = (
        "cd objects/.. && find objects -maxdepth 1 -type f -name '??' -delete; echo >>tries; "
        f"test $(wc -l <tries) -le {times} || exit 0; "
        "for a in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do for b in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do "
        "test -e objects/$a$b || : >objects/$a$b; done; done"
    )
    hook(any_agency, "pre-receive", script)
    tip = edit(one)
    done = one.idse("sync", "push")
    assert done.returncode == code, done.stderr
    if code:
        assert "unable to migrate objects" in done.stdout
        assert_no_success(done)
    else:
        assert published(any_agency)[LOGIN] == tip


def test_a_reply_that_was_lost_leaves_nothing_to_do_and_the_same_sync_points(one, any_agency):
    dying = hook(any_agency, "reference-transaction", 'test "$1" != committed || kill -9 $PPID')
    tip = edit(one)
    assert one.idse("sync", "push").returncode == 5
    dying.unlink()
    assert published(any_agency)[LOGIN] == tip
    done = one.idse("sync", "push")
    assert (done.returncode, done.stdout) == (0, "")
    assert_same(one, any_agency)
    edit(one)
    sync(one)
    assert_nothing_is_left_behind(one)


def test_eight_clones_that_push_at_once_all_succeed(one, agency, clone_of):
    clones = [one, *(clone_of(one, f"clone-{number}") for number in range(7))]
    tips = [edit(clone) for clone in clones]
    running = [
        subprocess.Popen(
            [IDSE, "sync", "push"], cwd=clone.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for clone in clones
    ]
    for each in running:
        out, words = each.communicate(timeout=300)
        assert each.returncode in (0, 3), (out + words).decode()  # they edit one line
    assert set(tips) <= set(agency.git("rev-list", LOGIN).split())
    for _ in range(2):
        for clone in clones:
            sync(clone)
    assert_same(agency, *clones)
    assert one.idse("fsck").returncode == 0


def killed_at_a_random_instant(repo, direction, chance, longest):
    """Start a sync and kill it, and half of the times all that it started; whether it was still running.

    `longest` is how many seconds to wait at most: about as long as such a sync takes on this machine.
    """
    child = subprocess.Popen(
        [IDSE, "sync", direction],
        cwd=repo.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(chance.uniform(0.1, 1) * longest)
    was_running = child.poll() is None
    if chance.random() < 0.5:
        child.kill()
    else:
        for each in [child.pid, *children_of(child.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
    child.wait()
    return was_running


def children_of(process):
    """All processes below one, by /proc; none where there is no such thing."""
    found = []
    for path in pathlib.Path("/proc").glob(f"{process}/task/*/children"):
        with contextlib.suppress(OSError):
            for each in map(int, path.read_text().split()):
                found += [each, *children_of(each)]
    return found


def kill_again_and_again(one, other, agency, times):
    chance = random.Random(times)
    promised = []
    hits = 0
    for number in range(times):
        promised += [edit(one), edit(other, "pay")]
        started = time.monotonic()
        sync(other)
        longest = time.monotonic() - started
        hits += killed_at_a_random_instant(one, ("push", "pull")[number % 2], chance, longest)
        sync(one)
        assert len(list((one.path / ".git/idse").glob("incoming-*"))) <= 1
    promised += [edit(other, "pay"), edit(one)]
    for each in (other, one) * 3:
        sync(each)
    assert_nothing_is_left_behind(one)
    assert_same(one, other, agency)
    kept = one.git("rev-list", "--max-parents=1", LOGIN, PAY).split()
    assert set(promised) <= set(kept)
    subjects = one.git("log", "--format=%H %(trailers:key=Idse-Event,valueonly,separator=)", LOGIN, PAY)
    events = [line.split()[1] for line in subjects.splitlines() if len(line.split()) == 2]
    assert len(events) == len(set(events))
    assert one.idse("fsck").returncode == 0
    assert one.git("fsck", "--connectivity-only", "--no-dangling") == ""
    return hits


def test_a_killed_sync_needs_no_help_and_loses_nothing(one, agency, clone_of):
    assert kill_again_and_again(one, clone_of(one, "other"), agency, 10)


@pytest.mark.parametrize("age", [60, 4])
def test_a_lock_that_a_killed_git_left_on_a_private_ref_delays_a_sync_and_no_more(one, age):
    sync(one)
    edit(one)
    lock = one.write(".git/refs/idse-local/remotes/agency/sessions/portal/login.lock", "")
    since = time.time() - age
    os.utime(lock, (since, since))
    sync(one)  # git itself keeps what it pushed, and is kept from it
    sync(one)
    assert not lock.exists()
    assert one.git("rev-parse", "refs/idse-local/remotes/agency/sessions/portal/login", LOGIN).split()[0] == (
        one.git("rev-parse", LOGIN)
    )


@pytest.mark.soak
def test_a_hundred_killed_syncs_lose_nothing(one, agency, clone_of):
    assert kill_again_and_again(one, clone_of(one, "other"), agency, 100)


def fill(folder, leave=0):
    """Fill the disk that `folder` is on, but for `leave` bytes; the file that does it."""
    path = folder / "filling"
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    with open(path, "r+b") as file:
        file.truncate(max(0, path.stat().st_size - leave))
    return path


@pytest.mark.parametrize("leave", [0, 4096, 16_384, 40_960])
def test_a_full_disk_at_the_agency_is_no_success_and_the_next_push_heals(one, agency, small_disk, leave):
    moved = small_disk / "remote.git"
    shutil.move(agency.path, moved)
    agency.path.symlink_to(moved)
    large = "".join(f"{number * 7919 % 104729} is a number\n" for number in range(3_000))
    one.write(f"{FOLDER}/login/spec.md", large)
    edit(one)
    filling = fill(small_disk, leave)
    done = one.idse("sync", "push")
    if done.returncode == 0:
        assert_same(one, agency)
    else:
        assert done.returncode in (1, 2, 5), done.stderr
        assert_no_success(done)
    filling.unlink()
    sync(one)
    assert_same(one, agency)
    assert sync(one)["refs"] == []
    assert agency.run("git", "fsck", "--connectivity-only", "--no-dangling").returncode == 0
    edit(one)
    sync(one)
    assert_nothing_is_left_behind(one)


@pytest.mark.parametrize("direction", ["push", "pull"])
@pytest.mark.parametrize("leave", [0, 4096, 16_384, 40_960])
def test_a_full_disk_here_is_no_success_and_the_next_sync_heals(
    one, agency, clone_of, small_disk, direction, leave
):
    other = clone_of(one, "other")
    edit(one, "pay")
    sync(one)
    waiting = edit(other)
    shutil.copytree(other.path, small_disk / "clone", symlinks=True)
    full = type(other)(small_disk / "clone")
    filling = fill(small_disk, leave)
    done = full.idse("sync", direction)
    if done.returncode:
        assert done.returncode in (1, 2), done.stderr
        assert_no_success(done)
    filling.unlink()
    sync(full)
    assert_same(full, agency)
    assert waiting in agency.git("rev-list", LOGIN).split()
    assert full.idse("fsck").returncode == 0
    assert full.git("fsck", "--connectivity-only", "--no-dangling") == ""
    edit(one, "pay")
    sync(one)
    edit(full)
    sync(full)
    assert_nothing_is_left_behind(full)
