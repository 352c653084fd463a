"""The pre-push hook: code never reaches the Agency by plain `git push`, and ledgers reach nobody else."""

from __future__ import annotations

import os

import pytest

from here import discover
from idse_orchestrator.worktree.hook_files import GitHookFiles

REF = "refs/idse/sessions/portal/__blueprint__"
CANARIES = {
    name: f"canary-{name}-7f3d9c1e5b"
    for name in ("source", "branch", "tag", "stash", "note", "staged", "local", "message")
}


def canaries_in(bare) -> list[str]:
    """The names of all canaries whose bytes are in some object of `bare`."""
    ids = bare.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    contents = "".join(bare.run("git", "cat-file", "-p", name).stdout for name in ids)
    return [name for name, bytes_ in CANARIES.items() if bytes_ in contents]


def refs_of(bare) -> list[str]:
    return bare.git("for-each-ref", "--format=%(refname)").split()


@pytest.fixture
def client(loop, bare_remote):
    """A client's repository with a secret in every corner, ledgers, hooks, and an Agency."""
    repo = loop.repo
    repo.write("app.py", CANARIES["source"])
    repo.commit(CANARIES["message"])
    repo.git("tag", "-a", "-m", CANARIES["tag"], "v1")
    repo.git("notes", "add", "-m", CANARIES["note"])
    repo.git("checkout", "--quiet", "-b", "side")
    repo.write("side.py", CANARIES["branch"])
    repo.commit("side")
    repo.git("checkout", "--quiet", "main")
    repo.write("app.py", CANARIES["stash"])
    repo.git("stash")
    repo.write("app.py", CANARIES["staged"])
    repo.git("add", "app.py")
    private = repo.git("commit-tree", "HEAD^{tree}", "-m", CANARIES["local"])
    repo.git("update-ref", "refs/idse-local/pending/x", private)
    loop.does("sync", "setup", str(bare_remote.path))
    return repo


def test_the_canaries_can_be_found(client, bare_remote):
    client.git("push", "--quiet", "--no-verify", "agency", "refs/*:refs/*", "refs/stash:refs/heads/stash")
    assert set(canaries_in(bare_remote)) >= {"source", "branch", "tag", "note", "stash", "local", "message"}


@pytest.mark.parametrize(
    "words",
    [
        ["agency"],
        ["agency", "--all"],
        ["agency", "--tags"],
        ["agency", "--mirror"],
        ["agency", "--all", "--force"],
        ["agency", "main"],
        ["agency", "HEAD"],
        ["agency", "refs/*:refs/*"],
        ["agency", "refs/notes/*:refs/notes/*"],
        ["agency", "refs/stash"],
        ["agency", "main:refs/idse/sessions/portal/main"],
        ["agency", "HEAD:refs/idse/sessions/portal/__blueprint__", "--force"],
        ["agency", "refs/idse-local/*:refs/idse/*"],
        ["agency", "--follow-tags"],
        ["URL", "main"],
        ["URL/", "--all"],
        ["file://URL", "--tags"],
        ["alias", "main"],
        ["alias", "--mirror"],
    ],
    ids=" ".join,
)
def test_no_push_to_the_agency_leaks_a_byte_that_is_no_ledger(client, bare_remote, words):
    client.git("remote", "add", "alias", str(bare_remote.path))
    done = client.run("git", "push", *(word.replace("URL", str(bare_remote.path)) for word in words))
    assert canaries_in(bare_remote) == []
    assert all(ref.startswith("refs/idse/") for ref in refs_of(bare_remote))
    if refs_of(bare_remote) == []:
        assert done.returncode == 1
        assert "error[IDSE022]" in done.stderr


def test_plain_git_push_sends_all_ledgers(client, bare_remote):
    client.git("push", "--quiet", "agency")
    assert refs_of(bare_remote) == client.git("for-each-ref", "--format=%(refname)", "refs/idse").split()
    assert client.git("push", "--porcelain", "agency").endswith("Done")


