"""A person's own text never conflicts with itself, wherever HEAD moved since it was given to the ledger."""

from __future__ import annotations

import pytest

LINES = "one\ntwo\nthree\nfour\nfive\n"
FIRST = LINES.replace("three", "fnd")
MENDED = LINES.replace("three", "find")
WITHOUT_HOOKS = ("-c", "core.hooksPath=/dev/null")


@pytest.fixture
def project(loop, once):
    """Spec, plan and some code, committed."""

    def make():
        for path in ("spec.md", "plan.md"):
            loop.edit(path, LINES)
        loop.write("code.py", "pass\n")
        loop.commit("begin")

    once(loop, make)
    return loop


def say(project, text, *options, path="spec.md"):
    """Commits `text` as the spec."""
    project.edit(path, text)
    return project.git("commit", "-qa", "-m", "say it", *options)


def agree(project, *paths):
    """The ledger has the documents of the branch, and nothing in them is a conflict."""
    for path in paths or ("spec.md", "plan.md"):
        assert project.ledger(path) == project.git("show", f"HEAD:{project.FOLDER}/{path}") + "\n"
    assert project.status()["differs"] == []


def history_has(project, text):
    """Some commit of the ledger holds `text` as the spec."""
    commits = project.git("rev-list", project.REF).split()
    return any(project.ledger("spec.md", commit) == text for commit in commits)


class TestCommitsThatWereTakenBack:
    @pytest.mark.parametrize("how", ["--soft", "--mixed", "--keep", "--hard"])
    def test_undone_and_said_again_in_better_words(self, project, how):
        say(project, FIRST)
        project.git("reset", "-q", how, "HEAD~1")
        say(project, MENDED)
        agree(project)
        assert history_has(project, FIRST)

    def test_three_commits_undone_at_once(self, project):
        for word in ("3", "drei", "trois"):
            say(project, LINES.replace("three", word))
        project.git("reset", "-q", "--hard", "HEAD~3")
        say(project, MENDED)
        agree(project)

    def test_a_document_that_came_with_the_undone_commit_goes_with_it(self, project):
        project.edit("notes.md", "mine\n")
        project.edit("spec.md", FIRST)
        project.commit("with notes")
        project.git("reset", "-q", "--hard", "HEAD~1")
        say(project, MENDED)
        agree(project)
        assert project.ledger("notes.md") == ""

    def test_undone_and_saved(self, project):
        say(project, FIRST)
        project.git("reset", "-q", "--hard", "HEAD~1")
        project.edit("spec.md", MENDED)
        project.does("save")
        assert project.ledger("spec.md") == MENDED

    def test_undone_and_completed(self, project):
        project.write_well("intent")
        project.commit("well")
        good = project.text("intent.md")
        project.edit("intent.md", good + "\nMore.\n")
        project.git("commit", "-qam", "more")
        project.git("reset", "-q", "--hard", "HEAD~1")
        project.edit("intent.md", good + "\nOther.\n")
        project.does("stage", "complete", "intent")
        assert project.ledger("intent.md") == good + "\nOther.\n"

    def test_undone_and_another_commit_is_brought_in(self, project):
        project.git("branch", "side")
        say(project, FIRST)
        project.git("reset", "-q", "--hard", "HEAD~1")
        project.git("switch", "-q", "side")
        project.git(*WITHOUT_HOOKS, "commit", "-q", "--allow-empty", "-m", "nothing")
        project.edit("spec.md", MENDED)
        project.git(*WITHOUT_HOOKS, "commit", "-qam", "better")
        project.git("switch", "-q", "main")
        project.git("merge", "-q", "side")
        agree(project)

    def test_the_words_of_others_stay(self, project, loop_of):
        say(project, FIRST)
        other = loop_of(project.worktree("other"))
        say(other, FIRST + "six\n")
        project.git("reset", "-q", "--soft", "HEAD~1")
        say(project, MENDED)
        assert project.ledger("spec.md") == MENDED + "six\n"

    def test_undone_redone_and_undone_again(self, project):
        say(project, FIRST)
        last = project.git("rev-parse", "HEAD")
        project.git("reset", "-q", "--hard", "HEAD~1")
        project.git("reset", "-q", "--hard", last)
        project.git("reset", "-q", "--hard", "HEAD~1")
        say(project, MENDED)
        agree(project)


