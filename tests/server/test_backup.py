"""Backups: whole or refused, taken while pushes run; a home that comes back from one, or from git alone."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

from idse_orchestrator.errors import BackupError, ConflictError, HomeError
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.audit import AuditEntry
from idse_orchestrator.server.tenants.backup import back_up, restore
from idse_orchestrator.server.tenants.bundles import agency_git, refs_in
from idse_orchestrator.server.tenants.home import Home, open_home
from idse_orchestrator.server.tenants.issued_keys import Wanted

SHOP, SITE = Place("acme", "shop"), Place("acme", "site")


def silent(_words):
    pass


def git(folder, *words, given=None):
    done = subprocess.run(["git", "-C", folder, *words], input=given, capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit(folder, ref, text="one"):
    """Moves a ref of a bare repository on by a commit, as a push would."""
    blob = git(folder, "hash-object", "-w", "--stdin", given=text.encode())
    tree = git(folder, "mktree", given=f"100644 blob {blob}\tdocument.md\n".encode())
    before = subprocess.run(
        ["git", "-C", folder, "rev-parse", "-q", "--verify", ref], capture_output=True, check=False
    )
    parent = ["-p", before.stdout.decode().strip()] if before.returncode == 0 else []
    made = git(folder, "commit-tree", "-m", text, *parent, tree)
    git(folder, "update-ref", ref, made)
    return made


@pytest.fixture
def full(tenants):
    """An Agency with two clients, three repositories (one empty), keys, rules and an audit."""
    tenants.add_client("acme", max_bytes=1 << 30)
    tenants.add_client("beta")
    for place in (SHOP, SITE, Place("beta", "shop")):
        tenants.add_repository(place)
    for ref in ("refs/idse/sessions/portal/login", "refs/idse/projects/portal", "refs/idse-agency/rules"):
        commit(tenants.home.git_dir(SHOP), ref)
        commit(tenants.home.git_dir(SHOP), ref, "two")
    commit(tenants.home.git_dir(Place("beta", "shop")), "refs/heads/main", "b" * 100_000)
    pathlib.Path(tenants.home.rules, "acme.yaml").write_text("policy: {gates: every}\n")
    pathlib.Path(tenants.home.backup, "gone.bundle").write_text("kept")
    tenants.rename_repository(SITE, "web")
    tenants.admin.audit.write(AuditEntry(tenants.admin.client("acme").id, "push", "k", "shop", detail="x"))
    return tenants


def saved(tenants, folder, **options):
    return back_up(
        tenants, agency_git(os.environ), str(folder), "2026-11-30T00:00:00Z",
        **{"with_secrets": False, "say": silent, **options},
    )  # fmt: skip


def brought_back(backup, path, defects=0):
    return restore(str(backup), str(path), agency_git(os.environ), check=lambda _: defects, say=silent)


def everything(home):
    """What a home holds, but for its secrets."""
    admin = Admin(home.admin_db)
    rows = (
        admin.clients(),
        admin.repositories(),
        admin.keys.all(),
        admin.audit.heads(),
        admin.audit.verify(),
    )
    admin.close()
    refs = {place: refs_in(agency_git(os.environ).at(home.git_dir(place))) for place in home.places()}
    files = {
        os.path.join(name, each): pathlib.Path(home.path, name, each).read_bytes()
        for name in ("rules", "backup", ".")
        for each in sorted(os.listdir(os.path.join(home.path, name)))
        if each.endswith((".yaml", ".toml", ".bundle"))
    }
    records = {
        path.relative_to(home.git): path.read_bytes() for path in pathlib.Path(home.git).rglob("*.json")
    }
    return rows, refs, files, records


def test_everything_comes_back(full, tmp_path):
    key, secret = full.admin.keys.issue(Wanted("acme", name="Ann"))
    counts = saved(full, tmp_path / "b")
    assert (counts.clients, counts.repositories, counts.refs) == (2, 3, 4)
    again, defects = brought_back(tmp_path / "b", tmp_path / "new")
    assert (again, defects) == (counts, {})
    home = open_home(str(tmp_path / "new"))
    assert everything(home) == everything(full.home)
    assert Admin(home.admin_db).keys.caller(secret).key_id == key.id
    assert git(home.git_dir(SHOP), "fsck", "--full", "--strict") == ""
    assert sorted(os.listdir(home.git_dir(SHOP))) == ["HEAD", "config", "objects", "refs"]


def test_secrets_come_along_only_if_asked_for(full, tmp_path):
    seed = pathlib.Path(full.home.secrets, "push-nonce").read_text()
    saved(full, tmp_path / "without")
    assert not (tmp_path / "without" / "secrets").exists()
    brought_back(tmp_path / "without", tmp_path / "a")
    assert pathlib.Path(tmp_path, "a", "secrets", "push-nonce").read_text() != seed
    saved(full, tmp_path / "with", with_secrets=True)
    brought_back(tmp_path / "with", tmp_path / "b")
    path = pathlib.Path(tmp_path, "b", "secrets", "push-nonce")
    assert (path.read_text(), path.stat().st_mode & 0o777) == (seed, 0o600)


def test_nobody_else_can_read_a_backup(full, tmp_path):
    saved(full, tmp_path / "b")
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "b" / "admin.db").stat().st_mode & 0o777 == 0o600


def test_a_backup_is_made_where_there_is_nothing(full, tmp_path):
    saved(full, tmp_path / "b")
    with pytest.raises(ConflictError) as caught:
        saved(full, tmp_path / "b")
    assert caught.value.exit_code == 3


def test_restore_wants_an_empty_home(full, tmp_path):
    saved(full, tmp_path / "b")
    before = everything(full.home)
    with pytest.raises(ConflictError) as caught:
        brought_back(tmp_path / "b", full.home.path)
    assert caught.value.exit_code == 3
    assert everything(full.home) == before


def test_a_backup_that_was_stopped_is_none(full, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("idse_orchestrator.server.tenants.backup.write_bundle", stop)
    with pytest.raises(KeyboardInterrupt):
        saved(full, tmp_path / "b")
    monkeypatch.undo()
    with pytest.raises(BackupError, match="no whole backup"):
        brought_back(tmp_path / "b", tmp_path / "new")
    assert not (tmp_path / "new").exists()
    with pytest.raises(ConflictError, match="not empty") as caught:
        saved(full, tmp_path / "b")
    assert "manifest" in caught.value.cause


def test_every_file_of_a_backup_is_guarded(full, tmp_path):
    saved(full, tmp_path / "b", with_secrets=True)
    files = [
        path
        for path in sorted((tmp_path / "b").rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    ]
    assert len(files) == 12
    for path in files:
        content = path.read_bytes()
        for damaged in (content[:-1] + bytes([content[-1] ^ 1]), content + b"\0", None):
            if damaged is None:
                path.unlink()
            else:
                path.write_bytes(damaged)
            with pytest.raises(BackupError):
                brought_back(tmp_path / "b", tmp_path / "new")
            assert not (tmp_path / "new").exists()
        path.write_bytes(content)
    brought_back(tmp_path / "b", tmp_path / "new")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"files": {"../../etc/passwd": "00"}},
        {"files": {"/etc/passwd": "00"}},
        {"repositories": {"../x": {}}},
        {"repositories": {"acme/none": {"refs/heads/main": "00"}}},
        {"files": 3},
    ],
    ids=str,
)
def test_a_manifest_that_leads_astray_is_refused(full, tmp_path, change):
    saved(full, tmp_path / "b")
    path = tmp_path / "b" / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BackupError):
        brought_back(tmp_path / "b", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_bundle_with_other_refs_than_the_manifest_says_makes_no_home(full, tmp_path):
    saved(full, tmp_path / "b")
    path = tmp_path / "b" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["repositories"]["acme/shop"]["refs/idse-agency/rules"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(BackupError, match="1 refs are not"):
        brought_back(tmp_path / "b", tmp_path / "new")
    with pytest.raises(HomeError, match="never finished"):
        open_home(str(tmp_path / "new"))


def test_a_restore_that_is_stopped_leaves_no_home(full, tmp_path, monkeypatch):
    saved(full, tmp_path / "b")
    monkeypatch.setattr(
        "idse_orchestrator.server.tenants.backup.unpack_bundle",
        lambda *_: (_ for _ in ()).throw(KeyboardInterrupt),
    )
    with pytest.raises(KeyboardInterrupt):
        brought_back(tmp_path / "b", tmp_path / "new")
    with pytest.raises(HomeError, match="never finished"):
        open_home(str(tmp_path / "new"))


def test_defects_are_counted_and_everything_is_there(full, tmp_path):
    saved(full, tmp_path / "b")
    _, defects = brought_back(tmp_path / "b", tmp_path / "new", defects=2)
    assert defects == {"acme/shop": 2, "acme/web": 2, "beta/shop": 2}
    assert everything(Home(str(tmp_path / "new"))) == everything(full.home)


def test_while_pushes_run_each_repository_is_as_it_was_at_one_moment(full, tmp_path):
    """A writer moves two refs together, under the lock, as one push does: no backup has one of them alone."""
    folder = full.home.git_dir(SITE._replace(repository="web"))
    stop = threading.Event()
    moved = []

    def push():
        number = 0
        while not stop.is_set():
            number += 1
            with full.home.locked(Place("acme", "web")):
                commit(folder, "refs/idse/sessions/p/a", str(number))
                time.sleep(0.2)
                commit(folder, "refs/idse/sessions/p/b", str(number))
            moved.append(number)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        while not moved:
            time.sleep(0.01)
        for number in range(3):
            saved(full, tmp_path / f"b{number}")
    finally:
        stop.set()
        thread.join()
    for number in range(3):
        brought_back(tmp_path / f"b{number}", tmp_path / f"h{number}")
        there = Home(str(tmp_path / f"h{number}")).git_dir(Place("acme", "web"))
        texts = {ref: git(there, "log", "-1", "--format=%s", f"refs/idse/sessions/p/{ref}") for ref in "ab"}
        assert texts["a"] == texts["b"]
    assert len(moved) > 2


def test_a_repository_that_moves_meanwhile_is_in_it(full, tmp_path):
    def move(words):
        if "shop" in words and not (tmp_path / "moved").exists():
            (tmp_path / "moved").touch()
            full.rename_repository(SHOP, "store")
            full.rename_repository(Place("acme", "web"), "aweb")

    saved(full, tmp_path / "b", say=move)
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_text())
    assert len(manifest["repositories"]["acme/store"]) == 3
    assert "acme/aweb" in manifest["repositories"]


class TestCommands:
    def test_backup_and_restore_as_an_operator_types_them(self, full, agency, tmp_path):
        told = agency("backup", str(tmp_path / "b"), "--json")
        assert (told.code, told.data["repositories"], told.data["refs"]) == (0, 3, 4)
        assert agency("restore", str(tmp_path / "b")).code == 3
        told = agency("restore", str(tmp_path / "b"), "--home", str(tmp_path / "new"))
        assert told.code == 1  # what stands under refs/idse/ here are no ledgers
        assert "acme/shop: " in told.err
        assert everything(Home(str(tmp_path / "new"))) == everything(full.home)
        assert agency("restore", str(tmp_path / "nowhere"), "--home", str(tmp_path / "n2")).code == 1

    def test_git_alone_brings_back_clients_repositories_ids_and_former_names(self, full, agency, tmp_path):
        full.rename_client("beta", "bravo")
        new = tmp_path / "new"
        shutil.copytree(full.home.git, new / "git")
        os.chmod(new, 0o700)
        assert agency("doctor", "--home", str(new)).code == 1
        assert agency("doctor", "--fix", "--home", str(new)).code == 0
        assert agency("doctor", "--home", str(new)).code == 0
        admin = Admin(Home(str(new)).admin_db)
        assert {each.id: each.name for each in admin.clients()} == {
            each.id: each.name for each in full.admin.clients()
        }
        assert {(each.id, each.place, each.former) for each in admin.repositories()} == {
            (each.id, each.place, each.former) for each in full.admin.repositories()
        }
        assert admin.client("beta").name == "bravo"
        assert admin.keys.all() == []
        assert admin.audit.verify() == []
