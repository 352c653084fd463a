"""A session's whole life, typed as people type it, and what must hold at every step of it."""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES


def error(done):
    """The one error of a failed run, as its JSON tells it."""
    document = json.loads(done.stdout)
    assert document["data"] is None
    return document["diagnostics"][0]


def snapshot(repo):
    """All refs, and every file of the work tree and of the git directory that idse may write."""
    files = {
        path.relative_to(repo.path): path.read_bytes()
        for path in repo.path.rglob("*")
        if path.is_file()
        and "objects" not in path.parts
        and path.name not in ("index", "log")
        and "cache" not in str(path)
    }
    return repo.git("for-each-ref"), files


class TestInit:
    def test_in_an_empty_repository_without_a_commit(self, repo):
        done = repo.idse("init", "portal")
        assert done.returncode == 0
        assert done.stdout == ""
        assert done.stderr == (
            "started project portal\n"
            "  made session __blueprint__: .idse/projects/portal/sessions/__blueprint__/\n"
            "  hooks: pre-commit, pre-merge-commit, post-commit, post-merge, post-rewrite, "
            "post-checkout, pre-push\n"
            "next: write .idse/projects/portal/sessions/__blueprint__/intent.md, or let idse edit open it\n"
        )
        assert repo.run("git", "rev-parse", "-q", "--verify", "HEAD").returncode != 0
        assert repo.idse("status").returncode == 0

    def test_fresh_templates_may_be_committed(self, loop_in, repo):
        loop_in(repo)
        repo.git("add", ".idse")
        done = repo.run("git", "commit", "-qm", "start")
        assert (done.returncode, done.stderr) == (0, "idse: 1 warning: idse validate\n")

    def test_in_a_sub_directory_it_writes_at_the_top(self, repo):
        (repo.path / "deep/er").mkdir(parents=True)
        assert repo.idse("init", "portal", cwd="deep/er").returncode == 0
        assert (repo.path / ".idse/projects/portal").is_dir()
        assert not (repo.path / "deep/er/.idse").exists()

    def test_a_second_run_changes_nothing_and_says_so(self, loop):
        before = snapshot(loop)
        done = loop.does("init", "portal")
        assert done.stderr == "project portal is set up already; nothing changed\n"
        assert snapshot(loop) == before
        assert json.loads(loop.does("init", "portal", "--json").stdout)["data"]["changed"] is False

    def test_outside_of_a_repository_it_says_what_to_type(self, repo, tmp_path):
        (tmp_path / "plain").mkdir()
        done = repo.idse("init", "portal", cwd=tmp_path / "plain")
        assert done.returncode == 2
        assert "error[IDSE002]" in done.stderr
        assert "git init" in done.stderr
        assert list((tmp_path / "plain").iterdir()) == []

    def test_a_clone_that_carries_the_folder_adopts_it(self, loop, loop_of):
        loop.does("spawn", "login")
        loop.commit("login")
        clone = loop_of(loop.clone("clone"))
        assert clone.idse("status").returncode == 2
        text = clone.text("intent.md")
        done = clone.does("init", "--no-fetch", "--new-ledger")
        assert "adopted session __blueprint__" in done.stderr
        assert "adopted session login" in done.stderr
        assert "made session" not in done.stderr
        assert clone.text("intent.md") == text
        assert clone.git("status", "--porcelain") == ""
        assert clone.status()["session"] == "__blueprint__"
        assert clone.ledger("intent.md") == text

    def test_a_project_whose_ledgers_were_fetched_without_a_blueprint_works_on_what_there_is(
        self, loop, loop_of
    ):
        loop.does("spawn", "login")
        loop.commit("login")
        clone = loop_of(loop.clone("clone"))
        for ref in ("refs/idse/projects/portal", "refs/idse/sessions/portal/login"):
            clone.git("fetch", "-q", "origin", f"{ref}:{ref}")
        clone.git("rm", "-rq", clone.FOLDER)
        clone.does("init", "portal")
        assert clone.status()["session"] == "login"

    def test_without_hooks_none_are_installed(self, repo):
        repo.idse("init", "portal", "--no-hooks")
        assert not (repo.path / ".git/hooks/post-commit").exists()

    def test_two_projects_in_one_repository(self, loop):
        loop.does("init", "shop")
        assert loop.status()["project"] == "shop"
        assert loop.status("--project", "portal")["project"] == "portal"
        loop.does("switch", "portal/__blueprint__")
        assert loop.status()["project"] == "portal"


