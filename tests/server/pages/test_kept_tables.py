"""What `idse dashboard` keeps in the private folder: a start reads what moved since the last one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from here import discover
from idse_orchestrator.server.judgement.rules import generation
from idse_orchestrator.server.projection.schema import version
from idse_orchestrator.wiring.dashboard import dashboard
from pages_bed import fill
from pushes import Clone

_KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from here import discover
from idse_orchestrator.wiring import dashboard as own
own.PORTION = 3
def say(words):
    print(words, flush=True)
    if " 8 refs" in words:
        os.kill(os.getpid(), signal.SIGKILL)
with own.dashboard(discover(sys.argv[1]), sys.argv[1], 0, say):
    pass
"""


@pytest.fixture
def filled(repo, once):
    """A repository with 16 ledgers and a project."""
    once(repo, lambda: fill(Clone(repo), 12))
    return repo


def started(repo):
    """What a start says of how much it reads, and the first page of the grid."""
    said = []
    with dashboard(discover(str(repo.path)), str(repo.path), 0, said.append) as local:
        found = local.answer("GET", f"/?token={local.address.partition('=')[2]}", headers(local))
        cookie = found.headers["set-cookie"].partition(";")[0]
        where = local.answer("GET", "/", headers(local, cookie)).headers["location"]
        return said[0], local.answer("GET", f"{where}.json", headers(local, cookie)).body


def headers(local, cookie=""):
    """The headers of a browser."""
    known = {"host": local.address.removeprefix("http://").partition("/")[0], "cookie": cookie}
    return lambda name: known.get(name, "")


def kept(repo):
    """The folder that is kept."""
    return repo.path / ".git/idse/pages"


def test_the_second_start_reads_only_what_moved(filled):
    first, page = started(filled)
    assert not first.endswith(" 0 refs to go")
    assert started(filled) == (f"here/{filled.path.name}: 0 refs to go".replace("_", "-"), page)
    Clone(filled).create("new-one")
    Clone(filled).complete("spec", session="done")
    said, page = started(filled)
    assert said.endswith(" 2 refs to go")
    assert b"new-one" in page


def test_what_is_gone_is_gone(filled):
    assert b"hostile" in started(filled)[1]
    filled.git("update-ref", "-d", "refs/idse/sessions/portal/hostile")
    said, page = started(filled)
    assert (said.endswith(" 1 refs to go"), b"hostile" in page) == (True, False)


def test_another_day_judges_anew_only_what_has_a_waiver_that_ends(filled, monkeypatch):
    clone = Clone(filled)
    clone.waive("IDSE402", "done", expires="2999-01-01")
    started(filled)
    monkeypatch.setattr("idse_orchestrator.server.projection.project._today", lambda: "2998-01-01")
    assert started(filled)[0].endswith(" 1 refs to go")


def test_only_its_user_can_read_it(filled):
    started(filled)
    assert kept(filled).stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in kept(filled).glob("*.db")} == {0}


@pytest.mark.parametrize("harm", ["empty", "cut", "text", "gone"])
def test_what_is_damaged_is_made_anew(filled, harm):
    _, page = started(filled)
    (path,) = kept(filled).glob("*.db")
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": data[: len(data) // 2], "text": b"x" * 9000, "gone": b""}[harm])
    if harm == "gone":
        path.unlink()
    assert started(filled)[1] == page


def test_a_page_of_it_that_is_damaged_is_found_by_who_reads_it(filled):
    _, page = started(filled)
    (path,) = kept(filled).glob("*.db")
    data = path.read_bytes()
    for place in range(4096, len(data), 4096 * 5):
        for other in kept(filled).glob("*.db*"):
            other.unlink()
        path.write_bytes(data[:place] + b"\xee" * 4096 + data[place + 4096 :])
        with dashboard(discover(str(filled.path)), str(filled.path), 0, lambda _: None) as local:
            found = local.answer("GET", f"/?token={local.address.partition('=')[2]}", headers(local))
            cookie = found.headers["set-cookie"].partition(";")[0]
            for at in ("/overview", "/findings", "/analytics", "/sync", "/c/here"):
                assert local.answer("GET", at, headers(local, cookie)).status != 503, (place, at)
        assert started(filled)[1] == page


def test_a_start_that_is_killed_is_caught_up_with(filled):
    whole = started(filled)[1]
    for path in kept(filled).glob("*.db*"):
        path.unlink()
    support = os.path.dirname(os.path.abspath(sys.modules["pushes"].__file__))
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(filled.path), support],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    said, page = started(filled)
    assert (said.endswith(" 8 refs to go"), page) == (True, whole)


def test_two_at_once_show_the_same(filled):
    found = []
    both = [threading.Thread(target=lambda: found.append(started(filled)[1])) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(found) == 2
    assert found[0] == found[1] == started(filled)[1]


def test_what_other_releases_left_goes_after_a_week(filled):
    started(filled)
    old, new = kept(filled) / "1-old.db", kept(filled) / "1-new.db"
    for path in (old, new):
        path.write_text("x")
    week = time.time() - 8 * 86_400
    os.utime(old, (week, week))
    started(filled)
    own = f"{version()}-{generation()}.db"
    assert {path.name for path in kept(filled).glob("*.db")} == {own, "1-new.db"}


def test_a_private_folder_that_cannot_be_written_is_left_alone(filled):
    _, page = started(filled)
    for path in sorted(kept(filled).rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    kept(filled).rmdir()
    kept(filled).write_text("a file is in its place")
    said, again = started(filled)
    assert (said.endswith(" 0 refs to go"), again) == (False, page)
