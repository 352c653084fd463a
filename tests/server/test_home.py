"""The home of an Agency: where things are in it, who may read it, and how it is set up."""

from __future__ import annotations

import os
import pathlib
import re
import stat
import subprocess

import pytest

from idse_orchestrator.errors import BusyError, ConflictError, HomeError, InvalidConfigurationError
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.tenants.configuration import SETTINGS, Configuration
from idse_orchestrator.server.tenants.home import (
    UNFINISHED,
    Home,
    make_home,
    make_repository,
    making_home,
    open_home,
    read_record,
    size_of,
    write_record,
)

SHOP = Place("acme", "shop")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_a_new_home_is_closed_to_others_and_has_what_the_layout_says(home):
    assert mode(home.path) == 0o700
    assert mode(home.secrets) == 0o700
    assert mode(home.admin_db) == 0o600
    assert {mode(os.path.join(home.secrets, name)) for name in os.listdir(home.secrets)} == {0o600}
    assert sorted(os.listdir(home.path)) == [
        *("admin.db", "agency.toml", "backup", "cache", "designs", "git", "log", "rules", "run", "secrets"),
    ]
    assert open_home(home.path).path == home.path


def test_the_configuration_holds_no_secret(home):
    (secret,) = (path.read_text().strip() for path in pathlib.Path(home.secrets).iterdir())
    assert secret not in pathlib.Path(home.configuration_file).read_text()
    assert len(secret) == 64


def test_two_homes_have_different_secrets(tmp_path, home):
    other = make_home(str(tmp_path / "other"))
    (mine, theirs) = (next(pathlib.Path(each.secrets).iterdir()) for each in (home, other))
    assert mine.name == theirs.name
    assert mine.read_text() != theirs.read_text()


def test_a_home_is_not_made_where_something_stands(tmp_path, home):
    with pytest.raises(ConflictError, match="home already") as caught:
        make_home(home.path)
    assert caught.value.exit_code == 3
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ConflictError, match="not empty"):
        make_home(str(tmp_path / "mine"))
    assert os.listdir(tmp_path / "mine") == ["letter.txt"]


def test_an_empty_folder_becomes_a_home_and_is_closed(tmp_path):
    (tmp_path / "mounted" / "lost+found").mkdir(parents=True)
    os.chmod(tmp_path / "mounted", 0o755)
    assert mode(make_home(str(tmp_path / "mounted")).path) == 0o700


def test_a_home_that_was_never_finished_is_none_and_init_begins_anew(tmp_path):
    path = str(tmp_path / "home")
    with pytest.raises(ZeroDivisionError), making_home(path, "init"):
        raise ZeroDivisionError
    with pytest.raises(HomeError, match="never finished"):
        open_home(path)
    assert not os.path.exists(os.path.join(make_home(path).path, UNFINISHED))


def test_a_restore_that_was_stopped_is_not_taken_up_by_init(tmp_path):
    path = str(tmp_path / "home")
    with pytest.raises(ZeroDivisionError), making_home(path, "restore b"):
        raise ZeroDivisionError
    with pytest.raises(ConflictError):
        make_home(path)


@pytest.mark.parametrize("bits", [0o750, 0o705, 0o770, 0o701])
def test_a_home_that_is_open_to_others_is_refused(home, bits):
    os.chmod(home.path, bits)
    with pytest.raises(HomeError, match="open to others") as caught:
        open_home(home.path)
    assert caught.value.fix == (f"chmod 700 {home.path}",)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_home_of_another_user_is_refused(home):
    os.chown(home.path, 12345, -1)
    with pytest.raises(HomeError, match="another user"):
        open_home(home.path)


def test_what_is_no_home_is_told_apart(tmp_path):
    with pytest.raises(HomeError, match="there is no home"):
        open_home(str(tmp_path / "nowhere"))
    (tmp_path / "folder").mkdir(mode=0o700)
    with pytest.raises(HomeError, match="no home of an Agency"):
        open_home(str(tmp_path / "folder"))


