"""One Agency, reached by the git program: what it has, what is fetched from it, what is pushed to it.

Ids are fetched, not names: git compares every name with every ref of the remote (28 s for 10,000, an
id 0.3 s), and an id is exactly what `heads` said even when the ref has moved on since.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from idse_orchestrator.app.sync.values import PushReport
from idse_orchestrator.domain.agency_url import path_in
from idse_orchestrator.domain.refspecs import LEDGERS
from idse_orchestrator.errors import ConflictError, UsageError
from idse_orchestrator.git.object_folders import writing_to
from idse_orchestrator.git.sync.beside import Beside
from idse_orchestrator.git.sync.connection import PATIENCE, Connection
from idse_orchestrator.git.sync.incoming import GitIncoming, IncomingFolder
from idse_orchestrator.git.sync.outgoing_refs import refspecs
from idse_orchestrator.git.sync.push_report import COLLATERAL, NOT_ATOMIC, has_report, push_report
from idse_orchestrator.git.sync.tracking import track, tracked

if TYPE_CHECKING:
    from collections.abc import Callable

    from idse_orchestrator.app.sync.values import Agency
    from idse_orchestrator.domain.sync_point import RefMove
    from idse_orchestrator.git.configuration import GitConfiguration
    from idse_orchestrator.git.repository import Repository
    from idse_orchestrator.git.sync.listings import RefListings

_SYNC = f"{LEDGERS}sync/"
_FEW = 100
"""Refs whose own history is offered as common ground; for more, that of all ledgers."""

_FETCH = (
    "fetch",
    "--progress",
    "--no-write-fetch-head",
    "--refmap=",
    "--no-tags",
    "--no-prune",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--no-write-commit-graph",
    "--no-show-forced-updates",
)
_FETCHING = ("-c", "fetch.unpackLimit=100", "-c", "core.alternateRefsCommand=true")
"""Few objects stay loose, so that packs do not pile up. Our own store is an alternate here, and git would
offer the tips of all its branches: `true` names none."""
_PUSH = (
    "push",
    "--progress",
    "--porcelain",
    "--no-verify",
    "--no-follow-tags",
    "--recurse-submodules=no",
)
_GONE = ("not our ref", "unadvertised object", "not valid", "no such remote ref", "couldn't find remote ref")


class GitRemote:
    """The `Remote` port. `on_progress` is given git's own lines; `patience` is in seconds."""

    def __init__(
        self,
        repository: Repository,
        agency: Agency,
        on_progress: Callable[[str], None] | None = None,
        patience: float = PATIENCE,
        configuration: GitConfiguration | None = None,
        listings: RefListings | None = None,
    ) -> None:
        self._listings = listings
        self._tracking = Beside()
        self._repository = repository
        self._agency = agency
        self._listing: str | None = None
        self._connection = Connection(repository, agency, on_progress, patience, configuration)

    def close(self) -> None:
        """End what was started ahead, or beside."""
        if self._listings is not None:
            self._listings.close()
        self._tracking.wait()

    def settled(self) -> int | None:
        """See `Remote.settled`. Listings are compared as bytes."""
        if self._listings is None:
            return None
        self._listing = self._list()
        wanted = self._listing.encode("utf-8", "surrogateescape")
        if any(listing != wanted for listing in self._listings.collect()):
            return None
        self._listing = None
        return wanted.count(b"\n") - wanted.count(b"\t" + _SYNC.encode())

    def heads(self) -> Mapping[str, str]:
        """See `Remote.heads`."""
        listing, self._listing = self._listing, None
        rows = (line.partition("\t") for line in (listing or self._list()).split("\n"))
        return {ref: head for head, _, ref in rows if ref.startswith(LEDGERS) and not ref.endswith("^{}")}

    @contextmanager
    def fetch(self, wanted: Mapping[str, str]) -> Iterator[GitIncoming]:
        """See `Remote.fetch`. ConflictError where the remote does not have an id any more."""
        with IncomingFolder(self._repository) as incoming:
            if wanted:
                self._fetch(wanted, incoming)
            yield incoming

    def push(self, moves: Sequence[RefMove]) -> PushReport:
        """See `Remote.push`. Sync points go last: with a remote that is not atomic, only after all others."""
        self._refuse_bundle()
        self._tracking.wait()  # git itself notes what it pushed
        ordered = sorted(moves, key=lambda move: move.ref.startswith(_SYNC))
        report = self._push_all([ordered], atomic=True)
        return report if report is not None else self._push_in_order(ordered)

    def _refuse_bundle(self) -> None:
        if os.path.isfile(path_in(self._agency.url) or ""):
            raise UsageError(
                "a bundle can be pulled from, and not pushed to",
                where=self._agency.url,
                fix=("make a bundle of what is here: git bundle create FILE --glob='refs/idse/*'",),
            )

    def track(self, heads: Mapping[str, str]) -> None:
        """See `Remote.track`; nothing for a bare URL. It is done beside what comes next."""
        if self._agency.remote:
            self._tracking.start(lambda: track(self._repository.git, self._agency.remote, heads))

    def remembered(self) -> Mapping[str, str]:
        """See `Remote.remembered`; nothing for a bare URL."""
        self._tracking.wait()
        return tracked(self._repository.git, self._agency.remote) if self._agency.remote else {}

    def _list(self) -> str:
        return self._connection.output("ls-remote", self._connection.address, f"{LEDGERS}*")

    def _fetch(self, wanted: Mapping[str, str], incoming: GitIncoming) -> None:
        store = os.path.join(self._repository.common_dir, "objects")
        environment = writing_to(incoming.folder, store)
        settings, tips = self._common_ground(wanted)
        args = (*_FETCH, *tips, "--stdin", self._connection.address)
        ids = "".join(f"{head}\n" for head in dict.fromkeys(wanted.values())).encode()
        done = self._connection.run(*args, stdin=ids, environment=environment, settings=settings)
        if done.returncode == 0:
            return
        error = self._connection.failure(args, done)
        if any(sign in (error.cause or "") for sign in _GONE):
            raise ConflictError(
                "the Agency changed while it was read",
                where=error.where,
                cause=error.cause,
                fix=("run the command again",),
            )
        raise error

    def _common_ground(self, wanted: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Settings and options that say which commits the remote is told we have: never those of code."""
        names = [*wanted] if len(wanted) <= _FEW else []
        tips = self._repository.git.lines("for-each-ref", "--format=%(refname)", *names) if names else []
        if not tips:
            all_tips = ("for-each-ref", "--count=1", "--format=%(refname)", LEDGERS)
            tips = [f"{LEDGERS}*"] if self._repository.git.lines(*all_tips) else []
        if not tips:
            return (*_FETCHING, "-c", "fetch.negotiationAlgorithm=noop"), ()
        return _FETCHING, tuple(f"--negotiation-tip={tip}" for tip in tips)

    def _push_in_order(self, moves: Sequence[RefMove]) -> PushReport:
        """Ledgers, and when all of them arrived, the sync points that speak of them."""
        ledgers = [move for move in moves if not move.ref.startswith(_SYNC)]
        points = [move for move in moves if move.ref.startswith(_SYNC)]
        return self._push_all([part for part in (ledgers, points) if part], atomic=False) or _EMPTY

    def _push_all(self, parts: Sequence[Sequence[RefMove]], *, atomic: bool) -> PushReport | None:
        """One push after the other, as long as all is taken; None where the remote knows no atomic push."""
        total = _EMPTY
        for number, part in enumerate(parts):
            report = self._push_one(part, atomic=atomic)
            if report is None:
                return None
            total = _joined(total, report)
            if report.rejected or report.raced:
                late = [move.ref for rest in parts[number + 1 :] for move in rest]
                return _joined(total, PushReport((), dict.fromkeys(late, COLLATERAL), ()))
        return total

    def _push_one(self, moves: Sequence[RefMove], *, atomic: bool) -> PushReport | None:
        how = ("--atomic",) if atomic else ("--no-atomic",)
        with refspecs(self._repository.git, moves) as given:
            done = self._connection.run(*_PUSH, *how, self._connection.address, *given)
        if has_report(done):
            return push_report(moves, done)
        if atomic and NOT_ATOMIC.encode() in done.stderr:
            return None
        raise self._connection.failure(_PUSH, done)


_EMPTY = PushReport((), {}, ())


def _joined(one: PushReport, other: PushReport) -> PushReport:
    return PushReport(
        (*one.accepted, *other.accepted), {**one.rejected, **other.rejected}, (*one.raced, *other.raced)
    )
