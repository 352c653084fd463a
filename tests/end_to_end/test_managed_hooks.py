"""Under real hook managers, with the lines that `idse hooks install` prints, nothing of a hook is missing."""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.worktree.hook import HOOKS

INTENT = ".idse/projects/portal/sessions/__blueprint__/intent.md"
REF = "refs/idse/sessions/portal/__blueprint__"
HUSKY = """\
[ -f "$(dirname "$(dirname "$0")")/$(basename "$0")" ] || exit 0
sh -e "$(dirname "$(dirname "$0")")/$(basename "$0")" "$@"
"""


def _pre_commit(repo, lines):
    repo.write(".pre-commit-config.yaml", lines)
    return repo.run("pre-commit", "install")


def _lefthook(repo, lines):
    repo.write("lefthook.yml", lines)
    return repo.run("lefthook", "install")


def _husky(repo, lines):
    """What husky 9 does, whose program is not for Python: one script for all, called under many names."""
    for part in lines.split("# .husky/")[1:]:
        name, _, line = part.partition("\n")
        repo.write(f".husky/{name}", line)
        repo.write(f".husky/_/{name}", '#!/usr/bin/env sh\n. "$(dirname "$0")/h"\n').chmod(0o755)
    repo.write(".husky/_/h", HUSKY)
    repo.write(".husky/_/.gitignore", "*")
    return repo.run("git", "config", "core.hooksPath", ".husky/_")


MANAGERS = {
    "pre-commit": (".pre-commit-config.yaml", _pre_commit),
    "lefthook": ("lefthook.yml", _lefthook),
    "husky": (".husky/keep", _husky),
}


@pytest.fixture(params=MANAGERS)
def managed(request, repo, loop_of):
    """The project `portal` in a repository where a manager has taken the printed lines."""
    marker, install = MANAGERS[request.param]
    repo.write(marker, "")
    loop = loop_of(repo)
    assert repo.idse("init", "portal").returncode == 3  # the hooks are the manager's to install
    lines = repo.idse("hooks", "install").stdout
    (repo.path / marker).unlink()
    done = install(repo, lines)
    assert done.returncode == 0, done.stdout + done.stderr
    repo.git("add", "--all")
    repo.git("commit", "-qm", "start")
    return loop


def note(loop, rev="HEAD"):
    loop.does("save", "--quiet")
    loop.edit("intent.md", loop.text("intent.md") + "more\n")
    loop.does("save", "--quiet")
    return loop.note(rev)


def commit(loop, name, *words):
    loop.repo.write(name, name)
    loop.git("add", name)
    loop.git("commit", "-qm", name, *words)


def test_status_says_that_all_is_well_and_that_is_true(managed):
    done = managed.repo.idse("hooks", "status")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "git calls idse"), done.stdout
    one_ref = "it sees one ref of each push" in done.stdout
    assert one_ref == (managed.path / ".pre-commit-config.yaml").exists()
    assert "git calls idse" in managed.repo.idse("doctor", "-v").stdout


def test_commits_of_code_have_notes_after_an_amend_and_a_rebase_too(managed):
    commit(managed, "a")
    assert "portal/__blueprint__" in note(managed)
    managed.git("commit", "-q", "--amend", "-m", "amended")
    managed.git("checkout", "-q", "--", ".idse")
    assert "portal/__blueprint__" in managed.note() or "portal/__blueprint__" in note(managed)
    managed.git("checkout", "-q", "--", ".idse")
    managed.git("branch", "other", "HEAD~1")
    commit(managed, "b")
    first = managed.git("rev-parse", "HEAD")
    managed.git("checkout", "-q", "other")
    commit(managed, "c")
    managed.git("checkout", "-q", "main")
    managed.git("rebase", "-q", "other")
    assert managed.git("rev-parse", "HEAD") != first
    assert "portal/__blueprint__" in note(managed)
    assert "portal/__blueprint__" in managed.note("HEAD~1")


def test_a_merge_of_code_has_its_note_and_a_squash_waits_for_its_commit(managed):
    for name in ("side", "squashed"):
        managed.git("checkout", "-q", "-b", name, "main")
        commit(managed, name)
    managed.git("checkout", "-q", "main")
    commit(managed, "here")
    managed.git("merge", "-q", "--no-edit", "side")
    assert "portal/__blueprint__" in note(managed)
    managed.git("checkout", "-q", "--", ".idse")
    before = len(managed.events())
    managed.git("merge", "-q", "--squash", "squashed")
    assert len(managed.events()) == before


def test_a_document_is_judged_and_recorded(managed):
    managed.edit("intent.md", "# Intent\n\nA new one.\n")
    managed.git("add", "--all")
    managed.git("commit", "-qm", "words")
    assert managed.ledger("intent.md") == "# Intent\n\nA new one.\n"
    managed.repo.write(".idse/projects/portal/CURRENT_SESSION", "__blueprint__")
    managed.git("add", "-f", ".idse/projects/portal/CURRENT_SESSION")
    assert managed.repo.run("git", "commit", "-qm", "a view").returncode == 1