def test_what_is_refused_is_told_by_name_with_the_reason(client):
    done = client.run("git", "push", "agency", "main", "v1", REF)
    assert done.returncode == 1
    assert "2 of 3 refs may not be pushed to agency; nothing was sent" in done.stderr
    assert "refs/heads/main: only refs/idse/* go to the Agency" in done.stderr
    assert "refs/tags/v1: only refs/idse/*" in done.stderr
    assert "idse sync push" in done.stderr


def test_a_deletion_and_a_rewind_are_refused(client, bare_remote):
    client.git("push", "--quiet", "agency")
    tip = client.git("rev-parse", REF)
    assert "deleted" in client.run("git", "push", "agency", f":{REF}").stderr
    assert "deleted" in client.run("git", "push", "agency", "--delete", REF).stderr
    client.git("update-ref", REF, f"{REF}~1")
    done = client.run("git", "push", "--force", "agency", f"{REF}:{REF}")
    assert (done.returncode, "would go back" in done.stderr) == (1, True)
    assert bare_remote.git("rev-parse", REF) == tip


def test_a_ledger_with_code_behind_it_is_refused(client, bare_remote):
    grafted = client.git("commit-tree", f"{REF}^{{tree}}", "-p", REF, "-p", "main", "-m", "x")
    client.git("update-ref", REF, grafted)
    done = client.run("git", "push", "agency")
    assert done.returncode == 1
    assert f"{REF}: " in done.stderr
    assert "idse fsck" in done.stderr
    assert "git push agency" not in done.stderr
    assert canaries_in(bare_remote) == []


def test_ledgers_go_to_no_other_remote(client, make_repo):
    other = make_repo("other.git", bare=True)
    client.git("remote", "add", "origin", str(other.path))
    for words in (
        ["origin", "refs/idse/*:refs/idse/*"],
        ["origin", f"{REF}:refs/heads/ledger"],
        ["origin", "refs/idse-local/*:refs/idse-local/*"],
        ["--mirror", "origin"],
        [str(other.path), REF],
    ):
        done = client.run("git", "push", *words)
        assert (done.returncode, "ledgers go to the Agency only" in done.stderr) == (1, True), words
        assert "the Agency is agency" in done.stderr
        assert "--no-verify" in done.stderr
    assert refs_of(other) == []
    client.git("push", "--quiet", "origin", "main", "--tags")
    assert refs_of(other) == ["refs/heads/main", "refs/tags/v1"]
    client.git("push", "--quiet", "--no-verify", "origin", REF)
    client.git("push", "--quiet", "origin", f":{REF}")
    assert REF not in refs_of(other)


def test_without_an_agency_the_advice_is_to_name_one(loop, bare_remote):
    loop.git("remote", "add", "origin", str(bare_remote.path))
    done = loop.run("git", "push", "origin", REF)
    assert done.returncode == 1
    assert "idse sync setup --remote origin && idse sync push  # if it is to be the Agency" in done.stderr
    done = loop.run("git", "push", str(bare_remote.path), REF)
    assert "idse sync setup URL" in done.stderr


def test_origin_as_agency_takes_code_and_sound_ledgers(loop, bare_remote):
    loop.git("remote", "add", "origin", str(bare_remote.path))
    loop.does("sync", "setup", "--remote", "origin")
    loop.git("push", "--quiet", "origin", "main", f"{REF}:{REF}")
    assert refs_of(bare_remote) == ["refs/heads/main", REF]
    done = loop.run("git", "push", "origin", f":{REF}")
    assert (done.returncode, "never deleted" in done.stderr) == (1, True)
    done = loop.run("git", "push", "origin", f"main:{REF}x")
    assert (done.returncode, "another name" in done.stderr) == (1, True)
    done = loop.run("git", "push", "origin", f"{REF}:refs/heads/ledger")
    assert done.returncode == 1


def test_an_agency_named_by_a_variable_is_known_to_the_hook(loop, bare_remote):
    loop.git("remote", "add", "backup", str(bare_remote.path))
    env = {"IDSE_AGENCY_URL": f"file://{bare_remote.path}"}
    assert loop.run("git", "push", "backup", "main", env=env).returncode == 1
    assert loop.run("git", "push", "backup", "main").returncode == 0


