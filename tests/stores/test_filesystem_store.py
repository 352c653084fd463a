"""Ledgers in a folder: nothing acknowledged is lost, whoever is killed and however many write."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from idse_orchestrator.errors import CorruptLedgerError, InvalidConfigurationError, StorageError
from idse_orchestrator.stores.entry import Content, entry_id, make_entry
from idse_orchestrator.stores.filesystem_store import FilesystemStore

LOOP = str(pathlib.Path(__file__).with_name("store_loop.py"))
KEY = ("portal", "login")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


def made(parents=(), text="begin\n", artifacts=None):
    content = Content(b"{}", b'{"lamport":1}', artifacts)
    return make_entry(content, parents, "A <a@example.invalid> 1700000000 +0000", text)


def begun(folder):
    store = FilesystemStore(str(folder))
    name = store.save_artifact(b"# Intent\n")
    store.save_session(KEY, [made(artifacts={"intent.md": name})], None)
    return store


def started(folder, acknowledged, *count):
    command = [sys.executable, LOOP, str(folder), str(acknowledged), *map(str, count)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def ids(folder):
    return [entry_id(entry) for entry in FilesystemStore(str(folder)).entries(KEY)]


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_instant_it_keeps_what_was_acknowledged(folder, tmp_path, seed):
    acknowledged = tmp_path / "acknowledged"
    acknowledged.touch()
    chance = random.Random(seed)
    for _ in range(3):
        known = acknowledged.stat().st_size
        workers = [started(folder, acknowledged) for _ in range(2)]
        while acknowledged.stat().st_size == known and all(worker.poll() is None for worker in workers):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.03))
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
            assert worker.communicate()[1] == b""
        found = ids(folder)
        assert set(acknowledged.read_text().split()) <= set(found)
        store = FilesystemStore(str(folder))
        assert all(store.load_artifact(each.artifacts["intent.md"]) for each in store.entries(KEY))
    assert started(folder, acknowledged, 1).communicate()[1] == b""
    assert len(ids(folder)) == len(found) + 1


def test_eight_processes_at_once_lose_nothing(folder, tmp_path):
    acknowledged = tmp_path / "acknowledged"
    workers = [started(folder, acknowledged, 5) for _ in range(8)]
    assert [(worker.communicate()[1], worker.returncode) for worker in workers] == [(b"", 0)] * 8
    promised = acknowledged.read_text().split()
    assert sorted(promised) == sorted(ids(folder))
    assert len(promised) == 40


def test_what_a_killed_writer_left_is_swept_by_the_next(folder):
    store = begun(folder)
    left = folder / "projects/portal/sessions/login/entries/.new-0123"
    left.mkdir()
    (left / "commit").write_text("half")
    tip = store.load_session(KEY).tip
    store.save_session(KEY, [made([tip])], tip)
    assert not left.exists()


def inodes(folder):
    """Of every file and folder of a store that has to last."""
    found = [folder, *folder.rglob("*")]
    passing = [folder / "lock", folder / "projects/portal/sessions/login/state.json"]
    return {path.stat().st_ino: path for path in found if path not in passing}


def test_all_that_leads_to_an_entry_is_on_the_disk_when_it_is_acknowledged(folder, monkeypatch):
    settled, fsync = set(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (settled.add(os.fstat(file).st_ino), fsync(file)))
    begun(folder)
    assert [path for inode, path in inodes(folder).items() if inode not in settled] == []


def test_many_entries_are_brought_to_the_disk_without_waiting_for_other_disks(folder, monkeypatch):
    monkeypatch.setattr(os, "sync", lambda: pytest.fail("that is everybody's data, on all disks"))
    store = begun(folder)
    tip = store.load_session(KEY).tip
    entries = []
    for number in range(20):
        names = {f"{number}.md": store.save_artifact(b"%d" % number)}
        entries.append(made([entry_id(entries[-1]) if entries else tip], artifacts=names))
    assert store.save_session(KEY, entries, tip) == ids(folder)[0]


def test_a_disk_that_fails_is_an_error_and_nothing_is_acknowledged(folder, monkeypatch):
    store = begun(folder)
    tip = store.load_session(KEY).tip

    name = store.save_artifact(b"new")
    document, fsync = (folder / "artifacts" / name[:2] / name[2:]).stat().st_ino, os.fsync

    def failing(file):
        if os.fstat(file).st_ino == document:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(file)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageError):
        store.save_session(KEY, [made([tip], artifacts={"intent.md": name})], tip)
    assert ids(folder) == [tip]


def test_a_document_that_a_power_cut_emptied_is_whole_when_it_is_saved_again(folder):
    store = FilesystemStore(str(folder))
    name = store.save_artifact(b"# Intent\n")
    (folder / "artifacts" / name[:2] / name[2:]).write_bytes(b"")
    begun(folder)
    assert store.load_artifact(name) == b"# Intent\n"


def test_an_entry_that_a_power_cut_emptied_is_whole_when_it_is_saved_again(folder):
    store = begun(folder)
    tip = store.load_session(KEY).tip
    new = made([tip], "more\n")
    left = folder / "projects/portal/sessions/login/entries" / f"000001-{entry_id(new)}"
    left.mkdir()
    (left / "commit").touch()
    assert store.save_session(KEY, [new], tip) == entry_id(new)
    assert ids(folder) == [entry_id(new), tip]


def test_entries_stand_in_their_order_and_the_state_beside_the_tip(folder):
    store = begun(folder)
    tip = store.load_session(KEY).tip
    ledger = folder / "projects" / "portal" / "sessions" / "login"
    assert os.listdir(ledger / "entries") == [f"000001-{tip}"]
    assert (ledger / "tip").read_text() == f"{tip}\n"
    assert json.loads((ledger / "state.json").read_text()) == {"lamport": 1}
    assert json.loads((folder / "idse-store.json").read_text())["format"] == 1


def test_looking_into_a_folder_that_is_not_there_makes_none(folder):
    store = FilesystemStore(str(folder))
    assert list(store.list_sessions()) == []
    assert store.load_session(KEY) is None
    assert not folder.exists()


def test_a_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidConfigurationError, match="not a store"):
        FilesystemStore(str(tmp_path))


def test_a_document_that_was_changed_is_damage_and_not_another_document(folder):
    store = begun(folder)
    name = store.load_session(KEY).artifacts["intent.md"]
    (folder / "artifacts" / name[:2] / name[2:]).write_text("forged")
    with pytest.raises(CorruptLedgerError, match="damaged"):
        store.load_artifact(name)


def test_a_link_out_of_the_store_is_not_written_through(folder, tmp_path):
    begun(folder)
    (tmp_path / "outside").mkdir()
    sessions = folder / "projects" / "portal" / "sessions"
    (sessions / "other").symlink_to(tmp_path / "outside")
    with pytest.raises(CorruptLedgerError):
        FilesystemStore(str(folder)).save_session(("portal", "other"), [made(text="x\n")], None)
    assert os.listdir(tmp_path / "outside") == []


def test_a_place_that_cannot_be_written_is_an_error_that_says_so(folder):
    store = begun(folder)
    (folder / "artifacts").rename(folder / "away")
    (folder / "artifacts").write_text("no folder")
    with pytest.raises(StorageError, match="cannot be written"):
        store.save_artifact(b"new")


def test_what_cannot_be_written_is_called_a_store(folder):
    folder.mkdir()
    (folder / "idse-store.json").write_text('{"format": 1}')
    (folder / "artifacts").write_text("no folder")
    with pytest.raises(StorageError, match="the store cannot be written"):
        begun(folder)


def test_a_place_where_no_folder_can_be_made_is_no_repository():
    with pytest.raises(StorageError, match="the store cannot be written"):
        FilesystemStore("/proc/nothing").save_artifact(b"new")


def test_beginning_a_ledger_asks_no_more_of_the_disk_where_there_are_many(folder, monkeypatch):
    asked, lexists = [], os.path.lexists
    monkeypatch.setattr(os.path, "lexists", lambda path: asked.append(path) or lexists(path))
    store = begun(folder)
    counts = []
    for number in range(20):
        asked.clear()
        store.save_session(("portal", f"session-{number}"), [made(text=f"{number}\n")], None)
        counts.append(len(asked))
    assert len(store.list_sessions()) == 21
    assert set(counts) == {counts[0]}
