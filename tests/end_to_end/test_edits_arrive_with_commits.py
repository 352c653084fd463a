"""An edit reaches the ledger with the commit that holds it, whatever way git was asked to commit."""

from __future__ import annotations

import pytest

LINES = "one\ntwo\nthree\nfour\nfive\n"


@pytest.fixture
def project(loop, once):
    """Spec and plan of five lines each, committed."""

    def make():
        for path in ("spec.md", "plan.md"):
            loop.edit(path, LINES)
        loop.commit("five lines")

    once(loop, make)
    return loop


def log_of(loop):
    common = loop.git("rev-parse", "--path-format=absolute", "--git-common-dir")
    return loop.read(f"{common}/idse/log").decode()


class TestFormsOfCommit:
    def test_a_plain_commit_brings_what_was_staged_and_not_what_came_after(self, project):
        project.edit("spec.md", "staged\n")
        project.git("add", "-A")
        project.edit("spec.md", "not staged\n")
        project.git("commit", "-qm", "plain")
        assert project.ledger("spec.md") == "staged\n"
        assert project.text("spec.md") == "not staged\n"

    def test_commit_all_brings_tracked_edits(self, project):
        project.edit("spec.md", "all\n")
        project.git("commit", "-qam", "all")
        assert project.ledger("spec.md") == "all\n"

    def test_a_patch_commit_brings_the_chosen_hunk_alone(self, project):
        long = "".join(f"{number}\n" for number in range(30))
        project.edit("spec.md", long)
        project.commit("long")
        project.edit("spec.md", f"top\n{long}bottom\n")
        project.git("commit", "-qp", "-m", "patch", stdin="y\nn\n")
        assert project.ledger("spec.md") == f"top\n{long}"

    def test_the_other_hunk_arrives_with_the_next_commit(self, project):
        long = "".join(f"{number}\n" for number in range(30))
        project.edit("spec.md", long)
        project.commit("long")
        project.edit("spec.md", f"top\n{long}bottom\n")
        project.git("commit", "-qp", "-m", "patch", stdin="y\nn\n")
        project.git("commit", "-qam", "rest")
        assert project.ledger("spec.md") == f"top\n{long}bottom\n"

    def test_only_commits_one_of_two_edited_documents(self, project):
        project.edit("spec.md", "spec\n")
        project.edit("plan.md", "plan\n")
        project.git("commit", "-qm", "only", "--only", f"{project.FOLDER}/spec.md")
        assert project.ledger("spec.md") == "spec\n"
        assert project.ledger("plan.md") == LINES

    def test_only_one_of_two_documents_after_a_save_leaves_the_other_as_it_was_saved(self, project):
        project.edit("spec.md", "saved spec\n")
        project.edit("plan.md", "saved plan\n")
        project.does("save")
        project.edit("spec.md", "spec\n")
        project.git("commit", "-qm", "only", "--only", f"{project.FOLDER}/spec.md")
        assert project.ledger("spec.md") == "spec\n"
        assert project.ledger("plan.md") == "saved plan\n"
        project.git("commit", "-qam", "rest")
        assert project.ledger("plan.md") == "saved plan\n"
        assert project.status()["differs"] == []

    def test_a_text_that_was_saved_and_edited_again_does_not_conflict_with_itself(self, project):
        project.edit("spec.md", LINES.replace("three", "saved"))
        project.does("save")
        project.edit("spec.md", LINES.replace("three", "edited again"))
        project.git("commit", "-qam", "edited")
        assert project.ledger("spec.md") == LINES.replace("three", "edited again")

    def test_a_code_commit_between_save_and_commit_changes_nothing_about_that(self, project):
        project.edit("spec.md", LINES.replace("three", "saved"))
        project.does("save")
        project.write("code.py", "pass\n")
        project.commit("code", "code.py")
        project.edit("spec.md", LINES.replace("three", "edited again"))
        project.git("commit", "-qam", "edited")
        assert project.ledger("spec.md") == LINES.replace("three", "edited again")

    def test_an_amend_after_a_save(self, project):
        project.edit("spec.md", LINES.replace("three", "3"))
        project.git("commit", "-qam", "three")
        project.edit("spec.md", LINES.replace("three", "III"))
        project.does("save")
        project.edit("spec.md", LINES.replace("three", "drei"))
        project.git("commit", "-qa", "--amend", "-m", "amended")
        assert project.ledger("spec.md") == LINES.replace("three", "drei")
        assert "portal/__blueprint__" in project.note()

    def test_two_saves_without_a_commit(self, project):
        for word in ("first", "second"):
            project.edit("spec.md", LINES.replace("three", word))
            project.does("save")
            assert project.ledger("spec.md") == LINES.replace("three", word)

    def test_an_edit_taken_back_between_save_and_commit_is_taken_back_in_the_ledger(self, project):
        project.edit("spec.md", LINES + "six\n")
        project.does("save")
        project.edit("spec.md", LINES)
        project.edit("plan.md", LINES + "six\n")
        project.git("commit", "-qam", "second thoughts")
        assert project.ledger("spec.md") == LINES

    def test_a_commit_in_a_detached_head(self, project):
        project.git("checkout", "-q", "--detach")
        project.edit("spec.md", "detached\n")
        project.git("commit", "-qam", "detached")
        assert project.ledger("spec.md") == "detached\n"
        assert "portal/__blueprint__" in project.note()

    def test_the_first_commit_of_a_repository(self, repo, loop_in):
        loop = loop_in(repo)
        loop.edit("intent.md", "first\n")
        loop.commit("first")
        assert loop.ledger("intent.md") == "first\n"

    def test_the_event_names_the_commit_its_subject_and_the_agent(self, project):
        project.edit("spec.md", "by an agent\n")
        project.git("add", "-A")
        project.git("commit", "-qm", "A subject", env={"IDSE_AGENT": "codex"})
        event = next(event for event in project.events() if event["kind"] == "edited")
        assert event["actor"]["agent"] == "codex"
        assert event["body"]["code"] == project.git("rev-parse", "HEAD")
        assert event["body"]["reason"] == "A subject"
        assert list(event["body"]["changed"]) == ["spec.md"]


