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


def kept_answer(database: Database, caller: Caller, name: str) -> KeptAnswer | None:
    """Returns what was answered to the write that a caller called `name`; None where there is none."""
    rows = database.read(
        "SELECT digest, ref, commit_id, answer FROM answers "
        "WHERE client_id = :client AND key_id = :key AND name = :name",
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
