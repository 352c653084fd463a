"""Sync points on ``refs/idse/sync/<replica>``: a line of commits that only this clone writes.

A sync point travels with the very push it speaks of, so before the push its id is kept under
``refs/idse-local/pending/``. Where the reply is lost, the remote's tip is found there later, and the
sync point becomes visible here too. A tip that is not found there was written by another clone under
our id: this one is a copy of it, or the other way round, and goes on under an id of its own.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import keep_replica_id, known_replica_id, new_replica_id
from idse_orchestrator.base.names import FORMAT, canonical_json
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import as_written, counted, one_line
from idse_orchestrator.git.object_stream import is_ancestor
from idse_orchestrator.git.program import failure
from idse_orchestrator.git.vault import ledger_lock
from idse_orchestrator.ledger.commit import corrupt
from idse_orchestrator.ledger.refs import PENDING, SYNC, sync_ref
from idse_orchestrator.ledger.writer import moment_of
from idse_orchestrator.sync.published_refs import PUSH, RefMove, update_refs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import Acting
    from idse_orchestrator.sync.published_refs import PublishedRefs

FILE = "sync.json"
"""The one file of a sync point's tree."""


class SyncPoint(NamedTuple):
    """One push or pull that moved something.

    `at` is UTC as ISO text, `direction` PUSH or PULL, `remote` the name of the git remote ("" : it has
    none here; an address is never published), `replica` the id of the clone, `refs` what moved.
    """

    at: str
    direction: str
    remote: str
    replica: str
    refs: tuple[RefMove, ...]

    def to_json(self) -> bytes:
        """Returns the content of FILE: equal sync points have equal bytes."""
        moves = [move._asdict() for move in sorted(self.refs)]
        return canonical_json({"format": FORMAT, **self._asdict(), "refs": moves})

    def subject(self) -> str:
        """Returns one line that says what happened."""
        count = counted(len(self.refs), "ref")
        way = "to" if self.direction == PUSH else "from"
        return f"{self.direction}: {count} {way} {one_line(self.remote) or 'the Agency'}"

    def message(self) -> str:
        """Returns the commit message: the subject, and trailers that plain git can query."""
        remote = f"Idse-Remote: {one_line(self.remote)}\n" if self.remote else ""
        return f"{self.subject()}\n\nIdse-Sync: {self.direction}\nIdse-Replica: {self.replica}\n" + remote


def sync_point_from_json(data: bytes) -> SyncPoint:
    """Returns the sync point in `data`. Raises ValueError if it is none of this format."""
    from idse_orchestrator.base.names import FORMAT

    try:
        value = json.loads(data)
        if value["format"] != FORMAT:
            raise ValueError(f"format {value['format']!r} is not {FORMAT}")
        moves = tuple(RefMove(move["ref"], move["old"], move["new"]) for move in value["refs"])
        return SyncPoint(value["at"], value["direction"], value["remote"], value["replica"], moves)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{FILE} is no sync point: {error}") from error


_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_ENCODING = ("-c", "i18n.commitEncoding=UTF-8")


