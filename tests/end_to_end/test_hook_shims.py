"""The hooks as git runs them. A recording script stands for idse, so each test sees what would start."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from dataclasses import dataclass

import pytest

from here import discover
from idse_orchestrator.worktree.hook import HOOKS, shim
from idse_orchestrator.worktree.hook_files import GitHookFiles, uninstall_hooks

SPEC = ".idse/projects/portal/sessions/login/spec.md"
SESSION = "ref: refs/idse/sessions/portal/login"

RECORDER = """\
#!/bin/sh
{ printf '%s' "$*"; printf ' index=%s' "${GIT_INDEX_FILE-}"; printf ' cwd=%s\\n' "$PWD"; } >>'@calls'
case $2 in post-rewrite) while read -r line; do printf '%s\\n' "$line" >>'@stdin'; done ;; esac
git diff --cached --name-only >'@staged' 2>/dev/null
read -r code <'@code' && exit "$code"
"""


@dataclass
class Recorder:
    """A program in the place of idse. `calls` are its command lines, `staged` what its index held last."""

    folder: pathlib.Path

    @property
    def path(self) -> str:
        return str(self.folder / "idse")

    def calls(self) -> list[str]:
        return [line.split(" index=")[0] for line in self._lines("calls")]

    def staged(self) -> list[str]:
        return self._lines("staged")

    def stdin(self) -> list[str]:
        return self._lines("stdin")

    def answer(self, code: int) -> None:
        (self.folder / "code").write_text(f"{code}\n")

    def forget(self) -> None:
        for name in ("calls", "staged", "stdin"):
            (self.folder / name).unlink(missing_ok=True)

    def _lines(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def recorder(tmp_path):
    folder = tmp_path / "it's a place"
    folder.mkdir()
    script = RECORDER
    for name in ("calls", "stdin", "staged", "code"):
        script = script.replace(f"@{name}", str(folder / name).replace("'", "'\\''"))
    (folder / "idse").write_text(script)
    (folder / "idse").chmod(0o755)
    made = Recorder(folder)
    made.answer(0)
    return made


@pytest.fixture
def install(recorder):
    """Install the hooks around a folder and make portal/login the current session of that work tree."""

    def do(folder, *, session: bool = True):
        repository = discover(str(folder))
        GitHookFiles(repository, recorder.path).put()
        if session:
            subprocess.run(
                ["git", "symbolic-ref", "refs/worktree/idse/session", "refs/idse/sessions/portal/login"],
                cwd=folder,
                check=True,
            )
        return repository

    return do


@pytest.fixture
def hooked(repo, install):
    """A repository with one commit of plain files and a spec, hooks installed, and a current session."""
    repo.write("a", "1\n")
    repo.write("b", "1\n")
    repo.write(SPEC, "# Spec\n")
    repo.commit("start")
    install(repo.path)
    return repo


def spool(repo) -> dict[str, str]:
    common = repo.git("rev-parse", "--path-format=absolute", "--git-common-dir")
    folder = pathlib.Path(common) / "idse" / "spool"
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.is_dir() else {}


def missed(repo) -> list[str]:
    """What waits to be recorded in this work tree."""
    folder = pathlib.Path(repo.git("rev-parse", "--path-format=absolute", "--git-dir")) / "idse"
    return sorted(path.name.removeprefix("missed-") for path in folder.glob("missed-*"))


def head(repo) -> str:
    return repo.git("rev-parse", "HEAD")


def only_head_is_spooled(repo) -> bool:
    return spool(repo) == {head(repo): kept(repo)}


def kept(repo) -> str:
    """What the spool says of a commit that was made where HEAD is now."""
    branch = repo.git("symbolic-ref", "--short", "--quiet", "HEAD", check=False)
    return f"{SESSION}\n" + (f"branch: {branch}\n" if branch else "")


# --- checkouts ---


@pytest.fixture
def git_calls(hooked, tmp_path, monkeypatch):
    """The git processes that hooks start; git puts its own folder first on PATH, so it is asked to trace."""
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(trace))

    def calls():
        lines = trace.read_text().splitlines() if trace.exists() else []
        starts = [json.loads(line)["argv"][1:] for line in lines if '"event":"start"' in line]
        trace.unlink(missing_ok=True)
        return starts

    return calls


def test_a_switch_starts_nothing_where_no_branch_has_a_session_or_it_is_current(hooked, recorder, git_calls):
    hooked.git("branch", "other")
    git_calls()
    hooked.git("switch", "--quiet", "other")
    hooked.git("config", "branch.main.idse-session", "portal/login")
    git_calls()
    hooked.git("switch", "--quiet", "main")
    assert [words[0] for words in git_calls()] == ["switch"]
    assert recorder.calls() == []


def test_a_switch_to_a_branch_of_another_session_starts_idse_once(hooked, recorder):
    hooked.git("config", "branch.other.idse-session", "portal/search")
    head_ = head(hooked)
    hooked.git("switch", "--quiet", "-c", "other")
    assert recorder.calls() == [f"hook post-checkout {head_} {head_} 1"]
    recorder.forget()
    hooked.git("checkout", "--quiet", "HEAD", "--", "a")
    hooked.git("checkout", "--quiet", "--detach")
    assert recorder.calls() == []


def test_what_idse_answers_does_not_stop_a_switch(hooked, recorder):
    hooked.git("config", "branch.other.idse-session", "portal/search")
    recorder.answer(1)
    hooked.git("switch", "--quiet", "-c", "other")


@pytest.mark.parametrize("flag", ["code-rule", "code-setting"])
def test_a_commit_of_code_asks_idse_where_a_flag_says_so(hooked, recorder, flag):
    (hooked.path / ".git/idse").mkdir(exist_ok=True)
    path = hooked.path / ".git/idse" / flag
    path.touch()
    hooked.write("a", "2\n")
    hooked.git("commit", "--quiet", "-am", "x")
    assert recorder.calls() == ["hook pre-commit"]
    recorder.answer(1)
    hooked.write("a", "3\n")
    assert hooked.run("git", "commit", "-qam", "x").returncode == 1
    path.unlink()
    hooked.git("commit", "-qam", "x")


# --- commits that do not touch .idse/ ---


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-m", "x"], id="plain"),
        pytest.param(["-a", "-m", "x"], id="all"),
        pytest.param(["--only", "a", "-m", "x"], id="only"),
        pytest.param(["--include", "a", "-m", "x"], id="include"),
        pytest.param(["--allow-empty", "-m", "x"], id="empty"),
        pytest.param(["--no-verify", "-m", "x"], id="no-verify"),
    ],
)
def test_a_commit_of_code_starts_no_idse_and_is_spooled_with_the_session(hooked, recorder, arguments):
    hooked.write("a", "2\n")
    hooked.write("b", "2\n")
    hooked.git("add", "b")
    hooked.git("commit", "--quiet", *arguments)
    assert recorder.calls() == []
    assert only_head_is_spooled(hooked)


def test_a_commit_of_chosen_hunks_starts_no_idse(hooked, recorder):
    hooked.write("a", "2\n")
    hooked.write(SPEC, "# Spec, changed and not staged\n")
    hooked.git("commit", "--quiet", "-p", "-m", "x", "a", stdin="y\n")
    assert recorder.calls() == []
    assert only_head_is_spooled(hooked)


def test_the_first_commit_of_a_repository_is_spooled(repo, install, recorder):
    install(repo.path)
    repo.write("a", "1\n")
    repo.git("add", "a")
    repo.git("commit", "--quiet", "-m", "first")
    assert recorder.calls() == []
    assert only_head_is_spooled(repo)


def test_without_a_current_session_nothing_is_spooled(repo, install, recorder):
    install(repo.path, session=False)
    repo.write("a", "1\n")
    repo.commit("first")
    assert recorder.calls() == []
    assert spool(repo) == {}


def test_a_commit_on_a_detached_head_is_spooled(hooked, recorder):
    hooked.git("checkout", "--quiet", "--detach")
    hooked.write("a", "2\n")
    hooked.commit("x")
    assert recorder.calls() == []
    assert only_head_is_spooled(hooked)


def test_a_commit_from_a_subfolder_or_through_git_dir_is_spooled(hooked, tmp_path):
    hooked.write("sub/c", "1\n")
    hooked.git("add", "sub")
    hooked.run("git", "commit", "--quiet", "-m", "below", cwd="sub")
    first = head(hooked)
    hooked.write("a", "3\n")
    git_dir, work_tree = f"--git-dir={hooked.path}/.git", f"--work-tree={hooked.path}"
    subprocess.run(["git", git_dir, work_tree, "commit", "-qam", "away"], cwd=tmp_path, check=True)
    second = head(hooked)
    hooked.write("a", "4\n")
    hooked.git("commit", "-qam", "named", env={"GIT_DIR": ".git"})
    assert set(spool(hooked)) == {first, second, head(hooked)}


def test_a_session_ref_that_makes_no_sense_spools_nothing(hooked):
    path = hooked.path / ".git/refs/worktree/idse/session"
    path.write_text("ref: refs/heads/main\n")
    hooked.write("a", "2\n")
    hooked.commit("x")
    assert spool(hooked) == {}


def test_a_deleted_private_folder_comes_back(hooked):
    for path in sorted((hooked.path / ".git/idse").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (hooked.path / ".git/idse").rmdir()
    hooked.write("a", "2\n")
    hooked.commit("x")
    assert only_head_is_spooled(hooked)


def test_a_spool_that_cannot_be_written_fails_no_commit_and_says_nothing(hooked):
    (hooked.path / ".git/idse/spool").write_text("a file where a folder should be")
    hooked.write("a", "2\n")
    hooked.git("add", "a")
    done = hooked.run("git", "commit", "--quiet", "-m", "x")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_cherry_pick_and_a_revert_of_code_are_spooled(hooked, recorder):
    hooked.git("checkout", "--quiet", "-b", "side")
    hooked.write("a", "2\n")
    picked = hooked.commit("side")
    hooked.git("checkout", "--quiet", "main")
    hooked.git("commit", "--allow-empty", "-qm", "between")
    hooked.git("cherry-pick", picked)
    copy = head(hooked)
    hooked.git("revert", "--no-edit", "HEAD")
    assert {picked, copy, head(hooked)} <= set(spool(hooked))
    assert recorder.calls() == []


def test_patches_applied_by_am_start_nothing_and_break_nothing(hooked, recorder):
    hooked.git("checkout", "--quiet", "-b", "side")
    hooked.write("a", "2\n")
    hooked.commit("side")
    patch = hooked.run("git", "format-patch", "-1", "--stdout").stdout
    hooked.git("checkout", "--quiet", "main")
    hooked.git("am", "--quiet", stdin=patch)
    assert hooked.git("log", "-1", "--format=%s") == "side"
    assert recorder.calls() == []


# --- commits that touch .idse/ ---


@pytest.mark.parametrize(
    ("arguments", "staged"),
    [
        pytest.param(["-m", "x"], ["b", SPEC], id="plain"),
        pytest.param(["-a", "-m", "x"], ["a", "b", SPEC], id="all"),
        pytest.param(["--only", SPEC, "-m", "x"], [SPEC], id="only"),
    ],
)
def test_a_commit_of_a_spec_is_checked_against_the_index_git_names(hooked, recorder, arguments, staged):
    hooked.write("a", "2\n")
    hooked.write("b", "2\n")
    hooked.write(SPEC, "# Spec 2\n")
    hooked.git("add", "b", SPEC)
    recorder.forget()
    recorder.answer(1)
    done = hooked.run("git", "commit", "--quiet", *arguments)
    assert done.returncode == 1
    assert recorder.calls() == ["hook pre-commit"]
    assert recorder.staged() == sorted(staged)
    recorder.answer(0)
    hooked.git("commit", "--quiet", *arguments)
    assert recorder.calls()[1:] == ["hook pre-commit", "hook post-commit"]
    assert spool(hooked) == {}


def test_only_the_chosen_path_counts_when_a_spec_is_staged_beside_it(hooked, recorder):
    hooked.write("a", "2\n")
    hooked.write(SPEC, "# Spec 2\n")
    hooked.git("add", SPEC)
    hooked.git("commit", "--quiet", "--only", "a", "-m", "x")
    assert recorder.calls() == []
    assert only_head_is_spooled(hooked)


def test_deleting_a_spec_or_the_whole_workspace_is_checked(hooked, recorder):
    hooked.git("rm", "-r", "--quiet", ".idse")
    hooked.git("commit", "--quiet", "-m", "x")
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]


def test_a_first_commit_that_brings_a_spec_is_checked_and_recorded(repo, install, recorder):
    install(repo.path)
    repo.write(SPEC, "# Spec\n")
    repo.commit("first")
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]


def test_a_commit_without_verification_is_recorded(hooked, recorder):
    hooked.write(SPEC, "# Spec 2\n")
    hooked.git("commit", "--quiet", "--no-verify", "-am", "x")
    assert recorder.calls() == ["hook post-commit"]


def test_a_cherry_pick_of_a_spec_is_recorded(hooked, recorder):
    hooked.git("checkout", "--quiet", "-b", "side")
    hooked.write(SPEC, "# Spec 2\n")
    picked = hooked.commit("side")
    hooked.git("checkout", "--quiet", "main")
    recorder.forget()
    hooked.git("cherry-pick", picked)
    assert recorder.calls() == ["hook post-commit"]


@pytest.mark.parametrize("code", [1, 2, 70, 75, 137])
def test_a_failing_recorder_fails_no_commit_and_the_commit_is_kept_for_later(hooked, recorder, code):
    hooked.write(SPEC, "# Spec 2\n")
    hooked.git("add", SPEC)
    recorder.answer(code)
    done = hooked.run("git", "commit", "--quiet", "--no-verify", "-m", "x")
    assert done.returncode == 0
    assert missed(hooked) == [head(hooked)]
    assert spool(hooked) == {}


def test_a_recorder_that_did_its_work_keeps_nothing(hooked):
    hooked.write(SPEC, "# Spec 2\n")
    hooked.git("add", SPEC)
    hooked.git("commit", "--quiet", "-m", "x")
    assert (missed(hooked), spool(hooked)) == ([], {})


def test_a_failing_recorder_of_a_linked_worktree_keeps_the_commit_there(hooked, recorder, tmp_path):
    hooked.git("worktree", "add", "--quiet", str(tmp_path / "other"))
    other = type(hooked)(tmp_path / "other")
    other.git("symbolic-ref", "refs/worktree/idse/session", "refs/idse/sessions/portal/login")
    other.write(SPEC, "# Spec 2\n")
    recorder.answer(75)
    other.git("commit", "--quiet", "--no-verify", "-am", "x")
    assert missed(other) == [head(other)]
    assert missed(hooked) == []


# --- amend and rebase ---


def test_an_amend_of_code_starts_no_idse_and_keeps_the_pair(hooked, recorder):
    hooked.write("a", "2\n")
    old = hooked.commit("x")
    hooked.git("commit", "--quiet", "--amend", "-m", "y")
    new = head(hooked)
    assert recorder.calls() == []
    assert spool(hooked) == {old: kept(hooked), new: kept(hooked), f"{new}-{old}": ""}


def test_an_amend_that_takes_a_spec_back_calls_idse_with_the_pair(hooked, recorder):
    hooked.write(SPEC, "# Spec 2\n")
    hooked.write("a", "2\n")
    old = hooked.commit("x")
    hooked.git("checkout", "HEAD^", "--", SPEC)
    recorder.forget()
    hooked.git("commit", "--quiet", "--amend", "-m", "without the spec")
    assert recorder.calls() == ["hook pre-commit", "hook post-rewrite amend"]
    assert recorder.stdin() == [f"{old} {head(hooked)}"]


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_of_code_keeps_every_pair_and_starts_no_idse(hooked, recorder, backend):
    hooked.git("checkout", "--quiet", "-b", "side")
    old = []
    for number in range(3):
        hooked.write("a", f"{number + 2}\n")
        old.append(hooked.commit(f"side {number}"))
    hooked.git("checkout", "--quiet", "main")
    hooked.write("c", "1\n")
    hooked.commit("main")
    before = set(spool(hooked))
    hooked.git("rebase", "--quiet", backend, "main", "side")
    new = hooked.git("rev-list", "--reverse", "main..side").split()
    assert recorder.calls() == []
    assert set(spool(hooked)) - before == {f"{n}-{o}" for n, o in zip(new, old, strict=True)}


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_that_changes_what_stands_in_a_spec_calls_idse_once_at_its_end(hooked, recorder, backend):
    hooked.git("checkout", "--quiet", "-b", "side")
    hooked.write("a", "2\n")
    old = hooked.commit("side")
    hooked.git("checkout", "--quiet", "main")
    hooked.write(SPEC, "# Spec 2\n")
    hooked.commit("main")
    recorder.forget()
    hooked.git("rebase", "--quiet", backend, "main", "side")
    assert recorder.calls() == ["hook post-rewrite rebase"]
    assert recorder.stdin() == [f"{old} {head(hooked)}"]


def test_a_rebase_that_rewords_and_splits_records_nothing_before_its_end(hooked, recorder, tmp_path):
    for number in range(2):
        hooked.write("a", f"{number + 2}\n")
        hooked.write(SPEC, f"# Spec {number + 2}\n")
        hooked.commit(f"step {number}")
    recorder.forget()
    editor = tmp_path / "editor"
    editor.write_text(
        '#!/bin/sh\nsed -e \'1s/^pick/edit/\' -e \'2s/^pick/reword/\' "$1" >"$1.new"; mv "$1.new" "$1"\n'
    )
    editor.chmod(0o755)
    environment = {"GIT_SEQUENCE_EDITOR": str(editor), "GIT_EDITOR": "true"}
    hooked.git("rebase", "--quiet", "-i", "HEAD~2", env=environment)
    hooked.git("reset", "--quiet", "HEAD^")
    hooked.git("commit", "--quiet", "-m", "code alone", "a")
    hooked.git("commit", "--quiet", "--no-verify", "-m", "spec, and more of it", SPEC)
    recorder.forget()
    hooked.git("rebase", "--continue", env=environment)
    assert [call for call in recorder.calls() if "post" in call] == []
    assert hooked.git("status", "--porcelain") == ""


def test_a_rebase_whose_split_changed_a_spec_calls_idse_although_orig_head_was_moved(
    hooked, recorder, tmp_path
):
    hooked.write(SPEC, "# Spec 2\n")
    hooked.write("a", "2\n")
    hooked.commit("one")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -e \'1s/^pick/edit/\' "$1" >"$1.new"; mv "$1.new" "$1"\n')
    editor.chmod(0o755)
    hooked.git("rebase", "--quiet", "-i", "HEAD~1", env={"GIT_SEQUENCE_EDITOR": str(editor)})
    recorder.forget()
    hooked.write(SPEC, "# Spec 3\n")
    hooked.git("commit", "--quiet", "-a", "--amend", "--no-edit")
    assert recorder.calls() == ["hook pre-commit"]
    hooked.git("reset", "--quiet", "--hard", "HEAD")
    recorder.forget()
    hooked.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    assert recorder.calls() == ["hook post-rewrite rebase"]


# --- merges ---


@pytest.fixture
def branches(hooked, recorder):
    """`side` changed b, `spec` changed the spec, `main` changed a."""
    for branch, path in (("side", "b"), ("spec", SPEC)):
        hooked.git("checkout", "--quiet", "-b", branch, "main")
        hooked.write(path, "of a branch\n")
        hooked.commit(branch)
    hooked.git("checkout", "--quiet", "main")
    hooked.write("a", "of main\n")
    hooked.commit("main")
    for path in (hooked.path / ".git/idse/spool").iterdir():
        path.unlink()
    recorder.forget()
    return hooked


def test_a_clean_merge_of_code_is_spooled(branches, recorder):
    branches.git("merge", "--quiet", "--no-edit", "side")
    assert recorder.calls() == []
    assert only_head_is_spooled(branches)


def test_a_clean_merge_that_brings_a_spec_is_checked_and_recorded(branches, recorder):
    branches.git("merge", "--quiet", "--no-edit", "spec")
    assert recorder.calls() == ["hook pre-merge-commit", "hook post-merge 0"]
    assert spool(branches) == {}


def test_a_merge_that_idse_refuses_is_not_committed(branches, recorder):
    recorder.answer(1)
    assert branches.run("git", "merge", "--quiet", "--no-edit", "spec").returncode == 1
    assert branches.git("log", "-1", "--format=%s") == "main"


def test_a_fast_forward_of_code_belongs_to_no_session(branches, recorder):
    branches.git("checkout", "--quiet", "-b", "ahead")
    branches.git("merge", "--quiet", "--no-edit", "side")
    branches.git("checkout", "--quiet", "main")
    for path in (branches.path / ".git/idse/spool").iterdir():
        path.unlink()
    branches.git("merge", "--quiet", "--ff-only", "ahead")
    assert recorder.calls() == []
    assert spool(branches) == {}


def test_a_fast_forward_that_brings_a_spec_is_recorded(branches, recorder):
    branches.git("checkout", "--quiet", "-b", "behind", "main~1")
    branches.git("merge", "--quiet", "--ff-only", "spec")
    assert recorder.calls() == ["hook post-merge 0"]


def test_the_end_of_a_conflicted_merge_is_judged_against_its_first_parent(branches, recorder):
    branches.write("b", "of main\n")
    branches.commit("main, too")
    recorder.forget()
    assert branches.run("git", "merge", "--quiet", "side").returncode == 1
    branches.write("b", "of both\n")
    branches.git("commit", "-qam", "code alone")
    assert recorder.calls() == []
    assert head(branches) in spool(branches)
    branches.git("merge", "--quiet", "--no-commit", "spec")
    branches.git("commit", "-qm", "with the spec")
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]


def test_a_squash_waits_for_its_commit(branches, recorder):
    branches.git("merge", "--quiet", "--squash", "spec")
    assert recorder.calls() == []
    branches.git("commit", "-qm", "squashed")
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]


def test_a_pull_that_brings_a_spec_is_recorded(branches, recorder):
    branches.git("checkout", "--quiet", "-b", "behind", "main~1")
    branches.git("pull", "--quiet", "--no-rebase", ".", "spec")
    assert recorder.calls() == ["hook post-merge 0"]


# --- other shapes of repository ---


def test_a_linked_worktree_spools_its_own_session_into_the_common_spool(hooked, recorder, tmp_path):
    linked = tmp_path / "linked ünicode"
    hooked.git("worktree", "add", "--quiet", "-b", "linked", str(linked))
    worktree = type(hooked)(linked)
    worktree.git("symbolic-ref", "refs/worktree/idse/session", "refs/idse/sessions/portal/other")
    worktree.write("a", "2\n")
    commit = worktree.commit("linked")
    assert spool(hooked) == {commit: "ref: refs/idse/sessions/portal/other\nbranch: linked\n"}
    worktree.write(SPEC, "# Spec 2\n")
    worktree.commit("linked spec")
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]


def test_a_linked_worktree_without_a_session_spools_nothing(hooked, tmp_path):
    linked = tmp_path / "linked"
    hooked.git("worktree", "add", "--quiet", str(linked))
    worktree = type(hooked)(linked)
    worktree.write("a", "2\n")
    worktree.commit("linked")
    assert spool(hooked) == {}


def test_a_submodule_has_hooks_and_a_spool_of_its_own(hooked, make_repo, install, recorder):
    outer = make_repo("outer")
    outer.git("submodule", "--quiet", "add", str(hooked.path), "inner")
    inner = type(outer)(outer.path / "inner")
    install(inner.path)
    inner.write("a", "2\n")
    inner.commit("inside")
    assert only_head_is_spooled(inner)
    inner.write(SPEC, "# Spec 2\n")
    inner.commit("inside spec")
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]
    assert spool(hooked) == {}


def test_a_separate_git_directory_is_found(tmp_path, repo, install):
    place = tmp_path / "apart"
    subprocess.run(
        ["git", "init", "-q", f"--separate-git-dir={tmp_path / 'git dir'}", str(place)], check=True
    )
    apart = type(repo)(place)
    install(place)
    apart.write("a", "1\n")
    apart.commit("x")
    assert only_head_is_spooled(apart)


@pytest.mark.parametrize("absolute", [False, True])
def test_hooks_work_from_the_folder_that_core_hookspath_names(repo, install, recorder, absolute):
    repo.git("config", "core.hooksPath", str(repo.path / "my hooks") if absolute else "my hooks")
    install(repo.path)
    repo.write("a", "1\n")
    repo.write("below/c", "1\n")
    repo.git("add", "a", "below")
    repo.git("commit", "--quiet", "-m", "x")
    assert only_head_is_spooled(repo)
    repo.write(SPEC, "# Spec\n")
    repo.git("add", SPEC)
    repo.run("git", "commit", "--quiet", "-m", "y", cwd="below")
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]


def test_an_unusual_diff_configuration_does_not_blind_the_gate(hooked, recorder):
    hooked.git("config", "diff.external", "true")
    hooked.git("config", "diff.ignoreSubmodules", "all")
    hooked.write(SPEC, "# Spec 2\n")
    hooked.commit("x")
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]


# --- finding idse ---


@pytest.fixture
def gone(hooked, recorder):
    """The idse that installed the hooks is gone, and none is on PATH."""
    pathlib.Path(recorder.path).rename(recorder.folder / "moved")
    return hooked


PATH_WITHOUT_IDSE = "/usr/local/bin:/usr/bin:/bin"


def test_a_spec_is_not_committed_unchecked_when_idse_is_gone(gone):
    gone.write(SPEC, "# Spec 2\n")
    gone.git("add", SPEC)
    done = gone.run("git", "commit", "--quiet", "-m", "x", env={"PATH": PATH_WITHOUT_IDSE})
    assert done.returncode == 1
    what, fix = done.stderr.splitlines()
    assert what.endswith(f"cannot be started (it was {gone.path.parent}/it's a place/idse)")
    assert "pip install idse-orchestrator && idse hooks install" in fix
    assert "git commit --no-verify" in fix


def test_a_commit_that_cannot_be_recorded_is_made_all_the_same_and_kept_for_later(gone):
    gone.write(SPEC, "# Spec 2\n")
    gone.git("add", SPEC)
    done = gone.run("git", "commit", "-q", "--no-verify", "-m", "x", env={"PATH": PATH_WITHOUT_IDSE})
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1
    assert "pip install idse-orchestrator" in done.stderr
    assert missed(gone) == [head(gone)]
    assert spool(gone) == {}


def test_code_is_committed_in_silence_when_idse_is_gone(gone):
    gone.write("a", "2\n")
    gone.git("add", "a")
    done = gone.run("git", "commit", "--quiet", "-m", "x", env={"PATH": PATH_WITHOUT_IDSE})
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("broken", [False, True], ids=["gone", "its Python gone"])
def test_the_idse_on_path_takes_over(gone, recorder, tmp_path, broken):
    if broken:
        pathlib.Path(recorder.path).write_text("#!/no/such/python\n")
        pathlib.Path(recorder.path).chmod(0o755)
    place = tmp_path / "bin"
    place.mkdir()
    (place / "idse").symlink_to(recorder.folder / "moved")
    gone.write(SPEC, "# Spec 2\n")
    gone.git("add", SPEC)
    gone.git("commit", "--quiet", "-m", "x", env={"PATH": f"{place}:{PATH_WITHOUT_IDSE}"})
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]


# --- a user's own hooks ---


def theirs(repo, name: str, script: str) -> pathlib.Path:
    """Put a hook of the user's where git looks for it, as it was before idse came."""
    path = repo.path / ".git" / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


