"""Clients and repositories, with their keys and the audit: what an Agency knows that no git repository holds.

What a caller asks for answers the same whether it is unknown, another client's, or not for this key. Every
change is written together with its row of the audit, or not at all.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from idse_orchestrator.base.names import check_known
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import (
    ConflictError,
    NameTakenError,
    NotConfirmedError,
    QuotaError,
    UnknownNameError,
)
from idse_orchestrator.server.model.names import Place, check_tenant
from idse_orchestrator.server.model.push import CREATE, Caller
from idse_orchestrator.server.tenants.audit import PURGE, Audit, AuditEntry
from idse_orchestrator.server.tenants.database import Database, make_database, values
from idse_orchestrator.server.tenants.issued_keys import IssuedKeys
from idse_orchestrator.server.tenants.keys import iso

NO_LIMIT = 1 << 62
"""What is left where there is no quota."""


class Client(NamedTuple):
    """A tenant. Times are ISO-8601 in UTC, "" where there is none; a quota of 0 is none."""

    id: str
    name: str
    created_at: str
    archived_at: str
    deleted_at: str
    max_bytes: int
    max_repositories: int
    repositories: int = 0
    bytes: int = 0
    keys: int = 0
    pushed_at: str = ""


class Repository(NamedTuple):
    """A repository of a client. `former` are its names before this one."""

    id: str
    client_id: str
    client: str
    name: str
    created_at: str
    archived_at: str
    deleted_at: str
    bytes: int
    pushed_at: str
    former: tuple[str, ...] = ()

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.client, self.name)


class Found(NamedTuple):
    """A repository that a caller may know of. Where it does not exist, its id is "", and it may be made."""

    repository_id: str
    is_archived: bool
    exists: bool
    bytes_left: int


class Moved(NamedTuple):
    """Where a repository is now, that was asked for by a former name."""

    place: Place


class Record(NamedTuple):
    """What is known of a client or a repository without the database: its id, and names that it had."""

    id: str = ""
    former: tuple[str, ...] = ()


class Admin:
    """The admin database at `path`, which is there. Safe for threads and for several processes at once."""

    def __init__(self, path: str, now: Callable[[], float] = time.time) -> None:
        self.database = Database(path)
        self.audit = Audit(self.database, lambda: iso(now()))
        self.keys = IssuedKeys(self.database, self.audit, lambda name: self.client(name).id, now)
        self._now = now

    @classmethod
    def make(cls, path: str, now: Callable[[], float] = time.time) -> Admin:
        """Makes the database where there is none."""
        make_database(path).close()
        return cls(path, now)

    def close(self) -> None:
        """Closes what this thread holds open."""
        self.database.close()

    # --- what a caller may know of ---

    def place(self, caller: Caller, place: Place) -> Found | Moved | None:
        """Returns what there is for `caller` at `place`; None for all that it may not know of."""
        rows = self.database.read(_PLACE, client=place.client, repository=place.repository)
        if not rows or not self._is_known_to(caller, rows[0], place):
            return None
        row = rows[0]
        now = Place(row["client"], row["name"] or place.repository)
        if now != place:
            return Moved(now)
        return Found(
            row["id"] or "",
            is_archived=bool(row["archived"] or row["client_archived"]),
            exists=bool(row["id"]),
            bytes_left=_left(row["max_bytes"], row["used"]),
        )

    def _is_known_to(self, caller: Caller, row: Mapping[str, Any], asked: Place) -> bool:
        """Tests whether a caller may know of a repository, or of the gap in which it may make one."""
        if row["client_gone"] or row["gone"] or caller.client_id not in ("", row["client_id"]):
            return False
        if caller.repositories and not self._is_among(row, caller.repositories, asked.repository):
            return False
        return bool(row["id"]) or (CREATE in caller.scopes and not row["client_archived"])

    def _is_among(self, row: Mapping[str, Any], allowed: Iterable[str], asked: str) -> bool:
        """Tests whether a repository is one that a key is limited to, whatever name that was said by."""
        if row["id"] is None:
            return asked in allowed
        names = {each["name"] for each in self.database.read(_NAMES, client=row["client_id"], id=row["id"])}
        return not names.isdisjoint(allowed)

    # --- clients ---

    def clients(self, *, with_deleted: bool = False) -> list[Client]:
        """Returns all clients by name."""
        rows = self.database.read(_CLIENTS)
        return [_client(row) for row in rows if with_deleted or not row["deleted_at"]]

    def client(self, name: str) -> Client:
        """Returns a client by its name, or by one that it had; UnknownNameError where there is none."""
        rows = self.database.read("SELECT client_id FROM client_names WHERE name = :name", name=name)
        known = self.clients()
        for client in known:
            if rows and client.id == rows[0]["client_id"]:
                return client
        if rows:
            raise UnknownNameError(f"client {name} was deleted", cause="its name is never given again")
        check_known("client", name, [client.name for client in known], ("idse agency client list",))
        raise AssertionError(name)

    def former_names(self, client: Client) -> tuple[str, ...]:
        """Returns the names that a client had before this one."""
        rows = self.database.read(
            "SELECT name FROM client_names WHERE client_id = :id ORDER BY name", id=client.id
        )
        return tuple(row["name"] for row in rows if row["name"] != client.name)

    def add_client(
        self, name: str, *, max_bytes: int = 0, max_repositories: int = 0, known: Record | None = None
    ) -> Client:
        """Adds a client; NameTakenError where one has that name, or ever had it."""
        check_tenant("client", name)
        ident = (known and known.id) or str(uuid.uuid4())
        with self.database.writing() as writing:
            _refuse_taken("client", name, writing.read(_CLIENT_NAME, name=name))
            row = {"id": ident, "name": name, "created_at": self._today()}
            writing.insert("clients", {**row, "max_bytes": max_bytes, "max_repositories": max_repositories})
            writing.insert("client_names", {"name": name, "client_id": ident})
            for former in known.former if known else ():
                writing.insert("client_names", {"name": former, "client_id": ident})
            self.audit.chain(writing, AuditEntry(ident, "client add", detail=name))
        return self.client(name)

    def set_quota(self, name: str, *, max_bytes: int | None, max_repositories: int | None) -> Client:
        """Sets what a client may keep; None leaves a limit as it is, 0 takes it away."""
        client = self.client(name)
        bytes_now = client.max_bytes if max_bytes is None else max_bytes
        count_now = client.max_repositories if max_repositories is None else max_repositories
        with self.database.writing() as writing:
            writing.run(
                "UPDATE clients SET max_bytes = :bytes, max_repositories = :count WHERE id = :id",
                bytes=bytes_now,
                count=count_now,
                id=client.id,
            )
            said = json.dumps({"bytes": bytes_now, "repositories": count_now})
            self.audit.chain(writing, AuditEntry(client.id, "client quota", detail=said))
        return self.client(name)

    def rename_client(self, old: str, new: str, move: Callable[[], None] = lambda: None) -> Client:
        """Renames a client. `move` moves its folder: it runs last, and where it fails nothing is changed."""
        client = self.client(old)
        check_tenant("client", new)
        with self.database.writing() as writing:
            _refuse_taken("client", new, writing.read(_CLIENT_NAME, name=new), client.id)
            writing.run("UPDATE clients SET name = :name WHERE id = :id", name=new, id=client.id)
            writing.run(
                "INSERT INTO client_names (name, client_id) VALUES (:name, :id) ON CONFLICT DO NOTHING",
                name=new,
                id=client.id,
            )
            self.audit.chain(
                writing, AuditEntry(client.id, "client rename", detail=f"{client.name} -> {new}")
            )
            move()
        return self.client(new)

    def archive_client(self, name: str) -> Client:
        """Ends all pushes to a client's repositories; reads go on."""
        client = self.client(name)
        with self.database.writing() as writing:
            writing.run(_ARCHIVE_CLIENT, now=self._today(), id=client.id)
            self.audit.chain(writing, AuditEntry(client.id, "client archive"))
        return self.client(name)

    def delete_client(self, name: str, *, confirm: str) -> Client:
        """Deletes an archived client without repositories; its keys end, its name is never given again."""
        client = self.client(name)
        _check_deletion("client", client.name, client.archived_at, confirm)
        if client.repositories:
            raise ConflictError(
                f"client {client.name} still has repositories",
                fix=tuple(
                    f"idse agency repository delete {each.place} --confirm {each.place}"
                    for each in self.repositories(client.name)[:3]
                ),
            )
        now = self._today()
        with self.database.writing() as writing:
            writing.run("UPDATE clients SET deleted_at = :now WHERE id = :id", now=now, id=client.id)
            writing.run(
                "UPDATE api_keys SET revoked_at = :now WHERE client_id = :id AND revoked_at IS NULL",
                now=now,
                id=client.id,
            )
            self.audit.chain(writing, AuditEntry(client.id, "client delete"))
        return client._replace(deleted_at=now)

    # --- repositories ---

    def repositories(self, client: str = "", *, with_deleted: bool = False) -> list[Repository]:
        """Returns the repositories of a client, or of all, by name."""
        ident = self.client(client).id if client else ""
        rows = self.database.read(_REPOSITORIES, client=ident)
        names = self.database.read(
            "SELECT client_id, repository_id, name FROM repository_names ORDER BY name"
        )
        return [_repository(row, names) for row in rows if with_deleted or not row["deleted_at"]]

    def repository(self, place: Place) -> Repository:
        """Returns a repository by its name, or by one that it had; UnknownNameError where there is none."""
        client = self.client(place.client)
        known = self.repositories(client.name)
        for each in known:
            if place.repository in (each.name, *each.former):
                return each
        names = [str(each.place) for each in known]
        check_known(
            "repository",
            f"{client.name}/{place.repository}",
            names,
            (f"idse agency repository list {client.name}",),
            many="repositories",
        )
        raise AssertionError(place)

    def add_repository(
        self,
        caller: Caller | None,
        place: Place,
        make: Callable[[], None] = lambda: None,
        *,
        known: Record | None = None,
    ) -> Found:
        """Adds a repository; `make` makes its folder, and where it fails there is none.

        `caller` is whose push asks for it; None: the operator. One that was added meanwhile is found.
        """
        check_tenant("repository", place.repository)
        client = self.client(place.client)
        with self.database.writing() as writing:
            name = writing.read("SELECT name FROM clients WHERE id = :id", id=client.id)[0]["name"]
            if name != place.client:  # its folder moved, maybe just now
                raise ConflictError(f"client {place.client} is called {name} now")
            there = writing.read(
                "SELECT r.id, r.deleted_at, r.name FROM repository_names n JOIN repositories r "
                "ON r.client_id = n.client_id AND r.id = n.repository_id "
                "WHERE n.client_id = :client AND n.name = :name",
                client=client.id,
                name=place.repository,
            )
            if there and caller is not None and not there[0]["deleted_at"]:
                make()
                return self._found(client, there[0]["id"])
            _refuse_taken("repository", str(place), there)
            if client.archived_at:
                raise ConflictError(f"client {client.name} is archived", cause="nothing is added to it")
            count = writing.read(_COUNT, client=client.id)[0]["n"]
            if client.max_repositories and count >= client.max_repositories:
                raise QuotaError(
                    f"client {client.name} has {count} repositories, and may have {client.max_repositories}",
                    fix=(f"idse agency client quota {client.name} --repositories {count + 1}",),
                )
            ident = (known and known.id) or str(uuid.uuid4())
            row = {
                "client_id": client.id,
                "id": ident,
                "name": place.repository,
                "created_at": self._today(),
            }
            writing.insert("repositories", row)
            for name in (place.repository, *(known.former if known else ())):
                names = {"client_id": client.id, "name": name, "repository_id": ident}
                writing.insert("repository_names", names)
            key = caller.key_id if caller else ""
            self.audit.chain(
                writing,
                AuditEntry(client.id, "repository add", key, place.repository, detail=place.repository),
            )
            make()
        return self._found(client, ident)

    def _found(self, client: Client, ident: str) -> Found:
        left = _left(client.max_bytes, client.bytes)
        return Found(ident, is_archived=bool(client.archived_at), exists=True, bytes_left=left)

    def rename_repository(
        self, place: Place, new: str, move: Callable[[], None] = lambda: None
    ) -> Repository:
        """Renames a repository; see `rename_client`."""
        known = self.repository(place)
        check_tenant("repository", new)
        with self.database.writing() as writing:
            taken = writing.read(
                "SELECT repository_id FROM repository_names WHERE client_id = :client AND name = :name",
                client=known.client_id,
                name=new,
            )
            _refuse_taken("repository", f"{known.client}/{new}", taken, known.id)
            writing.run(
                "UPDATE repositories SET name = :name WHERE client_id = :client AND id = :id",
                name=new,
                client=known.client_id,
                id=known.id,
            )
            writing.run(
                "INSERT INTO repository_names (client_id, name, repository_id) VALUES (:client, :name, :id) "
                "ON CONFLICT DO NOTHING",
                name=new,
                client=known.client_id,
                id=known.id,
            )
            said = f"{known.name} -> {new}"
            self.audit.chain(
                writing, AuditEntry(known.client_id, "repository rename", "", known.name, detail=said)
            )
            move()
        return self.repository(Place(known.client, new))

    def archive_repository(self, place: Place) -> Repository:
        """Ends pushes to a repository; reads go on."""
        known = self.repository(place)
        with self.database.writing() as writing:
            writing.run(_ARCHIVE_REPOSITORY, now=self._today(), client=known.client_id, id=known.id)
            self.audit.chain(writing, AuditEntry(known.client_id, "repository archive", "", known.name))
        return self.repository(place)

    def check_deletable(self, place: Place, confirm: str) -> Repository:
        """Returns the repository, where it is archived or deleted, and `confirm` names it."""
        gone = [
            each
            for each in self.repositories(place.client, with_deleted=True)
            if each.deleted_at and place.repository in (each.name, *each.former)
        ]
        known = gone[0] if gone else self.repository(place)
        archived = known.archived_at or self.client(known.client).archived_at or known.deleted_at
        _check_deletion("repository", str(known.place), archived, confirm)
        return known

    def delete_repository(
        self, place: Place, *, confirm: str, remove: Callable[[], None] = lambda: None
    ) -> Repository:
        """Deletes an archived repository; `remove` removes its folder. Its name is never given again."""
        known = self.check_deletable(place, confirm)
        if known.deleted_at:
            return known
        now = self._today()
        with self.database.writing() as writing:
            writing.run(
                "UPDATE repositories SET deleted_at = :now, bytes = 0 WHERE client_id = :client AND id = :id",
                now=now,
                client=known.client_id,
                id=known.id,
            )
            self.audit.chain(writing, AuditEntry(known.client_id, "repository delete", "", known.name))
            remove()
        return known._replace(deleted_at=now, bytes=0)

    def purge(self, client_id: str, names: Iterable[str]) -> None:
        """Takes out details of the audit on what had `names` ("" : the client itself), and says so in it."""
        with self.database.writing() as writing:
            for name in names:
                writing.run(
                    "UPDATE audit SET salt = '', detail = '', certificate = '' "
                    "WHERE client_id = :client AND repository = :name",
                    client=client_id,
                    name=name,
                )
                self.audit.chain(writing, AuditEntry(client_id, PURGE, "", name))

    def used(self, place: Place) -> int:
        """Returns the bytes of all repositories of the client at `place`, as they were last measured."""
        rows = self.database.read(_PLACE, client=place.client, repository=place.repository)
        return int(rows[0]["used"] or 0) if rows else 0

    def note_bytes(self, place: Place, count: int, *, pushed: bool = True) -> None:
        """Keeps how large a repository is, after a push or otherwise."""
        with self.database.writing() as writing:
            writing.run(
                "UPDATE repositories SET bytes = :count, pushed_at = coalesce(:now, pushed_at) "
                "WHERE name = :name "
                "AND client_id = (SELECT id FROM clients WHERE name = :client)",
                count=count,
                now=self._today() if pushed else None,
                name=place.repository,
                client=place.client,
            )

    def _today(self) -> str:
        return iso(self._now())


