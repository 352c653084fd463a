"""Which later commits changed what a session built? Real commits, squashes, rebases, renames and clones."""

from __future__ import annotations

import json

import pytest

from greeting import CODE, DOCUMENTS

FOLDER = ".idse/projects/portal/sessions/__blueprint__"
REF = "refs/idse/sessions/portal/__blueprint__"
GREET = CODE["src/greet.py"]
LOUDER = GREET.replace('"Hello, {name}"', '"HELLO, {name}"')
assert LOUDER != GREET
NOBODY = ("-c", "core.hooksPath=/dev/null")
"""Commits as somebody without hooks: no note says whose they are."""


@pytest.fixture
def built(repo, once):
    """A small piece of work, all of it complete, on a branch of its own."""

    def make():
        repo.write("README.md", "hello\n")
        repo.commit("before")
        assert repo.idse("init", "portal").returncode == 0
        repo.git("switch", "-q", "-c", "greeting")
        for path, text in CODE.items():
            repo.write(path, text)
        for path, text in DOCUMENTS.items():
            repo.write(f"{FOLDER}/{path}", text)
        repo.git("add", "src", "tests", "docs")
        repo.git("commit", "-q", "-m", "the greeting")
        stages = ("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")
        done = repo.idse("stage", "complete", *stages)
        assert done.returncode == 0, done.stdout + done.stderr
        repo.git("add", ".idse")
        repo.git("commit", "-q", "-m", "its documents")

    once(repo, make)
    return repo


def change(repo, text, message="later", path="src/greet.py", git=NOBODY):
    """Commits `text` at `path`; returns the commit."""
    repo.write(path, text)
    repo.git("add", path)
    repo.git(*git, "commit", "-q", "-m", message)
    return repo.git("rev-parse", "HEAD").strip()


def drift(repo, *args, cwd=None):
    """What `idse drift` says of the one session."""
    done = repo.idse("drift", *args, "--json", **({"cwd": cwd} if cwd else {}))
    assert done.returncode == 0, done.stdout + done.stderr
    (session,) = json.loads(done.stdout)["data"]["sessions"]
    return session


def found(repo, kind="commits", **options):
    return [each["id"] for each in drift(repo, **options)[kind]]