def test_a_users_hook_runs_first_and_its_refusal_is_the_last_word(repo, install, recorder):
    theirs(repo, "pre-commit", "#!/bin/sh\nprintf 'theirs %s\\n' \"$#\"\nexit 7\n")
    install(repo.path)
    repo.write(SPEC, "# Spec\n")
    repo.git("add", SPEC)
    done = repo.run("git", "commit", "-q", "-m", "x")
    assert done.returncode == 1
    assert "theirs 0" in done.stdout + done.stderr
    assert recorder.calls() == []
    hook = repo.run(".git/hooks/pre-commit", "an argument")
    assert (hook.returncode, hook.stdout) == (7, "theirs 1\n")


def test_a_users_hook_that_agrees_lets_idse_speak(repo, install, recorder):
    theirs(repo, "pre-commit", "#!/bin/sh\nexit 0\n")
    install(repo.path)
    recorder.answer(1)
    repo.write(SPEC, "# Spec\n")
    repo.git("add", SPEC)
    assert repo.run("git", "commit", "-q", "-m", "x").returncode == 1
    assert recorder.calls() == ["hook pre-commit"]


def test_a_users_post_rewrite_reads_the_same_bytes_that_idse_reads(repo, install, recorder, tmp_path):
    theirs(
        repo, "post-rewrite", f"#!/bin/sh\necho \"$1\" >'{tmp_path}/args'\ncat >'{tmp_path}/read'\nexit 3\n"
    )
    install(repo.path)
    repo.write(SPEC, "# Spec\n")
    old = repo.commit("x")
    repo.write(SPEC, "# Spec 2\n")
    repo.git("commit", "-qa", "--amend", "-m", "y")
    assert (tmp_path / "args").read_text() == "amend\n"
    assert (tmp_path / "read").read_text() == f"{old} {head(repo)}\n"
    assert recorder.stdin() == [f"{old} {head(repo)}"]


