"""Backups of a whole Agency: one folder, whose manifest is written last, with a checksum of every file.

manifest.json       what belongs to it; without it the folder is no backup
admin.db            clients, repositories, keys, audit: copied first, so that it never tells of a push
                    that the bundles below do not hold
agency.toml  rules/  designs/  backup/          as they are in the home; secrets/ only if asked for
git/CLIENT/client.json  git/CLIENT/REPOSITORY.git.json      ids and names
git/CLIENT/REPOSITORY.bundle                    refs as they were at one moment, and all they lead to
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from idse_orchestrator.base.files import make_folder, open_or_make, storage_error, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_word
from idse_orchestrator.errors import BackupError, ConflictError
from idse_orchestrator.git.program import Git
from idse_orchestrator.server.model.names import Place, place_in
from idse_orchestrator.server.tenants.admin import Admin
from idse_orchestrator.server.tenants.audit import AuditFault
from idse_orchestrator.server.tenants.bundles import refs_in, unpack_bundle, write_bundle
from idse_orchestrator.server.tenants.home import Home, make_repository, making_home, new_nonce_seed
from idse_orchestrator.server.tenants.tenancy import Tenants

MANIFEST = "manifest.json"
FORMAT = 1
_CHUNK = 1 << 20
_WHAT = "the backup"
_PLAIN = ("agency.toml", "rules", "designs", "backup")
_SECRET = 0o600

Progress = Callable[[str], None]


class Saved(NamedTuple):
    """What a backup holds, in numbers."""

    clients: int
    repositories: int
    refs: int
    bytes: int


def back_up(
    tenants: Tenants, git: Git, folder: str, made_at: str, *, with_secrets: bool, say: Progress
) -> Saved:
    """Writes a backup into an empty `folder`. Pushes go on: each lock is held while refs are read."""
    home = tenants.home
    if os.path.isdir(folder) and os.listdir(folder):
        raise ConflictError(
            "the folder is not empty",
            where=folder,
            cause="a backup is made where there is nothing" if _has_manifest(folder) else _HALF,
            fix=("name another folder, for instance with the date in its name",),
        )
    make_folder(folder, _WHAT)
    _close(folder)
    tenants.admin.database.copy_to(os.path.join(folder, "admin.db"))
    copy = Admin(os.path.join(folder, "admin.db"))
    heads, clients = copy.audit.heads(), len(copy.clients())
    copy.close()
    files = {"admin.db": _digest(os.path.join(folder, "admin.db"))}
    for path in _files(home.path, (*_PLAIN, *(("secrets",) if with_secrets else ()))):
        files[path] = _copied(os.path.join(home.path, path), os.path.join(folder, path))
    repositories: dict[str, Mapping[str, str]] = {}
    looked: set[Place] = set()
    while places := [place for place in home.places() if place not in looked]:  # one may move meanwhile
        for place in places:
            looked.add(place)
            say(f"{len(looked)}: {place}")
            refs = _bundled(home, git, place, folder, files)
            if refs is not None:
                repositories[str(place)] = refs
    for path in _records(home):
        files[path] = _copied(os.path.join(home.path, path), os.path.join(folder, path))
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "made_at": made_at,
        "files": files,
        "repositories": repositories,
        "audit": {client: {"row": row, "hash": hash_} for client, (row, hash_) in heads.items()},
    }
    write_atomically(
        os.path.join(folder, MANIFEST),
        json.dumps(manifest, indent=1).encode() + b"\n",
        durable=True,
        what=_WHAT,
    )
    _remember(home, folder, manifest)
    total = sum(os.path.getsize(os.path.join(folder, path)) for path in files)
    return Saved(clients, len(repositories), sum(map(len, repositories.values())), total)


class Kept(NamedTuple):
    """What a home keeps of its last backup: its folder, when it was made, and the heads of the audit then."""

    folder: str
    made_at: str
    heads: Mapping[str, tuple[int, str]]


def _remember(home: Home, folder: str, manifest: Mapping[str, Any]) -> None:
    kept = {"folder": os.path.abspath(folder), "made_at": manifest["made_at"], "audit": manifest["audit"]}
    write_atomically(home.last_backup, json.dumps(kept, indent=1).encode() + b"\n", mode=_SECRET, what=_WHAT)


def last_backup(home: Home) -> Kept | None:
    """Returns what is known of the last backup of a home; None where there is none, or it cannot be read."""
    try:
        with open(home.last_backup, encoding="utf-8") as file:
            found = json.load(file)
        return Kept(str(found["folder"]), str(found["made_at"]), heads_in(found))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def heads_in(manifest: Mapping[str, Any]) -> Mapping[str, tuple[int, str]]:
    """Returns the heads of the audit in a manifest: number and hash of the last row of each chain."""
    return {str(client): (int(head["row"]), str(head["hash"])) for client, head in manifest["audit"].items()}


_HALF = "it holds no whole backup: its manifest, which is written last, is missing"


def _bundled(
    home: Home, git: Git, place: Place, folder: str, files: dict[str, str]
) -> Mapping[str, str] | None:
    """Bundles a repository; returns its refs, None where it was moved or removed meanwhile."""
    there = git.at(home.git_dir(place))
    with home.locked(place):
        if not os.path.isdir(there.folder):
            return None
        refs = refs_in(there)
    if refs:
        path = f"git/{place}.bundle"
        make_folder(os.path.join(folder, "git", place.client), _WHAT)
        try:
            files[path] = write_bundle(there, refs, os.path.join(folder, path))
        except FileNotFoundError:  # it was moved or removed after its refs were read
            return None
    return refs


class Restored(NamedTuple):
    """What came back, the defects of ledgers by repository, and what does not hold in the audit."""

    saved: Saved
    defects: Mapping[str, int]
    faults: tuple[AuditFault, ...]


def restore(backup: str, path: str, git: Git, *, check: Callable[[str], int], say: Progress) -> Restored:
    """Makes a home of a backup, where nothing stands or an empty folder; ConflictError where more does.

    All is compared with the manifest before anything is written. `check` counts the defects of a bare
    repository's ledgers.
    """
    manifest = read_manifest(backup)
    verify(backup, manifest)
    with making_home(path, f"restore {one_word(os.path.abspath(backup))}") as home:
        for name in manifest["files"]:
            if not name.endswith(".bundle") or name.startswith("backup/"):
                _copied(os.path.join(backup, name), os.path.join(home.path, name))
        _close_secrets(home)
        for number, (name, refs) in enumerate(manifest["repositories"].items(), 1):
            say(f"{number} of {len(manifest['repositories'])}: {name}")
            place = _place(name)
            make_repository(home.git_dir(place))
            if refs:
                unpack_bundle(git.at(home.git_dir(place)), _inside(backup, f"git/{name}.bundle"), refs)
        os.chmod(home.admin_db, _SECRET)
        admin = Admin(home.admin_db)
        admin.database.write_ahead()
        clients = len(admin.clients())
        faults = (*admin.audit.verify(), *admin.audit.lost(heads_in(manifest)))
        admin.close()
        _remember(home, backup, manifest)
    repositories = manifest["repositories"]
    defects = {name: check(home.git_dir(_place(name))) for name in repositories}
    total = sum(os.path.getsize(os.path.join(backup, name)) for name in manifest["files"])
    saved = Saved(clients, len(repositories), sum(map(len, repositories.values())), total)
    return Restored(saved, {name: count for name, count in defects.items() if count}, faults)


def read_manifest(backup: str) -> Mapping[str, Any]:
    """Returns the manifest of a backup; BackupError where there is none that can be read."""
    path = os.path.join(backup, MANIFEST)
    if not os.path.isdir(backup):
        raise BackupError("there is no backup", where=backup, cause="it is a folder that backup wrote")
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        known = found["format"] == FORMAT and found["files"].keys() and found["repositories"] is not None
        heads_in(found)
    except FileNotFoundError as error:
        raise BackupError("this is no whole backup", where=backup, cause=_HALF) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackupError(
            "the manifest of the backup cannot be read", where=path, cause=str(error)
        ) from error
    if not known:
        raise BackupError(
            f"the backup has format {found['format']}", where=path, cause=f"this idse reads format {FORMAT}"
        )
    manifest: Mapping[str, Any] = found
    return manifest


def verify(backup: str, manifest: Mapping[str, Any]) -> None:
    """Compares every file with its checksum. BackupError names the first that is not as it was written."""
    for name, digest in manifest["files"].items():
        path = _inside(backup, name)
        try:
            found = _digest(path)
        except OSError as error:
            raise BackupError("a file of the backup is missing", where=path, cause=error.strerror) from error
        if found != digest:
            raise BackupError(
                "a file of the backup was changed",
                where=path,
                cause="its checksum is not that of the manifest",
                fix=("use another backup",),
            )
    for name, refs in manifest["repositories"].items():
        place = _place(name)
        if refs and f"git/{place}.bundle" not in manifest["files"]:
            raise BackupError("a file of the backup is missing", where=f"git/{name}.bundle")


def _inside(backup: str, name: str) -> str:
    """Returns the path of a file of the backup; BackupError for one that leads out of it."""
    if name.startswith("/") or ".." in name.split("/") or "\0" in name:
        raise BackupError("the manifest names a file outside of the backup", where=backup, cause=name)
    return os.path.join(backup, name)


def _place(name: str) -> Place:
    place = place_in(name)
    if place is None:
        raise BackupError("the manifest names no repository", cause=name)
    return place


def _has_manifest(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, MANIFEST))


def _files(top: str, names: tuple[str, ...]) -> Iterator[str]:
    """Yields the files that `names` are, or that are below them, as paths from `top`."""
    for name in names:
        path = os.path.join(top, name)
        if os.path.isfile(path):
            yield name
        for folder, _, inner in os.walk(path):
            for each in sorted(inner):
                yield os.path.relpath(os.path.join(folder, each), top)


def _records(home: Home) -> list[str]:
    return [
        os.path.join("git", client, name)
        for client in sorted(os.listdir(home.git))
        if os.path.isdir(home.client_dir(client))
        for name in sorted(os.listdir(home.client_dir(client)))
        if name.endswith(".json")
    ]


def _copied(source: str, target: str) -> str:
    """Copies a file; returns its SHA-256. Nobody else can read the copy."""
    digest = hashlib.sha256()
    make_folder(os.path.dirname(target), _WHAT)
    try:
        with open(source, "rb") as old, open(open_or_make(target, os.O_WRONLY | os.O_TRUNC), "wb") as new:
            os.fchmod(new.fileno(), _SECRET)
            while chunk := old.read(_CHUNK):
                digest.update(chunk)
                new.write(chunk)
            new.flush()
            os.fsync(new.fileno())
    except OSError as error:
        raise storage_error(error, target, _WHAT) from error
    return digest.hexdigest()


def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _close(folder: str) -> None:
    try:
        os.chmod(folder, 0o700)
    except OSError as error:
        raise storage_error(error, folder, _WHAT) from error


def _close_secrets(home: Home) -> None:
    """A backup without secrets gets new ones."""
    if not os.listdir(home.secrets):
        new_nonce_seed(home)
