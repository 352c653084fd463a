"""One stray thing fails nothing else: every named session comes over, and the stray thing is told."""

from __future__ import annotations

import os

import pytest

ACTIVE = ".idse_active_session.json"
ORPHAN = "# Spec\n\nWritten before there were sessions.\n"


def files(data):
    return {entry["path"]: (entry["fate"], entry["reason"]) for entry in data["files"]}


def doubts(data, session):
    return next(each["doubts"] for each in data["sessions"] if each["session"] == session)


@pytest.fixture
def two(old):
    """Two projects, and folders called current of two stages that nobody owns."""
    old.put(old.where("A", "spec", "login", "portal"), "# Spec\n\nLogin by passkey.\n")
    old.put(old.where("A", "spec", "cart", "shop"), "# Spec\n\nA cart for everybody.\n")
    old.put("specs/current/spec.md", ORPHAN)
    old.put("plans/current/plan.md", "# Plan\n\nPlanned before there were sessions.\n")
    return old


class TestFoldersCalledCurrentThatNobodyOwns:
    def test_they_are_told_and_every_named_session_comes_over(self, two, taker):
        data = taker.migrate(two)
        assert taker.sessions() == ["portal/login", "shop/cart"]
        assert [path for path, (fate, _) in files(data).items() if fate == "unknown"] == [
            "plans/current/plan.md",
            "specs/current/spec.md",
        ]
        [note] = data["notes"]
        assert "plans/current, specs/current: nobody says which session that is" in note
        assert "--only PROJECT" in note

    def test_with_the_one_project_that_is_asked_for_they_come_over_flagged(self, two, taker):
        taker.migrate(two)
        data = taker.migrate(two, "--only", "portal")
        assert data["written"] == ["portal/current"]
        assert taker.folder("portal/current")["spec.md"] == ORPHAN.encode()
        assert any("nobody says" in doubt for doubt in doubts(data, "portal/current"))
        assert files(data)["specs/projects/shop/sessions/cart/spec.md"][0] == "unknown"
        assert taker.is_sound()

    def test_of_one_project_they_are_its_session_of_that_name(self, old, taker):
        old.session("C")
        old.put("specs/current/spec.md", ORPHAN)
        data = taker.migrate(old)
        assert taker.sessions() == ["portal/current", "portal/login"]
        assert any("nobody says" in doubt for doubt in doubts(data, "portal/current"))

    def test_two_projects_that_each_name_a_session_do_not_say_whose_they_are(self, two, taker):
        two.put("projects/portal/CURRENT_SESSION", "login")
        two.put("projects/shop/CURRENT_SESSION", "cart")
        data = taker.migrate(two)
        assert set(taker.folder()) == {"spec.md"}
        assert files(data)["plans/current/plan.md"][0] == "unknown"

    def test_one_project_that_names_a_session_does(self, two, taker):
        two.put("projects/shop/CURRENT_SESSION", "cart")
        data = taker.migrate(two)
        assert taker.folder("shop/cart")["plan.md"].startswith(b"# Plan")
        assert data["counts"]["unknown"] == 0

    def test_a_named_session_that_is_not_there_is_made_of_them(self, two, taker):
        two.put("projects/shop/CURRENT_SESSION", "gone")
        taker.migrate(two)
        assert taker.folder("shop/gone")["spec.md"] == ORPHAN.encode()
        assert set(taker.sessions()) == {"portal/login", "shop/cart", "shop/gone"}

    def test_one_that_is_not_there_in_a_project_that_nobody_says_is_told(self, two, taker):
        two.put("CURRENT_SESSION", "gone")
        data = taker.migrate(two)
        assert taker.sessions() == ["portal/login", "shop/cart"]
        assert data["counts"]["unknown"] == 3

    def test_a_closed_one_keeps_its_owner_waiting_and_nobody_else(self, old, taker, run_bound):
        old.session("C", "audit")
        documents = old.session("C")
        old.put("CURRENT_SESSION", "login")
        old.put("specs/current/trials.txt", "tried by hand")
        os.chmod(old.path / "specs/current", 0)
        code, data = run_bound(old)
        os.chmod(old.path / "specs/current", 0o700)
        assert code == 3
        assert {each["session"]: each["verdict"] for each in data["sessions"]}["portal/login"] == "unreadable"
        assert taker.sessions() == ["portal/audit"]
        assert run_bound(old)[0] == 0
        assert taker.folder() == {**documents, "trials.txt": b"tried by hand"}