def test_a_long_rewrite_reaches_the_users_hook_whole(repo, install, tmp_path):
    theirs(repo, "post-rewrite", f"#!/bin/sh\ncat >'{tmp_path}/read'\n")
    install(repo.path)
    repo.write("a", "1\n")
    repo.commit("x")
    lines = "".join(f"{number:040x} {number + 1:040x}\n" for number in range(1000))
    repo.run(".git/hooks/post-rewrite", "rebase", stdin=lines)
    assert (tmp_path / "read").read_text() == lines
    assert len(spool(repo)) == 1001


@pytest.mark.parametrize("name", ["post-commit", "post-merge"])
def test_a_users_hook_that_fails_after_the_fact_stops_neither_git_nor_idse(branches, recorder, name):
    theirs(branches, f"../hooks.idse-chained/{name}", "#!/bin/sh\nexit 9\n")
    branches.git("merge", "--quiet", "--no-edit", "--no-verify", "side")
    branches.write(SPEC, "# Spec 2\n")
    branches.commit("x")
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]


def test_a_users_hook_that_is_not_executable_is_not_run(repo, install):
    theirs(repo, "pre-commit", "#!/bin/sh\nexit 1\n").chmod(0o644)
    install(repo.path)
    repo.write("a", "1\n")
    assert repo.commit("x")


