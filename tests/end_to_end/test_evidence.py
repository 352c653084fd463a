"""Is what is called implemented in the repository? Real commits, squashes, rebases and clones."""

from __future__ import annotations

import json
import re

import pytest

from greeting import CODE, DOCUMENTS
from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft

FOLDER = ".idse/projects/portal/sessions/__blueprint__"
REF = "refs/idse/sessions/portal/__blueprint__"
BUILT = "implementation/README.md"
SIX = [path for path in DOCUMENTS if not path.startswith("feedback")]


@pytest.fixture
def project(repo, once):
    """The tasks of a small piece of work are complete, its implementation is told, and no code is there."""

    def make():
        repo.write("README.md", "hello\n")
        repo.commit("before")
        assert repo.idse("init", "portal").returncode == 0
        write(repo, *SIX)
        done = repo.idse("stage", "complete", "intent", "context", "spec", "plan", "tasks")
        assert done.returncode == 0, done.stderr

    once(repo, make)
    return repo


def write(repo, *paths, **texts):
    for path in paths:
        repo.write(f"{FOLDER}/{path}", texts.get("text") or DOCUMENTS[path])


def build(repo, *paths, message="work"):
    """Commits the code of `paths`, all of it where none are named."""
    for path in paths or CODE:
        repo.write(path, CODE[path])
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", message)
    return repo.git("rev-parse", "HEAD").strip()


def complete(repo):
    return repo.idse("stage", "complete", "implementation")


def findings(repo, *args, folder=None):
    done = repo.idse("validate", *args, "--json", **({"cwd": folder} if folder else {}))
    data = json.loads(done.stdout)["data"]
    return {each["rule"]: each["message"] for each in data["findings"]}, data


def evidence(repo):
    commits = repo.git("rev-list", REF).split()
    bodies = (json.loads(repo.git("show", f"{commit}:event.json")) for commit in commits)
    return next(each["body"]["evidence"] for each in bodies if "evidence" in each["body"])