class TestTextThatWasSaved:
    @pytest.fixture
    def saved(self, project):
        """The spec is saved, and not committed."""
        project.edit("spec.md", FIRST)
        project.does("save")
        return project

    def test_an_amended_code_commit_below_it(self, saved):
        saved.write("code.py", "other\n")
        saved.commit("code", "code.py")
        saved.write("code.py", "better\n")
        saved.git("add", "code.py")
        saved.git("commit", "-q", "--amend", "-m", "code, amended")
        say(saved, MENDED)
        agree(saved)

    def test_another_branch_that_holds_the_file_alike(self, saved):
        saved.git("switch", "-qc", "aside")
        saved.write("code.py", "aside\n")
        saved.commit("aside", "code.py")
        saved.git("switch", "-q", "main")
        saved.write("code.py", "main\n")
        saved.commit("main", "code.py")
        saved.git("switch", "-q", "aside")
        say(saved, MENDED)
        agree(saved)

    @pytest.mark.parametrize("how", [("--autostash",), ("--autostash", "-i"), ("--autostash", "--apply")])
    def test_a_rebase_that_stashes_it(self, saved, how):
        saved.git("stash", "-q")
        saved.git("switch", "-qc", "upstream")
        say(saved, "zero\n" + LINES, path="plan.md")
        saved.git("switch", "-q", "main")
        saved.write("code.py", "mine\n")
        saved.commit("mine", "code.py")
        saved.git("stash", "pop", "-q")
        saved.does("save")
        saved.git("rebase", "-q", *how, "upstream", env={"GIT_SEQUENCE_EDITOR": ":"})
        assert saved.text("spec.md") == FIRST
        say(saved, MENDED)
        agree(saved)

    def test_a_merge_that_leaves_it_where_it_is(self, saved):
        saved.git("stash", "-q")
        saved.git("switch", "-qc", "side")
        say(saved, "zero\n" + LINES, path="plan.md")
        saved.git("switch", "-q", "main")
        saved.git("stash", "pop", "-q")
        saved.does("save")
        saved.git("merge", "-q", "--no-ff", "-m", "merged", "side")
        say(saved, MENDED)
        agree(saved)

    def test_a_stash_that_comes_back(self, saved):
        saved.git("stash", "-q")
        say(saved, LINES + "six\n", path="plan.md")
        saved.git("stash", "pop", "-q")
        say(saved, MENDED)
        agree(saved)

    def test_a_stash_that_comes_back_on_a_commit_that_was_taken_back(self, saved):
        saved.edit("plan.md", LINES + "six\n")
        saved.git("commit", "-qm", "plan", "--only", f"{saved.FOLDER}/plan.md")
        saved.git("stash", "-q")
        saved.git("reset", "-q", "--hard", "HEAD~1")
        saved.git("stash", "pop", "-q")
        say(saved, MENDED)
        agree(saved)


class TestToolsThatRunNoHooks:
    def test_a_commit_replaced_by_plumbing(self, project):
        say(project, FIRST)
        tree = project.git("rev-parse", "HEAD^{tree}")
        new = project.git("commit-tree", "-p", "HEAD~1", "-m", "in other words", tree)
        project.git("update-ref", "-m", "a tool: rewritten", "HEAD", new)
        say(project, MENDED)
        agree(project)

    def test_a_branch_rewritten_without_hooks(self, project):
        say(project, FIRST)
        project.git(*WITHOUT_HOOKS, "commit", "-q", "--amend", "--allow-empty", "-m", "amended")
        say(project, MENDED)
        agree(project)

    def test_a_rebase_without_hooks(self, project):
        project.git("switch", "-qc", "upstream")
        project.write("code.py", "upstream\n")
        project.commit("upstream", "code.py")
        project.git("switch", "-q", "main")
        say(project, FIRST)
        project.git(*WITHOUT_HOOKS, "rebase", "-q", "upstream")
        say(project, MENDED)
        agree(project)

    @pytest.mark.parametrize(
        "how",
        [
            ("rebase", "upstream"),
            ("rebase", "-i", "upstream"),
            ("rebase", "--apply", "upstream"),
            ("pull", "--rebase", ".", "upstream"),
        ],
        ids=" ".join,
    )
    @pytest.mark.parametrize("hooks", [(), WITHOUT_HOOKS], ids=["hooks", "no hooks"])
    def test_a_rebase_of_recorded_and_unrecorded_commits(self, project, how, hooks):
        self.part(project)
        project.git(*hooks, *how[:1], "-q", *how[1:], env={"GIT_SEQUENCE_EDITOR": ":"})
        say(project, MENDED, path="plan.md")
        agree(project)

    @pytest.mark.parametrize("end", ["--continue", "--abort"])
    def test_a_rebase_that_stopped(self, project, end):
        self.part(project)
        stop = {"GIT_SEQUENCE_EDITOR": "sed -i '1s/pick/edit/'"}
        project.git(*WITHOUT_HOOKS, "rebase", "-q", "-i", "upstream", env=stop)
        project.git(*WITHOUT_HOOKS, "rebase", end, env={"GIT_EDITOR": ":"})
        say(project, MENDED, path="plan.md")
        agree(project)

    def test_what_is_saved_while_a_rebase_has_stopped(self, project):
        self.part(project)
        stop = {"GIT_SEQUENCE_EDITOR": "sed -i '1s/pick/edit/'"}
        project.git(*WITHOUT_HOOKS, "rebase", "-q", "-i", "upstream", env=stop)
        project.edit("plan.md", MENDED)
        project.does("save")
        assert project.ledger("plan.md") == MENDED
        assert project.ledger("spec.md") == LINES

    def part(self, project):
        """Another branch has moved on; a commit of the plan is recorded, and one of the spec is not."""
        project.git("branch", "upstream")
        say(project, FIRST, path="plan.md")
        project.edit("spec.md", FIRST)
        project.git(*WITHOUT_HOOKS, "commit", "-qam", "by a tool")
        project.git("switch", "-q", "upstream")
        project.write("code.py", "upstream\n")
        project.git(*WITHOUT_HOOKS, "commit", "-qm", "upstream", "code.py")
        project.git("switch", "-q", "main")

    def test_a_repository_that_keeps_no_reflog(self, project):
        project.git("config", "core.logAllRefUpdates", "false")
        (project.path / ".git/logs/HEAD").unlink()
        say(project, FIRST)
        project.git("reset", "-q", "--soft", "HEAD~1")
        say(project, MENDED)
        agree(project)

    def test_a_reflog_that_says_nothing_of_the_undone_commit(self, project):
        say(project, FIRST)
        project.git("reset", "-q", "--soft", "HEAD~1")
        project.git("reflog", "expire", "--expire=now", "--all")
        say(project, MENDED)
        agree(project)