class TestWhatDrifted:
    def test_nothing_did_at_first(self, built):
        data = drift(built)
        assert data["drifted"] is False
        assert data["paths"] == ["src/greet.py"]
        assert "what it built did not change since" in built.idse("drift").stderr

    def test_a_commit_that_changes_it_is_told(self, built):
        commit = change(built, LOUDER, "shout")
        told = drift(built)
        assert [(each["id"], each["subject"]) for each in told["commits"]] == [(commit, "shout")]
        assert told["commits"][0]["places"] == [{"path": "src/greet.py", "first": 2, "last": 2}]
        done = built.idse("drift")
        assert done.returncode == 0
        assert commit[:7] in done.stdout
        assert "src/greet.py:2" in done.stdout

    def test_strict_says_no(self, built):
        assert built.idse("drift", "--strict").returncode == 0
        change(built, LOUDER)
        assert built.idse("drift", "--strict").returncode == 1

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("src/greet.py", GREET.replace("\n    return", "\n    # politely\n    return")),
            ("src/greet.py", GREET.replace("(name)", "(name: str) -> str")),
            ("src/greet.py", GREET.replace("if name else", "if (name) else")),
            ("src/greet.py", GREET.replace("name", "who")),
            ("src/greet.py", GREET + "\n\ndef other():\n    return 1\n"),
            ("tests/test_greet.py", "def test_other():\n    assert True\n"),
            ("docs/greet.md", "It shouts.\n"),
            ("src/README.rst", "It shouts.\n"),
            ("src/unrelated.py", "x = 1\n"),
        ],
        ids=["comment", "types", "layout", "names", "another", "tests", "docs", "text", "elsewhere"],
    )
    def test_what_says_the_same_is_none(self, built, path, text):
        before = "def greeting(name)" if path == "src/greet.py" else ""
        assert before in GREET
        change(built, text, path=path)
        if "who" in text:  # a parameter that is renamed is another interface
            assert drift(built)["drifted"] is True
        else:
            assert drift(built)["drifted"] is False

    def test_a_layout_between_does_not_hide_what_comes_after(self, built):
        change(built, GREET.replace("if name else", "if (name) else"))
        assert found(built) == []
        commit = change(built, LOUDER.replace("if name else", "if (name) else"))
        assert found(built) == [commit]

    def test_one_that_was_taken_back_is_none(self, built):
        change(built, LOUDER)
        change(built, GREET, "back")
        assert found(built) == []

    def test_one_that_only_cleans_up_is_set_aside(self, built):
        commit = change(built, LOUDER, "refactor: say it better")
        assert found(built) == []
        assert found(built, "set_aside") == [commit]
        assert "1 commit more that only clean up" in built.idse("drift").stderr

    def test_a_file_that_goes_away_is_told(self, built):
        built.git("rm", "-q", "src/greet.py")
        built.git(*NOBODY, "commit", "-q", "-m", "gone")
        assert len(found(built)) == 1

    def test_what_is_not_committed_is_apart(self, built):
        built.write("src/greet.py", LOUDER)
        data = drift(built)
        assert (data["commits"], data["drifted"]) == ([], True)
        assert data["uncommitted"] == [{"path": "src/greet.py", "first": 2, "last": 2}]
        assert "committed" in built.idse("drift").stdout

    def test_a_commit_of_another_session_is_that_ones(self, built):
        assert built.idse("spawn", "other").returncode == 0
        commit = change(built, LOUDER, git=())
        built.idse("save", "other")  # gives the commit its note
        data = drift(built, "__blueprint__")
        assert data["commits"] == []
        assert [(each["id"], each["sessions"]) for each in data["other_sessions"]] == [
            (commit, ["portal/other"])
        ]
        assert "1 commit more of other sessions: portal/other" in built.idse("drift", "__blueprint__").stderr

    def test_a_later_commit_of_the_session_is_drift(self, built):
        commit = change(built, LOUDER, git=())
        assert found(built) == [commit]

    def test_code_in_another_language_is_read_by_its_lines(self, built):
        built.idse("stage", "reopen", "implementation", "-m", "more")
        text = "function greet(name) {\n  return name\n}\n"
        change(built, text, path="src/greet.js", git=())
        assert built.idse("stage", "complete", "implementation").returncode == 0
        change(built, text.replace("  return name", "    return name // it"), path="src/greet.js")
        assert found(built) == []
        commit = change(built, text.replace("return name", "return 1"), path="src/greet.js")
        assert found(built) == [commit]


