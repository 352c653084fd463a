"""A folder becomes the very tree `git add` and `git commit` would make of it, and nothing else changes."""

from __future__ import annotations

import os

import pytest

from here import discover
from idse_orchestrator.errors import InvalidArtifactError
from idse_orchestrator.worktree.capture import MAX_FILE_BYTES, capture_folder

FOLDER = ".idse/projects/portal/sessions/login"


def captured(repo):
    return capture_folder(discover(str(repo.path)), FOLDER)


def test_the_tree_is_the_one_a_commit_has(repo):
    repo.write(f"{FOLDER}/spec.md", "# Spec\n")
    repo.write(f"{FOLDER}/implementation/README.md", "# Built\n")
    found = captured(repo)
    repo.commit()
    assert found.tree == repo.git("rev-parse", f"HEAD:{FOLDER}")
    assert dict(found.files) == {
        "spec.md": repo.git("rev-parse", f"HEAD:{FOLDER}/spec.md"),
        "implementation/README.md": repo.git("rev-parse", f"HEAD:{FOLDER}/implementation/README.md"),
    }


def test_the_objects_are_there_before_anybody_commits(repo):
    repo.write(f"{FOLDER}/spec.md", "only here\n")
    assert repo.git("cat-file", "blob", f"{captured(repo).tree}:spec.md") == "only here"


def test_filters_and_ignore_rules_are_gits(repo):
    repo.write(".gitattributes", "*.md text\n")
    repo.write(".gitignore", "*.swp\n")
    repo.write(f"{FOLDER}/spec.md", "# Spec\r\n")
    repo.write(f"{FOLDER}/spec.md.swp", "an editor's\n")
    found = captured(repo)
    repo.commit()
    assert found.tree == repo.git("rev-parse", f"HEAD:{FOLDER}")


def test_a_workspace_that_the_repository_ignores_is_recorded_all_the_same(repo):
    repo.write(".gitignore", ".idse/\n")
    repo.write(f"{FOLDER}/spec.md", "# Spec\n")
    assert list(captured(repo).files) == ["spec.md"]


def test_the_users_index_is_not_touched(repo):
    repo.write(f"{FOLDER}/spec.md", "# Spec\n")
    repo.commit()
    repo.write(f"{FOLDER}/spec.md", "# Another\n")
    repo.write("staged.txt", "x")
    repo.git("add", "staged.txt")
    before = (repo.path / ".git/index").read_bytes()
    captured(repo)
    assert (repo.path / ".git/index").read_bytes() == before
    assert os.listdir(repo.path / ".git/idse") == []


def test_an_unmerged_index_does_not_matter(repo):
    repo.write(f"{FOLDER}/spec.md", "base\n")
    repo.commit()
    repo.git("checkout", "-q", "-b", "other")
    repo.write(f"{FOLDER}/spec.md", "theirs\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write(f"{FOLDER}/spec.md", "ours\n")
    repo.commit()
    assert repo.run("git", "merge", "other").returncode == 1
    found = captured(repo)
    assert "<<<<<<<" in repo.git("cat-file", "blob", found.files["spec.md"])


def test_a_linked_worktree_captures_its_own_files(repo):
    repo.commit(allow_empty=True)
    beside = repo.worktree("beside")
    beside.write(f"{FOLDER}/spec.md", "beside\n")
    assert captured(repo) is None
    assert beside.git("cat-file", "blob", captured(beside).files["spec.md"]) == "beside"


def test_a_folder_that_is_missing_or_empty_is_nothing(repo):
    assert captured(repo) is None
    (repo.path / FOLDER).mkdir(parents=True)
    assert captured(repo) is None


def test_names_with_spaces_line_breaks_and_accents_are_kept(repo):
    for name in ("a b.md", "a\nb.md", "ü.md"):
        repo.write(f"{FOLDER}/{name}", "x")
    found = captured(repo)
    repo.commit()
    assert set(found.files) == {"a b.md", "a\nb.md", "ü.md"}
    assert found.tree == repo.git("rev-parse", f"HEAD:{FOLDER}")


class TestWhatALedgerMayNotHold:
    def test_a_symbolic_link(self, repo):
        repo.write(f"{FOLDER}/spec.md", "x")
        (repo.path / FOLDER / "plan.md").symlink_to("/etc/passwd")
        self.refused(repo, "plan.md", "symbolic link")

    def test_an_executable(self, repo):
        os.chmod(repo.write(f"{FOLDER}/run.sh", "x"), 0o755)
        self.refused(repo, "run.sh", "executable")

    def test_a_command_to_type_is_one_command_whatever_the_name_is(self, repo):
        os.chmod(repo.write(f"{FOLDER}/a; touch b", "x"), 0o755)
        with pytest.raises(InvalidArtifactError) as caught:
            captured(repo)
        assert caught.value.fix == (f"chmod -x '{FOLDER}/a; touch b'",)

    def test_what_only_looks_executable_to_a_git_that_trusts_no_modes_is_held(self, repo):
        repo.git("config", "core.fileMode", "false")
        os.chmod(repo.write(f"{FOLDER}/spec.md", "x"), 0o755)
        assert set(captured(repo).files) == {"spec.md"}

    def test_a_file_over_the_cap(self, repo):
        repo.write(f"{FOLDER}/big.md", b"x" * (MAX_FILE_BYTES + 1))
        self.refused(repo, "big.md", "limit")

    def test_a_pipe(self, repo):
        repo.write(f"{FOLDER}/spec.md", "x")
        os.mkfifo(repo.path / FOLDER / "pipe")
        self.refused(repo, "pipe", "regular")

    def test_another_repository(self, repo):
        repo.write(f"{FOLDER}/spec.md", "x")
        repo.write(f"{FOLDER}/inner/a.md", "x")
        repo.git("init", "-q", f"{FOLDER}/inner")
        repo.git("-C", f"{FOLDER}/inner", "add", ".")
        repo.git("-C", f"{FOLDER}/inner", "commit", "-q", "-m", "inner")
        with pytest.raises(InvalidArtifactError):
            captured(repo)

    def refused(self, repo, name, why):
        with pytest.raises(InvalidArtifactError) as caught:
            captured(repo)
        assert caught.value.where == f"{FOLDER}/{name}"
        assert why in caught.value.cause
        assert caught.value.words + caught.value.fix

    def test_a_file_as_large_as_the_cap_is_kept(self, repo):
        repo.write(f"{FOLDER}/big.md", b"x" * MAX_FILE_BYTES)
        assert list(captured(repo).files) == ["big.md"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("SPEC.md", "case does not count"),
        ("git~1", "git's own folder"),
        ("git~1 .", "git's own folder"),
        ("/".join(["deep"] * 33), "folders deep"),
    ],
)
def test_a_name_that_no_agency_would_take_is_refused_before_it_is_in_the_ledger(repo, name, why):
    repo.write(f"{FOLDER}/spec.md", "# Spec\n")
    repo.write(f"{FOLDER}/{name}", "text\n")
    with pytest.raises(InvalidArtifactError) as raised:
        captured(repo)
    assert why in raised.value.cause


def test_names_that_only_look_alike_are_fine(repo):
    for name in ("spec.md", "spec.md.orig", "git-notes.md", "a/spec.md", "b/SPEC.md"):
        repo.write(f"{FOLDER}/{name}", "text\n")
    assert len(captured(repo).files) == 5
