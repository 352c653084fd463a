"""Answers to writes that named themselves, so that one which is asked for again is not made again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.records import NamedTuple

if TYPE_CHECKING:
    from idse_orchestrator.server.model.push import Caller
    from idse_orchestrator.server.tenants.database import Database, Writing

KEPT_SECONDS = 7 * 86_400
"""So long an answer is kept."""


class KeptAnswer(NamedTuple):
    """An answer, the digest of its request, and the commit that it made on `ref`."""

    digest: str
    ref: str
    commit: str
    answer: Mapping[str, Any]


_OWN = """
WITH RECURSIVE own (id) AS (
  SELECT :key UNION SELECT k.id FROM api_keys k JOIN own ON k.replaced_by = own.id AND k.client_id = :client)
"""
"""The key of a caller, and those in whose place it came."""


def first_key(database: Database, caller: Caller) -> str:
    """Returns the id of the first of the keys in whose place the caller's came, or its own."""
    query = f"{_OWN} SELECT min(id) AS id FROM own"  # noqa: S608 - ours
    rows = database.read(query, client=caller.client_id, key=caller.key_id)
    return str(rows[0]["id"])  # an id begins with the time


def kept_answer(database: Database, caller: Caller, name: str) -> KeptAnswer | None:
    """Returns what was answered to the write that a caller called `name`; None where there is none.

    A key that was rotated knows what its predecessors have written.
    """
    rows = database.read(
        f"{_OWN} SELECT digest, ref, commit_id, answer FROM answers "  # noqa: S608 - ours
        "WHERE client_id = :client AND key_id IN (SELECT id FROM own) AND name = :name ORDER BY at DESC",
        client=caller.client_id,
        key=caller.key_id,
        name=name,
    )
    if not rows:
        return None
    digest, ref, commit, answer = rows[0].values()
    return KeptAnswer(digest, ref, commit, json.loads(answer))


def keep_answer(writing: Writing, caller: Caller, name: str, kept: KeptAnswer, now: str, oldest: str) -> None:
    """Keeps an answer within a transaction, and forgets those from before `oldest`; times are ISO-8601."""
    writing.run("DELETE FROM answers WHERE at < :oldest", oldest=oldest)
    writing.run(
        "DELETE FROM answers WHERE client_id = :client AND key_id = :key AND name = :name",
        client=caller.client_id,
        key=caller.key_id,
        name=name,
    )
    writing.insert(
        "answers",
        {
            "client_id": caller.client_id,
            "key_id": caller.key_id,
            "name": name,
            "at": now,
            "digest": kept.digest,
            "ref": kept.ref,
            "commit_id": kept.commit,
            "answer": json.dumps(kept.answer),
        },
    )