class TestConfiguration:
    def write(self, home, text):
        with open(home.configuration_file, "w") as file:
            file.write(text)

    def test_a_new_home_has_the_values_that_are_built_in(self, home):
        assert home.configuration({}) == Configuration()

    def test_an_option_goes_before_the_environment_and_that_before_the_file(self, home):
        self.write(home, 'gits = 3\npatience = 7\nlisten = "127.0.0.1:1"\nmax_pack_bytes = "2M"\n')
        variables = {"IDSE_AGENCY_GITS": "4", "IDSE_AGENCY_PATIENCE": "8", "OTHER": "x"}
        found = home.configuration(variables, {"gits": 5})
        assert (found.gits, found.patience, found.listen) == (5, 8, "127.0.0.1:1")
        assert found.max_pack_bytes == 2 << 20

    def test_every_setting_has_a_field_and_its_own_default_passes(self):
        assert set(SETTINGS) == set(Configuration._fields)
        for key, setting in SETTINGS.items():
            assert setting.check(getattr(Configuration(), key)) == getattr(Configuration(), key)

    @pytest.mark.parametrize(
        ("line", "where"),
        [
            ("gits = 0", "gits"),
            ("gits = true", "gits"),
            ('gits = "many"', "gits"),
            ("gits = 2.5", "gits"),
            ("read_only = 2", "read_only"),
            ('read_only = "maybe"', "read_only"),
            ('listen = "everywhere"', "listen"),
            ('listen = "127.0.0.1:99999"', "listen"),
            ('url = "ftp://x"', "url"),
            ('url = "https://me:secret@host"', "url"),
            ("url = 3", "url"),
            ('trusted_proxy = "nginx"', "trusted_proxy"),
            ('max_pack_bytes = "lots"', "max_pack_bytes"),
            ("max_pack_bytes = -1", "max_pack_bytes"),
            ("patience = 99999", "patience"),
            ("[server]\ngits = 3", "server"),
            ("gitz = 3", "gitz"),
        ],
    )
    def test_a_wrong_value_says_file_key_why_and_what_to_type(self, home, line, where):
        self.write(home, line + "\n")
        with pytest.raises(InvalidConfigurationError) as caught:
            home.configuration({})
        assert caught.value.where == f"{home.configuration_file} → {where}"
        assert caught.value.cause
        assert caught.value.words + caught.value.fix
        assert "secret" not in str(vars(caught.value))

    def test_what_is_no_toml_is_told(self, home):
        self.write(home, "url = https://x\n")
        with pytest.raises(InvalidConfigurationError, match="no TOML"):
            home.configuration({})

    def test_a_misspelt_variable_is_told_and_those_of_clients_are_not(self, home):
        mine = {
            "IDSE_AGENCY_URL": "https://x/git/a/b.git",
            "IDSE_AGENCY_TIMEOUT": "5",
            "IDSE_AGENCY_HOME": "/x",
        }
        assert home.configuration(mine) == Configuration()
        with pytest.raises(InvalidConfigurationError, match="IDSE_AGENCY_LISTN") as caught:
            home.configuration({"IDSE_AGENCY_LISTN": "x"})
        assert "IDSE_AGENCY_LISTEN" in caught.value.words[0]


