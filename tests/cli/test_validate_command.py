"""`idse validate` as people, hooks and CI call it."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree as ET

import pytest

from idse_orchestrator.cli.terminal import PATIENCE, Progress, Terminal
from idse_orchestrator.constitution.validate import NO_LEDGERS

SESSIONS = ".idse/projects/portal/sessions"
BLUEPRINT = f"{SESSIONS}/__blueprint__"
LOGIN = f"{SESSIONS}/login"
CONFLICT = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"
INTENT = f"{LOGIN}/intent.md"


@pytest.fixture
def portal(repo, once):
    """A project with a session that is worked on, and no hooks."""

    def make():
        assert repo.idse("init", "portal", "--no-hooks").returncode == 0
        assert repo.idse("spawn", "login").returncode == 0
        repo.write(f"{LOGIN}/intent.md", "# Intent\n")
        repo.commit("begin")

    once(repo, make)
    return repo


def concise(repo, *args, **more):
    done = repo.idse("validate", "--format", "concise", *args, **more)
    return done.returncode, done.stdout.splitlines()


def blocked(repo, *args, **more):
    """Paths of errors, and the exit code."""
    code, lines = concise(repo, *args, **more)
    return code, sorted({line.split(":")[0] for line in lines if " error[" in line})


def test_the_session_worked_on_is_judged_and_the_last_line_counts(portal):
    portal.write(f"{LOGIN}/notes.md", CONFLICT)
    portal.write(f"{BLUEPRINT}/notes.md", CONFLICT)
    done = portal.idse("validate", "--quiet")
    assert done.returncode == 1
    assert f"{LOGIN}/notes.md" in done.stdout
    assert BLUEPRINT not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 error, ")
    assert done.stdout.splitlines()[-1].endswith("in 1 session (worktree)")


def test_all_judges_every_session(portal):
    portal.write(f"{LOGIN}/notes.md", CONFLICT)
    portal.write(f"{BLUEPRINT}/notes.md", CONFLICT)
    assert blocked(portal, "--all") == (1, [f"{BLUEPRINT}/notes.md", f"{LOGIN}/notes.md"])


def test_a_session_is_judged_by_name_and_by_the_folder_we_stand_in(portal):
    portal.write(f"{BLUEPRINT}/notes.md", CONFLICT)
    expected = (1, [f"{BLUEPRINT}/notes.md"])
    assert blocked(portal, "__blueprint__") == expected
    assert blocked(portal, "portal/__blueprint__") == expected
    assert blocked(portal, cwd=BLUEPRINT) == expected
    assert blocked(portal) == (0, [])


def test_a_session_that_is_nowhere_is_an_error_with_the_nearest_name(portal):
    done = portal.idse("validate", "logn")
    assert done.returncode == 2
    assert "did you mean login?" in done.stderr


def test_a_project_that_is_nowhere_is_no_success(portal):
    for scope in ([], ["--all"], ["--commit", "HEAD"], ["--staged"], ["--from-ref", "HEAD"]):
        done = portal.idse("validate", "--project", "portl", *scope)
        assert (done.returncode, done.stdout) == (2, ""), scope
        assert "did you mean portal?" in done.stderr


def test_staged_judges_what_the_next_commit_would_change(portal):
    portal.write(f"{LOGIN}/notes.md", CONFLICT)
    assert blocked(portal, "--staged") == (0, [])
    portal.git("add", "--all")
    portal.write(f"{LOGIN}/notes.md", "mended\n")
    assert blocked(portal, "--staged") == (1, [f"{LOGIN}/notes.md"])
    assert blocked(portal) == (0, [])


def test_staged_reads_the_index_that_git_names(portal):
    portal.write(f"{LOGIN}/notes.md", CONFLICT)
    other = {"GIT_INDEX_FILE": str(portal.path / ".git" / "other-index")}
    portal.git("read-tree", "HEAD", env=other)
    portal.git("add", "--all", env=other)
    assert blocked(portal, "--staged", env=other) == (1, [f"{LOGIN}/notes.md"])
    assert blocked(portal, "--staged") == (0, [])


def test_a_commit_is_judged_whole_and_a_range_by_what_it_changed(portal):
    portal.write(f"{BLUEPRINT}/notes.md", CONFLICT)
    first = portal.commit("broken before")
    portal.write(f"{LOGIN}/notes.md", CONFLICT)
    portal.commit("broken now")
    assert blocked(portal, "--commit", "HEAD") == (1, [f"{BLUEPRINT}/notes.md", f"{LOGIN}/notes.md"])
    assert blocked(portal, "--commit", "HEAD", "login") == (1, [f"{LOGIN}/notes.md"])
    assert blocked(portal, "--commit", first) == (1, [f"{BLUEPRINT}/notes.md"])
    assert blocked(portal, "--from-ref", first) == (1, [f"{LOGIN}/notes.md"])
    assert blocked(portal, "--from-ref", "HEAD~2", "--to-ref", first) == (1, [f"{BLUEPRINT}/notes.md"])
    assert blocked(portal, "--from-ref", "HEAD") == (0, [])
    assert blocked(portal, "--from-ref", "HEAD", "--to-ref", "0" * 40) == (0, [])


def test_a_range_is_never_taken_from_another_tools_environment(portal):
    portal.write(f"{LOGIN}/notes.md", CONFLICT)
    portal.commit("broken")
    portal.write(f"{LOGIN}/notes.md", "mended\n")
    assert blocked(portal, env={"PRE_COMMIT_FROM_REF": "HEAD~1", "PRE_COMMIT_TO_REF": "HEAD"}) == (0, [])


def test_the_ledger_is_judged_by_what_it_holds(portal):
    portal.write(f"{LOGIN}/notes.md", CONFLICT)
    assert portal.idse("save").returncode == 0
    portal.write(f"{LOGIN}/notes.md", "mended\n")
    assert blocked(portal, "--ledger") == (1, [f"{LOGIN}/notes.md"])
    assert blocked(portal) == (0, [])


def test_strict_says_no_to_warnings(portal):
    assert portal.idse("validate").returncode == 0
    assert portal.idse("validate", "--strict").returncode == 1


@pytest.mark.parametrize(
    "args",
    [
        ("--staged", "--all"),
        ("--commit", "HEAD", "--ledger"),
        ("--from-ref", "HEAD", "--staged"),
        ("login", "--all"),
        ("--to-ref", "HEAD"),
        ("--staged", "--record"),
        ("--json", "--format", "sarif"),
    ],
    ids=" ".join,
)
def test_options_that_exclude_each_other_are_refused(portal, args):
    done = portal.idse("validate", *args)
    assert done.returncode == 2
    assert "IDSE001" in done.stderr + done.stdout


def test_a_clone_without_ledgers_is_judged_whole_and_says_what_is_missing(portal):
    portal.write(f"{LOGIN}/notes.md", CONFLICT)
    portal.commit("broken")
    clone = portal.clone("ci")
    done = clone.idse("validate")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith("in 2 sessions (worktree)")
    assert done.stderr == f"note: {NO_LEDGERS}\n"
    assert blocked(clone, "login") == (1, [f"{LOGIN}/notes.md"])
    assert blocked(clone, "--from-ref", "HEAD~1") == (1, [f"{LOGIN}/notes.md"])
    assert clone.git("for-each-ref", "refs/idse") == ""


def test_a_repository_without_a_workspace_is_told_so_and_passes(repo):
    done = repo.idse("validate")
    assert (done.returncode, done.stdout) == (0, "no findings in 0 sessions (worktree)\n")
    assert done.stderr == "note: no session here: nothing was checked\n"


def test_a_range_that_touches_no_session_does_not_say_that_there_is_none(portal):
    done = portal.idse("validate", "--from-ref", "HEAD")
    assert (done.returncode, done.stderr) == (0, "note: no session was changed: nothing was checked\n")


def test_before_the_first_commit_everything_but_a_commit_can_be_judged(repo):
    assert repo.idse("init", "portal", "--no-hooks").returncode == 0
    repo.git("add", "--all")
    for scope in ((), ("--all",), ("--staged",), ("--ledger",)):
        assert repo.idse("validate", *scope).returncode == 0, scope
    done = repo.idse("validate", "--commit", "HEAD")
    assert done.returncode == 2
    assert "'HEAD' names no commit here" in done.stderr


def test_outside_of_a_repository_there_is_nothing_to_judge(tmp_path, make_repo):
    outside = tmp_path / "outside"
    outside.mkdir()
    assert make_repo().idse("validate", cwd=outside).returncode == 2


def test_json_is_one_document_in_the_envelope(portal):
    for form in (["--json"], ["--format", "json"]):
        done = portal.idse("validate", *form)
        document = json.loads(done.stdout)
        assert (document["schema"], document["diagnostics"]) == ("idse.validate/2", [])
        assert document["data"]["sessions"] == ["portal/login"]
        assert done.stderr == ""


def test_failures_have_the_same_shape_in_json(portal):
    for form in (["--json"], ["--format", "json"], ["--format=json"]):
        done = portal.idse("validate", "nowhere", *form)
        document = json.loads(done.stdout)
        assert (done.returncode, document["data"], done.stderr) == (2, None, "")
        assert document["diagnostics"][0]["code"] == "IDSE006"


def test_machine_formats_are_raw_documents(portal):
    assert json.loads(portal.idse("validate", "--format", "sarif").stdout)["version"] == "2.1.0"
    assert ET.fromstring(portal.idse("validate", "--format", "junit").stdout).tag == "testsuites"
    assert portal.idse("validate", "--format", "github").stdout.startswith("::warning file=")


def test_a_report_can_go_to_a_file(portal):
    done = portal.idse("validate", "--format", "sarif", "--output", "report.sarif", cwd=".idse")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith("in 1 session (worktree)\n")
    assert json.loads(portal.read(".idse/report.sarif"))["version"] == "2.1.0"


def test_a_file_that_cannot_be_written_is_told(portal):
    done = portal.idse("validate", "--output", "nowhere/report.txt")
    assert done.returncode == 2
    assert "nowhere/report.txt" in done.stderr


def test_nothing_is_written_unless_it_is_asked_for(portal):
    before = portal.git("for-each-ref"), portal.git("status", "--porcelain")
    assert portal.idse("validate", "--all").returncode == 0
    assert (portal.git("for-each-ref"), portal.git("status", "--porcelain")) == before


def test_record_appends_what_changed_and_nothing_twice(portal):
    def subjects():
        return portal.git("log", "-2", "--format=%s", "refs/idse/sessions/portal/login").splitlines()

    done = portal.idse("validate", "--record")
    assert done.stderr == "recorded: portal/login unknown → passing\n"
    assert subjects()[0] == "validated: passing"
    tip = portal.git("rev-parse", "refs/idse/sessions/portal/login")
    assert portal.idse("validate", "--record").stderr == "nothing to record: the ledgers say so already\n"
    assert portal.git("rev-parse", "refs/idse/sessions/portal/login") == tip

    portal.write(f"{LOGIN}/notes.md", CONFLICT)
    done = portal.idse("validate", "--record")
    assert (done.returncode, subjects()[0]) == (1, "validated: failing")
    event = json.loads(portal.git("show", "refs/idse/sessions/portal/login:event.json"))
    assert event["body"]["status"] == "failing"
    assert event["body"]["errors"] == 1
    assert event["body"]["warnings"] >= 1
    view = json.loads(portal.read(".idse/projects/portal/session_state.json"))
    assert view["validation_status"] == "failing"


def test_a_view_that_was_edited_is_a_warning_of_the_work_tree(portal):
    portal.write(".idse/projects/portal/CURRENT_SESSION", "other")
    code, lines = concise(portal, "--all")
    assert code == 0
    assert [line.split(": ")[0] for line in lines if "IDSE704" in line] == [
        ".idse/projects/portal/CURRENT_SESSION:1:1"
    ]


def test_the_projects_own_rules_count(portal):
    portal.write(".idse/constitution.yaml", "raise:\n  IDSE301: {in_progress: error}\n")
    portal.write(INTENT, "# Intent\n\n[REQUIRES INPUT]\n")
    assert blocked(portal) == (1, [INTENT])
    assert blocked(portal, "--ledger") == (1, [INTENT]), "a ledger has no rules: those of the work tree count"


class Watched(io.StringIO):
    """A terminal's standard error."""

    def isatty(self):
        return True


def test_progress_shows_after_a_second_and_leaves_a_clean_line(monkeypatch):
    monkeypatch.setattr("sys.stderr", screen := Watched())
    now = [0.0]
    with Progress(Terminal(), "documents judged", clock=lambda: now[0]) as progress:
        progress(1, 9)
        assert screen.getvalue() == ""
        now[0] = PATIENCE
        progress(5, 9)
        progress(6, 9)
    assert screen.getvalue().replace("\r\x1b[K", "|") == "|documents judged: 5 of 9|"


def test_a_quick_run_shows_no_progress(monkeypatch):
    monkeypatch.setattr("sys.stderr", screen := Watched())
    with Progress(Terminal(), "documents judged", clock=lambda: 0.0) as progress:
        progress(9, 9)
    assert screen.getvalue() == ""
