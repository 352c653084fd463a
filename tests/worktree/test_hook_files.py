"""Installing hooks beside a user's own, and taking them away without a trace."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from here import discover
from idse_orchestrator.errors import StorageError
from idse_orchestrator.worktree.hook import (
    ABSENT,
    ALREADY,
    CHAINED,
    CURRENT,
    DISABLED,
    EDITED,
    FOREIGN,
    HOOKS,
    INSTALLED,
    MISSING,
    NOT_EXECUTABLE,
    OUTDATED,
    REMOVED,
    RESTORED,
    SKIPPED,
    UPDATED,
    find_program,
    is_ours,
    is_sealed,
    shim,
)
from idse_orchestrator.worktree.hook_files import GitHookFiles, hooks_status, install_hooks, uninstall_hooks

if TYPE_CHECKING:
    import pathlib

PROGRAM = "/opt/somebody's place/bin/idse"
THEIRS = b"#!/bin/sh\n# theirs \xff\nexit 0\n"


@pytest.fixture
def files_of():
    return lambda folder, program=PROGRAM: GitHookFiles(discover(str(folder)), program)


@pytest.fixture
def files(repo, files_of) -> GitHookFiles:
    return files_of(repo.path)


@pytest.fixture
def folder(repo) -> pathlib.Path:
    """Where git looks for hooks."""
    path = repo.path / ".git" / "hooks"
    path.mkdir(exist_ok=True)
    return path


def results(report) -> dict[str, str]:
    return {outcome.name: outcome.result for outcome in report.outcomes}


def conditions(report) -> dict[str, str]:
    return {state.name: state.condition for state in report.states}


def everywhere(what: str) -> dict[str, str]:
    return dict.fromkeys(HOOKS, what)


def fingerprint(folder: pathlib.Path) -> dict[str, tuple[int, str]]:
    """Every name in a folder with its mode and a digest of its bytes, or of the target of a link."""
    return {path.name: (path.lstat().st_mode, _digest(path)) for path in folder.iterdir()}


def _digest(path: pathlib.Path) -> str:
    content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    return hashlib.sha256(content).hexdigest()


# --- in a repository without hooks ---


def test_installing_makes_every_hook_executable_and_current(files, folder):
    assert results(install_hooks(files)) == everywhere(INSTALLED)
    assert conditions(hooks_status(files)) == everywhere(CURRENT)
    assert all(os.access(folder / name, os.X_OK) for name in HOOKS)
    assert not [path.name for path in folder.iterdir() if ".tmp" in path.name]


def test_installing_again_changes_nothing(files, folder):
    install_hooks(files)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert results(install_hooks(files)) == everywhere(ALREADY)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_status_before_installing_says_missing_and_writes_nothing(files, repo, folder):
    report = hooks_status(files)
    assert conditions(report) == everywhere(MISSING)
    assert not report.works
    assert not (repo.path / ".git" / "idse").exists()


def test_a_missing_hooks_folder_is_made(files, folder):
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    assert results(install_hooks(files)) == everywhere(INSTALLED)
    assert hooks_status(files).works


def test_uninstalling_leaves_the_folder_as_it_was(files, folder):
    before = fingerprint(folder)
    install_hooks(files)
    assert fingerprint(folder) != before
    assert results(uninstall_hooks(files)) == everywhere(REMOVED)
    assert fingerprint(folder) == before
    assert results(uninstall_hooks(files)) == everywhere(ABSENT)


def test_another_path_of_idse_is_an_update(files, files_of, repo, folder):
    install_hooks(files_of(repo.path, "/somewhere/else/idse"))
    assert conditions(hooks_status(files)) == everywhere(OUTDATED)
    assert results(install_hooks(files)) == everywhere(UPDATED)
    assert conditions(hooks_status(files)) == everywhere(CURRENT)


def test_a_hook_that_lost_its_mode_is_told_and_mended(files, folder):
    install_hooks(files)
    (folder / "post-commit").chmod(0o644)
    report = hooks_status(files)
    assert conditions(report)["post-commit"] == NOT_EXECUTABLE
    assert not report.works
    assert results(install_hooks(files))["post-commit"] == UPDATED
    assert os.access(folder / "post-commit", os.X_OK)


def test_the_path_of_idse_is_one_word_whatever_is_in_it():
    script = shim("pre-commit", "/a 'b' $(c) \"d\"/ïdse")
    line = next(line for line in script.split(b"\n") if line.startswith(b"idse_program="))
    shell = [b"sh", b"-c", line + b'\nprintf %s "$idse_program"']
    assert subprocess.run(shell, capture_output=True, check=True).stdout.decode() == "/a 'b' $(c) \"d\"/ïdse"


def test_the_running_idse_is_the_one_that_hooks_start(monkeypatch, tmp_path):
    idse = tmp_path / "idse"
    idse.write_text("#!/bin/sh\n")
    idse.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(idse)])
    assert find_program() == str(idse)
    idse.unlink()
    assert find_program() in ("", os.path.join(os.path.dirname(sys.executable), "idse"))


# --- beside a user's hooks ---


@pytest.fixture
def crowded(folder) -> pathlib.Path:
    """A hooks folder with a script, a link, a dangling link, a file that is not executable, and others."""
    for name, mode in (
        ("pre-commit", 0o750),
        ("post-commit", 0o644),
        ("commit-msg", 0o755),
        ("helper.sh", 0o600),
    ):
        (folder / name).write_bytes(THEIRS)
        (folder / name).chmod(mode)
    (folder / "post-merge").symlink_to("../../scripts/post-merge")
    (folder / "post-rewrite").symlink_to("helper.sh")
    return folder


def test_a_users_hooks_are_kept_beside_and_come_back_byte_for_byte(files, crowded):
    before = fingerprint(crowded)
    ours = ("pre-merge-commit", "post-checkout", "pre-push")
    outcome = results(install_hooks(files))
    assert outcome == everywhere(CHAINED) | dict.fromkeys(ours, INSTALLED)
    kept = fingerprint(crowded)
    beside = crowded.with_name("hooks.idse-chained")
    assert fingerprint(beside)["pre-commit"] == before["pre-commit"]
    assert (beside / "post-merge").is_symlink()
    assert all(state.chained == (state.name not in ours) for state in hooks_status(files).states)
    install_hooks(files)
    assert fingerprint(crowded) == kept
    assert (beside / "helper.sh").read_bytes() == THEIRS
    assert results(uninstall_hooks(files)) == everywhere(RESTORED) | dict.fromkeys(ours, REMOVED)
    assert fingerprint(crowded) == before
    assert not beside.exists()


def test_an_update_keeps_the_chain(files, files_of, repo, crowded):
    before = fingerprint(crowded)
    install_hooks(files_of(repo.path, "/older/idse"))
    assert results(install_hooks(files)) == everywhere(UPDATED)
    uninstall_hooks(files)
    assert fingerprint(crowded) == before


def test_an_edited_hook_of_ours_is_neither_updated_nor_removed(files, files_of, repo, folder):
    install_hooks(files)
    with (folder / "pre-commit").open("a") as file:
        file.write("echo mine\n")
    edited = (folder / "pre-commit").read_bytes()
    assert conditions(hooks_status(files))["pre-commit"] == EDITED
    install = install_hooks(files_of(repo.path, "/newer/idse"))
    assert results(install) == everywhere(UPDATED) | {"pre-commit": SKIPPED}
    uninstall = uninstall_hooks(files)
    assert results(uninstall) == everywhere(REMOVED) | {"pre-commit": SKIPPED}
    for report in (install, uninstall):
        assert "changed by hand" in report.outcomes[0].detail
    assert (folder / "pre-commit").read_bytes() == edited


def test_a_hook_that_replaced_ours_is_left_and_the_kept_one_is_not_lost(files, folder):
    (folder / "pre-commit").write_bytes(THEIRS)
    install_hooks(files)
    (folder / "pre-commit").write_text("#!/bin/sh\n# newer\n")
    before = fingerprint(folder)
    assert conditions(hooks_status(files))["pre-commit"] == FOREIGN
    install = install_hooks(files)
    assert results(install)["pre-commit"] == SKIPPED
    assert "hooks.idse-chained/pre-commit" in install.outcomes[0].detail
    assert fingerprint(folder) == before
    uninstall = uninstall_hooks(files)
    assert results(uninstall)["pre-commit"] == SKIPPED
    assert (folder.with_name("hooks.idse-chained") / "pre-commit").read_bytes() == THEIRS


def test_a_kept_hook_comes_back_when_ours_was_deleted(files, folder):
    (folder / "pre-commit").write_bytes(THEIRS)
    install_hooks(files)
    (folder / "pre-commit").unlink()
    assert results(install_hooks(files))["pre-commit"] == CHAINED
    (folder / "pre-commit").unlink()
    assert results(uninstall_hooks(files))["pre-commit"] == RESTORED
    assert (folder / "pre-commit").read_bytes() == THEIRS


def test_a_folder_in_the_place_of_a_hook_is_left(files, folder):
    (folder / "pre-commit").mkdir()
    report = install_hooks(files)
    assert results(report) == everywhere(INSTALLED) | {"pre-commit": SKIPPED}
    assert "is a folder" in report.outcomes[0].detail


def test_a_hook_that_the_pre_commit_framework_moved_aside_still_counts_and_goes(files, folder):
    install_hooks(files)
    (folder / "pre-commit").rename(folder / "pre-commit.legacy")
    (folder / "pre-commit").write_bytes(THEIRS)
    assert conditions(hooks_status(files)) == everywhere(CURRENT)
    assert results(install_hooks(files)) == everywhere(ALREADY)
    assert results(uninstall_hooks(files)) == everywhere(REMOVED)
    assert (folder / "pre-commit").read_bytes() == THEIRS
    assert not (folder / "pre-commit.legacy").exists()


def test_the_seal_tells_ours_from_edited_from_theirs():
    script = shim("post-merge", PROGRAM)
    assert (is_ours(script), is_sealed(script)) == (True, True)
    assert (is_ours(script + b"#"), is_sealed(script + b"#")) == (True, False)
    assert (is_ours(THEIRS), is_sealed(THEIRS)) == (False, False)
    assert not is_ours(b"")


def test_installers_at_the_same_time_lose_no_hook(repo, folder):
    (folder / "pre-commit").write_bytes(THEIRS)
    code = (
        "import os\n"
        "from idse_orchestrator.worktree.hook_files import GitHookFiles\n"
        "from idse_orchestrator.worktree.work_tree import discover\n"
        "GitHookFiles(discover('.', os.environ), '/x/idse').put()\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code], cwd=repo.path) for _ in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    assert (folder.with_name("hooks.idse-chained") / "pre-commit").read_bytes() == THEIRS
    assert is_sealed((folder / "pre-commit").read_bytes())


@pytest.mark.parametrize("how", ["installed again", "uninstalled"])
def test_what_an_earlier_release_kept_beside_the_hooks_is_found(files, folder, how):
    install_hooks(files)
    (folder / "pre-commit.idse-chained").write_bytes(THEIRS)
    assert hooks_status(files).states[0].chained
    if how == "installed again":
        install_hooks(files)
        assert not (folder / "pre-commit.idse-chained").exists()
        assert (folder.with_name("hooks.idse-chained") / "pre-commit").read_bytes() == THEIRS
    assert results(uninstall_hooks(files))["pre-commit"] == RESTORED
    assert (folder / "pre-commit").read_bytes() == THEIRS
    assert not folder.with_name("hooks.idse-chained").exists()


# --- where git looks ---


@pytest.mark.parametrize("absolute", [False, True])
def test_a_folder_of_the_repositorys_own_is_used_and_cleared(repo, files, absolute):
    own = repo.path / "my hooks"
    repo.git("config", "core.hooksPath", str(own) if absolute else "my hooks")
    report = install_hooks(files)
    assert results(report) == everywhere(INSTALLED)
    assert (report.place.folder, report.place.scope) == (str(own), "local")
    assert report.place.in_worktree
    assert sorted(path.name for path in own.iterdir()) == sorted(HOOKS)
    uninstall_hooks(files)
    assert not own.exists()


def test_hooks_are_found_from_a_subfolder(repo, files, files_of):
    repo.git("config", "core.hooksPath", "my hooks")
    (repo.path / "below").mkdir()
    install_hooks(files_of(repo.path / "below"))
    assert hooks_status(files).works


def test_linked_worktrees_share_their_hooks(repo, files, files_of, tmp_path):
    repo.git("commit", "--allow-empty", "-qm", "x")
    repo.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    install_hooks(files_of(tmp_path / "linked"))
    assert conditions(hooks_status(files)) == everywhere(CURRENT)


def test_a_folder_that_all_repositories_share_is_not_written_unless_forced(repo, files_of, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    repo.git("config", "--global", "core.hooksPath", str(shared))
    report = install_hooks(files_of(repo.path))
    assert (report.outcomes, list(shared.iterdir())) == ((), [])
    assert str(shared) in report.refusal
    assert "global" in report.refusal
    assert any("--force" in fix for fix in report.fix)
    assert results(install_hooks(files_of(repo.path), force=True)) == everywhere(INSTALLED)
    assert results(uninstall_hooks(files_of(repo.path))) == everywhere(REMOVED)


def test_the_fix_for_a_shared_folder_can_be_typed(repo, files_of, tmp_path):
    repo.git("config", "--global", "core.hooksPath", str(tmp_path / "shared"))
    fix = install_hooks(files_of(repo.path)).fix[0]
    assert repo.run("sh", "-c", fix).returncode == 0
    assert results(install_hooks(files_of(repo.path))) == everywhere(INSTALLED)


def test_a_link_out_of_the_repository_counts_as_outside(repo, files, tmp_path):
    (tmp_path / "shared").mkdir()
    (repo.path / "hooks").symlink_to(tmp_path / "shared")
    repo.git("config", "core.hooksPath", "hooks")
    assert install_hooks(files).refusal


def test_hooks_that_a_later_setting_hides_are_told_and_still_removed(repo, files, files_of, folder):
    install_hooks(files)
    repo.git("config", "core.hooksPath", "elsewhere")
    later = files_of(repo.path)
    report = hooks_status(later)
    assert conditions(report) == everywhere(DISABLED)
    assert not report.works
    assert "core.hooksPath" in report.states[0].detail
    assert results(uninstall_hooks(later)) == everywhere(REMOVED)
    assert not [name for name in HOOKS if (folder / name).exists()]


def test_hooks_switched_off_by_dev_null_are_a_refusal_and_a_storage_error_when_forced(repo, files_of):
    repo.git("config", "core.hooksPath", "/dev/null")
    assert install_hooks(files_of(repo.path)).refusal
    with pytest.raises(StorageError):
        install_hooks(files_of(repo.path), force=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_a_storage_error(files, folder):
    (folder / "pre-commit").write_bytes(THEIRS)
    before = fingerprint(folder)
    folder.chmod(0o555)
    try:
        with pytest.raises(StorageError):
            install_hooks(files)
    finally:
        folder.chmod(0o755)
    assert fingerprint(folder) == before


def test_a_write_that_fails_puts_the_users_hook_back(files, folder, monkeypatch):
    (folder / "pre-commit").write_bytes(THEIRS)
    monkeypatch.setattr(os, "urandom", bytes)
    (folder / f"pre-commit.00000000.{os.getpid()}.tmp").mkdir()
    before = (folder / "pre-commit").lstat()
    with pytest.raises(StorageError):
        install_hooks(files)
    assert (folder / "pre-commit").lstat() == before
    assert not (folder.with_name("hooks.idse-chained") / "pre-commit").exists()
