"""`idse status --watch`: on a real terminal it follows what changes, and leaves the terminal as it was."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

PATIENCE = 60
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Watched:
    """``idse status --watch`` on a terminal of its own; `text` is all that it wrote so far."""

    def __init__(self, repo, *args, rows=24, columns=80, **env):
        self.leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(follower)
        self.follower = follower
        self.child = subprocess.Popen(
            ["idse", "status", "--watch", *args],
            cwd=repo.path,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env={**os.environ, "TERM": "xterm-256color", **env},
            process_group=0,
        )
        self.text = ""

    def until(self, words, since=0):
        """Reads until `words` were written after character `since`; where they end."""
        deadline = time.monotonic() + PATIENCE
        while words not in self.text[since:]:
            assert time.monotonic() < deadline, self.text[since:]
            assert self.child.poll() is None, self.text
            self.read(0.2)
        return self.text.index(words, since) + len(words)

    def read(self, seconds):
        if select.select([self.leader], [], [], seconds)[0]:
            with contextlib.suppress(OSError):
                self.text += os.read(self.leader, 65_536).decode()

    def ends(self, number=signal.SIGINT):
        """Sends a signal; the exit code."""
        self.child.send_signal(number)
        return self.ended()

    def ended(self):
        deadline = time.monotonic() + PATIENCE
        while self.child.poll() is None:
            assert time.monotonic() < deadline, self.text
            self.read(0.1)
        self.read(0.1)
        return self.child.returncode


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard():
    """Whoever runs tests in the background has Ctrl-C ignored, and programs inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def watched(loop):
    """``watched(*args)``: begins to watch."""
    begun = []

    def begin(*args, **settings):
        begun.append(Watched(loop, *args, **settings))
        return begun[-1]

    yield begin
    for each in begun:
        each.child.kill()
        each.child.wait()
        os.close(each.leader)
        os.close(each.follower)


def test_it_follows_the_ledger_and_the_documents(loop, watched):
    seen = watched()
    at = seen.until("Ctrl-C")
    assert "portal/__blueprint__" in seen.text
    assert "differs from the ledger" not in seen.text
    loop.edit("intent.md", "# Intent\n\nAnother.\n")
    at = seen.until("differs from the ledger", at)
    loop.does("save")
    loop.finish("intent")
    at = seen.until("next: write context.md", at)
    loop.does("spawn", "login")
    at = seen.until("portal/login", at)
    loop.git("pack-refs", "--all")
    loop.does("session", "set", "login", "--title", "Log in by mail")
    seen.until("Log in by mail", at)


def test_it_draws_once_for_each_change_and_in_one_piece(loop, watched):
    seen = watched()
    seen.until("Ctrl-C")
    for _ in range(8):
        seen.read(0.3)
    assert seen.text.count("\x1b[H") == 1
    loop.git("commit", "--quiet", "--allow-empty", "-m", "nothing that it shows")
    for _ in range(6):
        seen.read(0.3)
    assert seen.text.count("\x1b[H") == 1
    assert "\x1b[2J" not in seen.text  # clearing first is what flickers


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 130)])
def test_whatever_ends_it_leaves_the_terminal_as_it_was(loop, watched, number, code):
    seen = watched()
    seen.until("Ctrl-C")
    assert termios.tcgetattr(seen.follower) != seen.before
    assert seen.ends(number) == code
    assert termios.tcgetattr(seen.follower) == seen.before
    assert seen.text.count(ENTER) == seen.text.count(LEAVE) == 1
    assert seen.text.rindex("\x1b[?25h") > seen.text.rindex("\x1b[?25l")
    assert "portal/__blueprint__" in seen.text[seen.text.index(LEAVE) :]  # the last one stays to be read


def test_who_stops_it_has_the_terminal_back_until_it_goes_on(loop, watched):
    seen = watched()
    at = seen.until("Ctrl-C")
    seen.child.send_signal(signal.SIGTSTP)
    at = seen.until(LEAVE, at)
    deadline = time.monotonic() + PATIENCE
    look = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
    while os.waitid(os.P_PID, seen.child.pid, look) is None:
        assert time.monotonic() < deadline
    assert termios.tcgetattr(seen.follower) == seen.before
    seen.child.send_signal(signal.SIGCONT)
    seen.until("Ctrl-C", seen.until(ENTER, at))


def test_q_ends_it_too(loop, watched):
    seen = watched()
    seen.until("Ctrl-C")
    os.write(seen.leader, b"q")
    assert seen.ended() == 0


def test_what_is_longer_than_the_terminal_is_cut(loop, watched):
    for number in range(20):
        loop.does("session", "new", f"s{number:02}")
    seen = watched("--all", rows=10)
    seen.until("Ctrl-C")
    assert "s03" in seen.text
    assert "s15" not in seen.text
    assert "more lines" in seen.text
    fcntl.ioctl(seen.leader, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    seen.until("s15")


def test_what_goes_wrong_meanwhile_is_said_and_does_not_end_it(loop, watched):
    seen = watched("portal/__blueprint__")
    at = seen.until("Ctrl-C")
    tip = loop.tip()
    loop.git("update-ref", "-d", loop.REF)
    at = seen.until("there is no session '__blueprint__'", at)
    loop.git("update-ref", loop.REF, tip)
    seen.until("next: write intent.md", at)


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="the system tells of no process")
def test_it_waits_without_work(loop, watched):
    def used():
        with open(f"/proc/{seen.child.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # its own, and of what it started

    seen = watched()
    seen.until("Ctrl-C")
    before = used()
    for _ in range(10):
        seen.read(0.4)
    assert used() - before <= 0.08, "two of a hundred seconds"


@pytest.mark.parametrize("args", [(), ("--all",)])
def test_without_a_terminal_it_is_refused_and_says_what_goes(loop, args):
    done = loop.idse("status", "--watch", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert "idse status --watch --json" in done.stderr


def test_a_terminal_that_cannot_redraw_is_refused(loop, watched):
    seen = watched(TERM="dumb")
    assert seen.ended() == 2
    assert "cannot go back" in seen.text


def test_what_is_wrong_from_the_start_ends_it(loop, watched):
    seen = watched("nobody")
    assert seen.ended() == 2
    assert "there is no session 'nobody'" in seen.text
    assert ENTER not in seen.text


class TestAsJson:
    @pytest.fixture
    def lines(self, loop):
        words = ["idse", "status", "--watch", "--json"]
        child = subprocess.Popen(words, cwd=loop.path, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        yield child
        child.kill()
        child.wait()
        child.stdout.close()

    def test_each_change_is_a_document_on_a_line(self, loop, lines):
        first = json.loads(lines.stdout.readline())
        assert (first["schema"], first["data"]["session"]) == ("idse.status/1", "__blueprint__")
        loop.does("spawn", "login")
        second = json.loads(lines.stdout.readline())
        assert second["data"]["session"] == "login"
        lines.send_signal(signal.SIGINT)
        assert lines.wait(PATIENCE) == 0

    def test_it_ends_when_nobody_reads_any_more(self, lines):
        assert lines.stdout.readline()
        lines.stdout.close()
        assert lines.wait(PATIENCE) == 0
