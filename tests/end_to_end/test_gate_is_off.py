"""Where nothing guards a work tree, `idse` says so where people and agents look."""

from __future__ import annotations

import json
import os

import pytest

from advice import commands_in

NOTHING = "nothing checks a commit in this work tree: idse hooks install"


def said(repo):
    """What `status`, `next` and `prime` say of it, in words and as data."""
    words = [NOTHING in repo.idse(name).stdout for name in ("status", "next", "prime")]
    data = [
        json.loads(repo.idse(name, "--json").stdout)["data"]["guarded"]
        for name in ("status", "next", "prime")
    ]
    assert words == [not each for each in data]
    assert len(set(words)) == 1
    return words[0]


def test_a_guarded_work_tree_says_nothing(loop):
    assert not said(loop.repo)
    linked = loop.repo.worktree("linked")
    linked.idse("switch", "__blueprint__")
    assert not said(linked)


def test_a_relative_folder_of_hooks_is_not_in_a_new_work_tree(repo, loop_in):
    repo.git("config", "core.hooksPath", ".githooks")
    repo.write(".gitignore", ".githooks\n.githooks.idse-chained\n")
    loop_in(repo)
    repo.commit("start")
    assert not said(repo)
    linked = repo.worktree("linked")
    linked.idse("switch", "__blueprint__")
    assert said(linked)
    assert linked.idse("hooks", "install").returncode == 0
    assert not said(linked)


COMPANY = "#!/bin/sh\n# looks for secrets\nexit 0\n"


@pytest.mark.parametrize("script", [None, COMPANY], ids=["an empty folder", "a hook of theirs"])
def test_a_folder_of_hooks_for_all_repositories_leaves_the_gate_open_and_that_is_told(repo, tmp_path, script):
    shared = tmp_path / "company"
    shared.mkdir()
    if script:
        (shared / "pre-commit").write_text(script)
        (shared / "pre-commit").chmod(0o755)
    repo.git("config", "--global", "core.hooksPath", str(shared))
    done = repo.idse("init", "portal", "-q")
    assert (done.returncode, "hooks not installed" in done.stderr) == (3, True)
    assert said(repo)
    doctor = repo.idse("doctor")
    assert (doctor.returncode, "nothing checks a commit" in doctor.stdout) == (1, True)
    fix = commands_in(repo.idse("hooks", "install").stderr)[0]
    assert repo.run("sh", "-c", fix).returncode == 0
    assert repo.idse("init", "portal").returncode == 0
    assert not said(repo)
    assert repo.idse("doctor").returncode == 0


def test_a_manager_that_nobody_installed_guards_nothing(repo):
    repo.write("lefthook.yml", "")
    repo.write("lefthook.yml", repo.idse("hooks", "install").stdout)
    assert repo.idse("init", "portal").returncode == 3
    assert said(repo)
    assert repo.run("lefthook", "install").returncode == 0
    assert not said(repo)
    assert repo.idse("init", "portal").returncode == 0


@pytest.mark.parametrize("how", ["no execute bit", "deleted", "replaced", "dev null"])
def test_hooks_that_went_out_of_use_later_are_told(loop, how):
    path = loop.path / ".git/hooks/pre-commit"
    if how == "no execute bit":
        path.chmod(0o644)
    elif how == "deleted":
        path.unlink()
    elif how == "replaced":
        path.write_text(COMPANY)
    else:
        loop.git("config", "core.hooksPath", "/dev/null")
    assert said(loop.repo)


@pytest.mark.parametrize("how", ["never wanted", "taken away"])
def test_who_decided_to_have_no_hooks_is_not_reminded(repo, how):
    done = repo.idse("init", "portal", *(["--no-hooks"] if how == "never wanted" else []))
    assert done.returncode == 0
    if how == "taken away":
        repo.idse("hooks", "uninstall")
    assert NOTHING not in repo.idse("status").stdout
    repo.idse("hooks", "install")
    (repo.path / ".git/hooks/pre-commit").unlink()
    assert NOTHING in repo.idse("status").stdout


def test_an_agent_hears_it_at_its_start(loop):
    (loop.path / ".git/hooks/pre-commit").unlink()
    call = json.dumps({"cwd": str(loop.path)})
    assert NOTHING in loop.repo.idse("hook", "agent-session-start", "claude", stdin=call).stdout


def test_an_empty_setting_is_told_as_one(loop):
    loop.git("config", "core.hooksPath", "")
    assert loop.repo.idse("status").returncode == 0
    done = loop.repo.idse("hooks", "status")
    assert (done.returncode, "the setting is empty" in done.stderr) == (2, True), done.stderr
    assert "core.hooksPath" in loop.repo.idse("doctor").stdout


def from_a_folder_that_is_gone(loop, *words, stdin=""):
    gone = loop.path.parent / "gone"
    gone.mkdir()
    script = f'cd "{gone}" && rmdir "{gone}" && exec "$@"'
    return loop.repo.run("sh", "-c", script, "sh", *words, stdin=stdin)


@pytest.mark.parametrize("told", [True, False])
def test_a_hook_of_an_agent_whose_own_folder_is_gone_still_judges(loop, told):
    loop.finish("intent")
    path = str(loop.path / loop.FOLDER / "intent.md")
    call = {"tool_name": "Edit", "tool_input": {"file_path": path}} | (
        {"cwd": str(loop.path)} if told else {}
    )
    done = from_a_folder_that_is_gone(
        loop, "idse", "hook", "agent-before-edit", "claude", stdin=json.dumps(call)
    )
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    if told:
        assert answer["hookSpecificOutput"]["permissionDecision"] == "deny"
    else:
        assert "the folder that this was started in is gone" in answer["systemMessage"]


@pytest.mark.parametrize("words", [("status",), ("hooks", "status"), ("save",)], ids=" ".join)
def test_a_command_in_a_folder_that_is_gone_says_so(loop, words):
    done = from_a_folder_that_is_gone(loop, "idse", *words)
    assert (done.returncode, "is gone" in done.stderr) == (2, True), done.stderr


def test_a_repository_that_only_a_variable_names_is_refused_in_words_that_mend_it(tmp_path, make_repo):
    """Dotfiles are often kept so: a bare repository, and a work tree without .git."""
    make_repo("dots.git", bare=True)
    home = make_repo("tree")
    for name in os.listdir(home.path / ".git"):
        home.run("rm", "-rf", f".git/{name}")
    home.run("rmdir", ".git")
    env = {"GIT_DIR": str(tmp_path / "dots.git"), "GIT_WORK_TREE": str(home.path)}
    done = home.idse("init", "portal", env=env)
    assert (done.returncode, "GIT_DIR names a repository" in done.stderr) == (2, True), done.stderr
    (fix,) = commands_in(done.stderr)
    assert home.run("sh", "-c", fix).returncode == 0
    assert home.idse("init", "portal").returncode == 0
