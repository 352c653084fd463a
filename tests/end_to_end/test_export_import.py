"""`idse export` and `idse import` as somebody types them, with folders of every kind."""

from __future__ import annotations

import json
import os
import shutil

import pytest

KEYS = ["project portal", "portal/__blueprint__", "portal/login"]
DOCUMENT = ".idse/projects/portal/sessions/login/intent.md"


def refs(repo):
    return repo.git(
        "for-each-ref", "--format=%(refname) %(objectname)", "refs/idse/projects", "refs/idse/sessions"
    )


def does(repo, *words, **options):
    done = repo.idse(*words, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture
def folder(begun, tmp_path):
    """An export of `begun`."""
    does(begun, "export", str(tmp_path / "out"))
    return tmp_path / "out"


def ledger(folder, session="login"):
    return folder / "projects" / "portal" / "sessions" / session


def newest(folder):
    return max(ledger(folder).joinpath("entries").iterdir())


def test_what_was_exported_is_imported_under_the_same_ids(begun, folder, make_repo):
    other = make_repo("other")
    done = does(other, "import", str(folder))
    assert [line.split(None, 1)[1].rsplit(None, 1)[0].strip() for line in done.stdout.splitlines()] == KEYS
    assert refs(other) == refs(begun)
    assert does(other, "fsck").returncode == 0


def test_importing_twice_changes_nothing(folder, make_repo, unchanged):
    other = make_repo("other")
    does(other, "import", str(folder))
    with unchanged(other):
        done = does(other, "import", str(folder))
    assert (done.stdout, done.stderr) == ("", "everything up to date\n")


def test_a_person_finds_state_event_and_document_as_plain_files(begun, folder):
    assert json.loads((ledger(folder) / "state.json").read_text())["session"] == "login"
    entry = newest(folder)
    assert json.loads((entry / "event.json").read_text())["actor"]["name"] == "Test Author"
    content = json.loads((entry / "artifacts.json").read_text())["intent.md"]
    assert (folder / "artifacts" / content[:2] / content[2:]).read_bytes() == begun.read(DOCUMENT)


def test_the_documents_of_an_imported_session_can_be_restored(begun, folder, make_repo):
    begun.write(DOCUMENT, b"# Intent\r\n\r\nwindows lines\r\n")
    does(begun, "save", "login")
    does(begun, "export", str(folder))
    other = make_repo("other")
    does(other, "import", str(folder))
    does(other, "restore", "portal/login")
    assert other.read(DOCUMENT) == b"# Intent\r\n\r\nwindows lines\r\n"


def test_both_sides_moved_on_and_an_import_joins_them(begun, folder, make_repo, tmp_path):
    other = make_repo("other")
    does(other, "import", str(folder))
    does(begun, "session", "set", "login", "--title", "here")
    does(other, "session", "set", "portal/login", "--owner", "there")
    done = begun.idse("export", str(folder))
    assert done.returncode == 0
    done = does(other, "import", str(folder))
    assert "merged  portal/login" in done.stdout
    does(other, "export", str(tmp_path / "back"))
    does(begun, "import", str(tmp_path / "back"))
    assert refs(begun) == refs(other)
    assert begun.idse("fsck").returncode == 0


def test_an_export_into_a_folder_that_moved_on_otherwise_says_so_and_overwrites_nothing(
    begun, folder, make_repo
):
    other = make_repo("other")
    does(other, "import", str(folder))
    does(begun, "session", "set", "login", "--title", "here")
    does(other, "session", "set", "portal/login", "--title", "there")
    does(begun, "export", str(folder))
    tip = (ledger(folder) / "tip").read_text()
    done = other.idse("export", str(folder))
    assert done.returncode == 3
    assert "diverged" in done.stdout
    assert f"idse import {folder}" in done.stderr
    assert (ledger(folder) / "tip").read_text() == tip


def test_only_one_project_is_exported_if_asked_for(begun, tmp_path):
    does(begun, "init", "attic", "--no-hooks")
    does(begun, "export", str(tmp_path / "one"), "--project", "attic")
    assert os.listdir(tmp_path / "one" / "projects") == ["attic"]


def test_json_tells_every_ledger(begun, tmp_path, make_repo):
    told = json.loads(does(begun, "export", str(tmp_path / "out"), "--json").stdout)
    assert told["schema"] == "idse.export/1"
    assert [each["result"] for each in told["data"]["ledgers"]] == ["copied"] * 3
    told = json.loads(does(make_repo("other"), "import", str(tmp_path / "out"), "--json").stdout)
    assert told["schema"] == "idse.import/1"
    assert told["data"]["ledgers"][2] | {"new": ""} == {
        "project": "portal",
        "session": "login",
        "result": "copied",
        "old": None,
        "new": "",
        "why": None,
    }


def test_an_export_into_a_folder_of_other_things_is_refused(begun, tmp_path, refused):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    refused(begun, "IDSE009", 2, "export", str(tmp_path / "mine"))
    assert os.listdir(tmp_path / "mine") == ["thesis.txt"]


@pytest.mark.parametrize("command", ["export", "import"])
def test_no_name_is_not_the_folder_we_stand_in(begun, refused, command):
    refused(begun, "IDSE001", 2, command, "")


@pytest.mark.parametrize("place", ["nowhere", "empty", "file"])
def test_an_import_from_what_is_no_store_is_refused(begun, tmp_path, refused, place):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("text")
    refused(begun, "IDSE006", 2, "import", str(tmp_path / place))


def test_a_store_of_a_newer_format_is_refused(begun, folder, refused):
    (folder / "idse-store.json").write_text('{"format": 2}')
    refused(begun, "IDSE009", 2, "import", str(folder))


def replace_text(path, old, new):
    path.write_bytes(path.read_bytes().replace(old, new))


def change_an_event(folder):
    replace_text(newest(folder) / "event.json", b"Test Author", b"Some Author")


def change_a_commit(folder):
    replace_text(newest(folder) / "commit", b"Test Author", b"Some Author")


def change_a_state(folder):
    replace_text(newest(folder) / "state.json", b"in_progress", b"complete")


def change_a_document(folder):
    name = json.loads((newest(folder) / "artifacts.json").read_text())["intent.md"]
    (folder / "artifacts" / name[:2] / name[2:]).write_text("something else")


def lose_a_document(folder):
    name = json.loads((newest(folder) / "artifacts.json").read_text())["intent.md"]
    (folder / "artifacts" / name[:2] / name[2:]).unlink()


def put_a_pipe_for_a_document(folder):
    lose_a_document(folder)
    name = json.loads((newest(folder) / "artifacts.json").read_text())["intent.md"]
    os.mkfifo(folder / "artifacts" / name[:2] / name[2:])


def put_a_link_for_a_state(folder):
    (newest(folder) / "state.json").unlink()
    (newest(folder) / "state.json").symlink_to("/etc/passwd")


def lose_an_entry(folder):
    shutil.rmtree(min(ledger(folder).joinpath("entries").iterdir()))


def lose_the_newest_entry(folder):
    shutil.rmtree(newest(folder))


def put_nonsense_for_a_tip(folder):
    (ledger(folder) / "tip").write_text("../../../etc\n")


def put_nonsense_for_documents(folder):
    (newest(folder) / "artifacts.json").write_text('{"../../x": 1}')


def put_a_huge_number(folder):
    (newest(folder) / "artifacts.json").write_text("[" * 100_000)


def forge_documents(folder, paths):
    """A newest entry whose commit is right for what it holds, which is `paths`."""
    from idse_orchestrator.stores.entry import Content, make_entry
    from idse_orchestrator.stores.filesystem_store import FilesystemStore

    store = FilesystemStore(str(folder))
    found = store.load_session(("portal", "login"))
    name = store.save_artifact(b"x")
    entry = next(store.entries(("portal", "login")))
    content = Content(entry.event, entry.state, dict.fromkeys(paths, name))
    made = make_entry(content, [found.tip], "A <a@b> 1700000000 +0000", "forged\n")
    store.save_session(("portal", "login"), [made], found.tip)


def forge_an_event(folder):
    forge_documents(folder, ["intent.md"])


def forge_a_way_out(folder):
    forge_documents(folder, ["../../outside"])


def forge_a_git_folder(folder):
    forge_documents(folder, [".git/hooks/post-checkout"])


DAMAGE = [
    change_an_event,
    change_a_commit,
    change_a_state,
    change_a_document,
    lose_a_document,
    put_a_pipe_for_a_document,
    put_a_link_for_a_state,
    lose_an_entry,
    lose_the_newest_entry,
    put_nonsense_for_a_tip,
    put_nonsense_for_documents,
    put_a_huge_number,
    forge_an_event,
    forge_a_way_out,
    forge_a_git_folder,
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_ledger_that_is_not_sound_stays_out_and_the_others_come_in(folder, make_repo, damage):
    damage(folder)
    other = make_repo("other")
    done = other.idse("import", str(folder))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "refused  portal/login" in done.stdout
    assert "Traceback" not in done.stderr
    names = [line.split()[0] for line in refs(other).splitlines()]
    assert names == ["refs/idse/projects/portal", "refs/idse/sessions/portal/__blueprint__"]
    assert does(other, "fsck").returncode == 0


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_not_sound_changes_nothing_where_the_ledger_is_known(begun, folder, unchanged, damage):
    damage(folder)
    with unchanged(begun):
        done = begun.idse("import", str(folder))
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1), done.stdout


def test_a_ledger_under_another_name_stays_out(folder, make_repo):
    shutil.move(ledger(folder), ledger(folder, "other"))
    other = make_repo("other")
    done = other.idse("import", str(folder))
    assert done.returncode == 1
    assert "refused" in done.stdout


def test_a_name_that_no_session_can_have_is_passed_by(folder, make_repo):
    shutil.copytree(ledger(folder), ledger(folder, "..lock"))
    shutil.copytree(ledger(folder), ledger(folder, "with space"))
    does(make_repo("other"), "import", str(folder))


def test_a_name_that_differs_only_in_case_stays_out(begun, folder):
    os.rename(ledger(folder), ledger(folder, "LOGIN"))
    done = begun.idse("import", str(folder))
    assert done.returncode == 1
    assert "only in case" in done.stdout


def test_a_damaged_ledger_of_a_repository_is_told_and_the_others_are_exported(begun, tmp_path):
    blob = begun.git("hash-object", "-w", "--stdin", stdin="no ledger")
    tree = begun.git("mktree", stdin=f"100644 blob {blob}\tfile\n")
    commit = begun.git("commit-tree", "-m", "no ledger", tree)
    begun.git("update-ref", "refs/idse/sessions/portal/login", commit)
    done = begun.idse("export", str(tmp_path / "out"))
    assert done.returncode == 1
    assert "refused  portal/login" in done.stdout
    assert sorted(os.listdir(tmp_path / "out" / "projects" / "portal" / "sessions")) == ["__blueprint__"]


def sound_ledger(store, folder, session, content):
    """A ledger in `store` as idse writes it, with one document."""
    from idse_orchestrator.ledger.events import Draft
    from idse_orchestrator.stores.plain_documents import Place
    from idse_orchestrator.stores.plain_ledgers import Folders
    from idse_orchestrator.wiring.acting import PlainActing
    from idse_orchestrator.wiring.ledgers import store_writer

    place, folders = Place(str(folder), "", "filesystem"), Folders(store)
    writer = store_writer(place.private, store, folders, PlainActing(place.private, os.environ, str))
    tree = folders.id_of({"intent.md": store.save_artifact(content)})
    body = {"project": "portal", "session": session, "type": "feature", "title": "", "owner": ""}
    writer.append("portal", session, lambda _: Draft("created", body | {"parents": []}, tree))


@pytest.mark.parametrize("store", ["git", "filesystem"])
@pytest.mark.parametrize(("size", "code"), [(1024 * 1024, 0), (1024 * 1024 + 1, 1)])
def test_a_document_above_the_limit_stays_out_of_every_store(tmp_path, make_repo, store, size, code):
    from idse_orchestrator.stores.filesystem_store import FilesystemStore

    sound_ledger(FilesystemStore(str(tmp_path / "out")), tmp_path, "big", b"x" * size)
    done = make_repo("other").idse("--store", store, "import", str(tmp_path / "out"))
    assert done.returncode == code
    assert ("artifact-size" in done.stdout) == bool(code)


def test_very_many_damaged_ledgers_keep_no_sound_one_out(folder, make_repo):
    for number in range(40):
        shutil.copytree(ledger(folder), ledger(folder, f"bad{number}"))
        (newest_of(folder, f"bad{number}") / "commit").write_text("nonsense")
    other = make_repo("other")
    done = other.idse("import", str(folder))
    assert done.returncode == 1
    assert done.stdout.count("refused") == 40
    assert "copied   portal/login" in done.stdout


def newest_of(folder, session):
    return max(ledger(folder, session).joinpath("entries").iterdir())


def test_very_many_lost_documents_keep_no_sound_ledger_out(folder, make_repo):
    from idse_orchestrator.stores.filesystem_store import FilesystemStore

    for number in range(40):
        sound_ledger(FilesystemStore(str(folder)), folder.parent, f"bad{number}", f"{number}".encode())
    for number in range(40):
        name = json.loads((newest_of(folder, f"bad{number}") / "artifacts.json").read_text())["intent.md"]
        (folder / "artifacts" / name[:2] / name[2:]).unlink()
    done = make_repo("other").idse("import", str(folder))
    assert done.returncode == 1
    assert done.stdout.count("refused") == 40
    assert "copied   portal/login" in done.stdout