DISPATCHER = """\
#!/bin/sh
echo "${0##*/} $*" >>'@told'
. "$(dirname "$0")/common"
[ -f "$(dirname "$(dirname "$0")")/HEAD" ] && echo above >>'@told'
case ${0##*/} in pre-commit) exit 0 ;; commit-msg) grep -q 'good' "$1" ;; post-rewrite) cat >>'@told' ;; esac
"""


@pytest.mark.parametrize("how", ["links", "absolute links", "files"])
def test_a_dispatcher_knows_its_name_and_what_is_beside_and_above_it(repo, install, recorder, tmp_path, how):
    """husky, and whoever has one script for all hooks, looks at `$0`."""
    told = tmp_path / "told"
    first = theirs(repo, "pre-commit", DISPATCHER.replace("@told", str(told)))
    (first.parent / "common").write_text(f"echo beside >>'{told}'\n")
    for name in ("commit-msg", "post-commit", "post-rewrite"):
        path = first.with_name(name)
        if how == "files":
            path.write_bytes(first.read_bytes())
            path.chmod(0o755)
        else:
            path.symlink_to(first if how == "absolute links" else first.name)
    before = {path: os.readlink(path) for path in first.parent.iterdir() if path.is_symlink()}
    install(repo.path)
    repo.write("a", "1\n")
    repo.git("add", "a")
    assert repo.run("git", "commit", "-qm", "bad").returncode == 1
    repo.git("commit", "-qm", "good")
    repo.git("commit", "-q", "--amend", "-m", "good as well")
    lines = [line for line in told.read_text().splitlines() if line not in ("beside", "above")]
    message = ".git/COMMIT_EDITMSG"
    first_time = ["pre-commit ", f"commit-msg {message}"]
    assert lines[:-2] == [*first_time, *first_time, "post-commit ", *first_time, "post-commit "]
    assert lines[-2] == "post-rewrite amend"
    assert lines[-1].endswith(head(repo))
    assert told.read_text().count("beside") == told.read_text().count("above") == 9
    assert head(repo) in spool(repo)
    uninstall_hooks(GitHookFiles(discover(str(repo.path)), recorder.path))
    assert {path: os.readlink(path) for path in first.parent.iterdir() if path.is_symlink()} == before


