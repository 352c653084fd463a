"""Sync points of all clones that are known here, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.git.identity import known_replica_id
from idse_orchestrator.git.ref_names import SYNC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from idse_orchestrator.git.repository import Repository

_FORMAT = "--format=tformat:%H%x1f%ct%x1f%s%x1f%(trailers:key=Idse-Replica,valueonly,separator=%x20)"
_PLAIN = ("--no-decorate", "--no-notes", "--no-patch", "--no-show-signature", "--date-order")


class PointEntry(NamedTuple):
    """One sync point: its commit, Unix time, what happened, which replica noted it, whether that is ours."""

    commit: str
    at: int
    subject: str
    replica: str
    is_own: bool


def sync_points(repository: Repository, limit: int | None = None) -> Iterator[PointEntry]:
    """The sync points under ``refs/idse/sync/``, newest first, `limit` of them at most."""
    refs = repository.git.lines("for-each-ref", "--format=%(refname)", SYNC)
    if not refs:
        return
    own = known_replica_id(repository.private)
    count = () if limit is None else (f"--max-count={limit}",)
    wanted = "".join(f"{ref}\n" for ref in refs).encode()
    for row in repository.git.lines("log", "--stdin", *_PLAIN, *count, _FORMAT, stdin=wanted):
        commit, at, subject, replica = row.split("\x1f")
        yield PointEntry(commit, int(at), subject, replica, replica == own)