class TestOtherIds:
    def test_a_squash_is_none(self, built):
        built.git("switch", "-q", "main")
        change(built, "x\n", path="other.py")
        built.git("merge", "-q", "--squash", "greeting")
        built.git(*NOBODY, "commit", "-q", "-m", "greeting (#1)")
        built.git("branch", "-D", "greeting")
        assert drift(built)["drifted"] is False
        commit = change(built, LOUDER)
        assert found(built) == [commit]

    def test_a_squash_in_a_clone_is_none(self, built, tmp_path):
        built.git("switch", "-q", "main")
        built.git("merge", "-q", "--squash", "greeting")
        built.git(*NOBODY, "commit", "-q", "-m", "greeting (#1)")
        built.git("branch", "-D", "greeting")
        commit = change(built, LOUDER)
        clone = tmp_path / "clone"
        built.run("git", "clone", "-q", "--no-local", f"file://{built.path}", str(clone))
        built.run("git", "fetch", "-q", "origin", "refs/idse/*:refs/idse/*", cwd=clone)
        assert found(built, cwd=clone) == [commit]

    def test_a_rebase_is_none(self, built):
        built.git("switch", "-q", "main")
        change(built, "x\n", path="other.py")
        built.git("switch", "-q", "greeting")
        built.git("rebase", "-q", "main")
        assert drift(built)["drifted"] is False
        commit = change(built, LOUDER)
        assert found(built) == [commit]

    def test_a_merge_counts_by_what_it_changes_itself(self, built):
        built.git("switch", "-q", "main")
        change(built, "x\n", path="other.py")
        built.git(*NOBODY, "merge", "-q", "--no-ff", "-m", "merge", "greeting")
        assert drift(built)["drifted"] is False
        built.git("switch", "-q", "-c", "side", "HEAD~1")
        change(built, "y\n", path="more.py")
        built.git("switch", "-q", "main")
        built.git(*NOBODY, "merge", "-q", "--no-ff", "--no-commit", "side")
        built.write("src/greet.py", LOUDER)
        built.git("add", "src")
        built.git(*NOBODY, "commit", "-q", "-m", "merged, and more")
        assert found(built) == [built.git("rev-parse", "HEAD").strip()]

    def test_a_rename_is_none_and_is_followed(self, built):
        built.git("mv", "src/greet.py", "src/hello.py")
        built.git(*NOBODY, "commit", "-q", "-m", "another name")
        assert drift(built)["drifted"] is False
        commit = change(built, LOUDER, path="src/hello.py")
        assert found(built) == [commit]

    def test_odd_names_are_read(self, built):
        built.idse("stage", "reopen", "implementation", "-m", "more")
        path = 'src/gr\tü "x.py'
        change(built, GREET, path=path, git=())
        assert built.idse("stage", "complete", "implementation").returncode == 0
        commit = change(built, LOUDER, path=path)
        assert found(built) == [commit]


class TestAccepting:
    def test_it_counts_from_there(self, built):
        change(built, LOUDER)
        done = built.idse("drift", "accept", "-m", "they asked for it")
        assert done.returncode == 0, done.stdout + done.stderr
        assert drift(built)["drifted"] is False
        commit = change(built, GREET, "politer")
        assert found(built) == [commit]

    def test_the_reason_is_history_and_the_format_stays(self, built):
        change(built, LOUDER)
        built.idse("drift", "accept", "-m", "they asked for it")
        event = json.loads(built.git("show", f"{REF}:event.json"))
        assert event["body"]["reason"] == "they asked for it"
        assert json.loads(built.git("show", f"{REF}:state.json"))["format"] == 1

    def test_it_is_refused_where_the_documents_changed(self, built):
        change(built, LOUDER)
        built.write(f"{FOLDER}/spec.md", DOCUMENTS["spec.md"] + "\nMore.\n")
        done = built.idse("drift", "accept", "-m", "why")
        assert done.returncode == 1
        assert "the code of portal/__blueprint__ cannot be accepted" in done.stderr
        assert 'idse stage confirm implementation -m "why"' in done.stderr

    def test_it_is_refused_where_nothing_can_be_seen(self, built, tmp_path):
        clone = tmp_path / "clone"
        built.run("git", "clone", "-q", "--depth=1", f"file://{built.path}", str(clone))
        built.run("git", "fetch", "-q", "origin", "refs/idse/*:refs/idse/*", cwd=clone)
        done = built.idse("drift", "accept", "portal/__blueprint__", "-m", "why", cwd=clone)
        assert done.returncode == 1
        assert "it cannot be judged here: this clone is shallow" in done.stderr

    def test_a_session_of_that_name_can_be_shown(self, built):
        assert built.idse("spawn", "accept").returncode == 0
        done = built.idse("drift", "show", "accept")
        assert "drift of portal/accept cannot be judged here" in done.stderr


