"""Logins to the pages: a key is shown once, then a cookie stands for it. Only hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING

from idse_orchestrator.server.tenants.keys import hash_of, iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.tenants.admin import Admin

LOGIN_SECONDS = 8 * 3600
"""So long a login lasts, whatever is done with it."""


class Logins:
    """The logins of an Agency; `now` counts seconds since 1970."""

    def __init__(self, admin: Admin, now: Callable[[], float] = time.time) -> None:
        self._admin = admin
        self._now = now

    def begin(self, caller: Caller) -> str:
        """Returns the secret of a new login. Those that ended are forgotten."""
        secret, now = secrets.token_urlsafe(32), self._now()
        with self._admin.database.writing() as writing:
            writing.run("DELETE FROM logins WHERE expires_at <= :now", now=iso(now))
            row = {"hash": hash_of(secret), "key_id": caller.key_id}
            writing.insert("logins", {**row, "created_at": iso(now), "expires_at": iso(now + LOGIN_SECONDS)})
        return secret

    def caller(self, secret: str) -> Caller | None:
        """Returns whose login it is; None where it ended, or its key did: that is looked up each time."""
        rows = self._admin.database.read(
            "SELECT key_id FROM logins WHERE hash = :hash AND expires_at > :now",
            hash=hash_of(secret),
            now=iso(self._now()),
        )
        return self._admin.keys.caller_by_id(rows[0]["key_id"]) if rows else None

    def end(self, secret: str) -> None:
        """Ends a login."""
        with self._admin.database.writing() as writing:
            writing.run("DELETE FROM logins WHERE hash = :hash", hash=hash_of(secret))


def form_token(secret: str) -> str:
    """Returns what a form of this login carries: who cannot read its pages cannot send one."""
    return hashlib.sha256(b"idse form\0" + secret.encode("utf-8", "surrogatepass")).hexdigest()
