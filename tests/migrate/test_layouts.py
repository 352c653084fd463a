"""Sessions come over from every layout, each file accounted for, each byte readable."""

from __future__ import annotations

import json

import pytest


def fates(data):
    return {entry["path"]: entry["fate"] for entry in data["files"]}


@pytest.mark.parametrize("layout", ["A", "C", "D", "E", "F", "G"])
def test_a_session_comes_over_from_each_layout_byte_for_byte(old, taker, layout):
    documents = old.session(layout)
    data = taker.migrate(old)
    assert data["counts"] == {"migrated": 7, "duplicate": 0, "side file": 0, "stub": 0, "unknown": 0}
    assert taker.folder() == documents
    assert taker.is_sound()


def test_the_folders_called_current_are_the_session_that_current_session_names(old, taker):
    documents = old.session("B")
    old.put("CURRENT_SESSION", "login")
    data = taker.migrate(old, "--project", "portal")
    assert taker.sessions() == ["portal/login"]
    assert taker.folder() == documents
    assert data["counts"]["migrated"] == 8


def test_folders_called_current_that_nobody_names_are_a_session_of_that_name(old, taker):
    old.session("B")
    taker.migrate(old, "--project", "portal")
    assert taker.sessions() == ["portal/current"]
    assert taker.is_sound()


def test_a_layout_without_a_project_asks_for_one(old, taker):
    old.session("B")
    assert taker.refused(old)["code"] == "IDSE050"
    assert taker.refs() == ""


def test_the_only_project_here_is_the_one_that_is_meant(old, taker):
    taker.idse("init", "portal", "--no-hooks")
    old.session("B")
    taker.migrate(old)
    assert "portal/current" in taker.sessions()


@pytest.mark.parametrize(("better", "worse"), [("G", "C"), ("D", "C"), ("C", "E"), ("E", "A"), ("A", "B")])
def test_of_two_layouts_the_newer_one_wins_and_the_other_is_kept_beside(old, taker, better, worse):
    wins = old.session(better, about="passkeys")
    loses = old.session(worse, about="passwords")
    old.put("CURRENT_SESSION", "login")
    data = taker.migrate(old, "--project", "portal")
    folder = taker.folder()
    assert {path: folder[path] for path in wins} == wins
    assert sorted(loses.values()) == sorted(data for path, data in folder.items() if path not in wins)
    assert data["counts"]["side file"] == 7
    assert taker.is_sound()


def test_a_session_that_is_half_in_the_old_form_of_its_place_is_one_session(old, taker):
    old.session("D", about="passwords")
    old.put(old.where("G", "spec"), "# Spec\n\nThe newer form of the specification.\n")
    taker.migrate(old)
    folder = taker.folder()
    assert folder["spec.md"].startswith(b"# Spec\n\nThe newer form")
    assert b"passwords" in folder["migrated/dot-rooted/specs/spec.md"]
    assert taker.is_sound()


def test_a_report_names_the_layouts_of_a_session_the_one_that_wins_first(old, taker):
    old.session("A")
    old.session("D")
    old.put(".idse/projects/portal/sessions/login/.owner", "ann")
    old.session("G", "audit")
    found = {each["session"]: each["layouts"] for each in taker.migrate(old, "--dry-run")["sessions"]}
    assert found == {"portal/login": ["dot-rooted", "stage-rooted"], "portal/audit": ["flat"]}


def test_a_copy_in_a_second_layout_is_a_duplicate(old, taker):
    old.session("C")
    old.session("A")
    data = taker.migrate(old)
    assert data["counts"] == {"migrated": 7, "duplicate": 7, "side file": 0, "stub": 0, "unknown": 0}
    assert len(taker.folder()) == 7


def test_notices_are_told_from_documents_and_the_only_copy_of_a_document_is_found_in_any_layout(
    old, taker, facts
):
    old.session("C")
    for stage in facts["STAGES"]:
        old.put(old.where("A", stage), facts["STUB"])
    (old.path / old.where("C", "plan")).unlink()
    old.put(old.where("A", "plan"), "# Plan\n\nThe only copy of it stands at the oldest place of all.\n")
    data = taker.migrate(old)
    assert data["counts"]["stub"] == 6
    assert taker.folder()["plan.md"].startswith(b"# Plan\n\nThe only copy")


