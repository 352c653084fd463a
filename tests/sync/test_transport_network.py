"""The transport over http and ssh: real git on both sides, a small web server and a shell in between."""

from __future__ import annotations

import os
import pathlib

import pytest

from here import discover
from idse_orchestrator.errors import BusyError, NotAuthorizedError, UnreachableError
from idse_orchestrator.sync.agency import Agency
from idse_orchestrator.sync.published_refs import RefMove
from idse_orchestrator.sync.transport import GitRemote
from web import served

REF = "refs/idse/sessions/portal/login"


@pytest.fixture
def web(bare_remote):
    """A web server with the bare repository; its class carries `answer` and `password`, `url` leads to it."""
    with served(bare_remote.path.parent) as handler:
        handler.url += f"/{bare_remote.path.name}"
        yield handler


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """An ssh that runs the command on this machine, and writes down how it was called."""
    script = tmp_path / "ssh"
    script.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >>{tmp_path}/ssh-calls\nfor last; do :; done\nexec sh -c "$last"\n'
    )
    script.chmod(0o755)
    return script


def record(repo, ref, text, *parents):
    blob = repo.git("hash-object", "-w", "--stdin", stdin=text)
    tree = repo.git("mktree", stdin=f"100644 blob {blob}\tstate.json\n")
    commit = repo.git("commit-tree", tree, *[w for p in parents for w in ("-p", p)], "-m", text[:50])
    repo.git("update-ref", ref, commit)
    return commit


def remote_of(repo, url, name="", **options):
    return GitRemote(discover(str(repo.path)), Agency(str(url), name, "a test"), **options)


def round_trip(repo, other, url):
    """Push, race, and fetch through `url`."""
    first = record(repo, REF, "first")
    born = RefMove(REF, "", first)
    mine = remote_of(repo, url)
    assert mine.heads() == {}
    assert mine.push([born]).accepted == (born,)
    theirs = remote_of(other, url)
    assert theirs.heads() == {REF: first}
    with theirs.fetch({REF: first}) as incoming:
        incoming.keep()
    other.git("update-ref", REF, first)
    second = record(other, REF, "second", first)
    assert theirs.push([RefMove(REF, first, second)]).accepted
    late = record(repo, REF, "late", first)
    beside = record(repo, REF + "2", "beside")
    report = mine.push([RefMove(REF, first, late), RefMove(REF + "2", "", beside)])
    assert (report.accepted, report.raced) == ((), (REF,))
    assert "atomic" in report.rejected[REF + "2"]
    assert mine.heads() == {REF: second}


def test_http_carries_everything_that_a_path_does(repo, make_repo, web, bare_remote):
    bare_remote.git("config", "http.receivepack", "true")
    round_trip(repo, make_repo("other"), web.url)


def test_http_carries_a_large_push(repo, web, bare_remote):
    commit = record(repo, REF, os.urandom(3_000_000).hex())
    assert remote_of(repo, web.url).push([RefMove(REF, "", commit)]).accepted
    assert bare_remote.git("rev-parse", REF) == commit


def test_ssh_carries_everything_that_a_path_does(repo, make_repo, shell, bare_remote, monkeypatch):
    monkeypatch.setenv("GIT_SSH_COMMAND", str(shell))
    round_trip(repo, make_repo("other"), f"ssh://somebody@host.example{bare_remote.path}")


def test_a_short_ssh_address_works_too(repo, shell, bare_remote, monkeypatch):
    monkeypatch.setenv("GIT_SSH_COMMAND", str(shell))
    commit = record(repo, REF, "x")
    assert remote_of(repo, f"host.example:{bare_remote.path}").push([RefMove(REF, "", commit)]).accepted


