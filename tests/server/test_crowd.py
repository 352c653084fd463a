"""Many clients at one server: clones that race, slow ones, and a server that dies under all of them."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import socket
import subprocess
import time

import pytest

from agency_bed import BIN, bearer
from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft

SHARED = "refs/idse/sessions/portal/shared"


def says(repo, session, title=""):
    """Appends an event to a session's ledger, which is made; returns its tip."""
    key = ("portal", session)
    created = Draft("created", {"project": "portal", "session": session})
    writer = ledger_writer(discover(str(repo.path)))
    writer.append(*key, lambda tip: None if tip else created)
    if title:
        writer.append(*key, lambda _: Draft("described", {"title": title}))
    return repo.git("rev-parse", f"refs/idse/sessions/portal/{session}")


def started(repo, *words, env):
    """Starts a program in a repository."""
    return subprocess.Popen(
        words, cwd=repo.path, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def pushes(server, place, since=0):
    """The requests that brought a pack for `place`."""
    return [
        each
        for each in server.entries()[since:]
        if (each["method"], each["path"]) == ("POST", f"{place} git-receive-pack")
    ]


@pytest.mark.parametrize(
    ("client", "number", "most"),
    [("few", 4, 6), pytest.param("many", 10, 15, marks=pytest.mark.soak)],
)
def test_clones_that_push_one_session_at_once_end_on_one_id(server, repo, client, number, most):
    place = f"{client}/shop"
    env = bearer(server.key(client))
    repo.write("README.md", "the shop\n")
    repo.commit("begin")
    says(repo, "shared", "begun")
    repo.git("remote", "add", "agency", server.url(place))
    assert repo.idse("sync", "push", env=env).returncode == 0
    clones = [repo.clone(f"clone-{each}") for each in range(number)]
    for each, clone in enumerate(clones):
        clone.git("remote", "add", "agency", server.url(place))
        assert clone.idse("sync", "pull", env=env).returncode == 0
        says(clone, "shared", f"said by {each}")
        says(clone, f"own-{each}", "mine")
    before = len(server.entries())
    racing = [started(clone, str(BIN / "idse"), "sync", "push", env=env) for clone in clones]
    for each in racing:
        out, err = each.communicate(timeout=300)
        assert each.returncode == 0, out + err
    assert number <= len(pushes(server, place, before)) <= most
    tips = set()
    for clone in clones:
        done = clone.idse("sync", "pull", env=env)
        assert done.returncode == 0, done.stderr
        refs = clone.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/idse/sessions")
        assert refs.count("\n") == number
        tips.add(refs)
    assert len(tips) == 1


def pushing(repo, url, *refs):
    """Starts a push of plain git."""
    return started(repo, "git", "push", url, *refs, env={})


@pytest.mark.parametrize(("number", "tenants"), [(16, 4), pytest.param(100, 20, marks=pytest.mark.soak)])
def test_pushes_at_once_are_all_there(server, repo, number, tenants):
    urls = [server.url(f"at-once-{tenants}-{each}/shop", server.key(f"at-once-{tenants}-{each}"))
            for each in range(tenants)]  # fmt: skip
    tips = {f"s{each}": says(repo, f"s{each}", "one") for each in range(number)}
    waiting, rounds = list(tips), 0
    while waiting:
        rounds += 1
        assert rounds < 10, waiting
        running = {
            name: pushing(repo, urls[int(name[1:]) % tenants], f"refs/idse/sessions/portal/{name}")
            for name in waiting
        }
        waiting = []
        for name, process in running.items():
            _, err = process.communicate(timeout=300)
            if process.returncode:
                assert "503" in err, err  # it said that it had no time
                waiting.append(name)
    for tenant, url in enumerate(urls):
        there = dict(line.split("\t")[::-1] for line in repo.git("ls-remote", url).splitlines())
        for number_of, (name, tip) in enumerate(tips.items()):
            if number_of % tenants == tenant:
                assert there[f"refs/idse/sessions/portal/{name}"] == tip


def test_a_slow_client_holds_half_of_the_places_and_stops_no_other(server, repo):
    slow, quick = server.key("slow"), server.key("quick")
    says(repo, "login", "one")
    url = server.url("quick/shop", quick)
    repo.git("push", url, "refs/idse/sessions/portal/login")
    host, _, port = server.address.partition(":")
    head = (
        f"POST /git/slow/shop.git/git-receive-pack HTTP/1.1\r\nHost: {server.address}\r\n"
        f"Authorization: Bearer {slow}\r\nContent-Type: application/x-git-receive-pack-request\r\n"
        "Transfer-Encoding: chunked\r\n\r\n4\r\n00a0\r\n"
    )
    sockets = [socket.create_connection((host, int(port))) for _ in range(8)]
    try:
        for each in sockets:
            each.sendall(head.encode())
        operator = server.key("")
        server.until(lambda: "idse_git_processes 4.0" in server.get("/metrics", operator)[1])
        says(repo, "login", "two")
        began = time.monotonic()
        repo.git("push", url, "refs/idse/sessions/portal/login")
        assert time.monotonic() - began < 20  # less than the silence that ends the slow ones
        assert "idse_git_processes 4.0" in server.get("/metrics", operator)[1]
    finally:
        for each in sockets:
            each.close()
    server.until(lambda: "idse_git_processes 0.0" in server.get("/metrics", operator)[1])


class Dying:
    """A server that is killed again and again while four clones push to it."""

    def __init__(self, bed, repos, chance):
        self.bed, self.repos, self.chance = bed, repos, chance
        self.secret = bed.key("acme")
        self.store = f"{bed.home.git}/acme/shop.git"
        self.sent = {number: [] for number in range(len(repos))}
        self.accepted = {}
        bed.start()

    def ref(self, number):
        return f"refs/idse/sessions/portal/s{number}"

    def working(self):
        """The processes of the server: those that have its home in their words or their surroundings."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
                    stat = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                except OSError:
                    continue
                if self.bed.home.path.encode() in known and stat != "Z":
                    found.append(int(entry.name))
        return found

    def kill(self, victim):
        """Kills the server, its judge, or all gits that work for it; nothing where there is none."""
        server = self.bed.process.pid
        if victim == "server":
            self.bed.stop(signal.SIGKILL)
            return
        for pid in self.working():
            try:
                is_judge = b"gateway.judge" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                if pid != server and is_judge == (victim == "judge"):
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                continue

    def round(self, victim):
        url, bad = self.bed.url("acme/shop", self.secret), "refs/heads/main"
        running = []
        for number, repo in enumerate(self.repos):
            self.sent[number].append(says(repo, f"s{number}", f"round {len(self.sent[number])}"))
            running.append(pushing(repo, url, self.ref(number)))
        running.append(pushing(self.repos[0], url, f"HEAD:{bad}"))
        time.sleep(self.chance.uniform(0, 0.5))
        self.kill(victim)
        for number, process in enumerate(running):
            process.communicate(timeout=120)
            if process.returncode == 0:
                assert number < len(self.repos), "code was taken"
                self.accepted[number] = self.sent[number][-1]
        if self.bed.process is None:
            self.bed.until(lambda: self.working() == [], 30)
        self.check()
        if self.bed.process is None:
            self.bed.start()
        self.bed.until(lambda: self.bed.get("/readyz")[0] == 200, 30)

    def check(self):
        """What was accepted is there, what is there was sent, and the code is in nobody's reach."""
        git = ("--git-dir", self.store)
        rows = self.repos[0].git(*git, "for-each-ref", "--format=%(refname) %(objectname)", check=False)
        there = dict(row.split() for row in rows.splitlines())
        for number in range(len(self.repos)):
            tip = there.get(self.ref(number), "")
            known = self.accepted.get(number)
            assert not tip or tip in self.sent[number]
            if known:
                assert self.sent[number].index(tip) >= self.sent[number].index(known)
                self.repos[0].git(*git, "cat-file", "-e", tip)
        assert "refs/heads/main" not in there
        code = self.repos[0].git("rev-parse", "HEAD")
        assert self.repos[0].run("git", *git, "cat-file", "-e", code).returncode != 0


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.soak)])
def test_whoever_is_killed_nothing_accepted_is_lost_and_nothing_unjudged_is_there(
    own_server, make_repo, rounds
):
    pathlib.Path(own_server.home.configuration_file).write_text("pushes_a_minute = 100000\n")
    repos = [make_repo(f"clone-{number}") for number in range(4)]
    repos[0].write("main.py", "print()\n")
    repos[0].commit("code")
    dying = Dying(own_server, repos, random.Random(13))
    victims = ["server", "judge", "gits"]
    for number in range(rounds):
        dying.round(victims[number] if number < 3 else dying.chance.choice(victims))
    url = own_server.url("acme/shop", dying.secret)
    for number, repo in enumerate(repos):
        repo.git("push", url, dying.ref(number))  # nothing that was left behind is in the way
        dying.accepted[number] = dying.sent[number][-1]
    dying.check()
    assert own_server.stop() == 0
    own_server.until(lambda: dying.working() == [], 30)