class TestWholeLife:
    def test_all_seven_stages_from_intent_to_feedback(self, loop):
        loop.finish(*STAGES)
        status = loop.status()
        assert status["status"] == "complete"
        assert [stage["status"] for stage in status["stages"]] == ["complete"] * 7
        assert "all seven stages are complete" in loop.idse("next").stdout
        loop.commit("done")
        assert loop.status()["validation_status"] == "passing"
        assert loop.does("fsck").returncode == 0

    def test_a_reopened_stage_makes_all_that_build_on_it_stale_once_it_changes(self, loop):
        loop.finish("intent", "context", "spec", "plan")
        loop.does("stage", "reopen", "context", "-m", "new law")
        assert {stage: loop.stage(stage)["condition"] for stage in ("spec", "plan")} == {
            "spec": "current",
            "plan": "current",
        }
        loop.edit("context.md", loop.text("context.md") + "\nThe law changed.\n")
        assert loop.stage("intent")["condition"] == "current"
        assert loop.stage("spec")["causes"] == ["context"]
        assert loop.stage("plan")["condition"] == "stale"
        loop.does("stage", "complete", "context")
        loop.does("stage", "confirm", "spec", "-m", "looked")
        loop.does("stage", "confirm", "plan", "-m", "looked")
        assert {each["condition"] for each in loop.status()["stages"]} == {"current"}

    def test_taking_an_edit_back_makes_the_stage_current_again(self, loop):
        loop.finish("intent")
        text = loop.text("intent.md")
        loop.edit("intent.md", text + "more\n")
        assert loop.stage("intent")["condition"] == "changed"
        loop.edit("intent.md", text)
        assert loop.stage("intent")["condition"] == "current"

    def test_feedback_runs_beside_implementation(self, loop):
        loop.finish("intent", "context", "spec", "plan", "tasks", begins_next=False)
        assert loop.idse("stage", "start", "feedback").returncode == 1
        loop.does("stage", "start", "implementation")
        loop.does("stage", "start", "feedback")
        assert loop.stage("feedback")["status"] == "in_progress"
        loop.write_well("feedback")
        assert loop.idse("stage", "complete", "feedback").returncode == 1
        loop.finish("implementation", "feedback")
        assert loop.status()["status"] == "complete"

    def test_the_agent_that_acted_is_in_the_history(self, loop):
        loop.write_well("intent")
        loop.does("stage", "complete", "intent", env={"IDSE_AGENT": "codex"})
        assert loop.stage("intent")["by"] == "codex"
        assert "Idse-Agent: codex" in loop.git("log", "-1", "--format=%B", loop.REF)

    def test_code_commits_are_never_reachable_from_a_ledger(self, loop):
        loop.finish("intent")
        loop.commit("intent")
        code = set(loop.git("rev-list", "HEAD").split())
        ours = set(loop.git("rev-list", "--objects", "--glob=refs/idse/sessions/*").split())
        assert not code & ours


