"""The source is only read, nothing is done twice, nothing odd is opened, and nobody is left half way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time

import pytest


def total(data):
    return sum(data["counts"].values())


@pytest.fixture
def mixed(old, facts):
    """A source with a bit of everything."""
    old.session("A")
    old.session("C", about="other words")
    old.session("E", "other")
    old.put(old.where("A", "plan", "stubbed"), facts["STUB"])
    old.put("README.md", "unknown\n")
    old.put("CURRENT_SESSION", "login")
    (old.path / "link").symlink_to("README.md")
    return old


def test_the_source_is_the_same_afterwards_down_to_its_times(mixed, taker):
    before = mixed.snapshot()
    taker.migrate(mixed, "--dry-run")
    taker.migrate(mixed)
    taker.migrate(mixed)
    assert mixed.snapshot() == before


def test_a_repository_is_the_same_afterwards_with_all_that_git_keeps(make_repo, make_old, taker):
    source = make_repo("whole")
    old = make_old("whole")
    old.session("C")
    old.session("D", "other")
    source.commit("all of it")
    old.put(old.where("C", "spec"), "# Spec\n\nNot committed by anybody yet.\n")
    before = old.snapshot()
    taker.migrate(old)
    assert old.snapshot() == before


def test_a_source_in_the_very_place_where_sessions_belong_gets_todays_form(taker, make_old, repo):
    old = make_old("repo")
    documents = old.session("D")
    old.put(".idse/projects/portal/CURRENT_SESSION", "session_id: login\n")
    old.json(".idse/projects/portal/session_state.json", {"stages": {"intent": "completed"}})
    view = repo.read(".idse/projects/portal/session_state.json")
    assert taker.migrate(old)["new_forms"] == ["portal/login"]
    assert repo.read(".idse/projects/portal/session_state.json") == view  # no commit has it
    assert taker.stages()["intent"] == "complete"
    assert {
        path: repo.read(f".idse/projects/portal/sessions/login/{path}") for path in documents
    } == documents
    assert not (repo.path / ".idse/projects/portal/sessions/login/specs").exists()
    assert not taker.migrate(old)["changed"]


def test_a_dry_run_tells_everything_and_writes_nothing(mixed, taker):
    before = {*os.walk(taker.path).__next__()[1]}
    refs = taker.refs()
    planned = taker.migrate(mixed, "--dry-run")
    assert taker.refs() == refs
    assert {*os.walk(taker.path).__next__()[1]} == before
    assert taker.git("count-objects", "-v").splitlines()[0] == "count: 0"
    done = taker.migrate(mixed)
    assert planned["files"] == done["files"]
    assert planned["sessions"] == done["sessions"]
    assert (planned["dry_run"], planned["changed"], done["changed"]) == (True, False, True)


def test_every_file_has_one_fate_and_the_counts_add_up(mixed, taker):
    data = taker.migrate(mixed, "--dry-run")
    assert [entry["path"] for entry in data["files"]] == mixed.files()
    assert total(data) == data["total"] == len(mixed.files())


def test_a_second_run_changes_nothing_and_says_so(mixed, taker):
    taker.migrate(mixed)
    refs = taker.refs()
    done = taker.idse("migrate", str(mixed.path))
    assert done.returncode == 0
    assert "nothing was changed" in done.stderr
    assert taker.refs() == refs


def test_what_was_added_to_the_source_since_comes_with_the_next_run(mixed, taker):
    taker.migrate(mixed)
    mixed.session("C", "later")
    data = taker.migrate(mixed)
    assert data["written"] == ["portal/later"]


def test_a_session_keeps_the_name_it_got_whatever_the_next_run_would_call_it(old, taker):
    old.session("C", "log in")
    taker.migrate(old)
    old.session("C", "log-in", about="something else")
    data = taker.migrate(old, exits=3)
    assert taker.sessions() == ["portal/log-in"]
    assert {each["called"]: each["verdict"] for each in data["sessions"]} == {
        "portal/log in": "migrated already",
        "portal/log-in": "taken",
    }
    assert taker.migrate(old, "--project", "web")["written"] == ["web/log-in"]


def test_a_session_that_changed_in_the_source_since_is_named_and_not_touched(mixed, taker):
    taker.migrate(mixed)
    before = taker.git("rev-parse", "refs/idse/sessions/portal/login")
    mixed.put(mixed.where("C", "spec"), "# Spec\n\nChanged after all of it was migrated.\n")
    data = taker.migrate(mixed)
    assert {each["session"]: each["verdict"] for each in data["sessions"]}["portal/login"] == "changed"
    assert taker.git("rev-parse", "refs/idse/sessions/portal/login") == before
    assert total(data) == len(mixed.files())


def test_killed_at_any_time_and_run_again_it_completes_without_doubles(old, taker):
    for number in range(150):
        old.put(old.where("C", "spec", f"s-{number:03}"), f"# Spec\n\nThe text of session number {number}.\n")
    environment = {**os.environ}
    for delay in (0.3, 0.5, 0.7, 0.9, 1.1, 1.4):
        child = subprocess.Popen(
            ["idse", "migrate", str(old.path), "-q"],
            cwd=taker.path,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
    taker.migrate(old)
    assert len(taker.sessions()) == 150
    assert taker.kinds("portal/s-000") == taker.kinds("portal/s-149")
    assert len(taker.kinds("portal/s-149")) == len(set(map(str, taker.events("portal/s-149"))))
    for number in range(150):
        assert (taker.path / f".idse/projects/portal/sessions/s-{number:03}/spec.md").is_file()
    assert taker.is_sound()
    assert not taker.migrate(old)["changed"]


def test_of_two_at_once_the_second_finds_what_the_first_wrote(old, taker):
    for number in range(40):
        old.session("C", f"session-{number:02}")
    command = ("idse", "migrate", str(old.path), "--json")
    running = [subprocess.Popen(command, cwd=taker.path, stdout=subprocess.PIPE) for _ in range(3)]
    told = [json.loads(each.communicate()[0])["data"] for each in running]
    assert [each.returncode for each in running] == [0, 0, 0]
    assert sorted(len(data["written"]) for data in told) == [0, 0, 40]
    assert taker.is_sound()


def test_large_folders_are_written_a_few_at_a_time(old, taker):
    """A batch, which is one pack, is held in memory."""
    for session in ("a", "b", "c", "d", "e"):
        for number in range(10):
            old.put(f"projects/portal/sessions/{session}/{number}.txt", f"{session}{number}" * 500_000)
    taker.migrate(old)
    packs = [name for name in os.listdir(taker.path / ".git/objects/pack") if name.endswith(".pack")]
    assert len(packs) == 2
    assert taker.is_sound()


class TestOddNames:
    @pytest.mark.parametrize(
        ("name", "called"),
        [
            (b"fix: the login", "fix-the-login"),
            ("Übung macht den Meister".encode(), "Ubung-macht-den-Meister"),
            (b"two\nlines", "two-lines"),
            (b"-dashed", "dashed"),
            (b"a..b.lock", "a.b-lock"),
            (b"portal:login", "login"),
        ],
    )
    def test_a_name_no_ledger_takes_is_mapped_and_reported(self, old, taker, name, called):
        old.put(
            b"projects/portal/sessions/" + name + b"/specs/spec.md", "# Spec\n\nSome words for a session.\n"
        )
        data = taker.migrate(old)
        assert taker.sessions() == [f"portal/{called}"]
        assert data["sessions"][0]["called"] != data["sessions"][0]["session"] or called == "login"
        assert total(data) == 1

    @pytest.mark.parametrize("name", [b"\xff\xfe", "設計".encode(), b"x" * 200, b"..."])
    def test_a_name_of_which_nothing_can_stay_is_made_up_the_same_way_each_time(
        self, old, taker, make_taker, name
    ):
        old.put(
            b"projects/portal/sessions/" + name + b"/specs/spec.md", "# Spec\n\nSome words for a session.\n"
        )
        taker.migrate(old)
        other = make_taker("other")
        other.migrate(old)
        assert len(taker.sessions()) == 1
        assert taker.sessions() == other.sessions()
        assert not taker.migrate(old)["changed"]

    def test_names_that_collide_are_told_apart(self, old, taker):
        for name in ("Login", "login", "log in", "log-in"):
            old.put(
                f"projects/portal/sessions/{name}/specs/spec.md", f"# Spec\n\nThe words of session {name}.\n"
            )
        data = taker.migrate(old)
        assert taker.sessions() == ["portal/Login", "portal/log-in", "portal/log-in-2", "portal/login-2"]
        doubts = [doubt for session in data["sessions"] for doubt in session["doubts"]]
        assert any("only in case" in doubt for doubt in doubts)
        assert taker.idse("fsck").returncode == 0

    @pytest.mark.parametrize(
        "name",
        [b"two\nlines.md", b"\xff.md", b"a:b.md", b".git.md", b".git", b"CON", b"a\\..\\b", b"tab\t.md"],
    )
    def test_a_file_of_any_name_comes_back(self, old, taker, name):
        old.session("C")
        content = b"bytes of " + name
        path = b"projects/portal/sessions/login/notes-x/" + name
        if name == b".git":
            path = b"projects/portal/sessions/login/.GIT"
        old.put(path, content)
        data = taker.migrate(old)
        assert content in taker.folder().values()
        assert total(data) == 8
        assert taker.idse("fsck").returncode == 0


class TestWhatIsNeverOpened:
    def test_pipes_sockets_and_links_are_reported_and_left_alone(self, old, taker):
        old.session("C")
        root = old.path / "projects/portal/sessions/login"
        os.mkfifo(root / "specs/pipe.md")
        server = socket.socket(socket.AF_UNIX)
        here = os.getcwd()
        os.chdir(root)
        server.bind("socket")
        os.chdir(here)
        (root / "up").symlink_to(".")
        (root / "one").symlink_to("two")
        (root / "two").symlink_to("one")
        (root / "outside.md").symlink_to("/etc/hostname")
        data = taker.migrate(old)
        server.close()
        assert data["counts"]["unknown"] == 6
        assert len(taker.folder()) == 7
        assert total(data) == len(old.files())

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may make devices")
    def test_devices_too(self, old, taker):
        old.session("C")
        try:
            os.mknod(old.path / "projects/portal/sessions/login/zero.md", 0o600 | 0o020000, os.makedev(1, 5))
        except PermissionError:
            pytest.skip("no devices can be made here")
        assert taker.migrate(old)["counts"]["unknown"] == 1

    def test_a_document_too_large_for_a_ledger_is_reported(self, old, taker):
        old.session("C")
        old.put("projects/portal/sessions/login/big.md", b"x" * (1024 * 1024 + 1))
        data = taker.migrate(old)
        assert [entry["path"] for entry in data["files"] if entry["fate"] == "unknown"] == [
            "projects/portal/sessions/login/big.md"
        ]
        assert taker.idse("fsck").returncode == 0


class TestASourceThatIsNone:
    @pytest.mark.parametrize("kind", ["missing", "file", "loop", "empty"])
    def test_it_is_refused_and_nothing_is_written(self, old, taker, kind):
        path = old.path / "source"
        if kind == "file":
            path.write_text("x")
        elif kind == "loop":
            path.symlink_to("source")
        elif kind == "empty":
            path.mkdir()
        error = taker.refused(path)
        assert error["code"] == "IDSE050"
        assert "name the folder" in error["cause"] or "name a folder" in error["cause"]
        assert taker.refs() == ""
        assert not (taker.path / ".idse").exists()

    def test_an_empty_name_is_none(self, make_old, taker):
        """It is what a shell makes of a variable that is not set, and would be the folder one stands in."""
        make_old("repo").session("C")
        assert taker.refused("")["code"] == "IDSE050"
        assert taker.refs() == ""

    def test_git_s_own_folder_is_none(self, taker, make_repo):
        other = make_repo("other")
        assert taker.refused(other.path / ".git/refs")["code"] == "IDSE050"


class TestTheReport:
    def test_it_lists_every_file(self, mixed, taker, tmp_path):
        target = tmp_path / "report.json"
        taker.migrate(mixed, "--report", str(target))
        report = json.loads(target.read_text())
        assert [entry["path"] for entry in report["files"]] == mixed.files()

    def test_it_overwrites_nothing_and_never_goes_into_the_source(self, mixed, taker, tmp_path):
        target = tmp_path / "report.json"
        target.write_text("mine")
        assert taker.refused(mixed, "--report", str(target))["code"] == "IDSE001"
        assert taker.refused(mixed, "--report", str(mixed.path / "new.json"))["code"] == "IDSE001"
        assert target.read_text() == "mine"
        assert taker.refs() == ""
