"""`idse hooks`: what people read, and the exit codes that scripts trust."""

from __future__ import annotations

import json
import os

import pytest

HOOKS = (
    "pre-commit",
    "pre-merge-commit",
    "post-commit",
    "post-merge",
    "post-rewrite",
    "post-checkout",
    "pre-push",
)


@pytest.fixture
def folder(repo):
    return repo.path / ".git" / "hooks"


def outcomes(word, folder):
    return f"hooks in {folder}\n" + "".join(f"{name.ljust(16)}  {word}\n" for name in HOOKS)


def test_installing_says_what_was_done_and_twice_changes_nothing(repo, folder):
    first = repo.idse("hooks", "install")
    assert (first.returncode, first.stdout, first.stderr) == (0, "", outcomes("installed", folder))
    before = {name: (folder / name).read_bytes() for name in HOOKS}
    second = repo.idse("hooks", "install")
    assert (second.returncode, second.stderr) == (0, outcomes("already", folder))
    assert {name: (folder / name).read_bytes() for name in HOOKS} == before


def test_status_says_whether_git_calls_idse_and_so_does_its_exit_code(repo, folder):
    done = repo.idse("hooks", "status")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "git calls idse for none of them: idse hooks install"
    repo.idse("hooks", "install")
    done = repo.idse("hooks", "status")
    assert done.returncode == 0
    assert done.stdout == (
        f"hooks in {folder}\n"
        + "".join(f"  {name.ljust(16)}  current\n" for name in HOOKS)
        + "git calls idse\n"
    )
    (folder / "post-merge").unlink()
    done = repo.idse("hooks", "status")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "git does not call idse for post-merge: idse hooks install"


def test_status_as_data(repo, folder):
    repo.idse("hooks", "install")
    done = repo.idse("hooks", "status", "--json")
    document = json.loads(done.stdout)
    assert document["schema"] == "idse.hooks-status/2"
    assert document["data"]["works"] is True
    assert document["data"]["folder"] == str(folder)
    assert [hook["name"] for hook in document["data"]["hooks"]] == list(HOOKS)


def test_a_hook_of_the_user_is_told_as_chained_and_comes_back(repo, folder):
    folder.mkdir(exist_ok=True)
    own = folder / "pre-commit"
    own.write_text("#!/bin/sh\nexit 0\n")
    own.chmod(0o755)
    assert "pre-commit        chained\n" in repo.idse("hooks", "install").stderr
    assert "pre-commit        current  your own hook runs first\n" in repo.idse("hooks", "status").stdout
    done = repo.idse("hooks", "uninstall")
    assert done.returncode == 0
    assert "pre-commit        restored\n" in done.stderr
    assert own.read_text() == "#!/bin/sh\nexit 0\n"
    assert os.access(own, os.X_OK)


def test_uninstalling_what_is_not_there_says_so(repo):
    done = repo.idse("hooks", "uninstall")
    assert (done.returncode, done.stderr) == (0, "no hook of idse is installed here\n")


def test_an_edited_hook_stays_and_the_exit_code_asks_for_a_look(repo, folder):
    repo.idse("hooks", "install")
    with (folder / "pre-commit").open("a") as file:
        file.write("echo mine\n")
    done = repo.idse("hooks", "uninstall")
    assert done.returncode == 3
    assert "was changed by hand: remove it yourself" in done.stderr
    assert (folder / "pre-commit").exists()


def test_a_manager_gets_its_snippet_on_standard_output_and_nothing_is_written(repo, folder):
    repo.write(".husky/pre-push", "true\n")
    done = repo.idse("hooks", "install")
    assert done.returncode == 3
    assert done.stdout.startswith("# .husky/pre-commit\n")
    assert "idse hook pre-commit" in done.stdout
    assert done.stderr == (
        "error[IDSE019]: husky is in charge of the hooks here (.husky)\n"
        f"  --> {folder}\n"
        "   = hint:  add the snippet to its configuration\n"
        "   = fix:   idse hooks install --force  # writes the hooks beside it\n"
        "   = help:  idse help IDSE019\n"
    )
    assert not (folder / "pre-commit").exists()
    assert repo.idse("hooks", "install", "--force").returncode == 0
    assert (folder / "pre-commit").exists()


def test_a_manager_that_calls_idse_already_needs_nothing(repo):
    for name in HOOKS:
        repo.write(f".husky/{name}", f"idse hook {name}\n")
        repo.write(f".husky/_/{name}", "#!/bin/sh\n").chmod(0o755)
    repo.git("config", "core.hooksPath", ".husky/_")
    done = repo.idse("hooks", "install")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("nothing to do: husky is in charge")
    assert repo.idse("hooks", "status").returncode == 0


def test_a_folder_that_others_share_is_left_alone(repo, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    repo.git("config", "core.hooksPath", str(shared))
    done = repo.idse("hooks", "install")
    assert (done.returncode, done.stdout) == (3, "")
    assert "which other repositories may share" in done.stderr
    assert list(shared.iterdir()) == []


@pytest.fixture
def own_folder(repo):
    """A hooks folder in the work tree, with a tracked hook of the team's."""
    repo.git("config", "core.hooksPath", "team/hooks")
    repo.write("team/hooks/pre-commit", "#!/bin/sh\nexit 0\n").chmod(0o755)
    repo.commit("the team's hook")
    return repo


IN_WORK_TREE = (
    "warning: core.hooksPath leads into the work tree, so these are files of it now: "
    "team/hooks/pre-commit, team/hooks/pre-merge-commit, team/hooks/post-commit, team/hooks/post-merge, "
    "team/hooks/post-rewrite, team/hooks/post-checkout, team/hooks/pre-push, "
    "team/hooks.idse-chained/pre-commit\n"
    "         commit them, or have git ignore them\n"
)


@pytest.mark.parametrize("command", [("hooks", "install"), ("init", "demo")])
def test_hooks_in_the_work_tree_are_told_file_by_file_and_once(own_folder, command):
    done = own_folder.idse(*command)
    assert done.returncode == 0
    assert IN_WORK_TREE in done.stderr
    assert own_folder.read("team/hooks.idse-chained/pre-commit") == b"#!/bin/sh\nexit 0\n"
    listed = own_folder.git("status", "--porcelain", "-uall", "team").splitlines()
    assert {line.split()[-1] for line in listed} == set(
        IN_WORK_TREE.split("now: ")[1].split("\n", maxsplit=1)[0].split(", ")
    )
    assert "warning" not in own_folder.idse(*command).stderr


def test_a_full_path_into_the_work_tree_is_told_the_same_way(repo):
    repo.git("config", "core.hooksPath", str(repo.path / "team"))
    assert "so these are files of it now: team/pre-commit, " in repo.idse("hooks", "install").stderr


def test_init_as_data_says_which_hooks_are_in_the_work_tree(own_folder):
    data = json.loads(own_folder.idse("init", "demo", "--json").stdout)["data"]
    assert data["hooks_in_worktree"][-2:] == ["team/hooks/pre-push", "team/hooks.idse-chained/pre-commit"]


def test_hooks_in_the_git_directory_are_no_files_of_the_work_tree(repo):
    assert "warning" not in repo.idse("hooks", "install").stderr
    assert json.loads(repo.idse("init", "demo", "--json").stdout)["data"]["hooks_in_worktree"] == []