_CLIENT_NAME = "SELECT client_id AS id FROM client_names WHERE name = :name"
_NAMES = "SELECT name FROM repository_names WHERE client_id = :client AND repository_id = :id"
_COUNT = "SELECT count(*) AS n FROM repositories WHERE client_id = :client AND deleted_at IS NULL"
_ARCHIVE_CLIENT = "UPDATE clients SET archived_at = coalesce(archived_at, :now) WHERE id = :id"
_ARCHIVE_REPOSITORY = (
    "UPDATE repositories SET archived_at = coalesce(archived_at, :now) WHERE client_id = :client AND id = :id"
)
_REPOSITORIES = (
    "SELECT r.*, c.name AS client FROM repositories r JOIN clients c ON c.id = r.client_id "
    "WHERE r.client_id = :client OR :client = '' ORDER BY c.name, r.name"
)
_CLIENTS = """
SELECT c.*, coalesce(r.n, 0) AS repositories, coalesce(r.total, 0) AS bytes, r.pushed_at,
  (SELECT count(*) FROM api_keys k WHERE k.client_id = c.id AND k.revoked_at IS NULL) AS keys
FROM clients c LEFT JOIN (
  SELECT client_id, count(*) AS n, sum(bytes) AS total, max(pushed_at) AS pushed_at
  FROM repositories WHERE deleted_at IS NULL GROUP BY client_id
) r ON r.client_id = c.id ORDER BY c.name
"""
_PLACE = """
SELECT c.id AS client_id, c.name AS client, c.archived_at AS client_archived, c.deleted_at AS client_gone,
  c.max_bytes, r.id, r.name, r.archived_at AS archived, r.deleted_at AS gone,
  (SELECT sum(bytes) FROM repositories s WHERE s.client_id = c.id) AS used
FROM client_names m JOIN clients c ON c.id = m.client_id
LEFT JOIN repository_names n ON n.client_id = c.id AND n.name = :repository
LEFT JOIN repositories r ON r.client_id = c.id AND r.id = n.repository_id
WHERE m.name = :client
"""


