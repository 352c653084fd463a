"""Which commit of a long ledger holds which event: kept beside the repository, so that nobody walks the past.

::

    events/<ledger>          a line of JSON (`_Head`), then rows that came since the sorted ones
    events/<ledger>-<tip>    sorted rows: 26 characters of an event's id, 20 bytes of a commit's

It is made from this repository's own commits, which were judged before, and goes on from where it ended;
what it says of a commit's message is to be believed only once the commit was read. It may be removed at
any time, and is never wrong about an event that it does not know.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING
from zlib import crc32

from idse_orchestrator.base.files import make_folder, write_atomically
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from idse_orchestrator.git.program import Git

LONG = 1_000
"""Events from which on a ledger is worth an index."""

_FOLDER = "events"
_ID = 26
_ROW = _ID + 20
_FEWEST = 512
_SHARE = 8
_PATIENCE = 3600.0
_LIST = ("rev-list", "--stdin", "--format=%x00%H%n%B", "--encoding=UTF-8")
_EVENT = re.compile(rb"^Idse-Event: ([0-7][0-9A-HJKMNP-TV-Z]{25})$", re.MULTILINE)


class _Head(NamedTuple):
    """The ledger, the commit up to which it is known, the file of sorted rows, their number, a checksum."""

    ref: str
    tip: str
    base: str
    number: int
    crc: int


class Table(NamedTuple):
    """The rows of one ledger: sorted ones in the file `base`, and those that came since."""

    base: str
    number: int
    rest: bytes

    def commits(self, prefix: str) -> Sequence[str]:
        """Returns the commits that say they hold an event whose id begins with `prefix`."""
        return [row[_ID:].hex() for row in self.beginning(prefix.encode())]

    def beginning(self, wanted: bytes) -> Sequence[bytes]:
        """Returns the rows that begin with `wanted`."""
        return [*self._sorted(wanted), *self._since(wanted)]

    def _sorted(self, wanted: bytes) -> Iterator[bytes]:
        if not self.number:
            return
        with open(self.base, "rb") as file:
            low, high = 0, self.number
            while low < high:
                middle = (low + high) // 2
                file.seek(middle * _ROW)
                low, high = (middle + 1, high) if file.read(_ROW) < wanted else (low, middle)
            file.seek(low * _ROW)
            while (row := file.read(_ROW)).startswith(wanted) and row:
                yield row

    def _since(self, wanted: bytes) -> Iterator[bytes]:
        at = self.rest.find(wanted)
        while at >= 0:
            if at % _ROW == 0:
                yield self.rest[at : at + _ROW]
            at = self.rest.find(wanted, at + 1)


class EventIndex:
    """The indexes in idse's own folder `private`, of the ledgers that `git` reads."""

    def __init__(self, private: str, git: Git) -> None:
        self._folder = os.path.join(private, _FOLDER)
        self._git = git

    def covering(self, ref: str, tip: str, *, make: bool) -> Table | None:
        """Returns the events of the ledger at `ref`: at least all that `tip` reaches.

        None where there is no index yet, and none is to be made.
        """
        from hashlib import sha1

        path = os.path.join(self._folder, sha1(ref.encode(), usedforsecurity=False).hexdigest()[:20])
        head, table = self._kept(path, ref)
        if head is None and not make:
            return None
        if head is not None and head.tip == tip:
            return table
        rows = self._rows_since(tip, head.tip) if head else None
        if rows is None:
            head, table, rows = None, Table("", 0, b""), self._rows_since(tip, "") or []
        fresh = [row for row in rows if not table.beginning(row)]
        return self._grown(path, _Head(ref, tip, "", 0, 0), table, fresh) if rows or head is None else table

    def _rows_since(self, tip: str, known: str) -> list[bytes] | None:
        """Returns the rows of what `tip` reaches and `known` does not; None where `known` is gone."""
        stdin = f"{tip}\n^{known}\n" if known else f"{tip}\n"
        done = self._git.attempt(*_LIST, stdin=stdin.encode(), timeout=_PATIENCE)
        if done.returncode != 0 and known:
            return None
        out = done.stdout if done.returncode == 0 else self._git.bytes(*_LIST, stdin=stdin.encode())
        chunks = (chunk.partition(b"\n") for chunk in out.split(b"\0")[1:])
        return [
            event + bytes.fromhex(commit.decode())
            for commit, _, message in chunks
            for event in _EVENT.findall(message)
        ]

    def _kept(self, path: str, ref: str) -> tuple[_Head | None, Table]:
        """Returns what is kept; None where there is nothing, or it cannot be trusted."""
        nothing = Table("", 0, b"")
        try:
            with open(path, "rb") as file:
                head = _Head(**json.loads(file.readline()))
                rest = file.read()
            base = os.path.join(self._folder, head.base)
            is_whole = not head.number or os.path.getsize(base) == head.number * _ROW
        except (OSError, ValueError, TypeError):
            return None, nothing
        if head.ref != ref or crc32(rest) != head.crc or not is_whole:
            return None, nothing
        return head, Table(base, head.number, rest)

    def _grown(self, path: str, head: _Head, table: Table, rows: Sequence[bytes]) -> Table:
        """Returns `table` with `rows`, and keeps it where that is possible."""
        rest = table.rest + b"".join(rows)
        old, base = table.base, table.base
        if len(rest) > _ROW * max(_FEWEST, table.number // _SHARE):
            content = b"".join(
                sorted([*self._read(table), *(rest[at : at + _ROW] for at in range(0, len(rest), _ROW))])
            )
            base, rest = f"{path}-{head.tip[:16]}", b""
        else:
            content = b""
        number = len(content) // _ROW if content else table.number
        try:
            make_folder(self._folder)
            if content:
                write_atomically(base, content)
            told = head._replace(base=os.path.basename(base), number=number, crc=crc32(rest))
            write_atomically(path, json.dumps(told._asdict()).encode() + b"\n" + rest)
        except (OSError, StorageError):
            return table._replace(rest=table.rest + b"".join(rows))
        if old and old != base:
            with suppress(OSError):
                os.unlink(old)
        return Table(base, number, rest)

    @staticmethod
    def _read(table: Table) -> list[bytes]:
        if not table.number:
            return []
        with open(table.base, "rb") as file:
            data = file.read()
        return [data[at : at + _ROW] for at in range(0, len(data), _ROW)]