class GitSyncPoints:
    """The sync points of this clone, on ``refs/idse/sync/<replica>``."""

    def __init__(
        self,
        vault: Vault,
        refs: PublishedRefs,
        actor: Acting,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._vault = vault
        self._git = vault.git
        self._refs = refs
        self._acting = actor
        self._clock = clock

    @property
    def ref(self) -> str:
        """Ref of this clone's sync points."""
        with ledger_lock(self._vault):
            return sync_ref(self._acting().replica)

    def settle(self, theirs: str) -> str:
        """Agrees with the remote, whose tip of `ref` is `theirs` ("" : none); returns the ref it is now.

        A sync point that arrived although its push seemed to fail becomes ours. Where somebody else wrote
        to our ref, this clone is a copy: it goes on under a new replica id, and keeps what it had.
        """
        ref = self.ref
        mine = self._tip(ref)
        pending = self._pending()
        self._forget(commit for commit in pending if mine and is_ancestor(self._git, commit, mine))
        if theirs in ("", mine) or (mine and is_ancestor(self._git, theirs, mine)):
            return ref
        if theirs in pending:
            self._adopt(ref, mine, theirs)
            return ref
        return self._begin_anew(ref, mine)

    def prepare(self, direction: str, remote: str, moves: Iterable[RefMove]) -> RefMove:
        """Writes a new sync point, not visible yet; returns the move that `publish` makes, or a push."""
        ref = self.ref
        mine = self._tip(ref)
        at = moment_of(self._clock())
        new = self._commit(SyncPoint(at, direction, remote, ref.removeprefix(SYNC), tuple(moves)), mine)
        if direction == PUSH:
            update_refs(self._git, [f"update {PENDING}{new} {new}"])
        return RefMove(ref, mine, new)

    def publish(self, move: RefMove) -> None:
        """Makes a prepared sync point visible."""
        self._refs.move([move], "sync point")

    def arrived(self, move: RefMove) -> None:
        """Makes a prepared sync point visible whose push the remote accepted.

        A pending one that is not built on it can no longer arrive.
        """
        self.publish(move)
        pending = self._pending()
        self._forget(
            each for each in pending if each == move.new or not is_ancestor(self._git, move.new, each)
        )

    def refused(self, move: RefMove) -> None:
        """Forgets a prepared sync point that the remote refused."""
        self._forget([move.new])

    def latest(self) -> SyncPoint | None:
        """Returns the last sync point of this clone, or None."""
        replica = known_replica_id(self._vault.private)
        found = self._git.attempt("cat-file", "blob", f"{sync_ref(replica)}:{FILE}")
        if found.returncode != 0:
            return None
        try:
            return sync_point_from_json(found.stdout)
        except ValueError as error:
            raise corrupt(sync_ref(replica), str(error)) from error

    def _adopt(self, ref: str, mine: str, theirs: str) -> None:
        """Takes `theirs`, which is ours and arrived; what was noted since is noted again on top of it."""
        tip = theirs
        for commit in self._git.lines("rev-list", "--reverse", mine, f"^{theirs}") if mine else ():
            tip = self._commit(self._noted(commit), tip)
        self.arrived(RefMove(ref, mine, tip))

    def _begin_anew(self, ref: str, mine: str) -> str:
        """Goes on under another replica id, with all that was noted here so far.

        What only this clone noted under the old id must not stand against what the other published. The
        last one is noted again under the new id: the ref of a clone ends with a point of that clone.
        The id is kept last: whoever is killed before that begins anew once more.
        """
        with ledger_lock(self._vault):
            replica = new_replica_id(int(self._clock() * 1000))
            new = sync_ref(replica)
            if mine:
                renamed = f"create {new} {self._under(replica, mine)}\ndelete {ref} {mine}\n"
                reason = f"idse: this clone is a copy: it was {ref}"
                moving = ("update-ref", "--create-reflog", "-m", reason, "--stdin")
                self._git.bytes(*moving, stdin=renamed.encode())
            keep_replica_id(self._vault.private, replica)
        return new

    def _under(self, replica: str, commit: str) -> str:
        """Notes the sync point `commit` under another replica id on top of those before it."""
        before = self._git.attempt("rev-parse", "--verify", "--quiet", f"{commit}^").stdout.strip().decode()
        return self._commit(self._noted(commit)._replace(replica=replica), before)

    def _noted(self, commit: str) -> SyncPoint:
        return sync_point_from_json(self._git.bytes("cat-file", "blob", f"{commit}:{FILE}"))

    def _forget(self, commits: Iterable[str]) -> None:
        """Lets go of pending ones. What another process keeps from being removed now is found again later."""
        for commit in commits:
            self._git.attempt("update-ref", "-d", PENDING + commit, commit)

    def _commit(self, point: SyncPoint, parent: str) -> str:
        who, actor = {"DATE": f"@{_seconds(point.at)} +0000"}, self._acting()
        who["NAME"], who["EMAIL"] = as_written(actor.name, actor.email)
        git = self._git.with_environment(
            {f"GIT_{role}_{what}": word for role in ("AUTHOR", "COMMITTER") for what, word in who.items()}
        )
        blob = git.bytes("hash-object", "-w", "--no-filters", "--stdin", stdin=point.to_json()).strip()
        tree = git.bytes("mktree", stdin=b"100644 blob " + blob + b"\t" + os.fsencode(FILE) + b"\n").strip()
        parents = ("-p", parent) if parent else ()
        message = point.message().encode()
        command = (*_ENCODING, "commit-tree", "--no-gpg-sign", *parents, tree.decode())
        done = git.attempt(*command, stdin=message)
        if done.returncode != 0:
            raise failure(command, done)
        return done.stdout.strip().decode()

    def _tip(self, ref: str) -> str:
        return self._git.attempt("rev-parse", "--verify", "--quiet", ref).stdout.strip().decode()

    def _pending(self) -> Sequence[str]:
        return self._git.lines("for-each-ref", "--format=%(objectname)", PENDING)


def _seconds(moment: str) -> int:
    """Returns seconds since 1970: git reads a date in words only up to the year 2099."""
    from calendar import timegm  # with datetime and locale: only who writes one pays for them

    return timegm(time.strptime(moment, _MOMENT))


_FORMAT = "--format=tformat:%H%x1f%ct%x1f%s%x1f%(trailers:key=Idse-Replica,valueonly,separator=%x20)"
_PLAIN = ("--no-decorate", "--no-notes", "--no-patch", "--no-show-signature", "--date-order")


class PointEntry(NamedTuple):
    """One sync point: its commit, Unix time, what happened, which replica noted it, whether that is ours."""

    commit: str
    at: int
    subject: str
    replica: str
    is_own: bool


def sync_points(vault: Vault, limit: int | None = None) -> Iterator[PointEntry]:
    """Yields the sync points under ``refs/idse/sync/``, newest first, `limit` of them at most."""
    refs = vault.git.lines("for-each-ref", "--format=%(refname)", SYNC)
    if not refs:
        return
    own = known_replica_id(vault.private)
    count = () if limit is None else (f"--max-count={limit}",)
    wanted = "".join(f"{ref}\n" for ref in refs).encode()
    for row in vault.git.lines("log", "--stdin", *_PLAIN, *count, _FORMAT, stdin=wanted):
        commit, at, subject, replica = row.split("\x1f")
        yield PointEntry(commit, int(at), subject, replica, replica == own)
