"""The audit: what was done by whose key, as a chain in which no row can be changed, dropped or moved unseen.

Each client has a chain of its own. The hash of a row covers every column and the hash of the row before;
the head is kept beside the chain, so that rows missing at the end are seen, too. Detail and certificate
are covered by a salted hash: they can be taken out with the repository they tell of, and a row of the chain
says that they were.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import merge
from typing import Any

from idse_orchestrator.base.names import canonical_json
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.server.tenants.database import Database, Writing

PURGE = "repository purge"
"""The action of a row that says: details of this repository were taken out of the rows before it."""
PUSHED, WRITTEN = "push", "write"
"""The actions of rows that say: this was to come into ledgers, by git or by the server itself."""

START = ""
"""What stands before the first row."""

_CHAINED = ("client_id", "id", "at", "key_id", "action", "repository", "outcome", "rule", "details_hash")
_BEFORE_ALL = -1 << 62
_DETAILS = ("salt", "detail", "certificate")


class AuditEntry(NamedTuple):
    """What is to be written. `client_id` "" : it concerns the Agency itself; `repository` is its name.

    `outcome` is ``ok``, ``refused`` or ``failed``. `detail` is text or JSON, never a key or a document.
    """

    client_id: str
    action: str
    key_id: str = ""
    repository: str = ""
    outcome: str = "ok"
    rule: str = ""
    detail: str = ""
    certificate: str = ""


class AuditFault(NamedTuple):
    """Where a chain does not hold: the row by its number in the chain of a client, and what is wrong."""

    client_id: str
    id: int
    what: str

    @property
    def words(self) -> str:
        """It, in a sentence."""
        whose = f"client {self.client_id}" if self.client_id else "the Agency"
        return f"row {self.id} of {whose}: {self.what}"


def chained(entry: AuditEntry, number: int, at: str, previous: str, salt: str) -> dict[str, Any]:
    """Returns the row for `entry`, the `number`-th of its chain."""
    row: dict[str, Any] = {**entry._asdict(), "id": number, "at": at, "salt": salt, "previous_hash": previous}
    row["details_hash"] = _details_hash(row)
    row["hash"] = _row_hash(row)
    return row


def faults_of(  # noqa: C901 - one chain, one walk
    client_id: str, rows: Iterable[Mapping[str, Any]], head: tuple[int, str] | None
) -> Iterator[AuditFault]:
    """Yields what is wrong with a chain, whose rows come in order; `head`: number and hash of its last."""
    previous, number = START, 0
    emptied: dict[str, list[int]] = {}
    for row in rows:
        number += 1
        if row["id"] != number:
            yield AuditFault(
                client_id, number, f"row {number} is missing: row {row['id']} comes in its place"
            )
            number = row["id"]
        if row["previous_hash"] != previous:
            yield AuditFault(client_id, number, "it does not follow the row before it")
        if row["hash"] != _row_hash(row):
            yield AuditFault(client_id, number, "it was changed after it was written")
        if not any(row[name] for name in _DETAILS):
            emptied.setdefault(row["repository"], []).append(number)
        elif row["details_hash"] != _details_hash(row):
            yield AuditFault(client_id, number, "its detail or certificate was changed")
        if row["action"] == PURGE:
            emptied.pop(row["repository"], None)
        previous = row["hash"]
    for numbers in emptied.values():
        for lost in numbers:
            yield AuditFault(client_id, lost, "its detail was taken out, and no row says so")
    if head is None and number:
        yield AuditFault(client_id, number, "the head of the chain is gone")
    elif head is not None and head != (number, previous):
        yield AuditFault(client_id, head[0], f"the chain ends at row {number}, and its head is row {head[0]}")


class Audit:
    """The chains in a database. `today` says what time it is, in ISO-8601."""

    def __init__(self, database: Database, today: Callable[[], str]) -> None:
        self._database = database
        self._today = today

    def write(self, entry: AuditEntry, also: Callable[[Writing], None] | None = None) -> None:
        """Appends a row to the chain of its client; it is on the disk when this returns.

        What `also` writes comes with it, or neither.
        """
        with self._database.writing() as writing:
            self.chain(writing, entry)
            if also is not None:
                also(writing)

    def rows(self, client_id: str, after: int = 0, limit: int = 100) -> list[Mapping[str, Any]]:
        """Returns rows of a chain, oldest first, that come after row number `after`."""
        query = "SELECT * FROM audit WHERE client_id = :client AND id > :after ORDER BY id LIMIT :limit"
        return [dict(row) for row in self._database.read(query, client=client_id, after=after, limit=limit)]

    def newest(self, clients: Iterable[str], since: str = "") -> Iterator[Mapping[str, Any]]:
        """Yields the rows of the chains of `clients`, newest first, that are not older than `since`."""
        chains = (self._backwards(each, since) for each in clients)
        yield from merge(*chains, key=lambda row: row["at"], reverse=True)

    def _backwards(self, client_id: str, since: str) -> Iterator[Mapping[str, Any]]:
        query = "SELECT * FROM audit WHERE client_id = :client AND id < :before ORDER BY id DESC LIMIT 1000"
        before = -_BEFORE_ALL
        while page := self._database.read(query, client=client_id, before=before):
            for row in page:
                if row["at"] < since:
                    return
                yield row
            before = page[-1]["id"]

    def lost(self, heads: Mapping[str, tuple[int, str]]) -> list[AuditFault]:
        """Returns which chains were cut or replaced since `heads`, that a backup kept: number and hash."""
        query = "SELECT hash FROM audit WHERE client_id = :client AND id = :id"
        found = []
        for client_id, (number, digest) in heads.items():
            rows = self._database.read(query, client=client_id, id=number)
            if not rows:
                found.append(AuditFault(client_id, number, "it is in the backup, and not here"))
            elif rows[0]["hash"] != digest:
                found.append(AuditFault(client_id, number, "it is another one than in the backup"))
        return found

    def heads(self) -> Mapping[str, tuple[int, str]]:
        """Returns number and hash of the last row of each chain."""
        rows = self._database.read("SELECT client_id, id, hash FROM audit_heads ORDER BY client_id")
        return {row["client_id"]: (row["id"], row["hash"]) for row in rows}

    def verify(self) -> list[AuditFault]:
        """Returns every place at which a chain does not hold: a row changed, dropped, added or moved."""
        heads = self.heads()
        query = "SELECT client_id FROM audit UNION SELECT client_id FROM audit_heads ORDER BY client_id"
        chains = [row["client_id"] for row in self._database.read(query)]
        return [fault for each in chains for fault in faults_of(each, self._all(each), heads.get(each))]

    def _all(self, client_id: str) -> Iterator[Mapping[str, Any]]:
        after = _BEFORE_ALL
        while page := self.rows(client_id, after, 1000):
            yield from page
            after = page[-1]["id"]

    def chain(self, writing: Writing, entry: AuditEntry) -> None:
        """Appends a row within a transaction, with which it comes or not."""
        heads = writing.read(
            "SELECT id, hash FROM audit_heads WHERE client_id = :client", client=entry.client_id
        )
        number, previous = (heads[0]["id"], heads[0]["hash"]) if heads else (0, START)
        row = chained(entry, number + 1, self._today(), previous, secrets.token_hex(16))
        writing.insert("audit", row)
        writing.run(
            "INSERT INTO audit_heads (client_id, id, hash) VALUES (:client_id, :id, :hash) "
            "ON CONFLICT (client_id) DO UPDATE SET id = :id, hash = :hash",
            client_id=entry.client_id,
            id=row["id"],
            hash=row["hash"],
        )


def _details_hash(row: Mapping[str, Any]) -> str:
    return _digest({name: row[name] for name in _DETAILS})


def _row_hash(row: Mapping[str, Any]) -> str:
    return _digest({name: row[name] for name in (*_CHAINED, "previous_hash")})


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()