def test_a_path_in_the_variable_is_taken_from_where_git_push_was_typed(loop, bare_remote):
    loop.write("deep/down/code.py", "x")
    env = {"IDSE_AGENCY_URL": "../../../remote.git"}
    done = loop.run("git", "push", str(bare_remote.path), "main", env=env, cwd="deep/down")
    assert (done.returncode, refs_of(bare_remote)) == (1, [])


def test_an_agency_behind_another_spelling_is_known_to_the_hook(client, bare_remote):
    client.git("config", f"url.{bare_remote.path.parent}/.insteadOf", "hub:")
    done = client.run("git", "push", "hub:remote.git", "main")
    assert (done.returncode, refs_of(bare_remote)) == (1, [])


def test_an_unsafe_agency_is_refused_before_anything_is_sent(client, make_repo):
    other = make_repo("other.git", bare=True)
    client.git("config", "remote.agency.pushurl", str(other.path))
    done = client.run("git", "push", "agency")
    assert (done.returncode, "error[IDSE023]" in done.stderr) == (1, True)
    assert refs_of(other) == []


# --- what starts, and what was there before ---


@pytest.fixture
def recorded(client, tmp_path):
    """The client's hooks start a script instead of idse; it writes down what it is called with."""
    script = tmp_path / "recorder"
    script.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/calls\ncat >>{tmp_path}/stdin\n')
    script.chmod(0o755)
    GitHookFiles(discover(str(client.path)), str(script)).put()

    def read(name):
        path = tmp_path / name
        return path.read_text().splitlines() if path.exists() else []

    return read


def test_a_push_of_code_to_another_remote_starts_no_idse(client, recorded, make_repo):
    client.git("push", "--quiet", str(make_repo("other.git", bare=True).path), "main", "v1")
    assert recorded("calls") == []


def test_a_push_of_ledgers_or_to_the_agency_starts_idse_with_the_refs(
    client, recorded, bare_remote, make_repo
):
    other = make_repo("other.git", bare=True)
    client.git("push", "--quiet", str(other.path), REF)
    client.git("push", "--quiet", "agency", "main")
    assert recorded("calls") == [
        f"hook pre-push {other.path} {other.path}",
        f"hook pre-push agency {bare_remote.path}",
    ]
    assert [line.split()[0] for line in recorded("stdin")] == [REF, "refs/heads/main"]


@pytest.mark.parametrize("code", [0, 3])
def test_a_hook_that_was_there_before_reads_the_refs_first_and_can_stop_the_push(
    loop, bare_remote, code, tmp_path
):
    loop.does("hooks", "uninstall")
    mine = loop.write(
        ".git/hooks/pre-push", f'#!/bin/sh\necho "$*" >>{tmp_path}/mine\ncat >>{tmp_path}/mine\nexit {code}\n'
    )
    mine.chmod(0o755)
    loop.does("hooks", "install")
    done = loop.run("git", "push", str(bare_remote.path), "main")
    assert (done.returncode == 0) == (code == 0)
    assert "refs/heads/main" in (tmp_path / "mine").read_text()
    assert refs_of(bare_remote) == (["refs/heads/main"] if code == 0 else [])


def test_under_the_pre_commit_framework_the_ref_comes_in_variables(client, bare_remote):
    env = {
        "PRE_COMMIT_REMOTE_NAME": "agency",
        "PRE_COMMIT_REMOTE_URL": str(bare_remote.path),
        "PRE_COMMIT_LOCAL_BRANCH": "refs/heads/main",
        "PRE_COMMIT_REMOTE_BRANCH": "refs/heads/main",
        "PRE_COMMIT_TO_REF": client.git("rev-parse", "main"),
    }
    done = client.idse("hook", "pre-push", env=env)
    assert (done.returncode, "refs/heads/main: only" in done.stderr) == (1, True)


def test_without_an_idse_that_starts_the_gate_is_closed_for_ledgers_only(client, make_repo):
    GitHookFiles(discover(str(client.path)), "/no/such/idse").put()
    other = make_repo("other.git", bare=True)
    env = {"PATH": os.defpath}
    done = client.run("git", "push", str(other.path), REF, env=env)
    assert (done.returncode, "cannot be started" in done.stderr) == (1, True)
    assert client.run("git", "push", str(other.path), "main", env=env).returncode == 0