class TestTheGate:
    def test_refuses_where_nothing_was_committed(self, project):
        done = complete(project)
        assert done.returncode == 1
        assert "there is no commit since the session began" in done.stdout

    def test_refuses_before_the_first_commit(self, repo):
        repo.idse("init", "portal")
        write(repo, *SIX)
        done = repo.idse("stage", "complete", "intent", "context", "spec", "plan", "tasks", "implementation")
        assert done.returncode == 1
        assert "there is no commit yet" in done.stdout

    def test_refuses_for_a_commit_of_documents(self, project):
        project.git("add", "-A")
        project.git("commit", "-q", "-m", "documents")
        done = complete(project)
        assert done.returncode == 1
        assert "its commits change nothing outside of .idse/" in done.stdout

    def test_refuses_for_a_commit_that_no_document_leads_to(self, project):
        project.write("unrelated.txt", "x\n")
        project.git("add", "unrelated.txt")
        project.git("commit", "-q", "-m", "something else")
        name = project.git("rev-parse", "--short=7", "HEAD").strip()
        done = complete(project)
        assert done.returncode == 1
        assert f"no document names {name}, or a file changed there" in done.stdout

    def test_refuses_for_commits_of_another_session(self, project):
        project.idse("spawn", "other")
        project.write("src/greet.py", CODE["src/greet.py"])
        project.git("add", "src")
        project.git("commit", "-q", "-m", "work")
        project.idse("switch", "__blueprint__")
        done = complete(project)
        assert done.returncode == 1
        assert "no commit since the session began is linked to it" in done.stdout

    def test_passes_with_the_code(self, project):
        head = build(project)
        done = complete(project)
        assert done.returncode == 0, done.stdout
        assert "warning" not in done.stdout
        kept = evidence(project)
        assert kept["head"] == head
        assert list(kept["commits"]) == [head]
        assert re.fullmatch("[0-9a-f]{40}", kept["commits"][head])
        assert set(kept["files"]) == {"src/greet.py", "tests/test_greet.py"}

    def test_records_no_name_that_the_documents_do_not_have(self, project):
        project.write("secret_canary.py", "CANARY\n")
        build(project)
        assert complete(project).returncode == 0
        assert "anary" not in json.dumps(evidence(project))

    def test_the_ledger_stays_one_that_older_releases_read(self, project):
        build(project)
        complete(project)
        state = json.loads(project.git("show", f"{REF}:state.json"))
        assert state["format"] == 1

    def test_counts_work_since_the_session_began_only(self, repo):
        build(repo)
        repo.idse("init", "portal")
        write(repo, *SIX)
        repo.idse("stage", "complete", "intent", "context", "spec", "plan", "tasks")
        done = complete(repo)
        assert done.returncode == 1
        assert "there is no commit since the session began" in done.stdout

    def test_a_commit_can_name_the_task_itself(self, project):
        project.write("engine.rs", "fn\n")
        project.git("add", "engine.rs")
        project.git("commit", "-q", "-m", "work\n\nIdse-Task: __blueprint__/1.1")
        write(project, "tasks.md", text=re.sub(r" \(Files: [^)]*\)", "", DOCUMENTS["tasks.md"]))
        project.idse("stage", "reopen", "tasks", "-m", "files")
        project.idse("stage", "complete", "tasks")
        done = complete(project)
        assert done.returncode == 0, done.stdout
        assert "no commit shows that 2 of 3 ticked tasks were done: 0.1, 2.1" in done.stdout

    def test_refuses_a_declared_file_that_is_nowhere(self, project):
        build(project, "src/greet.py", "docs/greet.md")
        done = complete(project)
        assert done.returncode == 1
        assert "task 0.1 is ticked and declares tests/test_greet.py, which is not committed" in done.stdout
        assert "no commit shows that 1 of 3 ticked tasks were done: 0.1" in done.stdout

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            ("It is in commit abcdef1.", "abcdef1"),
            ("- `1234abc` adds the function", "1234abc"),
            ("See [it](https://forge.example/x/commit/0123456789abcdef0123456789abcdef01234567).", ""),
            ("The image is sha256 1234abcd1234.", ""),
            ("It took 1234567 ms, defaced twice.", ""),
        ],
    )
    def test_refuses_a_commit_that_is_not_here(self, project, words, named):
        build(project)
        write(
            project, BUILT, text=DOCUMENTS[BUILT].replace("The function and", f"{words}\n\nThe function and")
        )
        done = complete(project)
        assert (f"names commit {named}," in done.stdout) == bool(named)
        assert done.returncode == (1 if named else 0)

    def test_knows_a_commit_by_its_beginning(self, project):
        name = build(project)
        write(project, BUILT, text=DOCUMENTS[BUILT].replace("The function and", f"Commit {name[:8]}: the"))
        assert complete(project).returncode == 0

    def test_says_which_criteria_nobody_checked(self, project):
        build(project)
        write(project, BUILT, text=DOCUMENTS[BUILT].replace("| AC-2 |", "| AC-20 |"))
        done = complete(project)
        assert done.returncode == 0
        assert "does not say how 1 of 2 criteria were checked: AC-2 (spec.md:23)" in done.stdout

    def test_a_project_can_raise_what_is_unproved(self, project):
        build(project)
        project.write(".idse/constitution.yaml", "raise: {IDSE654: {complete: error}}\n")
        write(project, BUILT, text=DOCUMENTS[BUILT].replace("| AC-2 |", "| AC-20 |"))
        assert complete(project).returncode == 1

    @pytest.mark.parametrize(
        "message",
        [
            "work\n\nIdse-Task: __blueprint__/1.1,\n  __blueprint__/0.1",
            "work\n\nIdse-Task: x\nIdse-Task: ,/\n",
        ],
    )
    def test_an_odd_trailer_is_read(self, project, message):
        project.git("config", "core.commentChar", "%")
        build(project, message=message)
        assert complete(project).returncode == 0

    @pytest.mark.parametrize("name", ["a\nb", "\x01" + "a" * 40, "\x01", "ä ö", "b" * 40])
    def test_an_odd_file_name_is_read(self, project, name):
        project.write(name, "x\n")
        build(project)
        assert complete(project).returncode == 0