def test_a_folder_that_is_no_session_stays_out(old, taker):
    old.session("E")
    old.put("projects/portal/guardrails/specs/spec.md", "# Not a session\n")
    old.put("projects/portal/README.md", "about the project\n")
    data = taker.migrate(old)
    assert taker.sessions() == ["portal/login"]
    assert data["counts"]["unknown"] == 2


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("projects/portal/empty/.owner", "ann"),
        ("projects/portal/sessions/empty/.owner", "ann\n"),
        (".idse/projects/portal/sessions/empty/.owner", "Created: 2025-01-02T03:04:05\nOwner: ann\n"),
        ("portal:empty/.owner", "# Who\n\n- **Owner:** ann\n"),
    ],
)
def test_a_folder_with_nothing_but_an_owner_is_a_session_of_theirs(old, taker, path, owner):
    old.put(path, owner)
    taker.migrate(old)
    assert taker.state("portal/empty")["owner"] == "ann"
    assert taker.folder("portal/empty") == {".owner": owner.encode()}


@pytest.mark.parametrize(
    "text",
    [
        "login",
        "session_id: login\ncanonical_root: /nowhere/at/all\nupdated: 2025-03-04T05:06:07Z\n# by a tool\n",
        "session_id: login\nupdated: 2025-03-04T05:06:07.123456+02:00\n",
        "projects/portal/sessions/login\n",
    ],
)
def test_every_form_of_current_session_is_read(old, taker, text):
    old.session("C", "other")
    old.session("C", "login")
    old.put("CURRENT_SESSION", text)
    assert taker.migrate(old)["current"] == "portal/login"
    assert json.loads(taker.idse("status", "--json").stdout)["data"]["session"] == "login"


@pytest.mark.parametrize("form", ["link", "file"])
def test_current_may_be_a_link_or_a_file_that_holds_a_path(old, taker, form):
    old.session("A", "login")
    old.session("A", "other", about="passwords")
    target = "projects/portal/sessions/login"
    if form == "link":
        (old.path / "specs/current").symlink_to(target)
    else:
        old.put("specs/current", f"{target}\n")
    data = taker.migrate(old)
    assert fates(data)["specs/current"] == "stub"
    assert data["current"] == "portal/login"


@pytest.mark.parametrize(
    "text",
    [
        "../projects/portal/sessions/login/spec.md",
        "../../projects/portal/sessions/other/specs/spec.md\n",
        "projects/portal/sessions/other/specs/spec.md",
    ],
)
def test_a_document_below_current_that_holds_a_path_stands_for_another_one(old, taker, text):
    documents = old.session("A", "login")
    old.session("C", "other", about="passwords")
    old.put("specs/current/spec.md", text)
    data = taker.migrate(old)
    assert fates(data)["specs/current/spec.md"] == "stub"
    assert data["current"] == ("portal/other" if "other" in text else "portal/login")
    assert taker.folder("portal/login") == documents


def test_documents_go_by_their_other_names_and_in_any_case(old, taker):
    root = "projects/portal/sessions/login"
    old.put(f"{root}/tasks/task.md", "# Tasks\n\n- [x] Task 0.1 - it is done altogether\n")
    old.put(
        f"{root}/implementation/implementation.md", "# Implementation\n\nEverything was built as planned.\n"
    )
    old.put(f"{root}/intents/INTENT.md", "# Intent\n\nPeople sign in without any password.\n")
    taker.migrate(old)
    assert set(taker.folder()) == {"tasks.md", "implementation/README.md", "intent.md"}


def test_side_files_stand_beside_the_artifacts_under_their_own_names(old, taker):
    old.session("C")
    root = "projects/portal/sessions/login"
    for path in ("plans/test-plan.md", "CLOSEOUT.md", "implementation/report.json", "notes/a/b.txt"):
        old.put(f"{root}/{path}", f"{path}\n")
    data = taker.migrate(old)
    folder = taker.folder()
    for path in ("test-plan.md", "CLOSEOUT.md", "implementation/report.json", "notes/a/b.txt"):
        assert path in folder
    assert data["counts"]["side file"] == 4


def test_crlf_and_odd_bytes_come_back_with_show(old, taker):
    odd = b"\xef\xbb\xbf# Spec\r\n\r\nLine ends as they were, and a byte \xff that is no text at all.\r\n"
    old.session("C")
    old.put(old.where("C", "spec"), odd)
    taker.migrate(old)
    assert taker.folder()["spec.md"] == odd
    event = taker.git("rev-parse", "refs/idse/sessions/portal/login")
    assert taker.bytes("idse", "show", f"{event}:spec.md") == odd


