"""The documents of a work tree, with the ids git would give them, and the session it works on."""

from __future__ import annotations

import os
import time

import pytest

from here import discover
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.worktree.workspace import GitWorkspace

FOLDER = ".idse/projects/portal/sessions/login"


@pytest.fixture
def workspace(repo):
    return workspace_of(repo)


def workspace_of(repo):
    return GitWorkspace(discover(str(repo.path)))


class TestBlobs:
    def test_each_stage_has_the_id_git_would_record(self, repo, workspace):
        repo.write(f"{FOLDER}/spec.md", "# Spec\n")
        repo.write(f"{FOLDER}/feedback/feedback.md", "# Feedback\n")
        repo.commit()
        assert workspace.blobs("portal", "login") == {
            "spec": repo.git("rev-parse", f"HEAD:{FOLDER}/spec.md"),
            "feedback": repo.git("rev-parse", f"HEAD:{FOLDER}/feedback/feedback.md"),
        }

    def test_line_endings_that_git_converts_are_converted(self, repo, workspace):
        repo.write(".gitattributes", "*.md text eol=crlf\n")
        repo.write(f"{FOLDER}/spec.md", "# Spec\r\n\r\nText\r\n")
        repo.commit()
        assert workspace.blobs("portal", "login") == {"spec": repo.git("rev-parse", f"HEAD:{FOLDER}/spec.md")}

    def test_nothing_is_written_to_the_object_store(self, repo, workspace):
        repo.write(f"{FOLDER}/spec.md", "nobody has stored this\n")
        blob = workspace.blobs("portal", "login")["spec"]
        assert repo.run("git", "cat-file", "-e", blob).returncode != 0

    def test_a_missing_folder_and_a_link_have_no_blobs(self, repo, workspace):
        assert workspace.blobs("portal", "login") == {}
        (repo.write(f"{FOLDER}/x", "").parent / "spec.md").symlink_to("/etc/passwd")
        assert workspace.blobs("portal", "login") == {}


class TestCurrent:
    def test_nothing_is_current_at_first(self, workspace):
        assert workspace.current() is None
        assert workspace.current("portal") is None

    def test_the_session_that_was_set_is_current(self, repo, workspace):
        workspace.set_current("portal", "login")
        assert workspace.current() == ("portal", "login")
        assert repo.git("symbolic-ref", "refs/worktree/idse/session") == "refs/idse/sessions/portal/login"

    def test_each_project_remembers_its_own_session(self, workspace):
        workspace.set_current("portal", "login")
        workspace.set_current("shop", "cart")
        assert workspace.current() == ("shop", "cart")
        assert workspace.current("portal") == ("portal", "login")

    def test_each_worktree_works_on_its_own_session(self, repo, workspace):
        repo.commit(allow_empty=True)
        beside = workspace_of(repo.worktree("beside"))
        workspace.set_current("portal", "login")
        assert beside.current() is None
        beside.set_current("portal", "search")
        assert workspace.current() == ("portal", "login")
        assert beside.current() == ("portal", "search")

    @pytest.mark.parametrize("left_for", [0, 60])
    def test_a_lock_that_a_killed_git_left_keeps_nobody_out(self, repo, workspace, left_for):
        workspace.set_current("portal", "login")
        lock = repo.write(".git/refs/worktree/idse/session.lock", "")
        then = time.time() - left_for
        os.utime(lock, (then, then))
        workspace.set_current("portal", "search")
        assert workspace.current() == ("portal", "search")
        assert not lock.exists()

    def test_git_packing_refs_does_not_forget_it(self, repo, workspace):
        workspace.set_current("portal", "login")
        repo.git("pack-refs", "--all", "--prune")
        assert workspace.current() == ("portal", "login")

    @pytest.mark.parametrize(
        "content", [b"", b"\xff\xfe", b"ref: refs/heads/main\n", b"ref: refs/idse/sessions/../x\n", b"login"]
    )
    def test_a_damaged_ref_is_no_session(self, repo, workspace, content):
        repo.write(".git/refs/worktree/idse/session", content)
        assert workspace.current() is None


class TestViews:
    VIEW = ".idse/projects/portal/CURRENT_SESSION"

    def test_a_view_is_written_once_and_repaired_when_edited(self, repo, workspace):
        repo.write(f"{FOLDER}/spec.md", "")
        assert list(workspace.write_views({self.VIEW: b"login"})) == [self.VIEW]
        assert list(workspace.write_views({self.VIEW: b"login"})) == []
        repo.write(self.VIEW, "edited by hand")
        assert list(workspace.write_views({self.VIEW: b"login"})) == [self.VIEW]
        assert repo.read(self.VIEW) == b"login"

    def test_nothing_is_written_where_the_branch_has_no_such_project(self, repo, workspace):
        assert list(workspace.write_views({self.VIEW: b"login"})) == []
        assert not (repo.path / ".idse").exists()

    def test_a_view_that_is_a_link_is_replaced_and_its_target_left_alone(self, repo, workspace, tmp_path):
        repo.write(f"{FOLDER}/spec.md", "")
        outside = tmp_path / "outside"
        outside.write_bytes(b"precious")
        (repo.path / self.VIEW).symlink_to(outside)
        workspace.write_views({self.VIEW: b"login"})
        assert outside.read_bytes() == b"precious"
        assert repo.read(self.VIEW) == b"login"

    def test_a_project_folder_that_is_a_link_is_refused(self, repo, workspace, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        repo.write(".idse/projects/x", "")
        (repo.path / ".idse/projects/portal").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(ConflictError):
            workspace.write_views({self.VIEW: b"login"})
        assert list((tmp_path / "elsewhere").iterdir()) == []


def test_session_folders_are_those_with_names_a_session_may_have(repo, workspace):
    for path in ("portal/sessions/login", "portal/sessions/-bad", "shop/sessions/cart", "shop/other/x"):
        repo.write(f".idse/projects/{path}/spec.md", "")
    repo.write(".idse/projects/portal/sessions/note.txt", "")
    assert list(workspace.session_folders()) == [("portal", "login"), ("shop", "cart")]


def test_a_branch_without_a_workspace_has_no_session_folders(workspace):
    assert list(workspace.session_folders()) == []