class TestWithoutHooks:
    """Commits that idse gave no note: made on a forge, in another clone, in a new work tree."""

    @pytest.fixture
    def squashed(self, project):
        """A branch was squashed into main by somebody without hooks; returns the commit."""
        project.git("add", ".idse")
        project.git("commit", "-q", "-m", "documents")
        project.git("switch", "-q", "-c", "work")
        build(project)
        project.git("switch", "-q", "main")
        hookless = ("-c", "core.hooksPath=/dev/null")
        project.git(*hookless, "merge", "-q", "--squash", "work")
        project.git(*hookless, "commit", "-q", "-m", "work (#1)")
        project.git("branch", "-D", "work")
        return project.git("rev-parse", "HEAD").strip()

    @pytest.mark.usefixtures("squashed")
    def test_is_told_how_to_link_one(self, project):
        done = complete(project)
        assert done.returncode == 1
        assert "no commit since the session began is linked to it: name the one with the work" in done.stdout

    def test_one_that_is_named_counts(self, project, squashed):
        write(
            project,
            BUILT,
            text=DOCUMENTS[BUILT].replace("The function", f"Commit {squashed[:9]}: the function"),
        )
        done = complete(project)
        assert done.returncode == 0, done.stdout
        assert "warning" not in done.stdout
        assert list(evidence(project)["commits"]) == [squashed]

    def test_one_from_before_is_told_apart(self, repo):
        name = build(repo)
        repo.idse("init", "portal")
        write(repo, *SIX)
        repo.idse("stage", "complete", "intent", "context", "spec", "plan", "tasks")
        write(repo, BUILT, text=DOCUMENTS[BUILT].replace("The function", f"Commit {name[:9]}: the function"))
        done = complete(repo)
        assert done.returncode == 1
        assert f"{name[:7]} was there before the session began" in done.stdout

    def test_a_change_made_in_a_merge_counts(self, project):
        project.git("add", ".idse")
        project.git("commit", "-q", "-m", "documents")
        project.git("switch", "-q", "-c", "side", "HEAD^")
        project.write("other.txt", "x\n")
        project.git("add", "other.txt")
        project.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "side")
        project.git("switch", "-q", "main")
        project.git("merge", "-q", "--no-commit", "--no-ff", "side")
        build(project, message="merged, with the work in it")
        done = complete(project)
        assert done.returncode == 0, done.stdout


class TestNoCode:
    TEXT = DOCUMENTS[BUILT] + "\nNo code: only the contract was renewed\n"

    def test_is_said_in_every_report(self, project):
        write(project, BUILT, text=self.TEXT)
        done = complete(project)
        assert done.returncode == 0, done.stdout
        assert "waived: only the contract was renewed" in done.stdout
        assert evidence(project)["no_code"] == "only the contract was renewed"
        for form in ("text", "json", "sarif", "junit", "github", "concise"):
            told = project.idse("validate", "--format", form)
            assert told.returncode == 0
            assert "only the contract was renewed" in told.stdout, form

    def test_is_refused_where_code_was_changed(self, project):
        name = build(project)
        write(project, BUILT, text=self.TEXT)
        done = complete(project)
        assert done.returncode == 1
        assert f"it says that there is none, and {name[:7]} changes docs/greet.md" in done.stdout

    def test_needs_a_reason(self, project):
        write(project, BUILT, text=DOCUMENTS[BUILT] + "\nNo code:\n")
        assert complete(project).returncode == 1

    def test_is_not_read_in_examples(self, project):
        write(project, BUILT, text=DOCUMENTS[BUILT] + "\n```\nNo code: an example\n```\n> No code: quoted\n")
        assert complete(project).returncode == 1