HUSKY = """\
n=$(basename "$0")
s=$(dirname "$(dirname "$0")")/$n
[ ! -f "$s" ] && exit 0
sh -e "$s" "$@"
"""


def test_husky_nine_finds_the_teams_script(repo, install, recorder, tmp_path):
    for name in ("pre-commit", "post-commit"):
        repo.write(f".husky/{name}", f"echo {name} >>'{tmp_path}/told'\n")
        repo.write(f".husky/_/{name}", '#!/usr/bin/env sh\n. "$(dirname "$0")/h"').chmod(0o755)
    repo.write(".husky/_/h", HUSKY)
    repo.write(".husky/_/.gitignore", "*")
    repo.git("config", "core.hooksPath", ".husky/_")
    install(repo.path)
    repo.write("a", "1\n")
    repo.write(SPEC, "# Spec\n")
    repo.git("add", "a", SPEC)
    repo.git("commit", "-qm", "x")
    assert (tmp_path / "told").read_text() == "pre-commit\npost-commit\n"
    assert recorder.calls() == ["hook pre-commit", "hook post-commit"]


def test_a_hook_of_ours_under_another_name_is_still_a_gate(hooked, recorder):
    """Some dispatchers collect hooks in a folder, under names of their own."""
    folder = hooked.path / ".git/hooks"
    (folder / "pre-commit.d").mkdir()
    (folder / "pre-commit").rename(folder / "pre-commit.d/10-idse")
    theirs(hooked, "pre-commit", '#!/bin/sh\nfor each in "$0".d/*; do "$each" "$@" || exit; done\n')
    recorder.answer(1)
    hooked.write(SPEC, "# Spec 2\n")
    hooked.git("add", SPEC)
    assert hooked.run("git", "commit", "-qm", "x").returncode == 1
    assert recorder.calls() == ["hook pre-commit"]