def test_the_session_folders_are_written_and_git_sees_nothing_else(old, taker):
    documents = old.session("C")
    taker.migrate(old)
    for path, content in documents.items():
        assert taker.read(f".idse/projects/portal/sessions/login/{path}") == content
    assert taker.read(".idse/projects/portal/CURRENT_SESSION") == b"login"
    assert taker.git("status", "--porcelain") == "?? .idse/"
    assert taker.idse("diff").stdout == ""


def test_a_folder_that_is_there_already_is_left_as_it_is(old, taker):
    old.session("C")
    taker.write(".idse/projects/portal/sessions/login/spec.md", "mine\n")
    data = taker.migrate(old)
    assert data["kept_folders"] == ["portal/login"]
    assert taker.read(".idse/projects/portal/sessions/login/spec.md") == b"mine\n"
    assert b"sign in" in taker.folder()["spec.md"]


def test_an_edit_after_the_migration_is_saved_like_any_other(old, taker):
    old.session("C")
    taker.migrate(old)
    taker.write(".idse/projects/portal/sessions/login/spec.md", "# Spec\n\nAnother text.\n")
    assert taker.idse("save").returncode == 0
    assert taker.folder()["spec.md"] == b"# Spec\n\nAnother text.\n"
    assert taker.idse("fsck").returncode == 0


def test_a_source_inside_the_repository_is_taken_over_and_left_where_it_is(taker, make_old, tmp_path):
    old = make_old("repo/docs/history")
    documents = old.session("C")
    before = old.snapshot()
    taker.migrate(old, cwd="docs")
    assert taker.folder() == documents
    assert old.snapshot() == before


@pytest.mark.parametrize(
    ("layout", "below"),
    [
        ("C", "projects"),
        ("C", "projects/portal"),
        ("C", "projects/portal/sessions"),
        ("C", "projects/portal/sessions/login"),
        ("D", ".idse"),
        ("E", "projects/portal/login"),
    ],
)
def test_a_folder_within_a_layout_may_be_named(old, taker, layout, below):
    documents = old.session(layout)
    taker.migrate(old.path / below)
    assert taker.folder() == documents


def test_a_layout_further_down_is_pointed_out(old, make_old, taker):
    make_old("old/backup/2024").session("C")
    error = taker.refused(old)
    assert error["code"] == "IDSE050"
    assert "PATH/backup/2024" in error["fix"][0]


class TestProjects:
    def test_several_projects_come_over_together(self, old, taker):
        old.session("C", "login", "portal")
        old.session("C", "login", "shop")
        taker.migrate(old)
        assert taker.sessions() == ["portal/login", "shop/login"]

    def test_one_of_several_can_be_chosen(self, old, taker):
        old.session("C", "login", "portal")
        old.session("C", "login", "shop")
        data = taker.migrate(old, "--only", "shop")
        assert taker.sessions() == ["shop/login"]
        assert data["counts"] == {"migrated": 7, "duplicate": 0, "side file": 0, "stub": 0, "unknown": 7}

    def test_one_that_is_not_there_is_refused(self, old, taker):
        old.session("C", "login", "portal")
        old.session("C", "login", "shop")
        assert taker.refused(old, "--only", "blog")["code"] == "IDSE001"

    def test_the_only_project_can_be_given_another_name(self, old, taker):
        old.session("C", "login", "Old Portal!")
        taker.migrate(old, "--project", "portal")
        assert taker.sessions() == ["portal/login"]

    def test_a_name_that_differs_only_in_case_from_one_here_is_refused(self, old, taker):
        taker.idse("init", "Portal", "--no-hooks")
        old.session("C", "login", "portal")
        assert taker.refused(old)["code"] == "IDSE004"


class TestASessionOfThatNameIsHereAlready:
    def test_it_is_not_touched_and_the_files_are_accounted_for(self, old, taker):
        taker.idse("init", "portal", "--no-hooks")
        taker.idse("spawn", "login")
        taker.write(".idse/projects/portal/sessions/login/intent.md", "# Intent\n\nOurs.\n")
        taker.idse("save", "login")
        before = taker.git("rev-parse", "refs/idse/sessions/portal/login")
        old.session("C")
        data = taker.migrate(old, exits=3)
        assert taker.git("rev-parse", "refs/idse/sessions/portal/login") == before
        assert data["counts"]["unknown"] == 7
        assert data["sessions"][0]["verdict"] == "taken"

    def test_where_its_ledger_holds_all_of_it_there_is_nothing_to_do(self, old, taker, make_old):
        old.session("C")
        taker.migrate(old)
        other = make_old("other")
        other.session("A")
        data = taker.migrate(other)
        assert data["sessions"][0]["verdict"] == "migrated already"
        assert not data["changed"]