class TestBranches:
    def test_a_branch_behind_the_ledger_adds_its_own_lines_and_takes_nobody_elses_away(self, project):
        project.git("branch", "side")
        project.edit("spec.md", "zero\n" + LINES)
        project.git("commit", "-qam", "on main")
        project.git("switch", "-q", "side")
        project.edit("spec.md", LINES + "six\n")
        project.git("commit", "-qam", "on side")
        assert project.ledger("spec.md") == f"zero\n{LINES}six\n"

    def test_two_linked_worktrees_do_the_same(self, project, loop_of):
        side = loop_of(project.worktree("side"))
        project.edit("spec.md", "zero\n" + LINES)
        project.git("commit", "-qam", "on main")
        side.edit("spec.md", LINES + "six\n")
        side.git("commit", "-qam", "on side")
        assert project.ledger("spec.md") == f"zero\n{LINES}six\n"
        project.edit("spec.md", f"minus one\nzero\n{LINES}")
        project.git("commit", "-qam", "main again")
        assert project.ledger("spec.md") == f"minus one\nzero\n{LINES}six\n"

    def test_a_worktree_that_saved_and_one_that_committed(self, project, loop_of):
        side = loop_of(project.worktree("side"))
        project.edit("spec.md", "zero\n" + LINES)
        project.does("save")
        side.edit("spec.md", LINES + "six\n")
        side.git("commit", "-qam", "on side")
        project.git("commit", "-qam", "what was saved")
        assert project.ledger("spec.md") == f"zero\n{LINES}six\n"

    def test_lines_that_conflict_become_markers_in_the_ledger_and_a_finding(self, project):
        project.git("branch", "side")
        project.edit("spec.md", LINES.replace("three", "drei"))
        project.git("commit", "-qam", "on main")
        project.git("switch", "-q", "side")
        project.edit("spec.md", LINES.replace("three", "trois"))
        done = project.run("git", "commit", "-qam", "on side")
        assert done.returncode == 0
        assert done.stderr == (
            "idse: 1 warning: idse validate\n"
            "idse: conflict in the ledger, idse restore shows it: portal/__blueprint__: spec.md\n"
        )
        assert project.ledger("spec.md") == (
            "one\ntwo\n<<<<<<< ledger\ndrei\n=======\ntrois\n>>>>>>> edit\nfour\nfive\n"
        )
        project.does("restore")
        found = project.idse("validate", "--format", "concise").stdout
        assert "spec.md:3" in found
        assert "[IDSE1" in found

    def test_a_name_that_a_terminal_would_obey_is_written_out(self, project):
        name = "x\x1b]0;owned\x07.md"
        project.git("branch", "side")
        project.edit(name, "main\n")
        project.commit("on main")
        project.git("switch", "-q", "side")
        project.edit(name, "side\n")
        project.git("add", "--all")
        assert r"x\x1b]0;owned\x07.md" in project.run("git", "commit", "-qm", "on side").stderr
        assert "\x1b" not in log_of(project)

    def test_resolving_by_editing_ends_the_conflict(self, project):
        project.git("branch", "side")
        project.edit("spec.md", LINES.replace("three", "drei"))
        project.git("commit", "-qam", "on main")
        project.git("switch", "-q", "side")
        project.edit("spec.md", LINES.replace("three", "trois"))
        project.git("commit", "-qam", "on side")
        project.does("restore")
        project.edit("spec.md", LINES.replace("three", "tre"))
        project.git("commit", "-qam", "resolved")
        assert project.ledger("spec.md") == LINES.replace("three", "tre")

    def test_a_commit_on_a_branch_without_the_folder_is_no_edit(self, project):
        before = project.tip()
        project.git("switch", "-q", "--orphan", "bare")
        project.write("code.py", "pass\n")
        project.commit("nothing of ours", "code.py")
        assert project.tip() == before

    def test_a_commit_that_deletes_the_folder_takes_nothing_from_the_ledger(self, project):
        before = project.tip()
        project.git("rm", "-rq", project.FOLDER)
        project.git("commit", "-qm", "drop the folder", "--no-verify")
        assert project.tip() == before
        assert "no ledger" not in log_of(project)
        assert project.status()["has_folder"] is False
        project.does("restore")
        assert project.text("spec.md") == LINES

    def test_a_commit_that_deletes_one_document_deletes_it_in_the_ledger(self, project):
        project.git("rm", "-q", f"{project.FOLDER}/plan.md")
        project.git("commit", "-qm", "drop the plan")
        assert project.ledger("plan.md") == ""
        assert project.ledger("spec.md") == LINES