class TestGates:
    """Every refusal of the stage machine, whole."""

    def refused(self, loop, *args):
        done = loop.idse("stage", *args)
        assert done.returncode == 1, done.stderr
        return done.stderr

    def test_a_stage_before_its_time(self, loop):
        assert self.refused(loop, "start", "spec") == (
            "error[IDSE401]: stage `spec` cannot start: `context` is pending\n"
            "  --> .idse/projects/portal/sessions/__blueprint__/context.md\n"
            "   = cause: a stage starts when the one before it is complete\n"
            "   = fix:   idse stage start context\n"
            "   = help:  idse rule show IDSE401\n"
        )
        assert self.refused(loop, "start", "context").splitlines()[0].endswith("`intent` is in_progress")

    def test_after_a_stage_that_changed(self, loop):
        loop.finish("intent", begins_next=False)
        was = loop.stage("intent")["completed_blob"][:7]
        loop.edit("intent.md", loop.text("intent.md") + "more\n")
        now = loop.stage("intent")["blob"][:7]
        assert self.refused(loop, "start", "context") == (
            "error[IDSE401]: stage `context` cannot start: `intent` changed after it was completed\n"
            "  --> .idse/projects/portal/sessions/__blueprint__/intent.md\n"
            f"   = cause: completed with {was}, the file is now {now}\n"
            '   = fix:   idse stage reopen intent -m "why"\n'
            '            idse stage confirm intent -m "why"\n'
            "   = help:  idse rule show IDSE401\n"
        )

    def test_after_a_stage_whose_document_is_gone(self, loop):
        loop.finish("intent", begins_next=False)
        (loop.path / loop.FOLDER / "intent.md").unlink()
        assert "the file is now missing" in self.refused(loop, "start", "context")

    def test_after_a_stage_that_is_stale(self, loop):
        loop.finish("intent", "context", begins_next=False)
        loop.edit("intent.md", loop.text("intent.md") + "more\n")
        assert self.refused(loop, "start", "spec") == (
            "error[IDSE401]: stage `spec` cannot start: `context` is stale: "
            "intent changed since it was completed\n"
            "  --> .idse/projects/portal/sessions/__blueprint__/context.md\n"
            "   = cause: it was completed for other documents than those that stand now\n"
            '   = fix:   idse stage reopen context -m "why"\n'
            '            idse stage confirm context -m "why"\n'
            "   = help:  idse rule show IDSE401\n"
        )

    @pytest.mark.parametrize(
        ("args", "status", "allowed", "fix"),
        [
            (("complete", "context"), "pending", "in_progress", "idse stage start context"),
            (("confirm", "intent", "-m", "x"), "in_progress", "complete", "idse stage complete intent"),
            (("confirm", "context", "-m", "x"), "pending", "complete", "idse stage start context"),
            (("reopen", "intent", "-m", "x"), "in_progress", "complete", "idse stage complete intent"),
            (("reopen", "context", "-m", "x"), "pending", "complete", "idse stage start context"),
        ],
    )
    def test_from_a_status_it_is_not_for(self, loop, args, status, allowed, fix):
        before = loop.tip()
        assert self.refused(loop, *args) == (
            f"error[IDSE010]: stage `{args[1]}` cannot {args[0]}: it is {status}\n"
            f"   = cause: {args[0]} is for a stage that is {allowed}\n"
            f"   = fix:   {fix}\n"
            "   = help:  idse help IDSE010\n"
        )
        assert loop.tip() == before

    def test_a_start_from_complete(self, loop):
        loop.finish("intent")
        told = self.refused(loop, "start", "intent")
        assert told.splitlines()[0] == "error[IDSE010]: stage `intent` cannot start: it is complete"
        assert 'fix:   idse stage reopen intent -m "why"' in told

    def test_what_is_so_already_is_no_error(self, loop):
        before = loop.tip()
        assert "intent is in progress already" in loop.does("stage", "start", "intent").stderr
        assert loop.tip() == before
        loop.finish("intent")
        before = loop.tip()
        assert "intent is complete already" in loop.does("stage", "complete", "intent").stderr
        assert loop.tip() == before

    def test_a_completion_of_what_is_complete_and_changed(self, loop):
        loop.finish("intent")
        loop.edit("intent.md", loop.text("intent.md") + "more\n")
        told = self.refused(loop, "complete", "intent")
        assert "`intent` changed after it was completed" in told
        assert '            idse stage confirm intent -m "why"\n' in told

    def test_in_an_archived_session(self, loop):
        loop.does("session", "archive", "-m", "no budget")
        assert self.refused(loop, "complete", "intent") == (
            "error[IDSE010]: session '__blueprint__' is archived\n"
            "   = cause: an archived session does not move\n"
            "   = fix:   idse session archive __blueprint__ --undo\n"
            "   = help:  idse help IDSE010\n"
        )
        loop.does("session", "archive", "--undo")
        loop.finish("intent")

    @pytest.mark.parametrize("action", ["reopen", "confirm"])
    def test_without_a_reason(self, loop, action):
        loop.finish("intent")
        done = loop.idse("stage", action, "intent", "-m", "  ")
        assert done.returncode == 2
        assert done.stderr == (
            f"error[IDSE001]: to {action} a stage needs a reason\n"
            "   = cause: whoever reads the history will want to know why\n"
            f'   = fix:   idse stage {action} intent -m "why"\n'
            "   = help:  idse help IDSE001\n"
        )

    def test_of_a_stage_that_does_not_exist(self, loop):
        done = loop.idse("stage", "start", "contxt")
        assert done.returncode == 2
        assert done.stderr == (
            "error[IDSE006]: there is no stage 'contxt'\n"
            "   = cause: stages: intent, context, spec, plan, tasks, implementation, feedback\n"
            "   = fix:   idse stage start context\n"
            "   = help:  idse help IDSE006\n"
        )

    def test_when_the_gate_finds_something(self, loop):
        before = loop.tip()
        done = loop.idse("stage", "complete", "intent")
        assert done.returncode == 1
        assert "error[IDSE301]: 7 unresolved [REQUIRES INPUT] in intent.md" in done.stdout
        assert done.stderr == (
            "error[IDSE010]: stage `intent` cannot be completed: 1 promise is not kept\n"
            "   = cause: its gate does not hold; each finding says where\n"
            "   = hint:  mend them, then run the command again\n"
            "   = help:  idse help IDSE010\n"
        )
        assert loop.tip() == before

    def test_when_the_document_is_missing_or_empty(self, loop):
        loop.edit("intent.md", "")
        assert loop.idse("stage", "complete", "intent").returncode == 1
        (loop.path / loop.FOLDER / "intent.md").unlink()
        assert loop.idse("stage", "complete", "intent").returncode == 1

    def test_when_what_it_builds_on_was_reopened(self, loop):
        loop.finish("intent")
        loop.does("stage", "start", "context")
        loop.write_well("context")
        loop.does("stage", "reopen", "intent", "-m", "why")
        done = loop.idse("stage", "complete", "context")
        assert done.returncode == 1
        assert "IDSE401" in done.stdout

    def test_a_confirmation_passes_the_gate_too(self, loop):
        loop.finish("intent")
        loop.edit("intent.md", loop.text("intent.md") + "\n[REQUIRES INPUT]\n")
        done = loop.idse("stage", "confirm", "intent", "-m", "fine")
        assert done.returncode == 1
        assert "stage `intent` cannot be confirmed: " in done.stderr
        assert "mend them, then run the command again\n" in done.stderr

    def test_confirming_a_stage_on_ground_that_is_stale_names_the_stage_to_confirm_first(self, loop):
        loop.finish("intent", "context", "spec")
        loop.edit("intent.md", loop.text("intent.md") + "\nA word more.\n")
        loop.does("stage", "confirm", "intent", "-m", "a word")
        done = loop.idse("stage", "confirm", "spec", "-m", "fine")
        assert done.returncode == 1
        assert '= fix:   idse stage confirm context -m "why"\n' in done.stdout
        assert "idse stage complete context" not in done.stdout

    def test_a_confirmation_of_a_document_that_changed_records_what_stands_now(self, loop):
        loop.finish("intent")
        loop.edit("intent.md", loop.text("intent.md") + "\nA word more.\n")
        loop.does("stage", "confirm", "intent", "-m", "a word")
        assert loop.stage("intent")["condition"] == "current"
        assert loop.ledger("intent.md") == loop.text("intent.md")

    def test_while_the_ledger_holds_edits_that_the_folder_does_not_have(self, loop, loop_of):
        side = loop_of(loop.worktree("side"))
        side.does("switch", "__blueprint__")
        side.edit("plan.md", "# Plan\n\nfrom the side\n")
        side.does("save")
        loop.write_well("intent")
        done = loop.idse("stage", "complete", "intent", "--json")
        assert done.returncode == 3
        assert error(done)["code"] == "IDSE012"
        loop.does("save")
        loop.does("restore")
        assert loop.text("plan.md") == "# Plan\n\nfrom the side\n"
        loop.does("stage", "complete", "intent")

    def test_the_same_documents_that_were_judged_enter_the_ledger(self, loop):
        loop.write_well("intent")
        loop.does("stage", "complete", "intent")
        assert loop.ledger("intent.md") == loop.text("intent.md")
        assert loop.status()["differs"] == []
        completed = next(event for event in loop.events() if event["body"].get("action") == "complete")
        assert completed["body"]["artifact"] == loop.git("rev-parse", f"{loop.REF}:artifacts/intent.md")


