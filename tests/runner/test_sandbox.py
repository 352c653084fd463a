"""The ladder of sandboxes: each rung really runs, and shows an attempt no more than it must."""

from __future__ import annotations

import os
import shutil
import signal
import time

import pytest

from idse_orchestrator.errors import UsageError
from idse_orchestrator.runner.work.child import Child, Start, run_to_end, wait
from idse_orchestrator.runner.work.sandbox import (
    AUTO,
    BWRAP,
    NONE,
    REQUIRED,
    UNSHARE,
    Reach,
    Sandbox,
    find_sandbox,
)

RUNGS = [(BWRAP, "bwrap"), (UNSHARE, "unshare")]


@pytest.fixture(params=RUNGS, ids=[name for name, _ in RUNGS])
def rung(request):
    """Each sandbox that works here; where NEEDS_SANDBOX is set, all of them have to."""
    name, program = request.param
    place = shutil.which(program)
    found = Sandbox(name, place or "")
    if place is not None:
        trial = run_to_end(found.start(Start(("true",), {"PATH": "/usr/bin:/bin"}, "/"), Reach((), (), ())))
        if trial.ended.code == 0:
            return found
    if os.environ.get("NEEDS_SANDBOX"):
        pytest.fail(f"{program} does not work here")
    pytest.skip(f"{program} does not work here")


@pytest.fixture
def bed(tmp_path):
    """A home with keys in it, and folders of an attempt below it."""
    home = tmp_path / "home"
    for name in (".ssh", "state/workspace", "state/out"):
        (home / name).mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_text("the key")
    return home


def run(sandbox, bed, command, *, network=False, mark="a-mark"):
    state = bed / "state"
    begin = Start(
        ("sh", "-c", command),
        {"PATH": os.environ["PATH"], "HOME": str(state / "workspace")},
        str(state / "workspace"),
        timeout_s=30,
        mark=mark,
    )
    lines = []
    reach = Reach((str(state / "workspace"), str(state / "out")), (), (str(bed),), network=network)
    child = run_to_end(sandbox.start(begin._replace(on_line=lines.append), reach))
    return child, [line.decode() for line in lines]


def test_it_writes_where_it_may_and_finds_no_keys(rung, bed):
    command = f"cat {bed}/.ssh/id_ed25519; echo made >made; echo put >../out/put; pwd; ls -A {bed}"
    child, lines = run(rung, bed, command)
    assert child.ended.code == 0
    assert lines == [f"{bed}/state/workspace", "state"]
    assert b"No such file" in child.words
    assert (bed / "state/workspace/made").read_text() == "made\n"
    assert (bed / "state/out/put").read_text() == "put\n"


def test_without_a_sandbox_the_key_is_there(bed):
    _, lines = run(Sandbox(NONE), bed, f"cat {bed}/.ssh/id_ed25519")
    assert lines == ["the key"]


def test_the_network_is_off_unless_it_is_asked_for(rung, bed):
    _, off = run(rung, bed, "cat /proc/net/dev | tail -n +3 | wc -l")
    assert off == ["1"]  # the loopback device alone
    assert run(rung, bed, "cat /proc/net/dev | tail -n +3 | wc -l", network=True)[1] != ["0"]


def test_its_end_takes_along_what_it_started(rung, bed):
    child, _ = run(
        rung, bed, "setsid sh -c 'echo $$ >pid; exec sleep 321' & while [ ! -s pid ]; do sleep 0.01; done"
    )
    assert child.ended.code == 0
    assert not [each for each in commands() if each == ["sleep", "321"]]


def test_it_is_asked_before_it_is_ended(rung, bed):
    state = bed / "state"
    command = "trap 'echo bye >bye; exit 9' TERM; echo up; while :; do sleep 0.05; done"
    begin = Start(("sh", "-c", command), {"PATH": os.environ["PATH"]}, str(state / "workspace"), mark="asked")
    reach = Reach((str(state / "workspace"),), (), (str(bed),), network=False)
    lines = []
    child = Child(rung.start(begin._replace(on_line=lines.append), reach))
    while not lines:
        wait([child])
    child.stop()
    began = time.monotonic()
    while child.ended is None:
        wait([child])
    assert time.monotonic() - began < 5
    assert (state / "workspace" / "bye").read_text() == "bye\n"
    assert child.ended.code == 9


def test_a_killed_sandbox_leaves_nothing(rung, bed):
    state = bed / "state"
    begin = Start(
        ("sh", "-c", "setsid sleep 322 & echo up; sleep 322"), {"PATH": os.environ["PATH"]}, str(state)
    )
    lines = []
    child = Child(rung.start(begin._replace(on_line=lines.append), Reach((str(state),), (), ())))
    while not lines:
        wait([child])
    os.kill(child.pid, signal.SIGKILL)
    while child.ended is None:
        wait([child])
    until = time.monotonic() + 5
    while any(each == ["sleep", "322"] for each in commands()) and time.monotonic() < until:
        time.sleep(0.01)
    assert not [each for each in commands() if each == ["sleep", "322"]]


def commands():
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    yield file.read().decode().split("\0")[:-1]
            except OSError:
                continue


def test_the_best_rung_that_works_is_found():
    found = find_sandbox(AUTO, os.environ)
    assert found.name in (BWRAP, UNSHARE, NONE)
    if os.environ.get("NEEDS_SANDBOX"):
        assert found.name == BWRAP


def test_where_none_is_there_a_required_one_is_refused(tmp_path):
    nothing = {"PATH": str(tmp_path)}
    found = find_sandbox(AUTO, nothing)
    assert found == Sandbox(NONE, passed=("bwrap is not installed", "unshare is not installed"))
    with pytest.raises(UsageError, match="one is required") as caught:
        find_sandbox(REQUIRED, nothing)
    assert "bwrap is not installed" in caught.value.cause


def test_a_rung_that_does_not_run_is_passed_by(tmp_path):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create a new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    found = find_sandbox(AUTO, {"PATH": str(tmp_path)})
    assert found.passed[0] == "bwrap does not work here: No permissions to create a new namespace"


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root cannot read it anyway")
def test_what_only_root_may_read_is_hidden_from_what_root_runs(rung, bed):
    if rung.name != BWRAP:
        pytest.skip("unshare hides homes alone")
    child, lines = run(rung, bed, "cat /etc/shadow; grep -c ^root: /etc/passwd")
    assert (child.ended.code, lines) == (0, ["1"])