class TestBranches:
    def test_an_older_branch_takes_nothing_away(self, project):
        project.git("branch", "older")
        say(project, "zero\n" + LINES)
        project.git("switch", "-q", "older")
        say(project, LINES + "six\n")
        assert project.ledger("spec.md") == "zero\n" + LINES + "six\n"

    @pytest.mark.parametrize("aside", ["older", "side"])
    def test_there_and_back_is_as_if_nothing_was(self, project, aside):
        project.git("branch", "older", "HEAD~1")
        project.git("branch", "side")
        say(project, LINES.replace("five", "5"))
        say(project, FIRST)
        project.git("reset", "-q", "--hard", "HEAD~1")
        project.git("switch", "-q", aside)
        project.git("switch", "-q", "main")
        say(project, MENDED, path="plan.md")
        agree(project)

    def test_nor_after_a_commit_was_undone_there(self, project):
        project.git("branch", "older")
        say(project, "zero\n" + LINES)
        project.git("switch", "-q", "older")
        say(project, LINES.replace("five", "fiev"))
        project.git("reset", "-q", "--soft", "HEAD~1")
        say(project, LINES.replace("five", "FIVE"))
        assert project.ledger("spec.md") == "zero\n" + LINES.replace("five", "FIVE")

    def test_a_text_that_was_saved_goes_with_the_switch_and_nothing_else_does(self, project):
        project.git("branch", "older")
        say(project, "zero\n" + LINES, path="plan.md")
        project.edit("spec.md", FIRST)
        project.does("save")
        project.git("switch", "-q", "older")
        say(project, MENDED)
        assert project.ledger("spec.md") == MENDED
        assert project.ledger("plan.md") == "zero\n" + LINES


class TestCodeThatComesAfterItsLedger:
    """A teammate's ledger is ahead of the code that others merge: what it had before is no news."""

    @pytest.fixture
    def team(self, project, loop_of, bare_remote):
        """A clone of a teammate who said a line twice, pushed his ledger, and of the code only the first."""
        project.does("sync", "setup", str(bare_remote.path))
        project.does("sync", "push")
        mate = loop_of(project.clone("mate"))
        mate.does("init", "--agency", str(bare_remote.path))
        say(mate, FIRST)
        mate.git("branch", "first")
        say(mate, MENDED)
        mate.does("sync", "push")
        project.does("sync", "pull")
        project.git("remote", "add", "mate", str(mate.path))
        project.git("fetch", "-q", "mate")
        return project

    @pytest.mark.parametrize("how", ["merge", "fast-forward", "rebase", "resolved"])
    def test_the_ledger_stays_ahead(self, team, how):
        if how != "fast-forward":
            say(team, "zero\n" + LINES, path="plan.md")
        if how == "resolved":
            say(team, LINES.replace("one", "uno"))
            team.does("sync", "push")
            team.git("merge", "-q", "--no-commit", "mate/first")
            team.git("commit", "-qam", "merged by hand")
        elif how == "rebase":
            team.git("rebase", "-q", "mate/first")
        else:
            team.git("merge", "-q", "--no-edit", "mate/first")
        expected = MENDED.replace("one", "uno") if how == "resolved" else MENDED
        assert team.ledger("spec.md") == expected
        assert history_has(team, MENDED)

    def test_a_commit_that_was_amended_since_is_known_by_its_note(self, team, loop_of):
        mate = loop_of(type(team.repo)(team.path.parent / "mate"))
        mate.git("switch", "-q", "first")
        mate.git("commit", "-q", "--amend", "-m", "in other words")
        mate.git("switch", "-q", "main")
        mate.does("sync", "push")
        team.does("sync", "pull")
        team.git("fetch", "-q", "mate")
        team.git("merge", "-q", "--no-edit", "mate/first")
        assert team.ledger("spec.md") == MENDED

    def test_what_was_not_recorded_is_news_all_the_same(self, team):
        team.git("switch", "-qc", "other", "mate/first")
        team.edit("plan.md", LINES + "six\n")
        team.git(*WITHOUT_HOOKS, "commit", "-qam", "by a tool")
        team.git("switch", "-q", "main")
        team.git("merge", "-q", "--no-edit", "other")
        assert team.ledger("spec.md") == MENDED
        assert team.ledger("plan.md") == LINES + "six\n"
