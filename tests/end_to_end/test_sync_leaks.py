"""Whatever a sync does or refuses, no byte of anything but ledgers ever is in the Agency's object store."""

from __future__ import annotations

import subprocess

import pytest

FOLDER = ".idse/projects/portal/sessions/login"
PLACES = (
    "source",
    "ignored",
    "branch",
    "tag",
    "stash",
    "staged",
    "unsaved",
    "othernotes",
    "gitconfig",
    "homeconfig",
    "password",
    "remotename",
)


def canary(place):
    """Bytes that occur nowhere else."""
    return f"canary-{place}-5e1f"


def found_in(remote):
    """Everything the remote holds: each object unpacked, and each file as it is."""
    command = ["git", "cat-file", "--batch-all-objects", "--batch", "--unordered"]
    objects = subprocess.run(command, cwd=remote.path, capture_output=True, check=True).stdout
    files = [path.read_bytes() for path in remote.path.rglob("*") if path.is_file()]
    names = "\n".join(str(path.relative_to(remote.path)) for path in remote.path.rglob("*"))
    return b"\n".join([objects, *files, names.encode()])


def assert_no_canary(remote):
    everything = found_in(remote)
    assert b"Text that may go" in everything
    assert [place for place in PLACES if canary(place).encode() in everything] == []


@pytest.fixture
def laden(begun, bare_remote, sealed):
    """A repository with a canary in every place that is nobody's business, and the Agency set up."""
    begun.write("source.py", canary("source"))
    begun.commit("a commit of code")
    begun.git("switch", "-q", "-c", canary("branch"))
    begun.write("branch.py", canary("branch"))
    begun.commit(canary("branch"))
    begun.git("tag", "-a", "-m", canary("tag"), canary("tag"))
    begun.git("switch", "-q", "main")
    begun.write("source.py", canary("stash"))
    begun.git("stash", "push", "-q", "-m", canary("stash"))
    begun.git("notes", "add", "-m", canary("othernotes"))
    begun.write("ignored.txt", canary("ignored"))
    begun.write("staged.py", canary("staged"))
    begun.git("add", "staged.py")
    begun.git("config", "canary.key", canary("gitconfig"))
    begun.git("remote", "add", canary("remotename"), f"https://me:{canary('password')}@example.invalid/x.git")
    begun.git("config", "--global", "canary.key", canary("homeconfig"))
    assert begun.idse("sync", "setup", str(bare_remote.path)).returncode == 0
    save(begun, "Text that may go.")
    return begun


def save(repo, text):
    repo.write(f"{FOLDER}/intent.md", f"# Intent\n\n{text}\n")
    assert repo.idse("save", "login").returncode == 0
    repo.write(f"{FOLDER}/context.md", canary("unsaved"))


def test_no_sync_leaks_a_byte(laden, bare_remote):
    for command in (("push", "--dry-run"), ("status",), ("push",), ("pull",), ("status", "--all"), ("push",)):
        assert laden.idse("sync", *command).returncode == 0
    assert_no_canary(bare_remote)


def test_a_push_that_is_declined_leaks_no_byte(laden, bare_remote):
    assert laden.idse("sync", "push").returncode == 0
    for name, script in (("update", "exit 1"), ("pre-receive", "exit 1"), ("post-receive", "kill -9 $PPID")):
        hook = bare_remote.path / "hooks" / name
        hook.write_text(f"#!/bin/sh\n{script}\n")
        hook.chmod(0o755)
        laden.write(f"{FOLDER}/context.md", "# Context\n")
        save(laden, f"Text that may go, too, by {name}.")
        laden.idse("sync", "push")
        hook.unlink()
    assert_no_canary(bare_remote)


FOREIGN = {
    "a code commit as a session": "refs/idse/sessions/portal/evil",
    "a code commit as a project": "refs/idse/projects/evil",
    "a code commit as notes": "refs/idse/notes/evil",
    "a code commit as sync points": "refs/idse/sync/01M7YCWV4JW3SRBS93JN27P3B2",
    "a family of its own": "refs/idse/evil/code",
}


@pytest.mark.parametrize("ref", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_ref_that_leads_to_code_is_refused_by_name_and_leaks_no_byte(laden, bare_remote, ref):
    laden.git("update-ref", ref, canary("branch"))
    done = laden.idse("sync", "push")
    assert done.returncode == 1
    assert ref.rpartition("/")[2] in done.stdout
    assert ref not in bare_remote.git("for-each-ref")
    assert_no_canary(bare_remote)


def test_a_ledger_on_top_of_code_is_refused_and_leaks_no_byte(laden, bare_remote):
    """Its tip is sound, and a parent of it is a commit of code."""
    ledger = "refs/idse/sessions/portal/login"
    words = ("commit-tree", "-p", ledger, "-p", canary("branch"), "-m", "joined", f"{ledger}^{{tree}}")
    laden.git("update-ref", ledger, laden.git(*words))
    done = laden.idse("sync", "push")
    assert done.returncode == 1
    assert "portal/login" in done.stdout
    everything = found_in(bare_remote)
    assert [place for place in PLACES if canary(place).encode() in everything] == []


@pytest.mark.parametrize("how", ["grafts", "replace"])
def test_a_graft_or_a_replacement_that_leads_to_code_leaks_no_byte(laden, bare_remote, how):
    ledger = "refs/idse/sessions/portal/login"
    root = laden.git("rev-list", "--max-parents=0", ledger)
    if how == "grafts":
        info = laden.path / ".git/info"
        info.mkdir(exist_ok=True)
        (info / "grafts").write_text(f"{root} {laden.git('rev-parse', canary('branch'))}\n")
    else:
        laden.git("replace", "--graft", root, canary("branch"))
    laden.idse("sync", "push")
    everything = found_in(bare_remote)
    assert [place for place in PLACES if canary(place).encode() in everything] == []
