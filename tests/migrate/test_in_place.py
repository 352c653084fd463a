"""The work tree that takes over may be the source itself."""

from __future__ import annotations

import json

import pytest

FOLDER = ".idse/projects/portal/sessions/login"
VIEWS = (".idse/projects/portal/CURRENT_SESSION", ".idse/projects/portal/session_state.json")


@pytest.fixture
def here(taker, make_old):
    """What stands in the repository that takes over; names of it have to be mapped."""
    old = make_old("repo")
    old.session("C", "Login", "portal")
    old.session("C", "login", "portal", about="passwords")
    old.session("C", "cart", "Portal", about="carts")
    taker.commit("all that the older tool left")
    return old


def test_a_second_run_takes_no_folder_for_a_source_that_the_first_one_wrote(here, taker):
    first = taker.migrate(here)
    refs, files = taker.refs(), here.snapshot()
    second = taker.migrate(here)
    assert len(first["written"]) == 3
    assert not second["changed"]
    assert taker.refs() == refs
    assert here.snapshot() == files


def test_neither_does_it_after_everything_was_committed(here, taker):
    taker.migrate(here)
    taker.commit("the new folders")
    refs = taker.refs()
    assert not taker.migrate(here)["changed"]
    assert taker.refs() == refs


def test_a_document_that_changed_since_makes_no_session_of_another_name(here, taker):
    taker.migrate(here)
    here.put(here.where("C", "spec"), "# Spec\n\nWritten in the old place all the same.\n")
    assert not taker.migrate(here)["changed"]


@pytest.fixture
def dotted(taker, make_old):
    """A repository whose sessions stand where they belong, in the form of an older tool, all complete."""
    old = make_old("repo")
    for session in ("login", "__blueprint__"):
        old.session("D", session)
        old.json(
            f".idse/projects/portal/sessions/{session}/metadata/session.json",
            {"session_id": session, "status": "complete"},
        )
    old.put(VIEWS[0], "login")
    old.json(VIEWS[1], {"session_id": "login", "stages": {"intent": "complete"}})
    taker.commit("all that the older tool left")
    return old


class TestTheOldForm:
    def test_a_folder_that_git_has_gets_todays_form_and_nothing_is_changed_since_completed(
        self, dotted, taker
    ):
        planned = taker.idse("migrate", ".", "--dry-run").stdout
        assert "portal/login: new, and its folder gets today's form" in planned
        assert taker.git("status", "--porcelain") == ""
        data = taker.migrate(dotted)
        assert sorted(data["new_forms"]) == ["portal/__blueprint__", "portal/login"]
        assert not (taker.path / FOLDER / "intents").exists()
        assert (taker.path / FOLDER / "intent.md").read_bytes() == taker.shown("portal/login", "intent.md")
        shown = taker.idse("status").stdout
        assert "changed since" not in shown
        assert "stale" not in shown
        assert taker.idse("validate", "--all").returncode == 0

    def test_so_does_one_whose_text_only_the_ledger_has(self, dotted, taker):
        dotted.put(f"{FOLDER}/specs/notes.txt", "written just now")
        dotted.put(f"{FOLDER}/specs/spec.md", "# Spec\n\nWritten just now, and by nobody committed so far.\n")
        data = taker.migrate(dotted)
        assert sorted(data["new_forms"]) == ["portal/__blueprint__", "portal/login"]
        assert taker.read(f"{FOLDER}/notes.txt") == b"written just now"
        assert taker.folder()["spec.md"] == taker.read(f"{FOLDER}/spec.md")
        assert b"Written just now" in taker.read(f"{FOLDER}/spec.md")
        taker.commit("today's form")
        assert taker.idse("migrate", str(dotted.path)).returncode == 0
        assert taker.idse("status").stdout.count("differs from the ledger") == 0

    def test_one_that_no_ledger_takes_as_it_is_is_left_and_the_reason_told(self, dotted, taker):
        program = dotted.path / FOLDER / "specs/run.sh"
        program.write_text("echo\n")
        program.chmod(0o755)
        taker.commit("a program")
        done = taker.idse("migrate", str(dotted.path))
        assert done.returncode == 0
        assert "the folder of portal/login was left as it is: " in done.stderr
        assert f"{FOLDER}/specs/run.sh" in done.stderr
        assert (taker.path / FOLDER / "intents/intent.md").exists()
        assert not (taker.path / ".idse/projects/portal/sessions/__blueprint__/intents").exists()

    def test_a_session_that_a_sparse_checkout_leaves_out_in_part_waits(self, dotted, taker):
        taker.git("sparse-checkout", "set", "--no-cone", "/*", f"!/{FOLDER}/specs/")
        data = taker.migrate(dotted, exits=3)
        assert data["written"] == ["portal/__blueprint__"]
        taker.git("sparse-checkout", "disable")
        assert taker.migrate(dotted)["written"] == ["portal/login"]
        assert taker.stages()["spec"] == "complete"

    @pytest.mark.parametrize("words", [("init", "portal"), ("init", "portal", "--new-ledger")])
    def test_no_new_ledger_begins_over_it(self, dotted, taker, words):
        before = dotted.snapshot()
        done = taker.idse(*words)
        assert done.returncode == 3
        assert "idse migrate ." in done.stderr
        assert {path: each for path, each in dotted.snapshot().items() if b"/.git" not in path} == {
            path: each for path, each in before.items() if b"/.git" not in path
        }

    def test_the_one_step_that_is_told_lets_git_carry_views_no_longer(self, dotted, taker):
        done = taker.idse("migrate", str(dotted.path))
        step = next(line for line in done.stderr.splitlines() if line.startswith("next: git rm"))
        (taker.path / "below").mkdir()
        words = step.partition("  #")[0].split()[1:]
        assert taker.run(*words, cwd=taker.path / "below").returncode == 0
        taker.commit("today's form")
        assert taker.git("ls-files", *VIEWS) == ""
        assert taker.idse("switch", "__blueprint__").returncode == 0
        assert taker.git("status", "--porcelain") == ""
        assert taker.idse("validate", "--all").returncode == 0

    def test_a_view_whose_text_no_commit_has_is_left(self, dotted, taker):
        dotted.put(VIEWS[1], '{"session_id": "login", "note": "by hand"}')
        taker.migrate(dotted)
        assert (taker.path / VIEWS[1]).read_text() == '{"session_id": "login", "note": "by hand"}'

    def test_the_second_run_says_migrated_already_whatever_was_committed_since(self, dotted, taker):
        taker.migrate(dotted)
        taker.commit("today's form")
        refs = taker.refs()
        done = taker.idse("migrate", ".")
        assert done.returncode == 0
        assert "portal/login: migrated already" in done.stdout
        assert "nothing was changed" in done.stderr
        assert taker.refs() == refs