class TestMergesAndRewrites:
    @pytest.fixture
    def forked(self, project):
        """`main` and `side` each with a line of their own; on main."""
        project.git("branch", "side")
        project.edit("spec.md", "zero\n" + LINES)
        project.git("commit", "-qam", "on main")
        project.git("switch", "-q", "side")
        project.edit("spec.md", LINES + "six\n")
        project.git("commit", "-qam", "on side")
        project.git("switch", "-q", "main")
        return project

    BOTH = f"zero\n{LINES}six\n"

    def test_a_clean_merge_agrees_with_the_ledger(self, forked):
        forked.git("merge", "-q", "side", "-m", "merge")
        assert forked.text("spec.md") == forked.ledger("spec.md") == self.BOTH
        assert "portal/__blueprint__" in forked.note()
        assert forked.status()["differs"] == []

    def test_a_merge_with_a_conflict_that_was_resolved(self, project):
        project.git("branch", "side")
        project.edit("spec.md", LINES.replace("three", "drei"))
        project.git("commit", "-qam", "on main")
        project.git("switch", "-q", "side")
        project.edit("spec.md", LINES.replace("three", "trois"))
        project.git("commit", "-qam", "on side")
        project.git("switch", "-q", "main")
        assert project.run("git", "merge", "-q", "side").returncode != 0
        project.edit("spec.md", LINES.replace("three", "tre"))
        project.git("commit", "-qam", "resolved")
        assert project.ledger("spec.md").count("tre\n") == 1
        project.does("restore")
        assert project.idse("save").returncode == 0

    def test_a_fast_forward_of_recorded_commits_changes_no_text(self, project):
        project.git("switch", "-qc", "side")
        project.edit("spec.md", "ahead\n")
        project.git("commit", "-qam", "on side")
        project.git("switch", "-q", "main")
        project.git("merge", "-q", "--ff-only", "side")
        assert project.ledger("spec.md") == "ahead\n"
        assert project.status()["differs"] == []

    def test_a_squash(self, forked):
        forked.git("merge", "-q", "--squash", "side")
        forked.git("commit", "-qm", "squashed")
        assert forked.ledger("spec.md") == self.BOTH

    def test_a_cherry_pick_of_what_the_ledger_has_already(self, forked):
        forked.git("cherry-pick", "side")
        assert forked.ledger("spec.md") == self.BOTH

    def test_a_revert_takes_its_own_lines_back_and_no_others(self, forked):
        forked.git("revert", "--no-edit", "HEAD")
        assert forked.ledger("spec.md") == f"{LINES}six\n"

    def test_a_rebase_keeps_the_text_and_copies_the_notes(self, forked):
        forked.git("switch", "-q", "side")
        old = forked.note()
        assert "portal/__blueprint__" in old
        forked.git("rebase", "-q", "main")
        assert forked.ledger("spec.md") == forked.text("spec.md") == self.BOTH
        assert "portal/__blueprint__" in forked.note()

    def test_a_rebase_that_drops_the_last_commit_takes_its_lines_back(self, project):
        project.edit("spec.md", "zero\n" + LINES)
        project.commit("kept, in other words")
        project.edit("plan.md", LINES + "six\n")
        project.commit("dropped")
        editor = {
            "GIT_SEQUENCE_EDITOR": "sed -i -e 1s/pick/reword/ -e 2d",
            "GIT_EDITOR": "sed -i 1s/kept/new/",
        }
        project.git("rebase", "-q", "-i", "HEAD~2", env=editor)
        assert project.ledger("plan.md") == project.text("plan.md") == LINES
        assert project.ledger("spec.md") == "zero\n" + LINES


class TestVerdicts:
    def test_a_broken_promise_committed_with_no_verify_is_recorded_as_failing(self, loop):
        loop.finish("intent")
        loop.commit("intent")
        assert loop.status()["validation_status"] == "passing"
        loop.edit("intent.md", loop.text("intent.md") + "\n[REQUIRES INPUT]\n")
        assert loop.run("git", "commit", "-qam", "break").returncode == 1
        loop.git("commit", "-qam", "break", "--no-verify")
        assert loop.status()["validation_status"] == "failing"
        assert loop.events()[0]["kind"] == "validated"
        assert loop.events()[0]["body"]["code"] == loop.git("rev-parse", "HEAD")
        assert "failing" in loop.note()
        assert "the last validation failed: idse validate" in loop.idse("status").stdout

    def test_the_hook_looks_at_the_index_and_not_at_the_work_tree(self, loop):
        loop.finish("intent")
        loop.commit("intent")
        good = loop.text("intent.md")
        loop.edit("intent.md", good + "\n[REQUIRES INPUT]\n")
        loop.edit("context.md", "# Context\n\nnew\n")
        loop.git("add", f"{loop.FOLDER}/context.md")
        loop.git("commit", "-qm", "the index is fine")
        assert loop.ledger("intent.md") == good