class TestStatus:
    LINE = "drifted: 1 commit changed what it built: idse drift"

    def test_it_has_a_line(self, built):
        assert "drifted" not in built.idse("status").stdout
        change(built, LOUDER)
        for _ in range(2):  # the second time it is kept
            done = built.idse("status")
            assert done.stdout.count(self.LINE) == 1
        assert json.loads(built.idse("status", "--json").stdout)["data"]["drifted"] == 1
        built.idse("drift", "accept", "-m", "why")
        assert "drifted" not in built.idse("status").stdout

    def test_the_setting_turns_it_off(self, built):
        change(built, LOUDER)
        assert self.LINE in built.idse("status").stdout
        built.idse("config", "set", "drift", "off")
        assert self.LINE not in built.idse("status").stdout
        assert found(built) != []

    def test_a_packed_branch_is_read(self, built):
        change(built, LOUDER)
        built.git("pack-refs", "--all")
        assert self.LINE in built.idse("status").stdout
        built.git("switch", "-q", "--detach", "HEAD^")
        assert self.LINE not in built.idse("status").stdout

    def test_what_is_kept_may_be_odd(self, built):
        change(built, LOUDER)
        built.idse("status")
        (built.path / ".git/idse/drift/portal/__blueprint__").write_bytes(b"\xff\x00 1\n")
        assert self.LINE in built.idse("status").stdout

    def test_it_tells_the_stages_where_git_cannot_show_the_code(self, built):
        commit = change(built, LOUDER)
        blob = built.git("rev-parse", f"{commit}:src/greet.py").strip()
        lost = built.path / ".git/objects" / blob[:2] / blob[2:]
        lost.chmod(0o644)
        lost.write_bytes(b"no object")
        built.write("src/greet.py", GREET)  # git would read the file in place of the object
        done = built.idse("status")
        assert done.returncode == 0, done.stderr
        assert "implementation" in done.stdout

    def test_the_report_tells_it(self, built):
        change(built, LOUDER)
        assert "drifted" in built.idse("report").stdout
        data = json.loads(built.idse("report", "--json").stdout)["data"]
        assert data["sessions"][0]["drifted"] == 1
        assert "1 commit changed what it built" in built.idse("report", "--html", "-").stdout


class TestWhatCannotBeJudged:
    def test_a_shallow_clone(self, built, tmp_path):
        clone = tmp_path / "clone"
        built.run("git", "clone", "-q", "--depth=1", f"file://{built.path}", str(clone))
        built.run("git", "fetch", "-q", "origin", "refs/idse/*:refs/idse/*", cwd=clone)
        assert "this clone is shallow" in drift(built, cwd=clone)["unseen"]
        told = built.idse("drift", cwd=clone).stderr
        assert "drift of portal/__blueprint__ cannot be judged here: this clone is shallow" in told
        assert built.idse("status", cwd=clone).returncode == 0

    def test_a_bare_repository(self, built, tmp_path):
        bare = tmp_path / "bare.git"
        built.run("git", "clone", "-q", "--mirror", str(built.path), str(bare))
        done = built.idse("drift", "portal/__blueprint__", cwd=bare)
        assert "cannot be judged here: there is no code beside these documents" in done.stderr

    def test_another_repository(self, built, tmp_path):
        other = tmp_path / "other"
        built.run("git", "init", "-q", str(other))
        built.run("git", "fetch", "-q", str(built.path), "refs/idse/*:refs/idse/*", cwd=other)
        data = drift(built, "portal/__blueprint__", cwd=other)
        assert "this repository has none of the commits that it was made on" in data["unseen"]

    def test_a_branch_without_it(self, built):
        built.git("switch", "-q", "main")
        assert "this branch has none of the commits" in drift(built)["unseen"]

    def test_a_session_that_is_not_complete(self, built):
        built.idse("stage", "reopen", "implementation", "-m", "more")
        assert drift(built)["unseen"] == "its implementation is in progress"
        assert json.loads(built.idse("drift", "--all", "--json").stdout)["data"]["sessions"] == []