def test_a_users_hook_sees_the_environment_that_git_gave(repo, install, tmp_path):
    theirs(repo, "pre-commit", f"#!/bin/sh\nenv | sort >'{tmp_path}/seen'\n")
    without = repo.run("git", "hook", "run", "pre-commit", env={"idse_exit": "mine", "line": "mine"})
    assert without.returncode == 0
    before = _told(tmp_path / "seen")
    install(repo.path)
    repo.run("git", "hook", "run", "pre-commit", env={"idse_exit": "mine", "line": "mine"})
    assert _told(tmp_path / "seen") == before


def _told(path: pathlib.Path) -> list[str]:
    """The variables in a listing, without those that a shell sets for itself."""
    return [
        line for line in path.read_text().splitlines() if line.split("=")[0] not in ("_", "SHLVL", "OLDPWD")
    ]


# --- the scripts themselves ---


def test_what_the_scripts_share_is_written_once_and_the_same_in_each():
    folder = pathlib.Path(__file__).parents[2] / "hooks"
    shipped = "".join(path.read_text() for path in folder.iterdir())
    texts = {name: shim(name, "").decode() for name in HOOKS}
    assert not [name for name in HOOKS if "# shared:" in texts[name]]
    for function, carriers in {
        "start_idse": HOOKS,
        "find_git_dirs": ("post-commit", "post-merge", "post-rewrite"),
        "keep_missed": ("post-commit", "post-merge", "post-rewrite"),
        "spool_commit": ("post-commit", "post-merge"),
        "not_recorded": ("post-commit", "post-merge", "post-rewrite"),
    }.items():
        assert shipped.count(f"\n{function}() {{\n") == 1
        bodies = {texts[name].split(f"\n{function}() {{\n")[1].split("\n}\n")[0] for name in carriers}
        assert len(bodies) == 1, function


def test_the_scripts_are_executable_and_name_no_shell_but_sh():
    folder = pathlib.Path(__file__).parents[2] / "hooks"
    for name in HOOKS:
        assert os.access(folder / name, os.X_OK)
        assert (folder / name).read_text().startswith("#!/bin/sh\n# idse-hook\n")
