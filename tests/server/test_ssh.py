"""git over ssh: a real sshd whose keys run `idse agency ssh-shell`, and nothing else."""

from __future__ import annotations

import os
import pathlib
import pwd
import types

import pytest

from pushes import GOOD, Clone, ref_of
from ssh_daemon import free_port, new_key

REFSPEC = "refs/idse/*:refs/idse/*"


class Way:
    """What a key of a client's reaches: through sshd, or through a program that does what sshd does."""

    def __init__(self, server, repo, folder, client, sshd=None, scopes="read,push,create"):
        self.server, self.repo, self.client = server, repo, client
        server.key(client)
        key = new_key(folder / f"key-{client}")
        done = repo.idse(
            "agency", "--home", server.home.path, "key", "issue", client, "--scope", scopes,
            "--ssh", f"{key}.pub",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        line = done.stdout.strip().splitlines()[-1]
        self.key_id = line.partition("ssh-shell ")[2].partition('"')[0]
        assert self.key_id
        if sshd is None:
            self.env = server.ssh_command(folder, self.key_id)
            self.host = "agency.invalid"
            return
        with (sshd.folder / "authorized_keys").open("a") as file:
            file.write(f"{line}\n")
        self.host = f"{pwd.getpwuid(os.geteuid()).pw_name}@127.0.0.1:{sshd.port}"
        self.ssh = (
            "ssh", "-F", "none", "-i", str(key), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
            "-p", str(sshd.port), self.host.partition(":")[0],
        )  # fmt: skip
        self.env = {"GIT_SSH_COMMAND": " ".join(self.ssh[:-3]), "GIT_SSH_VARIANT": "ssh"}

    def url(self, client=""):
        return f"ssh://{self.host}/{client or self.client}/shop.git"

    def git(self, *words, version="2"):
        done = self.repo.run("git", "-c", f"protocol.version={version}", *words, env=self.env)
        return types.SimpleNamespace(code=done.returncode, words=done.stdout + done.stderr)

    def push(self, client=""):
        return self.git("push", self.url(client), REFSPEC)


@pytest.fixture(params=["sshd", "wrapper"])
def way(request, server, repo, tmp_path):
    daemon = request.getfixturevalue("sshd") if request.param == "sshd" else None
    name = request.node.originalname.removeprefix("test_").replace("_", "-")[:24].strip("-")
    return Way(server, repo, tmp_path, f"{request.param}-{name}"[:39], daemon)


def test_a_push_a_fetch_and_a_promise(way, make_repo):
    clone = Clone(way.repo)
    clone.create()
    clone.complete("intent")
    said = way.push()
    assert said.code == 0, said.words
    tip = clone.tip(ref_of())
    for version in ("0", "2"):
        said = way.git("ls-remote", way.url(), version=version)
        assert f"{tip}\t{ref_of()}" in said.words
    traced = way.repo.run(
        "git", "-c", "protocol.version=2", "ls-remote", way.url(), env={**way.env, "GIT_TRACE_PACKET": "1"}
    )
    assert "version 2" in traced.stderr
    other = make_repo("other")
    done = other.run("git", "fetch", way.url(), f"{ref_of()}:{ref_of()}", env=way.env)
    assert (done.returncode, other.git("rev-parse", ref_of())) == (0, tip)
    clone.save(intent=GOOD["intent"].replace("The log.", "[REQUIRES INPUT]"))
    said = way.push()
    assert said.code == 1
    assert f"refused {ref_of()}: error[IDSE" in said.words
    assert tip in way.git("ls-remote", way.url()).words
    rows = [each for each in way.server.admin.keys.all(way.client) if each.id == way.key_id]
    assert rows[0].last_used_at


def test_another_tenant_a_key_that_ended_and_what_is_no_git(way, server):
    clone = Clone(way.repo)
    clone.create()
    other = f"{way.client}-x"[:39]
    server.key(other)
    said = way.push(other)
    assert said.code != 0
    assert "there is no such repository" in said.words
    assert not pathlib.Path(server.home.git, other, "shop.git").exists()
    for url in (f"ssh://{way.host}/../../etc", f"ssh://{way.host}/{way.client}/shop.git/../shop"):
        assert way.git("ls-remote", url).code != 0
    assert way.push().code == 0
    server.admin.keys.revoke(way.key_id)
    said = way.git("ls-remote", way.url())
    assert said.code != 0
    assert "this key is not known any more" in said.words


def test_there_is_no_shell_and_no_forwarding(server, repo, tmp_path, sshd):
    way = Way(server, repo, tmp_path, "no-shell", sshd)

    def ssh(*words, options=()):
        done = repo.run(*way.ssh[:1], *options, *way.ssh[1:], *words)
        return done.returncode, done.stdout + done.stderr

    for words in (("id",), (), ("git-upload-pack '/etc'",), ("git-receive-pack 'no-shell/shop.git'; id",)):
        code, said = ssh(*words)
        assert code != 0, said
        assert "uid=" not in said
        assert "this door is for git alone" in said
    code, said = ssh(options=("-t",))
    assert code != 0
    code, said = ssh("-N", options=("-o", "ExitOnForwardFailure=yes", "-R", f"{free_port()}:127.0.0.1:1"))
    assert code != 0
    assert "forwarding failed" in said.lower()
    code, said = ssh(options=("-W", f"127.0.0.1:{sshd.port}"))
    assert code != 0
    assert "SSH-2.0" not in said