def test_a_rebase_records_nothing_before_its_end(managed):
    managed.git("branch", "other")
    managed.edit("intent.md", "# Intent\n\nOne.\n")
    managed.git("commit", "-qam", "one")
    managed.git("checkout", "-q", "other")
    commit(managed, "c")
    managed.git("checkout", "-q", "main")
    before = [event["body"].get("code") for event in managed.events()]
    managed.git("rebase", "-q", "other")
    new = [event["body"].get("code") for event in managed.events()][: -len(before)]
    assert set(new) <= {managed.git("rev-parse", "HEAD")}


def test_no_code_reaches_the_agency(managed, bare_remote):
    managed.does("sync", "setup", str(bare_remote.path))
    done = managed.repo.run("git", "push", "agency", "main")
    assert done.returncode != 0
    assert "only refs/idse/* go to the Agency" in done.stderr + done.stdout
    assert bare_remote.git("for-each-ref") == ""


def test_a_branch_is_followed_and_code_is_judged_where_the_setting_says_so(managed):
    managed.does("spawn", "login", "--branch")
    managed.git("add", "--all")
    managed.git("commit", "-qm", "login")
    managed.does("switch", "__blueprint__", "--branch", "main")
    managed.git("switch", "--quiet", "login")
    assert managed.git("symbolic-ref", "refs/worktree/idse/session").endswith("/portal/login")
    commit(managed, "a")
    managed.does("config", "set", "misplaced-code", "deny")
    managed.repo.write("b", "b")
    managed.git("add", "b")
    done = managed.repo.run("git", "commit", "-qm", "b")
    assert done.returncode != 0
    assert "IDSE404" in done.stdout + done.stderr


# --- what status says where not all is well ---


def standing(repo):
    done = repo.idse("hooks", "status", "--json")
    data = json.loads(done.stdout)["data"]
    return done.returncode, tuple(data["manager"]["wired"]), tuple(data["manager"]["waiting"])


@pytest.mark.parametrize("name", MANAGERS)
def test_lines_in_a_configuration_alone_call_nobody(repo, name):
    """As in a fresh clone, where the manager was never installed."""
    marker, install = MANAGERS[name]
    repo.write(marker, "")
    lines = repo.idse("hooks", "install").stdout
    install(repo, lines)
    assert standing(repo) == (0, HOOKS, ())
    clone = repo.clone("clone") if repo.commit("lines", no_verify=True) else None
    assert standing(clone) == (1, (), HOOKS)
    done = clone.idse("hooks", "status")
    mend = {"pre-commit": "pre-commit install -t", "lefthook": "lefthook install", "husky": "npx husky"}[name]
    assert done.stdout.splitlines()[-1].startswith(f"git calls idse for none of them: {mend}")
    assert mend in clone.idse("hooks", "install").stderr


def test_a_manager_that_installed_one_kind_of_hook_calls_idse_for_that_alone(repo):
    repo.write(".pre-commit-config.yaml", "")
    lines = repo.idse("hooks", "install").stdout
    repo.write(".pre-commit-config.yaml", lines.replace("default_install_hook_types", "# default_install"))
    repo.run("pre-commit", "install")
    assert standing(repo) == (1, ("pre-commit",), HOOKS[1:])
    assert "git does not call idse for pre-merge-commit, " in repo.idse("hooks", "status").stdout


def test_a_line_that_is_commented_out_calls_nobody(repo):
    repo.write("lefthook.yml", "")
    lines = repo.idse("hooks", "install").stdout
    repo.write(
        "lefthook.yml", lines.replace("run: idse hook post-commit", "run: 'true' # idse hook post-commit")
    )
    repo.run("lefthook", "install")
    code, wired, _ = standing(repo)
    assert (code, set(HOOKS) - set(wired)) == (1, {"post-commit"})


def test_a_hook_of_ones_own_that_calls_idse_counts(repo):
    repo.git("config", "core.hooksPath", "hooks")
    for name in HOOKS:
        repo.write(f"hooks/{name}", f'#!/bin/sh\n# mine\nexec idse hook {name} "$@"\n').chmod(0o755)
    done = repo.idse("hooks", "status")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "git calls idse")
    (repo.path / "hooks/post-merge").chmod(0o644)
    repo.write("hooks/pre-push", "#!/bin/sh\n# idse hook pre-push\n")
    done = repo.idse("hooks", "status")
    assert (
        done.stdout.splitlines()[-1] == "git does not call idse for post-merge, pre-push: idse hooks install"
    )


@pytest.mark.parametrize("name", ["pre-commit", "lefthook"])
def test_hooks_beside_a_manager_stay_whole_when_it_installs_again(repo, loop_in, bare_remote, name):
    marker, install = MANAGERS[name]
    loop = loop_in(repo)
    empty = "repos: []\ndefault_install_hook_types: [pre-commit, post-commit, post-rewrite, pre-push]\n"
    assert install(
        repo, empty if name == "pre-commit" else "pre-commit:\n  commands:\n    a:\n      run: 'true'\n"
    )
    repo.idse("hooks", "install", "--force")
    repo.git("add", "--all")
    repo.git("commit", "-qm", "start")
    install(repo, repo.read(marker).decode())
    assert repo.idse("hooks", "status").returncode == 0
    commit(loop, "a")
    repo.git("commit", "-q", "--amend", "-m", "amended")
    assert "portal/__blueprint__" in note(loop)
    loop.does("sync", "setup", str(bare_remote.path))
    assert repo.run("git", "push", "agency", "main", REF).returncode != 0
    assert bare_remote.git("for-each-ref") == ""