class TestRepositories:
    def test_a_new_one_is_what_git_itself_makes_without_hooks_and_samples(self, home, tmp_path):
        make_repository(home.git_dir(SHOP))
        empty = str(tmp_path / "template")
        os.mkdir(empty)
        subprocess.run(
            ["git", "init", "-q", "--bare", "-b", "main", f"--template={empty}", tmp_path / "git.git"],
            check=True,
        )
        for name in ("HEAD", "config"):
            ours = pathlib.Path(home.git_dir(SHOP), name).read_text()
            assert ours == (tmp_path / "git.git" / name).read_text()
        folders = {os.path.relpath(path, home.git_dir(SHOP)) for path, _, _ in os.walk(home.git_dir(SHOP))}
        assert folders == {".", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags"}

    def test_one_that_is_there_stays_as_it_is(self, home):
        make_repository(home.git_dir(SHOP))
        mark = os.path.join(home.git_dir(SHOP), "refs/heads/main")
        with open(mark, "w") as file:
            file.write("x")
        make_repository(home.git_dir(SHOP))
        assert pathlib.Path(mark).read_text() == "x"
        assert os.listdir(home.client_dir("acme")) == ["shop.git"]

    def test_places_are_the_folders_that_are_repositories(self, home):
        for place in (SHOP, Place("acme", "client"), Place("beta", "shop")):
            make_repository(home.git_dir(place))
            write_record(home.record(place), "an-id", place.repository)
        os.makedirs(os.path.join(home.git, "acme", ".shop.git.12.tmp"))
        os.makedirs(os.path.join(home.git, "Upper", "x.git"))
        write_record(home.client_record("acme"), "another", "acme", ("old",))
        assert home.places() == [Place("acme", "client"), SHOP, Place("beta", "shop")]
        assert read_record(home.client_record("acme")) == ("another", ("old",))
        assert read_record(home.record(Place("acme", "client"))) == ("an-id", ())

    @pytest.mark.parametrize("text", ["", "[]", "{}", "no", '{"id": 1', '{"id": "a", "former": 3}', "\xff"])
    def test_a_record_that_cannot_be_read_says_nothing(self, tmp_path, text):
        (tmp_path / "r.json").write_text(text, encoding="latin-1")
        assert read_record(str(tmp_path / "r.json")) == ("", ())

    def test_the_lock_of_a_repository_keeps_every_other_door_out(self, home):
        make_repository(home.git_dir(SHOP))
        with (
            home.locked(SHOP),
            pytest.raises(BusyError),
            home.locked(Place("acme", "other"), SHOP, timeout=0),
        ):
            raise AssertionError
        with home.locked(SHOP, SHOP, timeout=0):
            pass

    def test_the_lock_stays_with_a_repository_that_is_renamed(self, home):
        store = Place("acme", "store")
        make_repository(home.git_dir(SHOP))
        with home.locked(SHOP):
            os.rename(home.git_dir(SHOP), home.git_dir(store))
            with pytest.raises(BusyError), home.locked(store, timeout=0):
                raise AssertionError
        with home.locked(SHOP, store, timeout=0):
            pass

    def test_size_counts_every_file(self, tmp_path):
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "b" / "c").write_bytes(b"x" * 1000)
        (tmp_path / "a" / "d").write_bytes(b"x" * 24)
        assert size_of(str(tmp_path / "a")) == 1024
        assert size_of(str(tmp_path / "nowhere")) == 0


def test_no_path_of_a_home_leads_out_of_it():
    home = Home("/srv/agency")
    paths = [
        home.git_dir(SHOP),
        home.record(SHOP),
        home.client_record("acme"),
        home.admin_db,
    ]
    assert all(re.match(r"/srv/agency/[\w/.-]+$", path) for path in paths)
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("text", ["checks = 'acme'", 'checks = ["acme"]'])
def test_check_verbs_are_a_list_of_names(tmp_path, text):
    home = make_home(str(tmp_path / "other"))
    with open(home.configuration_file, "a", encoding="utf-8") as file:
        file.write(text)
    assert home.configuration({}).checks == ("acme",)
    assert home.configuration({"IDSE_AGENCY_CHECKS": "one, two"}).checks == ("one", "two")


@pytest.mark.parametrize("text", ["checks = 3", "checks = [3]", 'checks = ["a-b"]'])
def test_what_is_no_list_of_names_is_told(tmp_path, text):
    home = make_home(str(tmp_path / "other"))
    with open(home.configuration_file, "a", encoding="utf-8") as file:
        file.write(text)
    with pytest.raises(InvalidConfigurationError, match="checks"):
        home.configuration({})


def test_the_doctor_makes_no_home_of_what_is_none(tmp_path, agency):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    (folder / "notes.md").write_text("mine")
    (tmp_path / "file").write_text("no folder")
    for nowhere in (tmp_path / "none", tmp_path / "file", folder):
        for words in ((), ("--fix",)):
            done = agency("doctor", "--home", str(nowhere), *words)
            assert (done.code, "problem  home" in done.out) == (1, True), done
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "home"]
    assert (os.listdir(folder), folder.stat().st_mode & 0o777) == (["notes.md"], 0o755)


def test_the_doctor_closes_a_home_that_lost_its_configuration(home, agency):
    os.unlink(home.configuration_file)
    os.chmod(home.path, 0o755)
    assert "is open to others" in agency("doctor").out
    assert agency("doctor", "--fix").code == 0
    assert os.stat(home.path).st_mode & 0o777 == 0o700
