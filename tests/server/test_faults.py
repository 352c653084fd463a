"""Whatever dies, stops or lies: nothing that was acknowledged is lost, and nothing unjudged can be read."""

from __future__ import annotations

import json
import os
import pathlib
import resource
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from agency_bed import AgencyBed
from here import discover, ledger_writer
from idse_orchestrator.errors import EXIT_BUSY
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.server.model.names import Place

SESSION = "refs/idse/sessions/portal/login"
PLACE = "acme/shop"


def grown(repo, title="", session="login"):
    writer = ledger_writer(discover(str(repo.path)))
    key = ("portal", session)
    writer.append(*key, lambda tip: None if tip else Draft("created", {"project": key[0], "session": key[1]}))
    writer.append(*key, lambda _: Draft("described", {"title": title}) if title else None)
    return repo.git("rev-parse", f"refs/idse/sessions/portal/{session}")


class Bench:
    """A server of its own, and a repository that pushes to it."""

    def __init__(self, bed: AgencyBed, repo, **settings):
        self.bed, self.repo = bed, repo
        path = pathlib.Path(bed.home.configuration_file)
        path.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        self.secret = bed.key("acme")
        bed.start()

    @property
    def url(self):
        return self.bed.url(PLACE, self.secret)

    def push(self, ref=SESSION):
        return self.repo.run("git", "push", self.url, ref)

    def pushing(self, ref=SESSION):
        return subprocess.Popen(
            ["git", "push", self.url, ref],
            cwd=self.repo.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def there(self, ref=SESSION):
        git_dir = f"{self.bed.home.git}/{PLACE}.git"
        done = self.repo.run("git", "--git-dir", git_dir, "rev-parse", "--verify", "--quiet", ref)
        return done.stdout.strip()

    def quarantines(self):
        objects = pathlib.Path(f"{self.bed.home.git}/{PLACE}.git/objects")
        return [path.name for path in objects.iterdir() if "incoming" in path.name]

    def judge(self):
        for pid in self.bed.children():
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            if any(word.endswith("gateway.judge") for word in words):
                return pid
        raise AssertionError("no judge")


@pytest.fixture
def bench(own_server, repo):
    made = Bench(own_server, repo, judge_seconds=2)
    grown(repo)
    assert made.push().returncode == 0
    return made


def test_a_judge_that_was_killed_comes_back(bench):
    os.kill(bench.judge(), signal.SIGKILL)
    tip = grown(bench.repo, "one")
    first = bench.push()
    assert first.returncode == 0 or "error[judge]" in first.stderr
    bench.bed.until(lambda: bench.bed.get("/readyz")[0] == 200)
    assert bench.push().returncode == 0
    assert bench.there() == tip


def doctor(bench):
    done = bench.repo.idse("agency", "doctor", "--home", bench.bed.home.path, "--json")
    return {(check["name"], check["verdict"]) for check in json.loads(done.stdout)["data"]["checks"]}


def test_a_judge_that_stands_still_refuses_and_leaves_nothing(bench):
    before, pid = bench.there(), bench.judge()
    assert ("judge", "ok") in doctor(bench)
    os.kill(pid, signal.SIGSTOP)
    grown(bench.repo, "one")
    done = bench.push()
    assert ("judge", "problem") in doctor(bench)
    os.kill(pid, signal.SIGCONT)
    assert done.returncode == 1
    assert "error[judge] the judge gave no answer within 2 s" in done.stderr
    assert (bench.there(), bench.quarantines()) == (before, [])
    assert bench.push().returncode == 0


def test_a_server_that_is_killed_while_a_push_is_judged_has_taken_nothing(bench):
    before = bench.there()
    os.kill(bench.judge(), signal.SIGSTOP)
    tip = grown(bench.repo, "one")
    pushing = bench.pushing()
    bench.bed.until(bench.quarantines)
    time.sleep(0.2)
    bench.bed.stop(signal.SIGKILL)
    assert pushing.wait(timeout=30) != 0
    pushing.stdout.close()
    bench.bed.until(lambda: not _left(bench.bed.home.path))
    assert bench.there() == before
    bench.bed.start()
    assert bench.push().returncode == 0
    assert bench.there() == tip


def _left(home):
    """Returns the processes that still work for a home, those that stand still aside."""
    listed = subprocess.run(["ps", "-eo", "pid,stat,args"], capture_output=True, text=True, check=True)
    lines = [line for line in listed.stdout.splitlines() if home in line and "gateway.judge" not in line]
    for line in listed.stdout.splitlines():
        if home in line and "gateway.judge" in line and line.split()[1].startswith("T"):
            os.kill(int(line.split()[0]), signal.SIGKILL)
    return lines


@pytest.mark.parametrize("how", ["removed", "changed", "not to be run"])
def test_without_its_hook_nothing_is_taken_and_the_server_says_so(bench, how):
    hook = pathlib.Path(bench.bed.home.run) / "hooks" / "pre-receive"
    if how == "removed":
        hook.unlink()
    elif how == "changed":
        hook.write_text("#!/bin/sh\nexit 0\n")
    else:
        hook.chmod(0o600)
    before = bench.there()
    grown(bench.repo, "one")
    done = bench.push()
    assert done.returncode != 0
    assert "503" in done.stderr
    assert bench.there() == before
    assert bench.bed.get("/readyz")[0] == 503
    assert bench.repo.git("ls-remote", bench.url)


def test_a_hook_that_goes_while_a_push_arrives_is_missed_before_git_has_all_of_it(bench):
    hook = pathlib.Path(bench.bed.home.run) / "hooks" / "pre-receive"
    before = bench.there()
    grown(bench.repo, "one")
    trace = {"GIT_TRACE_CURL": "1"}
    listing = bench.bed.get(f"/git/{PLACE}.git/info/refs?service=git-receive-pack", bench.secret)
    assert listing[0] == 200
    content = hook.read_bytes()
    hook.unlink()
    done = bench.repo.run("git", "push", bench.url, SESSION, env=trace)
    assert done.returncode != 0
    assert bench.there() == before
    hook.write_bytes(content)
    hook.chmod(0o700)
    assert bench.push().returncode == 0


def test_a_push_that_cannot_be_written_down_is_not_taken(bench):
    before = bench.there()
    grown(bench.repo, "one")
    with bench.bed.admin.database.writing():  # whoever writes now waits
        pushing = bench.pushing()
        time.sleep(1.5)
        assert pushing.poll() is None
        assert bench.there() == before
    assert pushing.wait(timeout=60) == 0
    pushing.stdout.close()
    bench.bed.admin.database.close()
    for name in ("admin.db", "admin.db-wal", "admin.db-shm"):
        path = pathlib.Path(bench.bed.home.path) / name
        if path.exists():
            path.write_bytes(b"\0" * 4096)
    grown(bench.repo, "two")
    now = bench.there()
    assert bench.push().returncode != 0
    assert bench.there() == now


def test_sigterm_lets_a_push_end(bench):
    pid = bench.judge()
    os.kill(pid, signal.SIGSTOP)
    tip = grown(bench.repo, "one")
    pushing = bench.pushing()
    bench.bed.until(bench.quarantines)
    bench.bed.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    os.kill(pid, signal.SIGCONT)
    assert pushing.wait(timeout=60) == 0
    pushing.stdout.close()
    assert bench.bed.stop() == 0
    assert bench.there() == tip


def test_a_restart_takes_the_place_of_a_server_that_was_killed(bench):
    bench.bed.stop(signal.SIGKILL)
    bench.bed.start()
    tip = grown(bench.repo, "one")
    assert bench.push().returncode == 0
    assert bench.there() == tip


def test_a_home_is_served_by_one_process(bench):
    second = AgencyBed.__new__(AgencyBed)
    second.__dict__.update(bench.bed.__dict__, process=None)
    with pytest.raises(AssertionError, match="another process serves this home"):
        second.start()
    assert second.stop() == EXIT_BUSY
    grown(bench.repo, "one")
    assert bench.push().returncode == 0


def test_it_may_have_as_many_files_open_as_it_is_let(own_server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        own_server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = pathlib.Path(f"/proc/{own_server.process.pid}/limits").read_text()
    row = next(line for line in limits.splitlines() if line.startswith("Max open files"))
    assert int(row.split()[3]) == min(hard, 1 << 16)


def started(bed, *options, listen="127.0.0.1:0"):
    """Returns exit code and words of a server that does not start."""
    with pytest.raises(AssertionError) as said:
        bed.start(*options, listen=listen)
    return bed.stop(), str(said.value)


def test_where_it_cannot_listen_it_says_so(own_server, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, said = started(own_server, listen=f"127.0.0.1:{taken.getsockname()[1]}")
        assert (code, "the server cannot listen" in said, "in use" in said) == (2, True, True)
    for path in (tmp_path / "nowhere" / "sock", tmp_path):
        code, said = started(own_server, "--socket", str(path))
        assert (code, "the server cannot listen" in said, str(path) in said) == (2, True, True)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("INSERT INTO schema_versions VALUES (99)", "a newer idse has the database at version 99"),
        ("", "the database of the Agency is missing"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_at_the_start(own_server, spoil, words):
    own_server.admin.close()
    path = pathlib.Path(own_server.home.admin_db)
    if spoil:
        with sqlite3.connect(path) as database:
            database.execute(spoil)
    else:
        path.unlink()
    code, said = started(own_server)
    assert code == 2
    assert words in said


class TestMeanwhile:
    """A push was let in at the door, and is judged; what is decided before its end counts."""

    @pytest.fixture(params=["before", "while"])
    def under_way(self, bench, request):
        """Returns what runs a push beside an action: it waits for the repository, or for the judge."""

        def beside(act):
            tip = grown(bench.repo, "one")
            place = Place("acme", "shop")
            judge = bench.judge()
            if request.param == "before":
                with bench.bed.home.locked(place):
                    pushing = bench.pushing()
                    bench.bed.until(bench.quarantines)
                    act()
            else:
                os.kill(judge, signal.SIGSTOP)
                pushing = bench.pushing()
                bench.bed.until(bench.quarantines)
                time.sleep(0.3)
                act()
                os.kill(judge, signal.SIGCONT)
            said = pushing.communicate(timeout=60)[0]
            return pushing.returncode, said, tip

        return beside

    @pytest.mark.parametrize(
        ("what", "words"),
        [
            ("archive_repository", "this repository is archived"),
            ("archive_client", "this repository is archived"),
            ("revoke_key", "this key was revoked"),
        ],
    )
    def test_what_ends_pushes_ends_those_under_way(self, bench, under_way, what, words):
        admin, before = bench.bed.admin, bench.there()
        ways = {
            "archive_repository": lambda: admin.archive_repository(Place("acme", "shop")),
            "archive_client": lambda: admin.archive_client("acme"),
            "revoke_key": lambda: admin.keys.revoke(admin.keys.all()[0].id),
        }
        code, said, _ = under_way(ways[what])
        assert code == 1
        assert f"idse: error[not-allowed] {words}" in said
        assert (bench.there(), bench.quarantines()) == (before, [])

    def test_a_repository_that_was_renamed_takes_nothing_under_its_old_name(self, bench):
        before, home = bench.there(), bench.bed.home
        grown(bench.repo, "one")
        old, new = Place("acme", "shop"), Place("acme", "store")
        with home.locked(old):
            pushing = bench.pushing()
            bench.bed.until(bench.quarantines)
            time.sleep(1)  # until all of it is there
            bench.bed.admin.rename_repository(
                old, "store", lambda: os.rename(home.git_dir(old), home.git_dir(new))
            )
        said = pushing.communicate(timeout=60)[0]
        assert pushing.returncode == 1
        assert "it is called acme/store now" in said
        bench.repo.run("git", "push", bench.url, SESSION)
        moved = bench.repo.run("git", "--git-dir", home.git_dir(new), "rev-parse", SESSION)
        assert moved.stdout.strip() != before


class TestLimits:
    """What one client does stops no other, and is told in words."""

    def test_a_push_that_is_too_large(self, own_server, repo):
        bench = Bench(own_server, repo, max_pack_bytes=2000)
        grown(repo, "x" * 10)
        repo.write("big", os.urandom(5000))
        big = repo.commit("big")
        done = repo.run("git", "push", bench.url, f"{big}:refs/heads/main")
        assert done.returncode != 0
        assert bench.there("refs/heads/main") == ""
        assert bench.push().returncode == 0

    def test_pushes_a_minute(self, own_server, repo):
        bench = Bench(own_server, repo, pushes_a_minute=2)
        for number in range(2):
            grown(repo, str(number))
            assert bench.push().returncode == 0
        grown(repo, "more")
        done = bench.push()
        assert done.returncode != 0
        assert "429" in done.stderr
        assert bench.bed.get("/healthz")[0] == 200
        status, body, headers = bench.bed.get(f"/git/{PLACE}.git/git-receive-pack", bench.secret, "POST")
        assert (status, body) == (429, "busy\n")
        assert 0 < int(headers["retry-after"]) <= 61

    def test_a_client_without_bytes_left(self, own_server, repo):
        bench = Bench(own_server, repo)
        grown(repo)
        assert bench.push().returncode == 0
        own_server.admin.set_quota("acme", max_bytes=10, max_repositories=0)
        own_server.until(lambda: own_server.admin.client("acme").bytes > 10)
        grown(repo, "more")
        done = bench.push()
        assert done.returncode != 0
        assert "507" in done.stderr

    def test_read_only(self, own_server, repo):
        bench = Bench(own_server, repo, read_only="true")
        grown(repo)
        assert "503" in bench.push().stderr
