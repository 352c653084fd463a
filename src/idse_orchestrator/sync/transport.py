"""One Agency, reached by the git program: what it has, what is fetched from it, what is pushed to it.

Ids are fetched, not names: git compares every name with every ref of the remote (28 s for 10,000, an
id 0.3 s), and an id is exactly what `heads` said even when the ref has moved on since.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import is_name
from idse_orchestrator.errors import ConflictError, GitFailedError
from idse_orchestrator.git.object_stream import headers, writing_to
from idse_orchestrator.git.watching import Beside
from idse_orchestrator.ledger.refs import AGENCY_RULES, KEPT_RULES, PUBLISHED, SYNC, tracking_ref
from idse_orchestrator.sync.connection import PATIENCE, Connection
from idse_orchestrator.sync.published_refs import heads_below, update_refs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from idse_orchestrator.git.configuration import GitConfiguration
    from idse_orchestrator.git.program import Child, Git
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.sync.agency import Agency
    from idse_orchestrator.sync.incoming import Incoming
    from idse_orchestrator.sync.published_refs import RefListings, RefMove
    from idse_orchestrator.sync.pushing import PushReport

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
_GONE = ("not our ref", "unadvertised object", "not valid", "no such remote ref", "couldn't find remote ref")


class GitRemote:
    """One Agency. `on_progress` gets git's own lines; `patience` is in seconds."""

    def __init__(
        self,
        vault: Vault,
        agency: Agency,
        on_progress: Callable[[str], None] | None = None,
        patience: float = PATIENCE,
        configuration: GitConfiguration | None = None,
    ) -> None:
        self._listings: RefListings | None = None
        self._asked: Child | None = None
        self._tracking = Beside()
        self._vault = vault
        self._agency = agency
        self._listing: bytes | None = None
        self._sends = False
        self.rules = ""
        """The id of the Agency's rules, as the last listing had it; "" where it has none."""
        self._connection = Connection(vault, agency, on_progress, patience, configuration)

    def list_ahead(self, listings: RefListings, *, sends: bool = False) -> None:
        """Has git list the refs there, for `settled`, while `listings` is at work on those here.

        With `sends` a push follows: where something waits for it, our requests are one turn from here on.
        """
        self._sends = sends and self._connection.is_web
        if self._sends and self._agency.remote and listings.here() != listings.seen(self._agency.remote):
            self._take_turn()
        self._asked, self._listings = self._connection.launch(*self._question), listings

    def _take_turn(self) -> None:
        self._connection.turn = self._connection.turn or os.urandom(16).hex()

    def end_turn(self) -> None:
        """Lets others come: nothing is left that we would send."""
        self._connection.turn, self._sends = "", False

    def close(self) -> None:
        """Ends what was started ahead, or beside."""
        if self._asked is not None:
            self._connection.abandon(self._asked)
        if self._listings is not None:
            self._listings.close()
        self._tracking.wait()

    def settled(self) -> int | None:
        """Returns the number of ledgers and notes if both sides have the same; None if anything differs.

        The cheapest question there is: listings are compared as bytes, and `heads` that follows asks nobody.
        """
        if self._listings is None:
            return None
        there = self._listing = self._list()
        is_named = bool(self._agency.remote)
        if is_named and self.rules != self.kept_rules:
            return None
        if there != self._listings.here() or (is_named and there != self._listings.seen(self._agency.remote)):
            if self._sends:
                self._take_turn()
            return None
        self._listing = None
        return there.count(b"\n") - there.count(b"\t" + SYNC.encode())

    def heads(self) -> Mapping[str, str]:
        """Lists the refs of the remote."""
        listing, self._listing = self._listing, None
        text = (self._list() if listing is None else listing).decode("utf-8", "surrogateescape")
        rows = (line.partition("\t") for line in text.split("\n"))
        return {ref: head for head, _, ref in rows if ref.startswith(PUBLISHED) and not ref.endswith("^{}")}

    @contextmanager
    def fetch(self, wanted: Mapping[str, str]) -> Iterator[Incoming | None]:
        """Fetches ids. Raises ConflictError if the remote does not have one any more."""
        if not wanted:
            yield None
            return
        from idse_orchestrator.sync.incoming import incoming_folder

        with incoming_folder(self._vault) as incoming:
            self._fetch(wanted, incoming)
            yield incoming

    def push(self, moves: Sequence[RefMove]) -> PushReport:
        """Moves refs on the remote, all or none, forward only, each only from its `old`."""
        from idse_orchestrator.sync.pushing import push

        self._tracking.wait()  # git itself notes what it pushed
        return push(self._connection, self._vault.git, moves)

    def track(self, heads: Mapping[str, str]) -> None:
        """Moves the tracking refs, beside what comes next; a bare URL has none."""
        if self._agency.remote:
            self._tracking.start(lambda: track(self._vault.git, self._agency.remote, heads))

    def remembered(self) -> Mapping[str, str]:
        """Returns ref to id of what the remote had when it was reached last; a bare URL has none."""
        self._tracking.wait()
        return tracked(self._vault.git, self._agency.remote) if self._agency.remote else {}

    @property
    def name(self) -> str:
        """What git calls the Agency; "" where it is known by its URL alone."""
        return self._agency.remote

    @cached_property
    def kept_rules(self) -> str:
        """The id of the Agency's rules that are kept here; "" for none."""
        if self._listings is not None:
            return self._listings.kept_rules(self.name)
        ref = f"{KEPT_RULES}{self.name}"
        return heads_below(self._vault.git, ref).get(ref, "")

    @property
    def _question(self) -> tuple[str, ...]:
        return ("ls-remote", self._connection.address, f"{PUBLISHED}*", AGENCY_RULES)

    def _list(self) -> bytes:
        """Returns what the remote has of ledgers, notes and sync points; its rules are looked at apart."""
        asked, self._asked = self._asked, None
        listed = self._connection.output(*self._question, asked=asked)
        own = f"\t{AGENCY_RULES}\n".encode()
        end = listed.find(own)
        if end < 0:
            self.rules = ""
            return listed
        start = listed.rfind(b"\n", 0, end) + 1
        self.rules = listed[start:end].decode("ascii", "replace")
        return listed[:start] + listed[end + len(own) :]

    def _fetch(self, wanted: Mapping[str, str], incoming: Incoming) -> None:
        store = os.path.join(self._vault.common_dir, "objects")
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
        """Returns settings and options that offer common commits to the remote: never those of code."""
        names = [*wanted] if len(wanted) <= _FEW else []
        tips = self._vault.git.lines("for-each-ref", "--format=%(refname)", *names) if names else []
        if not tips:
            all_tips = ("for-each-ref", "--count=1", "--format=%(refname)", PUBLISHED)
            tips = [f"{PUBLISHED}*"] if self._vault.git.lines(*all_tips) else []
        if not tips:
            return (*_FETCHING, "-c", "fetch.negotiationAlgorithm=noop"), ()
        return _FETCHING, tuple(f"--negotiation-tip={tip}" for tip in tips)


