"""What a source says of each of its projects is that project's, however many there are."""

from __future__ import annotations


def fates(data):
    return {entry["path"]: entry["fate"] for entry in data["files"]}


def current(taker, project):
    return taker.read(f".idse/projects/{project}/CURRENT_SESSION")


def test_each_project_works_on_the_session_that_its_own_file_names(old, taker):
    for project in ("portal", "shop"):
        old.session("C", "audit", project)
        old.session("C", "login", project)
        old.put(f"projects/{project}/CURRENT_SESSION", "login")
    taker.migrate(old)
    assert current(taker, "portal") == b"login"
    assert current(taker, "shop") == b"login"


def test_a_state_beside_the_sessions_of_a_project_is_that_of_its_current_one(old, taker):
    for project in ("portal", "shop"):
        old.session("C", "audit", project)
        old.session("C", "login", project)
        old.put(f"projects/{project}/CURRENT_SESSION", "login")
        old.json(f"projects/{project}/session_state.json", {"stages": {"intent": "completed"}})
    data = taker.migrate(old)
    assert data["counts"]["unknown"] == 0
    assert taker.stages("portal/login")["intent"] == "complete"
    assert taker.stages("shop/login")["intent"] == "complete"
    assert taker.stages("shop/audit")["intent"] == "in_progress"


def test_a_state_beside_the_only_session_of_a_project_is_its_own(old, taker):
    old.session("C", "login", "portal")
    old.session("E", "cart", "shop")
    old.json("projects/shop/session_state.json", {"stages": {"intent": "complete"}})
    taker.migrate(old)
    assert taker.stages("shop/cart")["intent"] == "complete"


def test_governance_in_the_folder_of_a_project_is_told_there(old, taker):
    for project in ("portal", "shop"):
        old.session("C", "login", project)
        old.json(f"projects/{project}/governance/state/state.json", {"active_llm": project})
    taker.migrate(old)
    for project in ("portal", "shop"):
        told = [event for event in taker.events(f"{project}/login") if event["kind"] == "handoff"]
        assert [event["body"]["governance"]["active_llm"] for event in told] == [project]


def test_of_two_files_about_one_project_the_one_in_the_newer_place_counts(old, taker):
    old.session("C", "audit")
    old.session("C", "login")
    old.put(".idse/projects/portal/CURRENT_SESSION", "login")
    old.put("projects/portal/CURRENT_SESSION", "audit")
    old.json(".idse/projects/portal/session_state.json", {"stages": {"intent": "completed"}})
    old.json("projects/portal/session_state.json", {"stages": {"intent": "draft"}})
    data = taker.migrate(old)
    assert data["current"] == "portal/login"
    assert taker.stages()["intent"] == "complete"
    login = next(session for session in data["sessions"] if session["session"] == "portal/login")
    assert any("projects/portal/session_state.json" in doubt for doubt in login["doubts"])


class TestSessionsThatStandInTheFolderOfTheirProject:
    """The layout without a folder ``sessions``."""

    def test_their_side_files_come_along_wherever_they_stand(self, old, taker):
        documents = old.session("E")
        beside = {"CLOSEOUT.md": "done", "reports/load.json": "{}", "notes/handoff.txt": "words"}
        for path, content in beside.items():
            old.put(f"projects/portal/login/{path}", content)
        data = taker.migrate(old)
        assert data["counts"]["unknown"] == 0
        assert taker.folder() == documents | {path: text.encode() for path, text in beside.items()}

    def test_what_their_state_recorded_is_read(self, old, taker):
        old.session("E")
        old.json("projects/portal/login/session_state.json", {"stages": {"intent": "completed"}})
        taker.migrate(old)
        assert taker.stages()["intent"] == "complete"

    def test_a_folder_of_guard_rails_and_the_folder_of_sessions_are_none(self, old, taker):
        old.session("E")
        old.session("C", "audit")
        old.put("projects/portal/guardrails/rules.md", "# Rules\n")
        old.put("projects/portal/sessions/.owner", "ann\n")
        data = taker.migrate(old)
        assert taker.sessions() == ["portal/audit", "portal/login"]
        assert fates(data)["projects/portal/guardrails/rules.md"] == "unknown"
        assert fates(data)["projects/portal/sessions/.owner"] == "unknown"
