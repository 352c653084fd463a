"""When the server saw a commit first: the audit says which push moved which ref from where to where."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.errors import IdseError

if TYPE_CHECKING:
    from idse_orchestrator.server.tenants.admin import Admin

_PAGE = 200
_QUERY = """
SELECT id, at, detail FROM audit WHERE client_id = :client AND id < :before AND outcome = 'ok'
ORDER BY id DESC LIMIT :limit
"""
_FIRST = 1 << 62


class Seen:
    """The pushes of one client, read from the newest back, as far as they are asked for."""

    def __init__(self, admin: Admin, client_id: str) -> None:
        self._admin = admin
        self._client = client_id
        self._moves: dict[tuple[str, str], tuple[str, str]] = {}
        self._before = _FIRST
        self._limit = 4  # of a push that just came, the newest row tells

    def of(self, ref: str, old: str, new: str, fresh: Callable[[str, str], Sequence[str]]) -> dict[str, str]:
        """Returns when each commit came that `new` reaches and `old` ("" : nothing) does not.

        Where it is not known, a commit is left out. `fresh` returns the commits between two of them.
        """
        pushes: list[tuple[str, str, str]] = []
        at = new
        while at and at != old:
            move = self._move(ref, at)
            if move is None or move[0] == at:
                break
            pushes.append((move[0], at, move[1]))
            at = move[0]
        found: dict[str, str] = {}
        for before, after, when in reversed(pushes):
            try:
                commits = fresh(before, after)
            except (IdseError, ValueError):  # it was rewritten by hand since
                continue
            for commit in commits:
                found.setdefault(commit, when)
        return found

    def _move(self, ref: str, new: str) -> tuple[str, str] | None:
        while (ref, new) not in self._moves:
            if not self._read_on():
                return None
        return self._moves[ref, new]

    def _read_on(self) -> bool:
        asked = {"client": self._client, "before": self._before, "limit": self._limit}
        rows = self._admin.database.read(_QUERY, **asked)
        for row in rows:
            for ref, old, new in _refs(row["detail"]):
                self._moves.setdefault((ref, new), (old, row["at"]))
            self._before = row["id"]
        self._limit = _PAGE
        return bool(rows)


def _refs(detail: str) -> Iterator[tuple[str, str, str]]:
    """Yields the moves of a push; none where they were taken out."""
    try:
        yield from ((ref, old, new) for ref, old, new in json.loads(detail)["refs"])
    except (ValueError, KeyError, TypeError):
        return