class TestAfterTheCommit:
    def test_a_folder_called_current_belongs_to_the_session_that_it_belonged_to(self, dotted, taker):
        dotted.put("specs/current/spec.md", (dotted.path / FOLDER / "specs/spec.md").read_bytes())
        taker.commit("a copy")
        taker.migrate(dotted)
        taker.commit("today's form")
        assert {each["session"]: each["verdict"] for each in taker.migrate(dotted)["sessions"]} == {
            "portal/login": "migrated already"
        }

    def test_the_second_run_says_migrated_already(self, here, taker):
        taker.migrate(here)
        taker.commit("the new folders")
        data = taker.migrate(here)
        assert {each["verdict"] for each in data["sessions"]} == {"migrated already"}
        assert data["counts"]["unknown"] == 0

    def test_so_it_does_when_half_of_the_old_files_are_gone(self, here, taker):
        taker.migrate(here)
        (here.path / here.where("C", "spec")).unlink()
        taker.commit("without the old spec")
        assert {each["verdict"] for each in taker.migrate(here)["sessions"]} == {"migrated already"}

    def test_the_archive_is_written_at_any_time(self, here, taker):
        taker.migrate(here)
        taker.commit("the new folders")
        taker.migrate(here, "--archive", "old")
        notice = taker.git("show", f"old:{here.where('C', 'spec', 'cart', 'Portal')}")
        assert "Legacy path notice" in notice
        taker.git("merge", "-q", "--no-edit", "old")
        data = taker.migrate(here)
        assert not data["sessions"]
        assert len(data["own"]) == 3
        assert data["counts"]["stub"] == 21
        assert data["notes"] == []

    def test_work_in_a_folder_here_is_no_change_of_the_source(self, here, taker):
        (first, *_) = taker.migrate(here)["written"]
        taker.write(folder(first) + "/intent.md", "# Intent\n\nWritten on with idse.\n")
        taker.commit("on it goes")
        assert {each["verdict"] for each in taker.migrate(here)["sessions"]} == {"migrated already"}


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_done(here, taker):
    assert here
    (taker.path / "folder").mkdir()
    for place in ("nowhere/report.json", "folder", "/dev/stdout"):
        assert taker.idse("migrate", ".", "--report", place).returncode == 2
    assert taker.sessions() == []


def test_a_report_may_overwrite_its_own_and_nothing_else(here, taker):
    assert taker.idse("migrate", ".", "--report", "report.json").returncode == 0
    assert taker.idse("migrate", ".", "--report", "report.json").returncode == 0
    assert json.loads(taker.read("report.json"))["written"] == []
    for other in ("{}", "no report", '{"source": 1}'):
        taker.write("report.json", other)
        assert taker.idse("migrate", ".", "--report", "report.json").returncode == 2
        assert taker.read("report.json").decode() == other


class TestRestoreAll:
    @pytest.fixture
    def names(self, here, taker):
        """The sessions, all of whose folders are committed."""
        found = taker.migrate(here)["written"]
        taker.commit("the new folders")
        return found

    def test_every_folder_gets_what_its_ledger_holds(self, names, taker):
        for name in names:
            (taker.path / folder(name) / "intent.md").unlink()
        done = taker.idse("restore", "--all")
        assert done.returncode == 0, done.stderr
        assert [line for line in done.stderr.splitlines() if ": restored 1 file from " in line]
        assert len(done.stderr.splitlines()) == 3
        assert taker.git("status", "--porcelain") == ""
        assert "nothing to restore" in taker.idse("restore", "--all").stderr

    def test_one_with_work_that_nothing_else_holds_stops_no_other(self, names, taker):
        first, second, _ = names
        taker.write(folder(first) + "/intent.md", "only here\n")
        (taker.path / folder(second) / "intent.md").unlink()
        done = taker.idse("restore", "--all")
        assert done.returncode == 3
        assert taker.read(folder(first) + "/intent.md") == b"only here\n"
        assert taker.read(folder(second) + "/intent.md") == taker.shown(second, "intent.md")
        assert f"{first} is as it was" in done.stderr
        forced = taker.idse("restore", "--all", "--force")
        assert forced.returncode == 0
        assert f"{first}: saved what was here" in forced.stderr
        assert taker.folder(first)["intent.md"] == b"only here\n"  # it was saved first

    @pytest.mark.usefixtures("names")
    def test_it_names_no_session(self, taker):
        assert taker.idse("restore", "login", "--all").returncode == 2


def folder(name: str) -> str:
    """Where the session "project/session" has its folder."""
    project, _, session = name.partition("/")
    return f".idse/projects/{project}/sessions/{session}"