class TestTheSessionThatAToolNotedAsActive:
    def note(self, old, **values):
        old.json(ACTIVE, {"name": "x", "created_at": 1766000000.0, "owner": "ann", **values})

    def test_it_is_current_and_owns_the_folders_of_that_name(self, two, taker):
        self.note(two, session_id="login", project="portal")
        data = taker.migrate(two)
        assert taker.sessions() == ["portal/login", "shop/cart"]
        assert data["current"] == "portal/login"
        assert files(data)[ACTIVE] == ("migrated", "it names login as current")
        folder = taker.folder()
        assert folder["plan.md"].startswith(b"# Plan")
        assert folder["migrated/current-folder/specs/spec.md"] == ORPHAN.encode()
        assert any("specs/current/spec.md is another text" in each for each in doubts(data, "portal/login"))
        assert taker.read(".idse/projects/portal/CURRENT_SESSION") == b"login"
        assert taker.is_sound()
        assert not taker.migrate(two)["changed"]

    def test_it_may_go_by_its_name(self, two, taker):
        self.note(two, session_id="cart-1766000000", name="cart", project="shop")
        assert taker.migrate(two)["current"] == "shop/cart"
        assert "plan.md" in taker.folder("shop/cart")

    def test_it_names_the_project_of_a_source_that_names_none(self, old, taker):
        documents = old.session("B")
        self.note(old, session_id="login", project="portal")
        taker.migrate(old)
        assert taker.folder("portal/login") == documents

    def test_a_current_session_file_counts_before_it(self, two, taker):
        two.put("projects/portal/CURRENT_SESSION", "login")
        two.session("C", "audit")
        self.note(two, session_id="audit", project="portal")
        data = taker.migrate(two)
        assert files(data)[ACTIVE][0] == "unknown"
        assert "a better place names login" in files(data)[ACTIVE][1]
        assert taker.read(".idse/projects/portal/CURRENT_SESSION") == b"login"

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ('{"session_id": "log', "it is no JSON"),
            ("[1, 2]", "it is no JSON object"),
            ('{"project": "portal"}', "it names no session"),
            ('{"session_id": 7, "project": "portal"}', "it names no session"),
            ('{"session_id": "a", "project": "blog"}', "there is no such project"),
            ('{"session_id": "gone"}', "it names gone, which is not there"),
            ("\xff", "it is no JSON"),
        ],
    )
    def test_one_that_is_of_no_use_is_told_and_fails_nothing(self, two, taker, content, why):
        two.put(ACTIVE, content)
        data = taker.migrate(two)
        assert taker.sessions() == ["portal/login", "shop/cart"]
        assert files(data)[ACTIVE][0] == "unknown"
        assert why in files(data)[ACTIVE][1]
        assert data["counts"]["unknown"] == 3

    def test_a_project_that_is_not_there_fails_no_name_either(self, old, taker):
        old.session("C")
        old.put("specs/current/spec.md", ORPHAN)
        self.note(old, session_id="x", project="ghost")
        taker.migrate(old, "--project", "web")
        assert taker.sessions() == ["web/current", "web/login"]


