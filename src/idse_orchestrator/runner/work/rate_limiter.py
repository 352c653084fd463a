"""Buckets that all processes of this repository share, in a small database below the git directory.

It is derived: whoever deletes it begins with full buckets. A take is all or nothing over the buckets of a
provider's account and of a worker's share of it; what it held is settled when it is known what was used.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

from idse_orchestrator.base.files import make_folders
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import StorageError
from idse_orchestrator.runner.model.buckets import (
    Amounts,
    Bucket,
    advanced,
    clamped,
    frozen,
    full,
    settled,
    taken,
    thawed,
    wait_for_all,
)

FILE = "limits.db"
_SECONDS = 30.0
_FORGET = 86_400.0
"""A bucket that nobody touched for a day is full: its row goes."""
_TABLE = """CREATE TABLE IF NOT EXISTS bucket (
    name TEXT PRIMARY KEY, requests REAL, input REAL, output REAL, at REAL NOT NULL,
    frozen_until REAL NOT NULL, strikes INTEGER NOT NULL
) WITHOUT ROWID"""


class Share(NamedTuple):
    """A bucket by name, and what it gets in a minute."""

    name: str
    amounts: Amounts


class Held(NamedTuple):
    """What a take got, to be settled."""

    shares: tuple[Share, ...]
    amounts: tuple[Amounts, ...]


class Level(NamedTuple):
    """How one bucket stands: `wait_s` is how long it is still frozen."""

    name: str
    left: Amounts
    wait_s: float


class RateLimiter:
    """The buckets in the folder `run`. Raises StorageError where it cannot be written."""

    def __init__(
        self,
        run: str,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.path = os.path.join(run, FILE)
        self._clock = clock
        self._chance = chance

    def take(self, shares: Sequence[Share], need: Amounts) -> Held | float:
        """Takes `need` from all of `shares`; else takes nothing, and returns the seconds to wait."""
        with self._transaction() as (database, now):
            parts = [(_read(database, share, now), share.amounts) for share in shares]
            wait = wait_for_all(parts, need)
            if wait > 0:
                return wait
            amounts = tuple(clamped(need, share.amounts) for share in shares)
            for share, (bucket, _), part in zip(shares, parts, amounts, strict=True):
                _write(database, share.name, taken(bucket, part))
            return Held(tuple(shares), amounts)

    def settle(self, held: Held, used: Amounts, *, went_well: bool = True) -> None:
        """Gives back what was held and not used; what was used beyond that is owed."""
        with self._transaction() as (database, now):
            for share, part in zip(held.shares, held.amounts, strict=True):
                bucket = settled(_read(database, share, now), share.amounts, part, used)
                _write(database, share.name, thawed(bucket) if went_well else bucket)

    def freeze(self, share: Share, retry_after_s: float | None) -> float:
        """Freezes a bucket for everybody; returns the seconds until it goes on."""
        with self._transaction() as (database, now):
            bucket = frozen(_read(database, share, now), retry_after_s, self._chance())
            _write(database, share.name, bucket)
            return bucket.frozen_until - now

    def levels(self, amounts_of: Callable[[str], Amounts]) -> Sequence[Level]:
        """Returns all buckets by name; `amounts_of` says what each gets in a minute. Makes no file."""
        if not os.path.exists(self.path):
            return ()
        with self._transaction() as (database, now):
            names = [row[0] for row in database.execute("SELECT name FROM bucket ORDER BY name")]
            found = [(name, _read(database, Share(name, amounts_of(name)), now)) for name in names]
            return [Level(name, each.left, max(0.0, each.frozen_until - now)) for name, each in found]

    @contextmanager
    def _transaction(self) -> Iterator[tuple[sqlite3.Connection, float]]:
        """Yields the database, which nobody else writes meanwhile, and the time."""
        try:
            with closing(self._opened()) as database, database:
                yield database, self._begin(database)
        except sqlite3.Error as error:
            raise StorageError(
                "the limits of providers cannot be kept", where=self.path, cause=str(error)
            ) from error

    def _begin(self, database: sqlite3.Connection) -> float:
        database.execute("BEGIN IMMEDIATE")
        # The clock is read when nobody else can: times in the database never run backwards by a race.
        now = self._clock()
        database.execute("DELETE FROM bucket WHERE at < ? AND frozen_until < ?", (now - _FORGET, now))
        return now

    def _opened(self) -> sqlite3.Connection:
        """Returns the database; one that is damaged is made anew: nothing in it cannot be lost."""
        make_folders(os.path.dirname(self.path))
        for attempt in (1, 2):
            database = sqlite3.connect(self.path, timeout=_SECONDS, isolation_level=None)
            try:
                database.execute("PRAGMA synchronous = OFF")
                database.execute(_TABLE)
            except sqlite3.DatabaseError as error:
                database.close()
                if attempt == 2 or isinstance(error, sqlite3.OperationalError):
                    raise
                with suppress(FileNotFoundError):
                    os.unlink(self.path)
            else:
                return database
        raise AssertionError


def _read(database: sqlite3.Connection, share: Share, now: float) -> Bucket:
    row = database.execute(
        "SELECT requests, input, output, at, frozen_until, strikes FROM bucket WHERE name = ?", (share.name,)
    ).fetchone()
    if row is None:
        return full(share.amounts, now)
    # What was not limited when the row was written may be now, and the other way round.
    left = [
        most if have is None or most is None else have
        for have, most in zip(row[:3], share.amounts, strict=True)
    ]
    return advanced(Bucket(Amounts(*left), *row[3:]), share.amounts, now)


def _write(database: sqlite3.Connection, name: str, bucket: Bucket) -> None:
    database.execute(
        "INSERT OR REPLACE INTO bucket VALUES (?, ?, ?, ?, ?, ?, ?)",
        (name, *bucket.left, bucket.at, bucket.frozen_until, bucket.strikes),
    )