class TestSaveAndRestore:
    def test_saving_names_what_changed_and_nothing_twice(self, loop):
        loop.edit("spec.md", "new\n")
        loop.edit("notes/idea.md", "idea\n")
        assert loop.does("save", "-m", "why").stderr.startswith("saved notes/idea.md, spec.md  (")
        assert loop.does("save").stderr == "nothing to save\n"
        assert loop.ledger("notes/idea.md") == "idea\n"

    def test_a_reason_that_is_no_text_is_kept_as_far_as_it_is_one(self, loop):
        why = "caf\udce9"
        loop.edit("spec.md", "new\n")
        loop.does("save", "-m", why)
        loop.does("session", "archive", "__blueprint__", "-m", why)
        loop.does("session", "archive", "__blueprint__", "-m", why, "--undo")
        loop.write_well("intent")
        loop.does("stage", "complete", "intent")
        loop.does("stage", "reopen", "intent", "-m", why)
        reasons = [event["body"]["reason"] for event in loop.events() if "reason" in event["body"]]
        assert reasons[:4] == ["caf?"] * 4

    def test_saving_names_only_ones_own_edits_when_the_ledger_is_ahead(self, loop, loop_of):
        side = loop_of(loop.worktree("side"))
        side.edit("plan.md", "from the side\n")
        side.does("save", "portal/__blueprint__")
        loop.edit("spec.md", "from here\n")
        done = loop.does("save")
        assert done.stderr.startswith("saved spec.md  (")
        assert "the ledger also holds edits that this folder does not have" in done.stderr
        assert list(loop.events()[0]["body"]["changed"]) == ["spec.md"]
        assert loop.ledger("plan.md") == "from the side\n"

    def test_a_conflict_is_told_and_kept_in_the_event(self, loop, loop_of):
        side = loop_of(loop.worktree("side"))
        side.edit("plan.md", "from the side\n")
        side.does("save", "portal/__blueprint__")
        loop.edit("plan.md", "from here\n")
        done = loop.does("save")
        assert "warning: plan.md has conflict markers in the ledger" in done.stderr
        event = loop.events()[0]["body"]
        assert event["conflicts"] == ["plan.md"]
        assert event["changed"]["plan.md"] == loop.git("rev-parse", f"{loop.REF}:artifacts/plan.md")

    def test_documents_that_git_ignores_but_tracks_are_not_lost_by_saving(self, loop):
        loop.write(".gitignore", "plan.md\n")
        loop.edit("spec.md", "new\n")
        loop.does("save")
        assert loop.ledger("plan.md") == loop.text("plan.md")
        loop.edit("plan.md", "new plan\n")
        loop.does("save")
        assert loop.ledger("plan.md") == "new plan\n"

    def test_documents_that_git_ignores_can_be_completed(self, repo, loop_in):
        repo.write(".gitignore", "intent.md\n")
        loop = loop_in(repo)
        loop.finish("intent")
        assert loop.ledger("intent.md") == loop.text("intent.md")

    def test_an_ignored_document_that_was_saved_survives_a_commit_of_another(self, repo, loop_in):
        repo.write(".gitignore", "intent.md\n")
        loop = loop_in(repo)
        repo.commit("start")
        loop.edit("intent.md", "ignored by git\n")
        loop.does("save")
        loop.edit("spec.md", "committed\n")
        loop.commit("spec")
        assert loop.ledger("spec.md") == "committed\n"
        assert loop.ledger("intent.md") == "ignored by git\n"

    def test_restoring_writes_over_no_file_that_git_ignores_and_the_ledger_never_saw(self, loop):
        loop.edit("notes.txt", "in the ledger\n")
        loop.does("save")
        (loop.path / loop.FOLDER / "notes.txt").unlink()
        loop.does("save")
        loop.write(".gitignore", "notes.txt\n")
        loop.edit("notes.txt", "mine, ignored, nowhere else\n")
        old = loop.git("rev-parse", f"{loop.REF}^")
        assert loop.idse("restore", "--at", old).returncode == 3
        assert loop.idse("restore", "--at", old, "--force").returncode == 3
        assert loop.text("notes.txt") == "mine, ignored, nowhere else\n"

    def test_restoring_leaves_files_that_git_ignores(self, loop):
        loop.write(".gitignore", "*.swp\n")
        loop.edit("spec.swp", "editor\n")
        loop.edit("spec.md", "saved\n")
        loop.does("save")
        loop.does("restore", "--at", loop.git("rev-parse", f"{loop.REF}^"))
        assert loop.text("spec.swp") == "editor\n"

    def test_unsaved_work_is_never_overwritten(self, loop):
        loop.edit("spec.md", "nowhere else\n")
        done = loop.idse("restore", "--json")
        assert done.returncode == 3
        assert error(done)["code"] == "IDSE011"
        assert loop.text("spec.md") == "nowhere else\n"
        loop.does("restore", "--force")
        assert loop.ledger("spec.md") == "nowhere else\n"

    def test_a_branch_without_the_folder_gets_it_back(self, loop):
        loop.git("switch", "-q", "--orphan", "bare")
        assert loop.status()["has_folder"] is False
        assert "no folder in this work tree: idse restore" in loop.idse("status").stdout
        done = loop.idse("save")
        assert done.returncode == 2
        assert "idse restore" in done.stderr
        loop.does("restore")
        assert loop.text("spec.md") == loop.ledger("spec.md")
        assert loop.does("save").stderr == "nothing to save\n"

    def test_a_folder_with_side_files_only_loses_none_of_them(self, loop):
        for path in ARTIFACTS.values():
            (loop.path / loop.FOLDER / path).unlink()
        loop.edit("notes.md", "a side file\n")
        assert loop.idse("restore").returncode == 3
        loop.does("save")
        assert loop.ledger("notes.md") == "a side file\n"
        assert loop.ledger("spec.md") == ""

    def test_line_ends_are_those_git_would_record(self, loop):
        loop.write(".gitattributes", "*.md text eol=crlf\n")
        loop.edit("spec.md", "one\r\ntwo\r\n")
        loop.does("save")
        assert loop.ledger("spec.md") == "one\ntwo\n"
        loop.commit("crlf")
        assert loop.status()["differs"] == []

    def test_a_sparse_checkout_saves_what_stands_there(self, loop):
        loop.write("src/code.py", "pass\n")
        loop.commit("code")
        loop.git("sparse-checkout", "set", "src")
        loop.does("restore")
        loop.edit("spec.md", "sparse\n")
        loop.does("save")
        assert loop.ledger("spec.md") == "sparse\n"