class TestOtherFoldersThatAreLikeStages:
    @pytest.mark.parametrize("root", ["reports", "checks", "Reports 2"])
    def test_they_hold_side_files_of_the_sessions_that_are_there(self, old, taker, root):
        old.put(old.where("A", "spec"), "# Spec\n\nLogin by passkey.\n")
        place = f"{root}/projects/portal/sessions/login"
        old.put(f"{place}/audit-feedback-report.txt", "audit: ok\n")
        old.put(f"{place}/deep/spec.md", "# Spec\n\nWhat a tool made of it.\n")
        old.put(f"{place}/.owner", "someone\n")
        data = taker.migrate(old)
        assert data["counts"] == {"migrated": 1, "duplicate": 0, "side file": 3, "stub": 0, "unknown": 0}
        assert taker.folder()[f"{root}/audit-feedback-report.txt"] == b"audit: ok\n"
        assert taker.folder()[f"{root}/deep/spec.md"] == b"# Spec\n\nWhat a tool made of it.\n"
        assert taker.state()["owner"] == "someone"
        assert taker.is_sound()

    def test_what_no_stage_has_is_told_and_begins_no_session(self, old, taker):
        old.session("C")
        old.put("reports/projects/portal/sessions/gone/report.txt", "audit\n")
        data = taker.migrate(old)
        assert taker.sessions() == ["portal/login"]
        path = "reports/projects/portal/sessions/gone/report.txt"
        assert files(data)[path] == ("unknown", "no stage has a session gone of portal")

    def test_a_whole_layout_in_a_folder_of_its_own_is_another_source(self, old, taker):
        old.session("C")
        old.put("backup/projects/portal/sessions/login/specs/spec.md", "# Spec\n\nAn older text of it.\n")
        data = taker.migrate(old)
        assert data["counts"]["unknown"] == 1
        assert len(taker.folder()) == 7

    def test_their_history_is_that_of_the_session(self, make_repo, taker):
        source = make_repo("source")
        place = "reports/projects/portal/sessions/login/report.txt"
        source.write("specs/projects/portal/sessions/login/spec.md", "# Spec\n\nLogin by passkey.\n")
        source.write(place, "audit: 1 finding\n")
        source.commit("first")
        source.write(place, "audit: ok\n")
        source.commit("second")
        taker.migrate(source.path)
        told = [event["body"].get("subject") for event in taker.events() if event["kind"] == "migrated"]
        assert told == ["first", "second"]


class TestOtherStrayThings:
    def test_a_file_beside_sessions_and_one_beside_projects(self, two, taker):
        for path in ("projects/notes.txt", "projects/portal/sessions/notes.txt", "specs/spec.md"):
            two.put(path, "stray\n")
        data = taker.migrate(two)
        assert taker.sessions() == ["portal/login", "shop/cart"]
        assert data["counts"]["unknown"] == 5

    def test_a_closed_folder_that_holds_no_session_keeps_nobody_waiting(self, two, taker, run_bound):
        two.put("notes/a.txt", "stray\n")
        os.chmod(two.path / "notes", 0)
        code, data = run_bound(two)
        os.chmod(two.path / "notes", 0o700)
        assert code == 0
        assert files(data)["notes"][0] == "unknown"
        assert taker.sessions() == ["portal/login", "shop/cart"]

    @pytest.mark.parametrize("closed", ["projects", "projects/portal", "projects/portal/sessions"])
    def test_a_closed_folder_that_may_hold_more_of_a_session_does(self, two, taker, run_bound, closed):
        two.put(two.where("C", "tasks", "login", "portal"), "# Tasks\n\n- [x] Task 0.1 - all of it\n")
        os.chmod(two.path / closed, 0)
        code, data = run_bound(two)
        os.chmod(two.path / closed, 0o700)
        assert code == 3
        verdicts = {each["session"]: each["verdict"] for each in data["sessions"]}
        assert verdicts["portal/login"] == "unreadable"
        assert verdicts["shop/cart"] == ("unreadable" if closed == "projects" else "new")
        assert run_bound(two)[0] == 0
        assert set(taker.folder()) == {"spec.md", "tasks.md"}


class TestTheNameOfTheProject:
    """``--project`` is what the project is called here; ``--only`` chooses of the source."""

    def test_one_name_for_several_projects_is_refused_with_the_way_to_choose(self, two, taker):
        error = taker.refused(two, "--project", "web")
        assert error["code"] == "IDSE001"
        assert error["fix"] == ["idse migrate PATH --only portal --project web"]
        assert taker.refused(two, "--project", "shop")["fix"] == ["idse migrate PATH --only shop"]
        assert taker.refs() == ""

    def test_one_is_chosen_and_renamed(self, two, taker):
        data = taker.migrate(two, "--only", "shop", "--project", "web")
        assert taker.sessions() == ["web/cart", "web/current"]
        assert data["projects"] == ["web"]

    def test_several_are_chosen(self, two, taker):
        two.session("C", "post", "blog")
        taker.migrate(two, "--only", "shop", "--only", "blog")
        assert taker.sessions() == ["blog/post", "shop/cart"]

    def test_one_that_is_not_there_is_refused(self, two, taker):
        error = taker.refused(two, "--only", "shops")
        assert error["code"] == "IDSE001"
        assert "it has portal, shop" in error["cause"]
        assert "did you mean shop?" in error["cause"]
