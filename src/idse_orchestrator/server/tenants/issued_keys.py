"""The keys that an Agency has issued: made, looked up, replaced and ended. Only hashes of them are kept."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from idse_orchestrator.base.names import ulid
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_line, unique_lines
from idse_orchestrator.errors import ConflictError, IdseError, UnknownNameError, UsageError
from idse_orchestrator.server.model.names import check_tenant
from idse_orchestrator.server.model.push import ADOPT, PUSH, READ, Caller
from idse_orchestrator.server.tenants.audit import Audit, AuditEntry
from idse_orchestrator.server.tenants.database import Database, values
from idse_orchestrator.server.tenants.keys import (
    ADOPT_SECONDS,
    LONGEST_OVERLAP,
    Key,
    check_scopes,
    hash_of,
    iso,
    new_secret,
    shown,
)

_USED_EVERY = 3600
_LISTS = ("scopes", "emails", "repositories", "projects")


class Wanted(NamedTuple):
    """What a key is to be. `client` "" : an operator's. `expires` counts seconds from now; 0: never."""

    client: str
    name: str = ""
    scopes: tuple[str, ...] = (READ, PUSH)
    emails: tuple[str, ...] = ()
    role: str = ""
    agent: str = ""
    repositories: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    expires: int = 0


class IssuedKeys:
    """The keys in a database. `client_id` finds a client by its name; `now` counts seconds since 1970."""

    def __init__(
        self, database: Database, audit: Audit, client_id: Callable[[str], str], now: Callable[[], float]
    ) -> None:
        self._database = database
        self._audit = audit
        self._client_id = client_id
        self._now = now

    def caller(self, secret: str, *, notes_use: bool = True) -> Caller | None:
        """Returns whose key `secret` is; None, after the same work, for one unknown, expired or revoked.

        That it was used is noted once an hour, unless nothing may be waited for.
        """
        return self._caller("hash", hash_of(secret), notes_use=notes_use)

    def caller_by_id(self, key_id: str) -> Caller | None:
        """Returns whose key has this id: for a door that knows the caller otherwise, as ssh does."""
        return self._caller("id", key_id, notes_use=True)

    def _caller(self, column: str, value: str, *, notes_use: bool) -> Caller | None:
        now = self._now()
        rows = self._database.read(
            "SELECT k.*, coalesce(c.name, '') AS client, c.deleted_at AS gone FROM api_keys k "  # noqa: S608 - ours
            f"LEFT JOIN clients c ON c.id = k.client_id WHERE k.{column} = :value "
            "AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now) "
            "AND (k.client_id = '' OR c.deleted_at IS NULL)",
            value=value,
            now=iso(now),
        )
        if not rows:
            return None
        key = _key(rows[0])
        if notes_use and key.last_used_at < iso(now - _USED_EVERY):
            self._note_use(key, now)
        return Caller(
            key.id,
            key.client_id,
            key.client,
            key.name,
            self._scopes_now(key, now),
            key.emails,
            key.agent,
            key.repositories,
            key.projects,
        )

    def _note_use(self, key: Key, now: float) -> None:
        with suppress(IdseError), self._database.writing() as writing:  # nobody is kept out for it
            writing.run(
                "UPDATE api_keys SET last_used_at = :now WHERE client_id = :client AND id = :id",
                now=iso(now),
                client=key.client_id,
                id=key.id,
            )

    def _scopes_now(self, key: Key, now: float) -> tuple[str, ...]:
        """Returns what the key may do today: `adopt` ends by time, and with the first push."""
        if ADOPT not in key.scopes:
            return key.scopes
        if key.created_at > iso(now - ADOPT_SECONDS):
            pushed = self._database.read(
                "SELECT r.pushed_at FROM repositories r JOIN repository_names n ON n.client_id = r.client_id "
                "AND n.repository_id = r.id WHERE n.client_id = :client AND n.name = :name",
                client=key.client_id,
                name=key.repositories[0],
            )
            if not pushed or not pushed[0]["pushed_at"]:
                return key.scopes
        return tuple(scope for scope in key.scopes if scope != ADOPT)

    def all(self, client: str = "") -> list[Key]:
        """Returns all keys, or those of a client, oldest first."""
        ident = self._client_id(client) if client else ""
        return [_key(row) for row in self._database.read(_KEYS) if ident in ("", row["client_id"])]

    def key(self, key_id: str) -> Key:
        """Returns a key by its id; UnknownNameError where there is none."""
        for key in self.all():
            if key.id == key_id:
                return key
        raise UnknownNameError(f"there is no key {key_id!r}", fix=("idse agency key list",))

    def issue(self, wanted: Wanted) -> tuple[Key, str]:
        """Makes a key. Its secret is returned this one time; only its hash is kept."""
        row = self._new_row(self._client_id(wanted.client) if wanted.client else "", wanted)
        secret = new_secret()
        with self._database.writing() as writing:
            writing.insert("api_keys", {**row, "hash": hash_of(secret), "prefix": shown(secret)})
            said = json.dumps({"id": row["id"], **wanted._asdict()}, ensure_ascii=False)
            self._audit.chain(writing, AuditEntry(row["client_id"], "key issue", detail=said))
        return self.key(row["id"]), secret

    def _new_row(self, client_id: str, wanted: Wanted) -> dict[str, Any]:
        for name in wanted.repositories:
            check_tenant("repository", name)
        if wanted.agent and wanted.emails:
            raise UsageError(
                "a key belongs to a person or to an agent",
                cause="--email names a person, and --agent an agent",
                fix=("leave one of them out",),
            )
        now = self._now()
        lists = {
            "scopes": check_scopes(wanted.scopes, agent=wanted.agent, repositories=wanted.repositories),
            "emails": unique_lines(wanted.emails),
            "repositories": tuple(dict.fromkeys(wanted.repositories)),
            "projects": unique_lines(wanted.projects),
        }
        return {
            "client_id": client_id,
            "id": ulid(int(now * 1000), secrets.token_bytes(10)),
            "name": one_line(wanted.name),
            "role": one_line(wanted.role),
            "agent": one_line(wanted.agent),
            **{name: json.dumps(values, ensure_ascii=False) for name, values in lists.items()},
            "created_at": iso(now),
            "expires_at": iso(now + wanted.expires) if wanted.expires else None,
        }

    def revoke(self, key_id: str) -> Key:
        """Ends a key at once; one that ended before stays as it is."""
        key = self.key(key_id)
        with self._database.writing() as writing:
            done = writing.run(
                "UPDATE api_keys SET revoked_at = :now "
                "WHERE client_id = :client AND id = :id AND revoked_at IS NULL",
                now=iso(self._now()),
                client=key.client_id,
                id=key.id,
            )
            if done:
                self._audit.chain(writing, AuditEntry(key.client_id, "key revoke", detail=key.id))
        return self.key(key_id)

    def rotate_own(self, caller: Caller, overlap_seconds: int) -> str:
        """Makes a key that takes the place of the caller's, which ends when the overlap does."""
        return self.rotate(caller.key_id, overlap_seconds, by=caller.key_id)[1]

    def rotate(self, key_id: str, overlap_seconds: int, *, by: str = "") -> tuple[Key, str]:
        """Does the same for a key by its id; `by` is whose key asks for it, "" : the operator."""
        if not 0 <= overlap_seconds <= LONGEST_OVERLAP:
            raise UsageError("an overlap is 30 days at most", fix=("for instance 7d",))
        old = self.key(key_id)
        now = self._now()
        if old.state(iso(now)) != "valid" or old.replaced_by:
            why = "was replaced" if old.replaced_by else f"is {old.state(iso(now))}"
            raise ConflictError(
                f"key {old.id} {why}",
                cause=f"key {old.replaced_by} took its place" if old.replaced_by else None,
                fix=(f"idse agency key issue {old.client or '--admin'}",),
            )
        scopes = tuple(scope for scope in old.scopes if scope != ADOPT)
        life = _seconds(old.expires_at) - _seconds(old.created_at) if old.expires_at else 0
        lists = (old.emails, old.role, old.agent, old.repositories, old.projects)
        row = self._new_row(old.client_id, Wanted(old.client, old.name, scopes, *lists, round(life)))
        secret = new_secret()
        with self._database.writing() as writing:
            done = writing.run(
                "UPDATE api_keys SET replaced_by = :new, expires_at = CASE "
                "WHEN expires_at IS NOT NULL AND expires_at < :end THEN expires_at ELSE :end END "
                "WHERE client_id = :client AND id = :id AND replaced_by IS NULL AND revoked_at IS NULL",
                new=row["id"],
                end=iso(now + overlap_seconds),
                client=old.client_id,
                id=old.id,
            )
            if not done:
                raise ConflictError(f"key {old.id} was replaced or revoked meanwhile")
            writing.insert("api_keys", {**row, "hash": hash_of(secret), "prefix": shown(secret)})
            said = json.dumps({"old": old.id, "new": row["id"], "overlap": overlap_seconds})
            self._audit.chain(writing, AuditEntry(old.client_id, "key rotate", by, detail=said))
        return self.key(row["id"]), secret


_KEYS = (
    "SELECT k.*, coalesce(c.name, '') AS client FROM api_keys k LEFT JOIN clients c ON c.id = k.client_id "
    "ORDER BY k.created_at, k.id"
)


def _key(row: Mapping[str, Any]) -> Key:
    return Key._make(
        tuple(json.loads(value)) if name in _LISTS else value
        for name, value in zip(Key._fields, values(row, Key._fields), strict=True)
    )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