class TestSessions:
    def test_each_worktree_has_its_own_current_session(self, loop, loop_of):
        side = loop_of(loop.worktree("side"))
        loop.does("spawn", "login")
        side.does("switch", "__blueprint__")
        assert loop.status()["session"] == "login"
        assert side.status()["session"] == "__blueprint__"
        assert loop.read(".idse/projects/portal/CURRENT_SESSION") == b"login"
        assert side.read(".idse/projects/portal/CURRENT_SESSION") == b"__blueprint__"

    def test_a_spawned_session_is_in_its_first_stage_with_fresh_documents(self, loop):
        done = loop.does("spawn", "login", "--title", "Log in", "--parent", "__blueprint__", "--owner", "Ann")
        assert done.stderr == (
            "made session portal/login and switched to it\n"
            "next: write .idse/projects/portal/sessions/login/intent.md, or let idse edit open it\n"
        )
        other = loop.does("session", "new", "search")
        assert other.stderr == "made session portal/search\nnext: idse switch search\n"
        status = loop.status()
        assert (status["title"], status["owner"], status["parents"]) == ("Log in", "Ann", ["__blueprint__"])
        assert status["stages"][0]["status"] == "in_progress"
        assert status["differs"] == []

    def test_a_name_that_is_taken(self, loop):
        loop.does("spawn", "login")
        before = snapshot(loop)
        assert loop.idse("spawn", "login").returncode == 3
        assert loop.idse("spawn", "LOGIN").returncode in (2, 3)
        assert loop.idse("spawn", "x", "--parent", "nobody").returncode == 2
        assert snapshot(loop) == before

    def test_the_list_marks_the_current_one_and_shows_each_stage_as_a_sign(self, loop):
        loop.finish("intent")
        loop.does("session", "new", "login", "--title", "Log in")
        assert loop.does("session", "list").stdout == (
            "* __blueprint__  ✓▶·····  active    context\n"
            "  login          ▶······  active    intent  Log in\n"
        )
        assert loop.does("status", "--all").stdout == loop.does("session", "list").stdout

    def test_describing_and_archiving(self, loop):
        assert loop.does("session", "set", "--title", "T", "--tag", "a", "--tag", "b").stderr == (
            "described portal/__blueprint__\n"
        )
        assert loop.does("session", "set", "--title", "T").stderr == "nothing changed\n"
        assert loop.status()["tags"] == ["a", "b"]
        assert loop.does("session", "archive").stderr == "archived portal/__blueprint__\n"
        assert loop.does("session", "archive").stderr == "nothing changed\n"
        assert loop.status()["status"] == "archived"
        assert loop.idse("session", "set", "--status", "review").returncode == 2
        assert "idse session archive __blueprint__ --undo" in loop.idse("next").stdout
        assert loop.does("session", "archive", "--undo").stderr == "brought back portal/__blueprint__\n"


