"""The judge reads and writes what judging needs, and nothing else: where the kernel has Landlock."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import sys

import pytest

from idse_orchestrator.base.confined import confine, landlock_version
from idse_orchestrator.server.gateway.judge import soon
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.model.push import SCOPES, Caller, Question, question_to_json, verdict_from_json
from idse_orchestrator.server.tenants.home import judge_socket
from pushes import Clone, ref_of

needs_landlock = pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
OWN, OTHER = Place("acme", "shop"), Place("beta", "shop")

CHILD = """
import os, subprocess, sys
from idse_orchestrator.server.gateway import judge
home, own, search = sys.argv[1:4]
judge._confine(home, own, search)
for way, path in (line.split(" ", 1) for line in sys.argv[4:]):
    try:
        if way == "list":
            os.listdir(path)
        elif way == "make":
            os.mkdir(path)
        elif way == "git":
            words = ["git", "--git-dir", path, "rev-parse", "HEAD^{tree}"]
            subprocess.run(words, check=True, capture_output=True)
        else:
            open(path, way).close()
        print("yes")
    except (OSError, subprocess.CalledProcessError):
        print("no")
"""


def asked(home, *what):
    """Returns what a child of the judge may do that was forked for a push to OWN."""
    search = os.environ["PATH"]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, home.path, home.git_dir(OWN), search, *what],
        env={"PATH": search, "TMPDIR": os.path.join(home.run, "judge")},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True,
    )  # fmt: skip
    return dict(zip(what, done.stdout.split(), strict=True))


@needs_landlock
def test_a_child_opens_its_own_repository_rules_and_cache_and_nothing_else(tenants, tmp_path):
    home = tenants.home
    for place in (OWN, OTHER):
        tenants.add_client(place.client)
        tenants.add_repository(place)
        here = ("git", "--git-dir", home.git_dir(place), "-c", "user.name=A", "-c", "user.email=a@b.c")
        tree = subprocess.run([*here, "mktree"], input=b"", capture_output=True, check=True).stdout
        made = subprocess.run(
            [*here, "commit-tree", tree.decode().strip(), "-m", "x"], capture_output=True, check=True
        )
        subprocess.run([*here, "update-ref", "refs/heads/main", made.stdout.decode().strip()], check=True)
    for folder in (os.path.join(home.run, "judge"), os.path.join(home.cache, "kept")):
        os.makedirs(folder)
    pathlib.Path(home.rules, "agency.yaml").write_text("rules: []\n")
    (tmp_path / "outside").write_text("secret")
    yes = {
        f"git {home.git_dir(OWN)}",
        f"make {home.git_dir(OWN)}/objects/aa",
        f"r {home.rules}/agency.yaml",
        f"w {home.cache}/kept/more",
        f"w {home.run}/judge/file",
        "r /dev/urandom",
        "w /dev/null",
    }
    no = {
        f"git {home.git_dir(OTHER)}",
        f"list {home.git}",
        f"w {home.git_dir(OTHER)}/config",
        f"r {home.admin_db}",
        f"r {home.secrets}/push-nonce",
        f"list {home.secrets}",
        f"w {home.rules}/agency.yaml",
        f"r {home.configuration_file}",
        f"list {home.log}",
        f"r {tmp_path}/outside",
        f"w {tmp_path}/new",
        "r /etc/hostname",
        f"make {home.path}/more",
    }
    assert asked(home, *sorted(yes | no)) == {**dict.fromkeys(yes, "yes"), **dict.fromkeys(no, "no")}


@needs_landlock
def test_the_judge_of_a_server_is_confined_and_its_child_to_one_repository(own_server, make_repo):
    """What a repository borrows from another client's is there for git, and for the judge it is not."""
    key = own_server.key("acme")
    own_server.key("beta")
    own_server.start()
    (judge,) = (pid for pid in own_server.children() if "gateway.judge" in words_of(pid))
    assert "NoNewPrivs:\t1" in pathlib.Path(f"/proc/{judge}/status").read_text()
    clone = Clone(make_repo("clone"))
    clone.create()
    url = own_server.url("acme/shop", key)
    clone.repo.git("push", url, ref_of())
    objects = pathlib.Path(own_server.home.git_dir(OWN), "objects")
    lent = pathlib.Path(own_server.home.git_dir(OTHER), "objects")
    lent.parent.mkdir(parents=True)
    objects.rename(lent)
    (objects / "info").mkdir(parents=True)
    (objects / "pack").mkdir()
    (objects / "info" / "alternates").write_text(f"{lent}\n")
    clone.stage("intent", "start")
    done = clone.repo.run("git", "push", url, ref_of())
    assert done.returncode == 1
    assert "error[" in done.stderr
    objects.rename(objects.with_name("empty"))
    lent.rename(objects)
    clone.repo.git("push", url, ref_of())


def words_of(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_text()


def test_where_the_kernel_cannot_nothing_is_confined(monkeypatch, agency):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert landlock_version() == 0
    assert not confine((), ())
    assert "this kernel has no Landlock" in agency("doctor", "-v").out


@needs_landlock
@pytest.mark.parametrize("rehearse", [True, False])
def test_a_child_that_was_told_of_one_repository_judges_no_other(own_server, make_repo, rehearse):
    """It gets ready before its question is there; whatever that asks then, it reads what it was told of."""
    clone = Clone(make_repo("clone"))
    clone.create()
    keys = {place: own_server.key(place.client) for place in (OWN, OTHER)}
    own_server.start()
    for place, key in keys.items():
        clone.repo.git("push", own_server.url(str(place), key), ref_of())
    home = own_server.home
    move = (ref_of(), "", clone.tip(ref_of()))

    def verdict(told, asked):
        caller = Caller("", "", "", "x", SCOPES)
        question = Question(home.git_dir(asked), "", (move,), caller, home.path, "2026-01-01")
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(judge_socket(home))
            line.sendall(soon(home.path, home.git_dir(told), rehearse=rehearse))
            line.sendall(question_to_json(question))
            return line.makefile("rb").readline()

    assert verdict_from_json(verdict(OTHER, OTHER)).refused == ()
    said = verdict(OWN, OTHER)
    assert not said or verdict_from_json(said).refused