def _left(limit: int, used: int | None) -> int:
    return max(limit - (used or 0), 0) if limit else NO_LIMIT


def _client(row: Mapping[str, Any]) -> Client:
    return Client._make(values(row, Client._fields))


def _repository(row: Mapping[str, Any], names: Sequence[Mapping[str, Any]]) -> Repository:
    former = tuple(
        each["name"]
        for each in names
        if (each["client_id"], each["repository_id"]) == (row["client_id"], row["id"])
        and each["name"] != row["name"]
    )
    return Repository._make((*values(row, Repository._fields[:-1]), former))


def _refuse_taken(kind: str, name: str, rows: Sequence[Mapping[str, Any]], owner: str = "") -> None:
    """Raises NameTakenError where `rows` say that a name was given, to another than `owner`."""
    if not rows or (owner and owner in rows[0].values()):
        return
    raise NameTakenError(
        f"{kind} {name} exists already, or did",
        cause="a name is given once: what was renamed answers under it, and what was deleted stays known",
        fix=("choose another name",),
    )


def _check_deletion(kind: str, name: str, archived: str, confirm: str) -> None:
    if not archived:
        raise ConflictError(
            f"{kind} {name} is not archived",
            cause="only what is archived can be deleted",
            fix=(f"idse agency {kind} archive {name}",),
        )
    if confirm != name:
        raise NotConfirmedError(
            f"{kind} {name} would be deleted for good",
            cause="its name has to be typed",
            fix=(f"idse agency {kind} delete {name} --confirm {name}",),
        )