class TestViews:
    STATE = ".idse/projects/portal/session_state.json"

    def view(self, loop, project="portal"):
        return json.loads(loop.read(f".idse/projects/{project}/session_state.json"))

    def test_their_exact_content(self, loop):
        state = json.loads(loop.git("show", f"{loop.REF}:state.json"))
        assert loop.read(".idse/projects/portal/CURRENT_SESSION") == b"__blueprint__"
        expected = {
            "project_name": "portal",
            "session_id": "__blueprint__",
            "is_blueprint": True,
            "created_at": state["created_at"],
            "updated_at": state["updated_at"],
            "stages": {stage: "in_progress" if stage == "intent" else "pending" for stage in STAGES},
            "last_sync": None,
            "validation_status": "passing",
        }
        assert loop.read(self.STATE) == json.dumps(expected, indent=2).encode() + b"\n"

    def test_git_ignores_them(self, loop):
        assert loop.git("status", "--porcelain", "--untracked-files=all") == ""

    def test_they_follow_a_stage_a_switch_and_an_archive(self, loop):
        loop.finish("intent")
        assert self.view(loop)["stages"]["intent"] == "complete"
        loop.does("spawn", "login")
        assert self.view(loop)["session_id"] == "login"
        loop.does("switch", "__blueprint__")
        assert self.view(loop)["session_id"] == "__blueprint__"

    def test_a_move_in_another_project_than_the_current_one_reaches_that_projects_view(self, loop):
        loop.does("init", "shop")
        loop.does("switch", "shop/__blueprint__")
        loop.write_well("intent")
        loop.does("stage", "complete", "intent", "--project", "portal")
        assert self.view(loop)["stages"]["intent"] == "complete"
        assert self.view(loop, "shop")["stages"]["intent"] == "in_progress"
        assert loop.status()["project"] == "shop"

    def test_a_move_of_another_session_leaves_the_view_of_the_current_one(self, loop):
        loop.does("spawn", "login")
        before = loop.read(self.STATE)
        loop.write_well("intent")
        loop.does("stage", "complete", "intent", "--session", "__blueprint__")
        assert loop.read(self.STATE) == before

    def test_a_view_that_was_edited_or_deleted_is_mended_by_the_next_command_that_writes(self, loop):
        good = loop.read(self.STATE)
        loop.write(self.STATE, "{}")
        (loop.path / ".idse/projects/portal/CURRENT_SESSION").unlink()
        loop.does("save")
        assert loop.read(self.STATE) == good
        assert loop.read(".idse/projects/portal/CURRENT_SESSION") == b"__blueprint__"


