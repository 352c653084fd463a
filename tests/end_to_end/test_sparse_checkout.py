"""What git keeps out of the work tree is not deleted: its text stays that of the index, for every command."""

from __future__ import annotations

import pytest

LINES = "one\ntwo\nthree\n"


@pytest.fixture
def project(loop, once):
    """A complete intent, a spec, a plan and some code, all committed."""

    def make():
        loop.finish("intent")
        for path in ("spec.md", "plan.md"):
            loop.edit(path, LINES)
        loop.write("src/code.py", "pass\n")
        loop.commit("begin")

    once(loop, make)
    return loop


def sparse(project, *patterns):
    project.git("sparse-checkout", "set", *patterns)


def skip(project, path, *, bit="--skip-worktree"):
    """Sets the bit on a document, and takes the document away."""
    project.git("update-index", bit, f"{project.FOLDER}/{path}")
    (project.path / project.FOLDER / path).unlink()


def documents(project):
    return project.git("rev-parse", f"{project.REF}:artifacts")


FORMS = {
    "cone": lambda project: sparse(project, "src"),
    "patterns": lambda project: sparse(project, "--no-cone", "/*", "!plan.md"),
    "sparse index": lambda project: sparse(project, "--sparse-index", "src"),
    "skip-worktree": lambda project: skip(project, "plan.md"),
    "assume-unchanged": lambda project: skip(project, "plan.md", bit="--assume-unchanged"),
}


@pytest.fixture(params=FORMS)
def thinned(project, request):
    """A work tree in which documents are not there, and git says that nothing changed."""
    FORMS[request.param](project)
    assert project.git("status", "--porcelain") == ""
    assert not (project.path / project.FOLDER / "plan.md").exists()
    return project


class TestWhatIsNotThereStays:
    def test_a_save_takes_nothing_from_the_ledger(self, thinned):
        before = documents(thinned)
        done = thinned.does("save")
        assert documents(thinned) == before, done.stderr

    def test_a_stage_that_is_completed_again_takes_nothing_from_the_ledger(self, thinned):
        before = documents(thinned)
        thinned.does("stage", "reopen", "intent", "-m", "look again")
        thinned.does("stage", "complete", "intent")
        assert documents(thinned) == before
        assert thinned.stage("intent")["status"] == "complete"

    def test_an_edit_beside_it_is_saved_alone(self, thinned):
        if (thinned.path / thinned.FOLDER / "spec.md").exists():
            thinned.edit("spec.md", LINES + "four\n")
            thinned.does("save")
            assert thinned.ledger("spec.md") == LINES + "four\n"
            assert thinned.ledger("plan.md") == LINES

    def test_the_status_tells_nothing_as_missing_or_different(self, thinned):
        status = thinned.status()
        assert status["differs"] == []
        assert status["has_folder"] is True
        assert thinned.stage("intent")["status"] == "complete"

    @pytest.mark.parametrize("form", FORMS)
    def test_the_documents_are_judged(self, project, form):
        project.edit("plan.md", "one\n<<<<<<< ours\ntwo\n=======\nzwei\n>>>>>>> theirs\n")
        project.commit("a plan in two minds", no_verify=True)
        expected = project.idse("validate", "--all", "--format", "concise").stdout
        assert "plan.md:2" in expected
        FORMS[form](project)
        assert project.idse("validate", "--all", "--format", "concise").stdout == expected

    def test_the_constitution_of_the_project_holds(self, project):
        project.write(".idse/constitution.yaml", "not: [closed\n")
        project.git("add", "-A")
        project.git("commit", "-q", "--no-verify", "-m", "a broken constitution")
        sparse(project, "src")
        assert project.idse("validate", "--all").returncode != 0

    def test_a_code_commit_records_nothing(self, thinned):
        before = thinned.tip()
        thinned.write("src/code.py", "more\n")
        thinned.commit("code", "src/code.py")
        assert thinned.tip() == before


class TestWhatIsThereAndPassedOver:
    def test_a_local_edit_that_git_does_not_see_is_not_recorded(self, project):
        project.git("update-index", "--skip-worktree", f"{project.FOLDER}/plan.md")
        project.edit("plan.md", "my own\n")
        before = documents(project)
        project.does("save")
        assert documents(project) == before
        assert project.status()["differs"] == []

    def test_nor_is_it_in_the_way_of_a_stage(self, project):
        project.git("update-index", "--skip-worktree", f"{project.FOLDER}/intent.md")
        project.edit("intent.md", "my own\n")
        project.does("stage", "reopen", "intent", "-m", "look again")
        project.does("stage", "complete", "intent")
        assert project.ledger("intent.md") != "my own\n"

    def test_what_is_deleted_and_staged_is_deleted(self, project):
        sparse(project, "src")
        project.git("rm", "-q", "--sparse", f"{project.FOLDER}/plan.md")
        project.does("save")
        assert project.ledger("plan.md") == ""
        assert project.ledger("spec.md") == LINES

    def test_what_is_gone_without_a_bit_is_deleted(self, project):
        (project.path / project.FOLDER / "plan.md").unlink()
        project.does("save")
        assert project.ledger("plan.md") == ""
