"""`idse agency` as an operator types it: what it prints and refuses, and what its doctor finds and mends."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
from importlib.machinery import PathFinder

import pytest

from idse_orchestrator.cli.group import root
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.tenants.home import open_home
from idse_orchestrator.server.tenants.repository_checks import sweep_quarantines

SHOP = Place("acme", "shop")
OLD = 3 * 86_400
HOLD = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, 2); print(flush=True); sys.stdin.read()"


@pytest.fixture
def acme(tenants):
    tenants.add_client("acme")
    tenants.add_repository(SHOP)
    return tenants


def checks(agency, *words):
    told = agency("doctor", "--json", *words)
    return told.code, {each["name"]: each for each in told.data["checks"]}


def verdicts(agency, *words):
    code, found = checks(agency, *words)
    return code, {name: each["verdict"] for name, each in found.items() if each["verdict"] != "ok"}


class TestInit:
    def test_it_makes_a_home_and_says_what_comes_next(self, agency, tmp_path):
        told = agency("init", "--home", str(tmp_path / "new"), "--url", "https://agency.example.org/")
        assert (told.code, told.out) == (0, "")
        assert [line for line in told.err.splitlines() if line.startswith("next: ")] == [
            f"next: idse agency client add NAME --home {tmp_path}/new",
            f"next: idse agency key issue NAME --scope read,push,create --home {tmp_path}/new",
            f"next: idse agency serve --home {tmp_path}/new",
        ]
        home = open_home(str(tmp_path / "new"))
        assert home.configuration({}).url == "https://agency.example.org"
        assert "policy:" in pathlib.Path(home.rules, "agency.yaml").read_text()
        assert agency("doctor", "--home", home.path).code == 0

    def test_a_second_one_is_refused(self, agency):
        told = agency("init")
        assert (told.code, told.out) == (3, "")
        assert "there is a home already" in told.err

    def test_a_wrong_url_makes_nothing(self, agency, tmp_path):
        assert agency("init", "--home", str(tmp_path / "new"), "--url", "https://me:pw@host").code == 2
        assert agency("init", "--home", str(tmp_path / "new"), "--url", "https://host").code == 0

    def test_without_a_home_it_says_how_to_name_one(self, agency, monkeypatch):
        monkeypatch.delenv("IDSE_AGENCY_HOME")
        told = agency("client", "list")
        assert told.code == 2
        assert "export IDSE_AGENCY_HOME=/srv/agency" in told.err

    def test_advice_names_the_home_that_an_option_named(self, agency, home, monkeypatch):
        monkeypatch.delenv("IDSE_AGENCY_HOME")
        for words in (
            ("--home", home.path, "client", "show", "x"),
            ("client", "show", "x", "--home", home.path),
        ):
            told = agency(*words)
            assert f"idse agency client list --home {home.path}" in told.err


class TestTenants:
    def test_lists_and_details(self, agency, acme):
        agency("client", "add", "beta", "--bytes", "2G", "--repositories", "3")
        key = agency("key", "issue", "acme", "--name", "Ann", "--email", "ann@example.org", "--json").data[
            "id"
        ]
        acme.measure(SHOP)
        rows = agency("client", "list").out.splitlines()
        assert re.fullmatch(r"acme  1 repository    \d+ B  pushed .+ ago  1 key", rows[0])
        assert rows[1].split() == ["beta", "0", "repositories", "0", "B", "pushed", "never", "0", "keys"]
        shown = agency("client", "show", "beta").out
        assert "size          0 B (limit: 2.0 GiB)" in shown
        assert "repositories  0 (limit: 3)" in shown
        assert f"key           {key} Ann <ann@example.org>" in agency("client", "show", "acme").out
        assert agency("repository", "list").out == agency("repository", "list", "acme").out
        assert agency("repository", "list", "beta").out == ""
        assert "folder        " + acme.home.git_dir(SHOP) in agency("repository", "show", "acme/shop").out

    @pytest.mark.usefixtures("acme")
    def test_json_has_a_schema_and_null_for_what_there_is_none_of(self, agency):
        for words, schema in (
            (("client", "list"), "idse.agency-clients/1"),
            (("client", "show", "acme"), "idse.agency-client/1"),
            (("repository", "list"), "idse.agency-repositories/1"),
            (("repository", "show", "acme/shop"), "idse.agency-repository/1"),
            (("key", "list"), "idse.agency-keys/1"),
            (("doctor",), "idse.agency-doctor/1"),
        ):
            told = agency(*words, "--json")
            assert json.loads(told.out)["schema"] == schema
            assert told.err == ""
        data = agency("client", "show", "acme", "--json").data
        assert data["archived_at"] is None
        assert data["repositories"][0]["name"] == "shop"

    @pytest.mark.parametrize("place", ["shop", "acme/shop/x", "Acme/shop", "../shop", "acme/", "api/shop"])
    def test_what_names_no_repository_is_told(self, agency, place):
        told = agency("repository", "show", place)
        assert told.code == 2
        assert "names no repository" in told.err

    def test_a_life_from_add_to_purge(self, agency, acme):
        assert agency("repository", "rename", "acme/shop", "store").code == 0
        assert agency("repository", "delete", "acme/store").code == 3
        assert agency("repository", "archive", "acme/store").code == 0
        told = agency("repository", "delete", "acme/shop")
        assert (told.code, "delete acme/store --confirm acme/store" in told.err) == (2, True)
        assert agency("repository", "delete", "acme/shop", "--confirm", "acme/store").code == 0
        assert agency("client", "archive", "acme").code == 0
        assert agency("client", "delete", "acme", "--confirm", "acme", "--purge").code == 0
        assert agency("client", "add", "acme").code == 3
        assert verdicts(agency) == (0, {})
        assert acme.admin.audit.verify() == []

    @pytest.mark.parametrize("words", [("--bytes", "much"), ("--repositories", "-1"), ("--bytes", "")])
    def test_a_quota_that_is_none_is_refused(self, agency, acme, words):
        assert agency("client", "quota", "acme", *words).code == 2
        assert agency("client", "quota", "acme").code == 2
        assert acme.admin.client("acme").max_bytes == 0


class TestKeys:
    def test_the_key_is_the_only_line_of_output(self, agency, acme):
        told = agency("key", "issue", "acme")
        assert re.fullmatch(r"idse_\w{43}\n", told.out)
        assert told.out.strip() not in told.err
        caller = acme.admin.keys.caller(told.out.strip())
        assert (caller.client, caller.scopes) == ("acme", ("read", "push"))
        assert told.out[9:].strip() not in agency("key", "list").out + agency("key", "list", "--json").out

    def test_options_come_through(self, agency, acme):
        told = agency(
            "key", "issue", "acme", "--agent", "claude", "--scope", "read,push", "--scope", "create",
            "--repository", "shop", "--project", "portal", "--expires", "90d", "-q",
        )  # fmt: skip
        caller = acme.admin.keys.caller(told.out.strip())
        assert caller[4:] == (("read", "push", "create"), (), "claude", ("shop",), ("portal",))
        (key,) = acme.admin.keys.all()
        assert key.expires_at[:4] > key.created_at[:4] or key.expires_at > key.created_at

    def test_rotate_prints_the_new_one_and_both_hold(self, agency, acme):
        told = agency("key", "issue", "acme", "--json")
        new = agency("key", "rotate", told.data["id"], "--overlap", "1h").out.strip()
        assert acme.admin.keys.caller(new)
        assert acme.admin.keys.caller(told.data["secret"])
        assert agency("key", "rotate", told.data["id"]).code == 3
        assert agency("key", "revoke", told.data["id"]).code == 0
        assert acme.admin.keys.caller(told.data["secret"]) is None

    def test_for_ssh_the_line_is_printed_and_no_secret(self, agency, acme, tmp_path):
        public = tmp_path / "id.pub"
        public.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBoX ann@laptop\n")
        told = agency("key", "issue", "acme", "--ssh", str(public))
        (key,) = acme.admin.keys.all()
        assert re.fullmatch(
            rf'command="\S*idse agency --home {re.escape(acme.home.path)} ssh-shell {key.id}",restrict '
            r"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBoX ann@laptop\n",
            told.out,
        )
        assert "idse_" not in told.out + told.err
        assert agency("key", "issue", "acme", "--ssh", __file__).code == 2
        assert len(acme.admin.keys.all()) == 1

    @pytest.mark.parametrize(
        "words",
        [(), ("acme", "--admin"), ("acme", "--scope", "all"), ("acme", "--expires", "soon"), ("nobody",)],
    )
    def test_what_makes_no_key_is_refused(self, agency, acme, words):
        assert agency("key", "issue", *words).code == 2
        assert acme.admin.keys.all() == []


class TestDoctor:
    @pytest.mark.usefixtures("acme")
    def test_a_new_home_is_well(self, agency):
        assert verdicts(agency, "--fsck") == (0, {})

    def test_rights_are_mended(self, agency, acme):
        os.chmod(acme.home.path, 0o755)
        os.chmod(os.path.join(acme.home.secrets, "push-nonce"), 0o644)
        os.chmod(acme.home.admin_db, 0o640)
        assert verdicts(agency) == (1, {"home": "problem", "secrets": "problem"})
        assert agency("client", "list").code == 2
        assert verdicts(agency, "--fix")[0] == 0
        assert verdicts(agency) == (0, {})

    def test_wrong_settings_are_told_and_left(self, agency, acme):
        pathlib.Path(acme.home.configuration_file).write_text("gits = 'all'\n")
        code, found = checks(agency, "--fix")
        assert (code, found["configuration"]["verdict"]) == (1, "problem")
        assert pathlib.Path(acme.home.configuration_file).read_text() == "gits = 'all'\n"

    def test_a_broken_chain_is_told_and_not_mended(self, agency, acme):
        connection = sqlite3.connect(acme.home.admin_db)
        connection.execute("UPDATE audit SET outcome = 'refused' WHERE id = 1")
        connection.commit()
        connection.close()
        assert verdicts(agency, "--fix") == (1, {"audit": "problem"})

    def test_a_clock_that_went_back_is_told(self, agency, acme, clock):
        clock.at = 4_000_000_000
        acme.add_client("later")
        assert verdicts(agency) == (1, {"clock": "problem"})

    @pytest.mark.parametrize("where", ["moved before the row", "row before the move"])
    def test_a_rename_that_was_killed_is_finished(self, agency, acme, where):
        if where == "moved before the row":
            shutil.copy(acme.home.record(SHOP), acme.home.record(Place("acme", "store")))
            os.rename(acme.home.git_dir(SHOP), acme.home.git_dir(Place("acme", "store")))
        else:
            acme.admin.rename_repository(SHOP, "store")
        name = acme.admin.repository(SHOP).name
        ident = acme.admin.repository(SHOP).id
        assert verdicts(agency)[1]["repositories"] == "problem"
        assert verdicts(agency, "--fix")[0] == 0
        assert verdicts(agency) == (0, {})
        assert acme.home.places() == [Place("acme", name)]
        assert [each.id for each in acme.admin.repositories()] == [ident]

    def test_a_rename_of_a_client_that_was_killed_is_finished(self, agency, acme):
        acme.admin.rename_client("acme", "apex")
        assert verdicts(agency)[1]["clients"] == "problem"
        assert verdicts(agency, "--fix")[0] == 0
        assert verdicts(agency) == (0, {})
        assert acme.home.places() == [Place("apex", "shop")]
        assert len(acme.admin.clients()) == 1

    def test_a_deletion_that_was_killed_before_its_row_is_taken_back(self, agency, acme):
        aside = os.path.join(acme.home.client_dir("acme"), ".shop.git.0011.deleted")
        os.rename(acme.home.git_dir(SHOP), aside)
        assert verdicts(agency)[0] == 1
        assert verdicts(agency, "--fix")[0] == 0
        assert acme.home.places() == [SHOP]

    def test_a_row_whose_folder_is_lost_stays_a_problem(self, agency, acme):
        shutil.rmtree(acme.home.git_dir(SHOP))
        assert verdicts(agency, "--fix") == (1, {"repositories": "problem"})

    def test_a_folder_that_was_copied_in_gets_its_row(self, agency, acme):
        shutil.copytree(acme.home.git_dir(SHOP), os.path.join(acme.home.git, "newcomer", "web.git"))
        assert verdicts(agency)[0] == 1
        assert verdicts(agency, "--fix")[0] == 0
        assert acme.admin.repository(Place("newcomer", "web")).id != acme.admin.repository(SHOP).id

    def test_quarantines_are_swept_when_they_are_old_and_never_while_they_are_new(self, agency, acme):
        objects = pathlib.Path(acme.home.git_dir(SHOP), "objects")
        old, fresh, busy = (objects / f"tmp_objdir-incoming-{name}" for name in ("old", "fresh", "busy"))
        for folder in (old, fresh, busy):
            (folder / "pack").mkdir(parents=True)
            (folder / "pack" / "tmp_pack_x").write_text("x")
        for folder in (old, busy):
            for path in (folder / "pack" / "tmp_pack_x", folder / "pack", folder):
                os.utime(path, (path.stat().st_atime, path.stat().st_mtime - OLD))
        (busy / "pack" / "tmp_pack_x").write_text("more")
        assert verdicts(agency) == (0, {"quarantines": "warning"})
        assert verdicts(agency, "--fix")[1] == {"quarantines": "fixed"}
        assert sorted(path.name for path in objects.glob("tmp_*")) == [fresh.name, busy.name][::-1]
        assert sweep_quarantines(acme.home, 1e12) == [str(busy), str(fresh)]

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("hooks/pre-receive", "exit 0"),
            ("objects/info/alternates", "/tmp"),
            ("info/grafts", ""),
            ("config", "[core]\n\tbare = true\n[receive]\n\tdenyDeletes = false\n"),
            ("config", "[core]\n\tbare = true\n\thooksPath = /tmp\n"),
            ("refs/replace/x", ""),
        ],
    )
    def test_what_could_change_the_judgement_is_told(self, agency, acme, path, text):
        target = pathlib.Path(acme.home.git_dir(SHOP), path)
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
        code, found = checks(agency, "--fix")
        assert (code, found["settings"]["verdict"]) == (1, "problem")
        assert "acme/shop" in found["settings"]["says"]

    def test_what_git_itself_writes_is_harmless(self, agency, acme):
        shutil.rmtree(acme.home.git_dir(SHOP))
        subprocess.run(["git", "init", "-q", "--bare", acme.home.git_dir(SHOP)], check=True)
        assert verdicts(agency) == (0, {})

    def test_locks_that_git_left_are_told_and_who_is_at_work(self, agency, acme):
        lock = pathlib.Path(acme.home.git_dir(SHOP), "refs", "heads", "main.lock")
        lock.touch()
        assert verdicts(agency) == (0, {})
        os.utime(lock, (1, 1))
        assert verdicts(agency, "--fix") == (1, {"locks": "problem"})
        lock.unlink()
        holder = subprocess.Popen(
            [
                sys.executable, "-c",
                HOLD,
                acme.home.lock_path(SHOP),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        holder.stdout.readline()
        try:
            assert verdicts(agency) == (0, {"locks": "note"})
        finally:
            holder.communicate()

    def test_leftovers_are_removed_once_nobody_can_be_at_them(self, agency, acme):
        half = pathlib.Path(acme.home.client_dir("acme"), ".new.git.0011.tmp")
        (half / "objects").mkdir(parents=True)
        assert verdicts(agency) == (0, {})
        os.utime(half, (1, 1))
        assert verdicts(agency, "--fix") == (0, {"leftovers": "fixed"})
        assert not half.exists()

    def test_a_ledger_with_a_defect_is_found(self, agency, acme):
        folder = acme.home.git_dir(SHOP)
        tree = subprocess.run(
            ["git", "-C", folder, "mktree"], input=b"", capture_output=True, check=True
        ).stdout
        made = subprocess.run(
            ["git", "-C", folder, "commit-tree", "-m", "x", tree.decode().strip()],
            capture_output=True,
            check=True,
        )
        ref = "refs/idse/sessions/portal/login"
        subprocess.run(["git", "-C", folder, "update-ref", ref, made.stdout.decode().strip()], check=True)
        assert verdicts(agency) == (0, {})
        assert verdicts(agency, "--fsck") == (1, {"ledgers": "problem"})


def test_every_command_has_a_summary_in_the_table_and_no_server_is_loaded_for_keys(home):
    watch = (
        "import sys\nfrom idse_orchestrator.cli.main import run\n"
        "code = run(['agency', '--home', sys.argv[1], 'key', 'list'])\n"
        "print(code, sorted({'uvicorn', 'asyncio', 'httptools', 'pygit2', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", watch, home.path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 []\n"
    group = root().get_command(None, "agency")
    assert {"init", "client", "repository", "key", "backup", "restore", "doctor"} <= set(
        group.list_commands(None)
    )


@pytest.mark.parametrize("words", [("serve",), ("ssh-shell", "KEY")])
@pytest.mark.parametrize("missing", ["uvicorn", "httptools", "prometheus_client"])
def test_without_the_extra_a_door_says_what_to_install(agency, monkeypatch, words, missing):
    found = PathFinder.find_spec

    def without(name, *others):
        return None if name == missing else found(name, *others)

    monkeypatch.setattr(PathFinder, "find_spec", without)
    done = agency(*words)
    assert done.code == 2
    assert missing in done.err
    assert "pip install 'idse-orchestrator[agency]'" in done.err