class TestResolution:
    @pytest.fixture
    def two(self, loop):
        loop.does("init", "shop")
        loop.does("session", "new", "cart", "--project", "shop")
        loop.does("switch", "portal/__blueprint__")
        return loop

    def test_the_option_beats_the_environment_beats_the_folder_beats_the_current_one(self, two):
        folder = ".idse/projects/shop"
        assert two.status(cwd=".")["project"] == "portal"
        assert two.status(cwd=folder)["project"] == "shop"
        assert two.status(cwd=folder, env={"IDSE_PROJECT": "portal"})["project"] == "portal"
        assert two.status("--project", "shop", env={"IDSE_PROJECT": "portal"})["project"] == "shop"

    def test_a_session_folder_names_its_session(self, two):
        status = two.status(cwd=".idse/projects/shop/sessions/cart/feedback")
        assert (status["project"], status["session"]) == ("shop", "cart")

    def test_any_sub_directory_and_worktree_will_do(self, two, loop_of):
        (two.path / "src/deep").mkdir(parents=True)
        assert two.status(cwd="src/deep")["project"] == "portal"
        side = loop_of(two.worktree("side"))
        (side.path / "src").mkdir()
        assert side.status("--project", "shop", "cart", cwd="src")["session"] == "cart"

    def test_a_doubt_is_an_error_that_lists_the_choices(self, two):
        side = two.worktree("side")
        done = side.idse("status", "--json")
        assert done.returncode == 2
        assert error(done)["code"] == "IDSE007"
        assert error(done)["cause"] == "projects: portal, shop\nadd --project portal\nadd --project shop"
