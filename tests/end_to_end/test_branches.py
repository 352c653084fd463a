"""A branch belongs to a session: made, followed, renamed, deleted; and code that is out of place."""

from __future__ import annotations

import json
import os
import pathlib

import pytest

from idse_orchestrator.documents.project_workspace import ARTIFACTS

CURRENT = ".idse/projects/portal/CURRENT_SESSION"
VIEW = ".idse/projects/portal/session_state.json"


def ok(repo, *words, **options):
    done = repo.idse(*words, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def current(repo) -> str:
    """The current session, by the pointer; both views have to say the same."""
    name = repo.git("symbolic-ref", "refs/worktree/idse/session").removeprefix("refs/idse/sessions/")
    project, session = name.split("/")
    assert repo.git("symbolic-ref", f"refs/worktree/idse/sessions/{project}").endswith(f"/{name}")
    assert repo.read(CURRENT).decode() == session
    assert json.loads(repo.read(VIEW))["session_id"] == session
    return session


def mapped(repo) -> dict[str, str]:
    rows = repo.git("config", "--get-regexp", r"^branch\..*\.idse-session$", check=False).splitlines()
    return dict(row.removeprefix("branch.").replace(".idse-session ", " ", 1).split(" ") for row in rows)


def branch(repo) -> str:
    return repo.git("branch", "--show-current")


def code(repo, text="1\n", name="app.py", message="code") -> str:
    repo.write(name, text)
    repo.git("add", name)
    repo.git("commit", "--quiet", "-m", message)
    return repo.git("rev-parse", "HEAD")


def note(repo, rev="HEAD") -> str:
    ok(repo, "save", "login")  # whatever writes has the notes that wait written
    return repo.git("log", "-1", "--format=%N", rev)


@pytest.fixture
def two(begun):
    """Branches login and search with a session of each, on branch login; main has none."""
    begun.git("switch", "--quiet", "-c", "login")
    ok(begun, "switch", "login", "--branch")
    begun.git("switch", "--quiet", "main")
    ok(begun, "spawn", "search", "--branch")
    begun.git("add", ".idse")
    begun.git("commit", "--quiet", "-m", "search")
    begun.git("switch", "--quiet", "login")
    assert (branch(begun), current(begun)) == ("login", "login")
    return begun


# --- making, mapping, letting go ---


def test_a_session_gets_a_branch_of_its_name_or_of_another(begun):
    done = ok(begun, "spawn", "search", "--branch")
    assert "made branch search, which belongs to portal/search" in done.stderr
    assert (branch(begun), current(begun)) == ("search", "search")
    data = json.loads(ok(begun, "spawn", "mail", "--branch", "feature/mail", "--json").stdout)["data"]
    assert (data["branch"], branch(begun)) == ("feature/mail", "feature/mail")
    assert mapped(begun) == {"search": "portal/search", "feature/mail": "portal/mail"}
    assert "branch" not in json.loads(ok(begun, "spawn", "plain", "--json").stdout)["data"]
    assert mapped(begun) == {"search": "portal/search", "feature/mail": "portal/mail"}


def test_the_branch_we_are_on_may_be_the_one_that_is_meant(begun):
    begun.git("switch", "--quiet", "-c", "mail")
    ok(begun, "spawn", "mail", "--branch")
    assert mapped(begun) == {"mail": "portal/mail"}


def test_a_repository_without_a_commit_gets_its_first_branch(repo):
    ok(repo, "init", "portal")
    ok(repo, "spawn", "login", "--branch")
    assert (branch(repo), current(repo), mapped(repo)) == ("login", "login", {"login": "portal/login"})


@pytest.mark.parametrize(
    ("before", "words", "code_", "says"),
    [
        (["branch", "mail"], ["mail", "--branch"], "IDSE005", "there is a branch 'mail' already"),
        (["branch", "a"], ["mail", "--branch", "a/b"], "IDSE005", "beside 'a'"),
        (["branch", "a/b"], ["mail", "--branch", "a"], "IDSE005", "beside 'a/b'"),
        (["branch", "a"], ["mail", "--branch", "a..b"], "IDSE001", "'a..b' can be no branch"),
        (
            ["update-ref", "MERGE_HEAD", "HEAD"],
            ["mail", "--branch"],
            "IDSE012",
            "in the middle of a merge",
        ),
        (["bisect", "start"], ["mail", "--branch"], "IDSE012", "in the middle of a bisection"),
        (["branch", "a"], ["login", "--branch"], "IDSE005", "session 'login' exists already"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(begun, refused, before, words, code_, says):
    begun.git(*before)
    exit_code = 2 if code_ == "IDSE001" else 3
    assert says in refused(begun, code_, exit_code, "spawn", *words)


def test_a_branch_of_another_session_is_not_taken_away(two, refused):
    said = refused(two, "IDSE012", 3, "spawn", "mail", "--branch", "login")
    assert "the branch 'login' belongs to portal/login" in said
    assert "git config --unset branch.login.idse-session" in said
    assert "belongs to portal/search" in refused(two, "IDSE012", 3, "switch", "login", "--branch", "search")


def test_a_branch_that_is_there_is_switched_to_and_mapped(two):
    two.git("branch", "fix")
    ok(two, "switch", "search", "--branch", "fix")
    assert (branch(two), current(two), mapped(two)["fix"]) == ("fix", "search", "portal/search")
    done = ok(two, "switch", "search", "--no-branch")
    assert "fix, search belong to no session now" in done.stderr
    assert mapped(two) == {"login": "portal/login"}
    assert "no branch belonged to it" in ok(two, "switch", "search", "--no-branch").stderr


def test_what_switching_would_lose_is_refused(two, refused):
    assert "there is no branch 'nowhere'" in refused(
        two, "IDSE006", 2, "switch", "login", "--branch", "nowhere"
    )
    assert "exclude each other" in refused(
        two, "IDSE001", 2, "switch", "login", "--no-branch", "--branch", "fix"
    )
    two.git("branch", "fix")
    two.git("checkout", "--quiet", "--detach")
    assert "HEAD is on no branch" in refused(two, "IDSE012", 3, "switch", "login", "--branch")
    code(two)
    said = refused(two, "IDSE012", 3, "switch", "login", "--branch", "fix")
    assert "1 of its commits are on none" in said
    assert "git branch NAME" in said
    two.git("switch", "--quiet", "-c", "kept")
    two.git("switch", "--quiet", "-c", "other")
    code(two, "2\n")
    two.write("app.py", "not committed\n")
    said = refused(two, "IDSE012", 3, "switch", "login", "--branch", "kept")
    assert "would be overwritten by checkout: app.py" in " ".join(said.split())
    assert "kept" not in mapped(two)


def test_a_plain_switch_says_that_the_branch_goes_on_to_belong_to_another(two):
    said = ok(two, "switch", "search").stderr
    assert "branch login belongs to portal/login, and so do commits of code on it: git switch search" in said


def test_git_carries_the_session_along_and_drops_it(two):
    two.git("branch", "-m", "login", "auth")
    assert mapped(two) == {"auth": "portal/login", "search": "portal/search"}
    two.git("switch", "--quiet", "search")
    two.git("switch", "--quiet", "auth")
    assert current(two) == "login"
    two.git("branch", "-D", "search")
    assert mapped(two) == {"auth": "portal/login"}


def test_without_git_there_is_no_branch(make_repo, tmp_path):
    repo = make_repo()
    (tmp_path / "plain").mkdir()
    at = {"cwd": tmp_path / "plain", "env": {"IDSE_STORE": "filesystem:store", "IDSE_AUTHOR_NAME": "Ada"}}
    ok(repo, "init", "portal", **at)
    for words in (("spawn", "login", "--branch"), ("switch", "__blueprint__", "--no-branch")):
        done = repo.idse(*words, **at)
        assert done.returncode == 2
        assert "IDSE047" in done.stderr
    assert not (tmp_path / "plain/.idse/projects/portal/sessions/login").exists()
    ok(repo, "switch", "__blueprint__", **at)


# --- following ---


def test_a_switch_moves_pointer_and_views_and_says_so(two):
    done = two.run("git", "switch", "search")
    assert done.returncode == 0
    assert "idse: switched to portal/search, as branch search belongs to it" in done.stderr
    assert current(two) == "search"
    two.git("checkout", "--quiet", "-")
    assert current(two) == "login"
    two.run("git", "switch", "search", cwd=".idse/projects")
    assert current(two) == "search"


def test_a_branch_of_no_session_changes_nothing(two):
    assert "idse" not in two.run("git", "switch", "main").stderr
    assert current(two) == "login"
    assert "idse" not in two.run("git", "switch", "-c", "fresh").stderr
    assert current(two) == "login"


def test_what_passes_through_other_commits_moves_nothing(two):
    two.git("switch", "--quiet", "search")
    code(two)
    two.git("switch", "--quiet", "login")
    two.git("switch", "--quiet", "main")
    two.git("checkout", "--quiet", "--detach", "search")
    two.write("app.py", "lost\n")
    two.git("checkout", "--", "app.py")
    assert (two.read("app.py"), current(two)) == (b"1\n", "login")
    two.git("switch", "--quiet", "main")
    two.git("bisect", "start", "search", "main")
    two.git("bisect", "reset")
    two.git("cherry-pick", "search")
    assert current(two) == "login"
    two.git("worktree", "add", "--quiet", str(two.path.parent / "linked"), "search")
    assert current(two) == "login"
    linked = type(two)(two.path.parent / "linked")
    assert linked.run("git", "symbolic-ref", "refs/worktree/idse/session").returncode != 0


def test_a_rebase_and_a_bisection_move_nothing_even_on_a_branch_of_a_session(two):
    code(two)
    ok(two, "switch", "search")
    two.git("rebase", "--quiet", "main")
    assert (branch(two), current(two)) == ("login", "search")
    two.git("bisect", "start", "HEAD", "HEAD~1")
    two.git("bisect", "reset")
    assert (branch(two), current(two)) == ("login", "search")
    two.git("switch", "--quiet", "login")
    assert current(two) == "login"


def test_worktrees_have_sessions_of_their_own(two):
    linked = two.path.parent / "linked"
    two.git("worktree", "add", "--quiet", "-b", "third", str(linked))
    linked = type(two)(linked)
    linked.git("switch", "--quiet", "search")
    assert (current(linked), current(two)) == ("search", "login")


def test_a_new_worktree_goes_by_its_branch_until_a_session_is_chosen(two):
    linked = type(two)(two.path.parent / "linked")
    two.git("worktree", "add", "--quiet", str(linked.path), "search")
    assert json.loads(ok(linked, "status", "--json").stdout)["data"]["session"] == "search"
    assert linked.run("git", "symbolic-ref", "refs/worktree/idse/session").returncode != 0
    ok(linked, "switch", "login")
    assert json.loads(ok(linked, "status", "--json").stdout)["data"]["session"] == "login"
    two.git("worktree", "add", "--quiet", "-b", "free", str(two.path.parent / "free"))
    assert "no session of 'portal' is current" in type(two)(two.path.parent / "free").idse("status").stderr


def test_a_clone_moves_nothing_and_has_no_mapping(two):
    clone = two.clone("clone")
    assert mapped(clone) == {}
    assert clone.run("git", "symbolic-ref", "refs/worktree/idse/session").returncode != 0


def test_a_session_that_is_not_here_is_told_and_the_checkout_goes_on(two):
    two.git("config", "branch.main.idse-session", "portal/elsewhere")
    done = two.run("git", "switch", "main")
    assert done.returncode == 0
    assert (
        "idse: branch main belongs to portal/elsewhere, which has no ledger here: idse sync pull"
        in done.stderr
    )
    assert current(two) == "login"
    two.git("config", "branch.main.idse-session", "no such")
    assert "can be no session" in two.run("git", "checkout", "main").stderr
    check = ok(two, "doctor", "-v")
    assert "branch main belongs to no such, which has no ledger here" in check.stdout


def test_a_checkout_is_never_stopped_by_idse(two):
    (two.path / ".git/refs/idse/sessions/portal/search").write_text("rubbish\n")
    done = two.run("git", "switch", "search")
    assert (done.returncode, branch(two)) == (0, "search")
    assert "Traceback" not in done.stderr


def test_an_idse_that_is_gone_is_told(two):
    for line in (two.path / ".git/hooks/post-checkout").read_text().splitlines():
        if line.startswith("idse_program="):
            program = line.partition("'")[2].rstrip("'")
    hook = two.path / ".git/hooks/post-checkout"
    hook.write_text(hook.read_text().replace(program, "/nowhere/idse"))
    done = two.run("git", "switch", "search", env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0
    assert "this branch belongs to portal/search, and idse cannot be started" in done.stderr


@pytest.mark.parametrize("name", ["it's", 'a"b', "deep/er.name", "ü", "x=y"])
def test_any_name_of_a_branch_is_followed(two, name):
    ok(two, "spawn", "odd", "--branch", name)
    two.git("switch", "--quiet", "login")
    two.git("switch", "--quiet", name)
    assert current(two) == "odd"
    code(two)
    assert "Idse-Session: portal/odd" in note(two)
    ok(two, "switch", "odd", "--no-branch")
    assert set(mapped(two)) == {"login", "search"}


def test_a_long_configuration_is_asked_of_git(two):
    lines = "".join(f'[branch "b{number}"]\n\tremote = origin\n' for number in range(300))
    path = two.path / ".git/config"
    path.write_text(lines + path.read_text())
    two.git("switch", "--quiet", "search")
    assert current(two) == "search"


# --- beside other hooks ---


def test_a_users_own_hook_runs_first_and_decides_how_the_checkout_ends(two):
    ok(two, "hooks", "uninstall")
    own = two.write(".git/hooks/post-checkout", f'#!/bin/sh\necho "$@" >"{two.path}/said"\nexit 7\n')
    own.chmod(0o755)
    before = own.read_bytes()
    ok(two, "hooks", "install")
    done = two.run("git", "switch", "search")
    assert (done.returncode != 0, current(two)) == (True, "search")
    assert two.read("said").decode().split()[2] == "1"
    ok(two, "hooks", "uninstall")
    assert own.read_bytes() == before


def test_a_manager_hands_on_what_it_knows(two):
    two.git("-c", "core.hooksPath=/dev/null", "switch", "--quiet", "search")
    zeros, head = "0" * 40, two.git("rev-parse", "HEAD")
    ok(two, "hook", "post-checkout", head, head, "0")
    assert current(two) == "login"
    ok(two, "hook", "post-checkout", env={"PRE_COMMIT_CHECKOUT_TYPE": "0", "PRE_COMMIT_FROM_REF": head})
    assert current(two) == "login"
    ok(two, "hook", "post-checkout", env={"PRE_COMMIT_CHECKOUT_TYPE": "1", "PRE_COMMIT_FROM_REF": head})
    assert current(two) == "search"
    two.git("symbolic-ref", "--delete", "refs/worktree/idse/session")
    ok(two, "hook", "post-checkout", zeros, head, "1")
    assert two.run("git", "symbolic-ref", "refs/worktree/idse/session").returncode != 0
    ok(two, "hook", "post-checkout", head, head, "1")
    assert current(two) == "search"


def test_uninstalling_frees_every_branch_and_leaves_git_s_file_as_it_was(repo):
    before = repo.read(".git/config")
    ok(repo, "init", "portal")
    repo.commit("start")
    ok(repo, "spawn", "login", "--branch", "a=b")
    assert mapped(repo) == {"a=b": "portal/login"}
    ok(repo, "uninstall", "--yes")
    assert repo.read(".git/config") == before
    assert not [name for name in os.listdir(repo.path / ".git/hooks") if not name.endswith(".sample")]


# --- whose commit it is ---


def spool(repo) -> dict[str, str]:
    return {path.name: path.read_text() for path in (repo.path / ".git/idse/spool").iterdir()}


def test_the_spool_says_the_branch_and_the_session_is_settled_later(two):
    two.git("switch", "--quiet", "main")
    made = code(two)
    assert spool(two) == {made: "ref: refs/idse/sessions/portal/login\nbranch: main\n"}
    two.git("config", "branch.main.idse-session", "portal/search")
    assert "Idse-Session: portal/search" in note(two)


def test_a_spool_without_branches_goes_on_to_count(two):
    made = code(two)
    (two.path / ".git/idse/spool" / made).write_text("ref: refs/idse/sessions/portal/search\n")
    assert "Idse-Session: portal/search" in note(two)


def test_a_branch_that_was_renamed_or_deleted_says_nothing(two):
    first = code(two)
    two.git("branch", "-m", "login", "auth")
    two.git("switch", "--quiet", "search")
    second = code(two)
    two.git("switch", "--quiet", "main")
    two.git("branch", "-D", "search")
    for commit, session in ((first, "login"), (second, "search")):
        assert note(two, commit).strip().endswith(f"Idse-Session: portal/{session}")
        assert "unmapped" not in note(two, commit)


def test_a_work_tree_without_a_session_of_its_own_goes_by_the_branch(two):
    linked = type(two)(two.path.parent / "linked")
    two.git("worktree", "add", "--quiet", str(linked.path), "search")
    made = code(linked)
    assert spool(two) == {made: "ref: refs/idse/sessions/portal/search\nbranch: search\n"}
    ok(linked, "hook", "post-commit")
    assert spool(two) == {made: "ref: refs/idse/sessions/portal/search\nbranch: search\n"}
    assert "Idse-Session: portal/search" in note(two, made)


# --- code out of place ---


def found(repo, *words, **options) -> list[dict]:
    done = repo.idse("validate", *words, "--json", **options)
    return [each for each in json.loads(done.stdout)["data"]["findings"] if each["rule"] == "IDSE404"]


def open_implementation(repo, loop_of) -> None:
    """Completes what comes before the implementation of portal/login."""
    own = pathlib.Path(__file__).parents[2] / ".idse/projects/idse-orchestrator/sessions/__blueprint__"
    for stage in ("intent", "context", "spec", "plan", "tasks"):
        text = (own / ARTIFACTS[stage]).read_text(encoding="utf-8").replace("- [ ]", "- [x]")
        repo.write(f".idse/projects/portal/sessions/login/{ARTIFACTS[stage]}", text)
    ok(repo, "stage", "complete", "intent", "context", "spec", "plan", "tasks")


def test_code_before_implementation_is_named_until_it_is_begun(begun, loop_of):
    made = code(begun)
    assert found(begun)[0]["message"].endswith(f"came before implementation was begun: {made[:7]}")
    assert note(begun).startswith("Idse-Misplaced: portal/login early")
    open_implementation(begun, loop_of)
    assert found(begun) == []
    later = code(begun, "2\n")
    assert found(begun) == []
    assert "Misplaced" not in note(begun)
    (one,) = found(begun, "--from-ref", f"{made}~1")
    assert (made[:7] in one["message"], later[:7] in one["message"]) == (True, False)
    assert found(begun, "--from-ref", made) == []
    assert len(found(begun, "--commit", made)) == 1
    assert found(begun, "--commit", later) == []


def test_documents_and_code_in_one_commit_are_judged_the_same(begun):
    begun.write(".idse/projects/portal/sessions/login/intent.md", "# Intent\n\nmore\n")
    begun.write("app.py", "1\n")
    made = begun.commit("both")
    assert note(begun, made).startswith("Idse-Misplaced: portal/login early")
    assert len(found(begun)) == 1


def test_documents_alone_merges_and_what_came_before_are_in_place(repo, loop_of):
    repo.write("old.py", "1\n")
    ok(repo, "init", "portal")
    repo.commit("adopted with old code")
    assert found(repo, "--from-ref", "0" * 40) == []
    repo.git("switch", "--quiet", "-c", "side")
    code(repo, name="side.py")
    repo.git("switch", "--quiet", "main")
    repo.git("commit", "--quiet", "--allow-empty", "-m", "empty")
    repo.git("merge", "--quiet", "--no-ff", "-m", "merged", "side")
    merge = repo.git("rev-parse", "HEAD")
    ok(repo, "save")
    assert "Idse-Session" in repo.git("log", "-1", "--format=%N", merge)
    assert "Misplaced" not in repo.git("log", "-1", "--format=%N", merge)
    assert "Misplaced" not in repo.git("log", "-1", "--format=%N", "HEAD~1")


def test_code_of_a_complete_session_comes_too_late(loop):
    loop.finish("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")
    loop.repo.git("add", ".idse")
    loop.repo.git("commit", "--quiet", "-m", "done")
    code(loop.repo)
    (one,) = found(loop.repo)
    assert "came after the session was complete" in one["message"]
    assert one["fix"][0] == 'idse stage reopen implementation --session portal/__blueprint__ -m "why"'
    loop.does("stage", "reopen", "implementation", "-m", "more to do")
    assert found(loop.repo) == []


def test_code_on_a_branch_of_no_session_is_named_where_others_have_one(two):
    two.git("switch", "--quiet", "main")
    made = code(two)
    (one,) = found(two)
    assert one["message"] == f"1 commit of code came on a branch of no session: {made[:7]}"
    assert one["fix"] == ["idse switch portal/login --branch"]
    ok(two, "switch", "login", "--branch")
    assert found(two) == []
    assert len(found(two, "--from-ref", "HEAD~1")) == 1


def test_where_no_branch_has_a_session_none_is_unmapped(begun):
    begun.git("switch", "--quiet", "-c", "any")
    code(begun)
    assert "early" in note(begun)


def test_a_detached_head_is_no_branch(two):
    two.git("checkout", "--quiet", "--detach")
    code(two)
    assert "unmapped" not in note(two)


def test_ci_sees_it_by_the_notes_and_knows_no_branch(two):
    two.git("switch", "--quiet", "-c", "wild", "main")
    made = code(two)
    assert "unmapped" in note(two)
    clone = two.clone("clone")
    assert found(clone, "--from-ref", "HEAD~1") == []
    clone.git("fetch", "--quiet", "origin", "refs/idse/*:refs/idse/*")
    (one,) = found(clone, "--from-ref", "HEAD~1")
    assert made[:7] in one["message"]
    assert clone.idse("validate", "--from-ref", "HEAD~1", "--strict").returncode == 1
    ok(clone, "init", "docs")
    assert found(clone, "--from-ref", "HEAD~1", "--project", "docs") == []
    assert "wild" not in clone.git("log", "-1", "--format=%N")


def test_the_word_travels_to_the_agency_and_the_branch_does_not(two, bare_remote):
    two.git("switch", "--quiet", "-c", "secret-plan", "main")
    made = code(two)
    ok(two, "validate")  # the notes that wait are written
    ok(two, "sync", "setup", str(bare_remote.path))
    ok(two, "sync", "push")
    noted = bare_remote.git("grep", "-h", "Idse-Misplaced", "refs/idse/notes/commits")
    assert noted == "Idse-Misplaced: portal/login unmapped"
    assert bare_remote.run("git", "grep", "secret-plan", "refs/idse/notes/commits").returncode == 1
    clone = two.clone("clone")
    ok(clone, "sync", "setup", str(bare_remote.path))
    ok(clone, "sync", "pull")
    assert made[:7] in found(clone, "--from-ref", "HEAD~1")[0]["message"]


def test_a_waiver_covers_the_commits_it_was_made_for(begun):
    code(begun)
    ok(begun, "rule", "waive", "IDSE404", "-m", "a spike")
    assert begun.idse("validate").stdout.count("IDSE404") == 0 or found(begun)[0]["waiver"]
    code(begun, "2\n")
    assert found(begun)[0]["waiver"] is None


def test_a_commit_of_code_is_judged_before_it_is_made_where_the_setting_says_so(begun):
    flag = begun.path / ".git/idse/code-setting"
    for key in ("misplaced-code", "code-edits"):
        ok(begun, "config", "set", key, "deny")
        assert flag.exists()
        begun.write("app.py", f"{key}\n")
        begun.git("add", "app.py")
        done = begun.run("git", "commit", "-m", "code")
        assert done.returncode == 1
        assert "error[IDSE404]: code is committed before implementation is begun" in done.stderr
        ok(begun, "config", "set", key, "warn")
        assert not flag.exists()
    assert begun.run("git", "commit", "-qm", "code", env={"IDSE_CODE_EDITS": "deny"}).returncode == 1
    assert begun.run("git", "commit", "-qm", "code", env={"IDSE_MISPLACED_CODE": "deny"}).returncode == 1
    begun.git("commit", "-qm", "code")
    assert [each["severity"] for each in found(begun, env={"IDSE_MISPLACED_CODE": "deny"})] == ["error"]
    assert found(begun, env={"IDSE_MISPLACED_CODE": "allow"}) == []


def test_a_setting_written_by_hand_is_heard_of_by_the_next_look(begun):
    begun.git("config", "idse.misplaced-code", "deny")
    ok(begun, "validate")
    begun.write("app.py", "1\n")
    begun.git("add", "app.py")
    assert begun.run("git", "commit", "-qm", "code").returncode == 1
    begun.git("config", "--unset", "idse.misplaced-code")
    begun.git("commit", "-qm", "code")
    begun.git("config", "idse.misplaced-code", "perhaps")
    assert "setting misplaced-code cannot be 'perhaps'" in begun.idse("validate").stderr


def test_the_former_setting_counts_where_the_other_is_not_said(begun):
    begun.git("config", "idse.code-edits", "ask")
    assert ok(begun, "config", "get", "misplaced-code").stdout == "ask\n"
    assert ok(begun, "config", "get", "code-edits").stdout == "ask\n"
    assert "there is no setting" not in ok(begun, "config", "list").stderr
    begun.git("config", "idse.misplaced-code", "allow")
    assert ok(begun, "config", "get", "code-edits").stdout == "allow\n"


def test_a_rule_that_is_raised_blocks_and_stays_raised(begun, loop_of):
    begun.write(
        ".idse/constitution.yaml",
        "raise:\n  IDSE404: {pending: error, in_progress: error, complete: error}\n",
    )
    begun.git("add", ".idse")
    begun.git("commit", "--quiet", "-m", "rules")
    assert (begun.path / ".git/idse/code-rule").exists()
    begun.write("app.py", "1\n")
    begun.git("add", "app.py")
    assert begun.run("git", "commit", "-qm", "code").returncode == 1
    begun.git("commit", "-qm", "code", "--no-verify")
    assert begun.idse("validate", env={"IDSE_MISPLACED_CODE": "allow"}).returncode == 1
    open_implementation(begun, loop_of)
    code(begun, "2\n")
    begun.git("rm", "--quiet", ".idse/constitution.yaml")
    begun.git("commit", "-qm", "no rules")
    ok(begun, "validate", "--all")
    assert not (begun.path / ".git/idse/code-rule").exists()


# --- looking at them ---


def test_the_commits_of_code_of_a_session_are_listed_and_counted(two):
    two.at = "2026-01-01T10:00:00Z"  # those of one second have no order
    first = code(two, message="First")
    two.at = "2026-01-01T10:00:05Z"
    second = code(two, "2\n", message="Second")
    two.git("commit", "--quiet", "--amend", "-m", "Second, amended")
    amended = two.git("rev-parse", "HEAD")
    two.git("commit", "--quiet", "--allow-empty", "-m", "nothing")
    lines = ok(two, "log", "--code").stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == [amended[:7], first[:7]]
    assert "Second, amended  Test Author  early" in lines[0]
    assert second != amended
    data = json.loads(ok(two, "log", "--code", "login", "--json", "-n", "1").stdout)["data"]
    assert [each["commit"] for each in data["commits"]] == [amended]
    assert (data["commits"][0]["misplaced"], data["gone"]) == (["early"], 0)
    assert "no commit of code" in ok(two, "log", "--code", "search").stderr
    assert ok(two, "session", "show").stdout.splitlines()[-1] == "code: 2 commits: idse log --code"
    assert json.loads(ok(two, "session", "show", "search", "--json").stdout)["data"]["code_commits"] == 0
    assert two.idse("log", "--code", "--graph").returncode == 2


def test_a_bare_repository_says_what_it_cannot_list(two, bare_remote):
    code(two)
    ok(two, "save")
    two.git("push", "--quiet", "--no-verify", str(bare_remote.path), "refs/idse/*:refs/idse/*")
    done = ok(bare_remote, "log", "--code", "portal/login")
    assert done.stdout == ""
    assert "not in this repository: a bare repository need not have any code" in done.stderr
    data = json.loads(ok(bare_remote, "log", "--code", "portal/login", "--json").stdout)
    assert data["data"]["commits"] == []
    assert data["data"]["gone"] >= 1
    assert data["diagnostics"][0]["severity"] == "note"


# --- agents ---


def before_edit(repo, path, **options):
    call = {"cwd": str(repo.path), "tool_input": {"file_path": str(repo.path / path)}}
    return json.loads(ok(repo, "hook", "agent-before-edit", stdin=json.dumps(call), **options).stdout)


def test_an_agent_hears_the_same_before_it_edits(two):
    assert "has not started" in before_edit(two, "app.py")["systemMessage"]
    two.git("switch", "--quiet", "main")
    said = before_edit(two, "app.py")["systemMessage"]
    assert "branch main belongs to no session" in said
    ok(two, "config", "set", "misplaced-code", "deny")
    answer = before_edit(two, "app.py")["hookSpecificOutput"]
    assert answer["permissionDecision"] == "deny"


def test_an_agent_hears_what_the_rules_forbid(begun):
    begun.write(
        ".idse/constitution.yaml",
        "raise:\n  IDSE404: {pending: error, in_progress: error, complete: error}\n",
    )
    begun.idse("validate")
    assert before_edit(begun, "app.py")["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert before_edit(begun, "app.py", env={"IDSE_MISPLACED_CODE": "ask"})["hookSpecificOutput"]


def test_an_agent_hears_that_a_session_is_complete(loop):
    loop.finish("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")
    assert "is complete: code comes too late for it" in before_edit(loop.repo, "app.py")["systemMessage"]