def test_ssh_gives_up_soon_and_asks_nothing(repo, shell, bare_remote, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    remote_of(repo, f"ssh://host.example{bare_remote.path}").heads()
    call = (tmp_path / "ssh-calls").read_text()
    assert "-o ConnectTimeout=15" in call
    assert "-o BatchMode=yes" in call


def test_an_ssh_command_of_the_users_own_is_left_as_it_is(repo, shell, bare_remote, tmp_path):
    repo.git("config", "core.sshCommand", f"{shell} -o Mine=yes")
    remote_of(repo, f"ssh://host.example{bare_remote.path}").heads()
    call = (tmp_path / "ssh-calls").read_text()
    assert "Mine=yes" in call
    assert "ConnectTimeout" not in call


def test_an_ssh_that_stays_behind_keeps_nobody_waiting(repo, bare_remote, tmp_path, monkeypatch):
    script = tmp_path / "lingering"
    script.write_text(
        '#!/bin/sh\n(exec >/dev/null; exec sleep 60) &\nfor last; do :; done\nexec sh -c "$last"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
    assert remote_of(repo, f"ssh://host.example{bare_remote.path}", patience=30).heads() == {}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("somebody@host: Permission denied (publickey).", NotAuthorizedError),
        ("ERROR: Permission to team/ledgers.git denied to somebody.", NotAuthorizedError),
        ("ERROR: Repository not found.", UnreachableError),
        ("ssh: Could not resolve hostname host: Name or service not known", UnreachableError),
        ("ssh: connect to host host port 22: No route to host", UnreachableError),
        ("Host key verification failed.", UnreachableError),
    ],
)
def test_what_ssh_says_decides_who_is_at_fault(repo, tmp_path, monkeypatch, words, error):
    script = tmp_path / "refusing"
    script.write_text(f'#!/bin/sh\necho "{words}" >&2\nexit 255\n')
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(script))
    with pytest.raises(error) as caught:
        remote_of(repo, "ssh://host.example/x").heads()
    assert words in caught.value.cause


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, NotAuthorizedError), (403, NotAuthorizedError), (404, UnreachableError), (503, BusyError)],
)
def test_what_a_web_server_answers_decides_who_is_at_fault(repo, web, status, error):
    web.answer = status
    with pytest.raises(error):
        remote_of(repo, web.url).heads()


def test_a_push_that_the_web_server_forbids_is_not_authorized(repo, web, bare_remote):
    bare_remote.git("config", "http.receivepack", "false")
    commit = record(repo, REF, "x")
    with pytest.raises(NotAuthorizedError):
        remote_of(repo, web.url).push([RefMove(REF, "", commit)])


def test_credentials_come_from_gits_helpers_and_nobody_is_asked(repo, web, tmp_path, monkeypatch):
    web.password = "bWU6Z2VoZWlt"
    asked = tmp_path / "asked"
    script = tmp_path / "askpass"
    script.write_text(f"#!/bin/sh\ntouch {asked}\n")
    script.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(script))
    monkeypatch.setenv("SSH_ASKPASS", str(script))
    with pytest.raises(NotAuthorizedError):
        remote_of(repo, web.url).heads()
    assert not asked.exists()
    helper = "!f() { echo username=me; echo password=geheim; }; f"
    repo.git("config", "credential.helper", helper)
    assert remote_of(repo, web.url).heads() == {}


def test_in_ci_an_askpass_program_is_where_credentials_come_from(repo, web, tmp_path, monkeypatch):
    web.password = "bWU6Z2VoZWlt"
    script = tmp_path / "askpass"
    script.write_text("#!/bin/sh\ncase $1 in Username*) echo me ;; *) echo geheim ;; esac\n")
    script.chmod(0o755)
    monkeypatch.setenv("GIT_ASKPASS", str(script))
    monkeypatch.setenv("CI", "true")
    assert remote_of(repo, web.url).heads() == {}


def test_progress_of_git_is_handed_on_line_by_line(repo, make_repo, bare_remote):
    for number in range(300):
        record(repo, f"{REF}{number}", f"number {number}")
    repo.git("push", "--quiet", str(bare_remote.path), "refs/idse/*:refs/idse/*")
    lines: list[str] = []
    remote = remote_of(make_repo("other"), f"file://{bare_remote.path}", on_progress=lines.append)
    with remote.fetch(remote.heads()) as incoming:
        assert list(pathlib.Path(incoming.folder).rglob("*.idx"))
    assert "100%" in lines[-1]
    assert not any("\r" in line or "\n" in line for line in lines)