class TestLater:
    @pytest.fixture
    def tasks(self):
        return DOCUMENTS["tasks.md"]

    @pytest.fixture
    def branch(self, project, tasks):
        """Three commits of code on a branch; main has gone on meanwhile."""
        if tasks != DOCUMENTS["tasks.md"]:
            write(project, "tasks.md", text=tasks)
            project.idse("stage", "confirm", "tasks", "-m", "folders")
        write(project, "feedback/feedback.md")
        project.git("switch", "-q", "-c", "greeting")
        build(project, "tests/test_greet.py", message="tests")
        build(project, "src/greet.py", message="function")
        build(project, "docs/greet.md", message="words")
        assert project.idse("stage", "complete", "implementation", "feedback").returncode == 0
        project.git("switch", "-q", "main")
        project.write("CHANGES.md", "other\n")
        project.git("add", "CHANGES.md")
        project.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "somebody else")
        return project

    @staticmethod
    def cloned(repo, tmp_path, *options):
        path = tmp_path / "clone"
        repo.run("git", "clone", "-q", "--no-local", *options, f"file://{repo.path}", str(path))
        repo.run("git", "fetch", "-q", "origin", "refs/idse/*:refs/idse/*", cwd=path)
        return path

    @staticmethod
    def squashed(repo):
        repo.git("merge", "-q", "--squash", "greeting")
        repo.git("commit", "-q", "--no-verify", "-m", "greeting (squashed)")
        repo.git("branch", "-D", "greeting")

    def test_a_squash_that_is_cloned_still_passes(self, branch, tmp_path):
        self.squashed(branch)
        clone = self.cloned(branch, tmp_path)
        assert "src/greet.py" in branch.run("git", "ls-files", cwd=clone).stdout
        found, data = findings(branch, "portal/__blueprint__", folder=clone)
        assert found == {}
        assert data["notes"] == []
        done = branch.idse("stage", "confirm", "implementation", "-m", "looked", cwd=clone)
        assert done.returncode == 0, done.stdout

    @pytest.mark.parametrize("tasks", [re.sub(r"Files: (\w+/)[^)]*", r"Files: \1", DOCUMENTS["tasks.md"])])
    def test_a_squash_is_known_by_its_patch_where_no_file_is_declared(self, branch, tmp_path):
        kept = evidence(branch)
        assert (len(kept["commits"]), kept.get("files")) == (3, None)
        self.squashed(branch)
        branch.write("src/greet.py", "rewritten\n")
        branch.git("commit", "-q", "--no-verify", "-am", "later")
        clone = self.cloned(branch, tmp_path)
        found, _ = findings(branch, "portal/__blueprint__", folder=clone)
        assert found == {}

    def test_one_gone_for_good_is_told(self, branch, tmp_path):
        branch.git("branch", "-D", "greeting")
        clone = self.cloned(branch, tmp_path)
        branch.run("git", "checkout", "-q", "main", cwd=clone)
        folder = clone / FOLDER
        for path, text in DOCUMENTS.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        found, data = findings(branch, "portal/__blueprint__", folder=clone)
        assert "is gone" in found["IDSE657"]
        assert [each["severity"] for each in data["findings"]] == ["warning"]

    @pytest.mark.parametrize("tasks", [re.sub(r"Files: (\w+/)[^)]*", r"Files: \1", DOCUMENTS["tasks.md"])])
    @pytest.mark.parametrize(
        "setting",
        [
            ("grep.patternType", "fixed"),
            ("color.ui", "always"),
            ("log.showSignature", "true"),
            ("diff.noprefix", "true"),
            ("diff.algorithm", "patience"),
            ("diff.context", "9"),
            ("core.quotePath", "false"),
            ("log.showRoot", "false"),
        ],
        ids=lambda pair: pair[0],
    )
    def test_no_setting_of_a_person_changes_what_is_found(self, branch, tmp_path, setting):
        self.squashed(branch)
        branch.write("src/greet.py", "rewritten\n")
        branch.git("commit", "-q", "--no-verify", "-am", "later")
        clone = self.cloned(branch, tmp_path)
        branch.run("git", "config", *setting, cwd=clone)
        assert findings(branch, "portal/__blueprint__", folder=clone)[0] == {}

    def test_a_commit_that_was_squashed_is_still_known_by_name(self, branch, tmp_path):
        name = next(iter(evidence(branch)["commits"]))
        told = DOCUMENTS[BUILT].replace("The function", f"Commit {name[:9]}: the function")
        branch.idse("stage", "reopen", "implementation", "-m", "name it")
        branch.git("switch", "-q", "greeting")
        write(branch, BUILT, text=told)
        assert complete(branch).returncode == 0
        branch.git("commit", "-qam", "named")
        branch.git("switch", "-q", "main")
        self.squashed(branch)
        clone = self.cloned(branch, tmp_path)
        done = branch.idse("stage", "confirm", "implementation", "-m", "looked", cwd=clone)
        assert done.returncode == 0, done.stdout

    def test_another_commit_does_not_stand_for_one_that_is_gone(self, branch):
        branch.git("branch", "-D", "greeting")
        assert "IDSE657" in findings(branch)[0]
        for name in ("one", "two", "three"):
            branch.write(name, "x\n")
            branch.git("add", name)
            branch.git("commit", "-q", "-m", name)
        assert "IDSE657" in findings(branch)[0]
        done = branch.idse("stage", "reopen", "implementation", "-m", "its code is gone")
        assert done.returncode == 0
        assert "IDSE657" not in findings(branch)[0]

    def test_what_was_proved_once_proves_nothing_new(self, project):
        build(project)
        assert complete(project).returncode == 0
        more = "- [x] Task 2.2 – Take payments (Files: src/pay.py) (Acceptance: AC-1)\n"
        project.idse("stage", "reopen", "tasks", "-m", "payments")
        write(project, "tasks.md", text=DOCUMENTS["tasks.md"] + more)
        project.idse("stage", "complete", "tasks")
        project.idse("stage", "reopen", "implementation", "-m", "payments")
        done = complete(project)
        assert done.returncode == 1
        assert "task 2.2 is ticked and declares src/pay.py" in done.stdout

    def test_a_completion_that_nobody_could_look_at_stays_told(self, project, tmp_path):
        project.git("add", "-A")
        project.git("commit", "-q", "-m", "documents")
        clone = self.cloned(project, tmp_path, "--depth=1")
        assert project.idse("stage", "complete", "implementation", cwd=clone).returncode == 0
        project.run("git", "fetch", "-q", "--unshallow", cwd=clone)
        _, data = findings(project, "portal/__blueprint__", folder=clone)
        assert any("nobody could look when it was completed" in note for note in data["notes"])

    def test_one_that_was_waived_stays_told(self, project):
        project.idse("rule", "waive", "IDSE651", "-m", "it comes later")
        assert complete(project).returncode == 0
        _, data = findings(project)
        assert any("no commit bore it out when it was completed" in note for note in data["notes"])

    def test_a_rebase_changes_nothing(self, branch):
        branch.git("switch", "-q", "greeting")
        branch.git("rebase", "-q", "main")
        branch.git("reflog", "expire", "--expire=now", "--all")
        branch.git("gc", "-q", "--prune=now")
        old = next(iter(evidence(branch)["commits"]))
        assert branch.run("git", "cat-file", "-e", old).returncode != 0
        assert findings(branch)[0] == {}

    @pytest.mark.parametrize("tasks", [re.sub(r"Files: (\w+/)[^)]*", r"Files: \1", DOCUMENTS["tasks.md"])])
    def test_a_rebase_with_a_conflict_is_known_by_its_notes(self, branch):
        branch.write("src/greet.py", "theirs\n")
        branch.git("add", "src")
        branch.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "theirs")
        branch.git("switch", "-q", "greeting")
        assert branch.run("git", "rebase", "-q", "main").returncode != 0
        branch.write("src/greet.py", "both\n")
        branch.git("add", "src")
        branch.git("-c", "core.editor=true", "rebase", "--continue")
        branch.git("reflog", "expire", "--expire=now", "--all")
        branch.git("gc", "-q", "--prune=now")
        assert findings(branch)[0] == {}

    def test_a_shallow_clone_cannot_judge(self, branch, tmp_path):
        self.squashed(branch)
        clone = self.cloned(branch, tmp_path, "--depth=1")
        found, data = findings(branch, "portal/__blueprint__", folder=clone)
        assert found == {}
        why = "this clone is shallow: it holds only the latest commits"
        assert data["notes"] == [f"evidence of portal/__blueprint__ cannot be judged here: {why}"]

    def test_another_repository_cannot_judge(self, branch, tmp_path):
        other = tmp_path / "other"
        branch.run("git", "init", "-q", str(other))
        branch.run("git", "fetch", "-q", str(branch.path), "refs/idse/*:refs/idse/*", cwd=other)
        for path, text in DOCUMENTS.items():
            (other / FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
            (other / FOLDER / path).write_text(text)
        found, data = findings(branch, "portal/__blueprint__", folder=other)
        assert "IDSE657" not in found
        assert any("none of the commits that it was made on" in note for note in data["notes"])

    def test_the_gate_cannot_judge_in_another_repository(self, project, tmp_path):
        other = tmp_path / "other"
        project.run("git", "init", "-q", str(other))
        project.run("git", "fetch", "-q", str(project.path), "refs/idse/*:refs/idse/*", cwd=other)
        for path in SIX:
            (other / FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
            (other / FOLDER / path).write_text(DOCUMENTS[path])
        found, data = findings(project, "portal/__blueprint__", folder=other)
        assert "IDSE651" not in found
        assert any("none of the commits that it was made on" in note for note in data["notes"])


class TestHostileLedgers:
    """Evidence comes with events of other clones: whatever it holds is read, and git is given none of it."""

    ODD = (
        {"commits": {"a\nb": "x", "--output=x": "", "f" * 40: 3}},
        {"commits": ["x"], "files": {"a\nb": "c"}, "tasks": 5, "authored": None},
        {"commits": {"f" * 40: "x"}, "authored": {"f" * 40: "y"}, "files": {":(glob)**": "z"}, "whole": []},
        {"commits": {"f" * 40: "x"}, "head": ["x"], "whole": "y"},
        {"unseen": {"x": 1}},
        {"unseen": "\x1b[2Jgone"},
        {},
    )

    @pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
    def test_it_is_read(self, project, odd):
        sealed = {
            "stage": "implementation",
            "action": "complete",
            "from": "in_progress",
            "to": "complete",
            "artifact": project.git("hash-object", f"{FOLDER}/{BUILT}").strip(),
            "upstream": {},
            "evidence": odd,
        }
        writer = ledger_writer(discover(str(project.path)))
        writer.append("portal", "__blueprint__", lambda _tip: Draft("stage", sealed))
        for words in (("validate",), ("validate", "--json"), ("trace",), ("status",), ("drift",)):
            done = project.idse(*words)
            assert done.returncode in (0, 1), done.stderr
            assert "IDSE000" not in done.stdout + done.stderr
            assert "\x1b" not in done.stdout + done.stderr


class TestElsewhere:
    def test_code_of_another_repository_cannot_be_judged(self, project):
        text = DOCUMENTS[BUILT].replace("The function and", "It is commit greeter@1234abc. The function and")
        write(project, BUILT, text=text)
        done = complete(project)
        assert done.returncode == 0
        assert "cannot be judged here: its code is elsewhere: greeter@1234abc" in done.stdout + done.stderr
        assert evidence(project) == {"unseen": "its code is elsewhere: greeter@1234abc"}

    def test_validate_tells_before_the_gate_does(self, project):
        found, _ = findings(project)
        assert "there is no commit since the session began" in found["IDSE651"]
