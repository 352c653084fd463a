"""Children: ended with all that they started, heard to the end, and never a reason to wait for ever."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
import time

import pytest

from idse_orchestrator.runner.agents.adapter import EXITED, IDLE, STOPPED, TIMEOUT
from idse_orchestrator.runner.work.child import MARK, Child, Start, end_marked, marked, run_to_end, wait
from idse_orchestrator.runner.work.log_file import MORE, LogFile


def start(command, mark="", **more):
    env = {"PATH": os.environ["PATH"], **({MARK: mark} if mark else {})}
    return Start(("sh", "-c", command), env, "/", mark=mark, **more)


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_it_is_heard_to_its_end():
    lines = []
    child = run_to_end(start("cat; echo last >&2; exit 3", stdin=b"one\ntwo", on_line=lines.append))
    assert (child.ended.code, child.ended.why, lines) == (3, EXITED, [b"one", b"two"])
    assert child.words == b"last\n"


def test_what_takes_too_long_is_ended():
    began = time.monotonic()
    child = run_to_end(start("sleep 60", timeout_s=0.2))
    assert (child.ended.code, child.ended.why) == (-signal.SIGTERM, TIMEOUT)
    assert time.monotonic() - began < 5


def test_what_says_nothing_is_ended_and_what_says_something_is_not():
    assert run_to_end(start("sleep 60", idle_s=0.2)).ended.why == IDLE
    busy = run_to_end(start("for i in 1 2 3 4 5; do echo $i; sleep 0.1; done", idle_s=0.4))
    assert (busy.ended.code, busy.ended.why) == (0, EXITED)


def test_who_does_not_listen_is_killed_after_the_grace():
    child = Child(start("trap '' TERM; echo deaf; while :; do sleep 0.05; done"))
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        wait([child], at_most=0.1)
    child.stop(STOPPED, grace=0.3)
    while child.ended is None:
        wait([child])
    assert (child.ended.code, child.ended.why) == (-signal.SIGKILL, STOPPED)


def test_a_child_in_a_session_of_its_own_is_ended_too(tmp_path):
    left = tmp_path / "pid"
    command = f"setsid sh -c 'echo $$ >{left}; exec sleep 300' & while [ ! -s {left} ]; do sleep 0.01; done"
    child = run_to_end(start(command, mark="of-this-test"))
    assert child.ended.code == 0
    assert not is_alive(int(left.read_text()))
    assert list(marked("of-this-test")) == []


def test_who_holds_the_pipe_cannot_hold_us(tmp_path):
    left = tmp_path / "pid"
    held = f"env -u {MARK} setsid sh -c 'echo $$ >{left}; exec sleep 5'"
    command = f"{held} & while [ ! -s {left} ]; do sleep 0.01; done"
    began = time.monotonic()
    child = run_to_end(start(command, mark="without-a-mark"))
    try:
        assert child.ended.code == 0
        assert 0.4 < time.monotonic() - began < 3
    finally:
        os.kill(int(left.read_text()), signal.SIGKILL)


def test_a_fork_bomb_meets_a_limit():
    code = "from resource import *; print(getrlimit(RLIMIT_NPROC)[0], getrlimit(RLIMIT_CORE)[0])"
    lines = []
    run_to_end(start(f"exec {sys.executable} -c '{code}'", on_line=lines.append))
    processes, core = map(int, lines[0].split())
    assert 4096 <= processes < 40_000
    assert core == 0


def test_the_log_keeps_the_beginning_and_the_end_of_500_mb(tmp_path):
    log = LogFile(str(tmp_path / "logs" / "T001.1.log"))
    command = "echo the beginning; head -c 500000000 /dev/zero | tr '\\0' 'x'; echo; echo the end"
    largest = 0
    child = Child(start(command, log=log))
    while child.ended is None:
        wait([child])
        largest = max(largest, sum(each.stat().st_size for each in (tmp_path / "logs").iterdir()))
    log.close()
    data = pathlib.Path(log.path).read_bytes()
    assert data.startswith(b"the beginning\n")
    assert data.endswith(b"the end\n")
    assert b" bytes left out ..." in data
    assert len(data) < 5.1 * 1024 * 1024
    assert largest < 9.2 * 1024 * 1024
    assert not os.path.exists(log.path + MORE)
    assert oct(os.stat(log.path).st_mode & 0o777) == "0o600"


def test_a_log_that_fits_is_whole(tmp_path):
    log = LogFile(str(tmp_path / "a.log"), head=10, tail=10)
    for piece in (b"01234", b"56789", b"abcde", b"fghij"):
        log.write(piece)
    log.close()
    assert pathlib.Path(log.path).read_bytes() == b"0123456789abcdefghij"


def test_a_full_disk_ends_the_log_and_not_the_child():
    log = LogFile("/dev/full")
    child = run_to_end(start("echo something; exit 0", log=log))
    log.close()
    assert child.ended.code == 0
    assert log.trouble == "No space left on device"


def test_a_fork_race_is_swept(tmp_path):
    command = "for i in 1 2 3 4 5 6 7 8 9; do (setsid sh -c 'sleep 300' &) ; done; sleep 0.2"
    run_to_end(start(command, mark="many"))
    assert list(marked("many")) == []
    assert end_marked("many") == 0


def test_a_program_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError):
        Child(Start(("/nowhere/at/all",), {}, "/"))