def tracked(git: Git, remote: str) -> Mapping[str, str]:
    """Returns published ref to id, as it was seen on `remote` last."""
    prefix = tracking_ref(remote, "")
    return {PUBLISHED + ref.removeprefix(prefix): head for ref, head in heads_below(git, prefix).items()}


def track(git: Git, remote: str, heads: Mapping[str, str]) -> None:
    """Keeps `heads` for `remote`: only what differs, and only what is in this repository."""
    known = tracked(git, remote)
    differing = {ref: head for ref, head in heads.items() if known.get(ref) != head and _is_plain(ref)}
    here = {each.id for each in headers(git, set(differing.values())) if each}
    prefix = tracking_ref(remote, "")
    lines = [
        f"update {prefix}{ref.removeprefix(PUBLISHED)} {head}"
        for ref, head in sorted(differing.items())
        if head in here
    ]
    if lines and not _write(git, lines):
        for line in lines:  # one name that stands in the way of another keeps back no others
            _write(git, [line])


def _write(git: Git, lines: Iterable[str]) -> bool:
    try:
        update_refs(git, lines)
    except GitFailedError:
        return False
    return True


def _is_plain(ref: str) -> bool:
    """Tests whether idse could have given the name: a remote may show anything."""
    return ref.startswith(PUBLISHED) and all(map(is_name, ref.removeprefix(PUBLISHED).split("/")))
