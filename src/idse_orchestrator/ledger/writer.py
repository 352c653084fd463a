"""Appends events to ledgers: lock, read, plan, fold, keep, move. Where they are kept a backend knows.

What an entry is made of is kept before the ledger moves, so a process killed at any instant leaves either
the old tip or the new one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

from idse_orchestrator.base.files import file_lock
from idse_orchestrator.base.names import ulid
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import as_written, one_line
from idse_orchestrator.errors import BusyError, LedgerMovedError, UnfitEventError
from idse_orchestrator.ledger.commit import MAX_COMMIT_BYTES, MAX_EVENT_BYTES, MAX_STATE_BYTES
from idse_orchestrator.ledger.events import (
    MOMENT,
    Acting,
    Actor,
    Draft,
    Event,
    Tip,
    message_of,
)
from idse_orchestrator.ledger.kinds import Kinds, Named
from idse_orchestrator.ledger.refs import NewerFormatError

_TRIES = 50
_HEAD_BYTES = 4096
"""What a commit says besides its message, at most."""

Plan = Callable[[Tip[Any] | None], Sequence[Draft]]


def _chance() -> bytes:
    return os.urandom(10)


class EventMaker:
    """Makes the events of one actor, who is asked when the first is made.

    `chance` gives the ten bytes of an event's id by which those of one millisecond differ.
    """

    def __init__(
        self, actor: Acting, clock: Callable[[], float] = time.time, chance: Callable[[], bytes] = _chance
    ) -> None:
        self.acting = actor
        self.clock = clock
        self._chance = chance

    def event(self, draft: Draft, lamport: int, form: int) -> Event:
        """Returns the event of `draft`, with an id of its own."""
        now, actor = self.clock(), self.actor
        happened = now if draft.at is None else float(seconds_of(draft.at))
        return Event(
            id=ulid(max(0, int(happened * 1000)), self._chance()),
            kind=draft.kind,
            lamport=lamport,
            at=draft.at or moment_of(now),
            replica=actor.replica,
            actor=_as_written(draft.actor) if draft.actor else self.person,
            body=draft.body,
            format=form,
        )

    @cached_property
    def person(self) -> Actor:
        """The actor as it stands in events and on commits."""
        return _as_written(self.actor)

    @cached_property
    def actor(self) -> Actor:
        """Who acts, and in which clone."""
        return self.acting()


def _as_written(actor: Actor) -> Actor:
    return Actor(*as_written(actor.name, actor.email), one_line(actor.agent))


class Made(NamedTuple):
    """An entry before it is kept: `before` is the id of the one that it follows ("" : it is the first)."""

    before: str
    event: Event
    data: bytes
    """The event as it is kept."""
    after: Any
    state: bytes
    """`after` as it is kept."""
    artifacts: str
    message: str
    is_old: bool
    """Whether the draft said when it happened, or who did it."""


class Backend(Protocol):
    """Where ledgers are kept: in a repository, or in a store."""

    def read(self, named: Named) -> Tip[Any] | None:
        """Returns the tip of a ledger, None where there is none. CorruptLedgerError."""

    def keep(self, named: Named, made: Made) -> str:
        """Keeps an entry that nothing leads to yet; its id."""

    def move(self, named: Named, old: str | None, new: Tip[Any], subject: str) -> None:
        """Lets the ledger end with `new` instead of `old`.

        LedgerMovedError where it ends elsewhere by now.
        """

    def title(self, named: Named) -> str:
        """Returns what a ledger is called here."""


class Writer:
    """Appends events of `kinds` to ledgers. The lock stands in the folder `private` and is called `lock`.

    A plan is called with the tip, under the lock, perhaps more than once; it returns the events to append,
    or raises to refuse. It must be quick and change nothing.
    """

    def __init__(
        self, private: str, kinds: Kinds, backend: Backend, maker: EventMaker, lock: str = "lock"
    ) -> None:
        self._private = private
        self._lock = lock
        self._kinds = kinds
        self._backend = backend
        self._maker = maker

    def ready(self) -> None:
        """Raises now what would keep every event from being appended, before anything is changed.

        StorageError where the repository cannot be written, InvalidConfigurationError where git does not
        know who acts.
        """
        with file_lock(self._private, name=self._lock):
            self._maker.event(Draft("created", {}), 0, 1)

    def append_to(self, kind: str, names: Sequence[str], plan: Plan) -> Sequence[Tip[Any]]:
        """Appends the planned events one after the other, all of them or none: the ledger moves once.

        Returns the tip after each of them; where none was planned, the tip as it is, if there is a ledger.
        """
        named = Named(self._kinds[kind], tuple(names))
        named.kind.ref(*names)
        with file_lock(self._private, name=self._lock):
            for _ in range(_TRIES):
                before = self._backend.read(named)
                drafts = plan(before)
                if not drafts:
                    return [before] if before else []
                try:
                    return self._append(named, before, drafts)
                except LedgerMovedError:
                    continue  # a writer without our lock (a fetch, another tool) was faster
        raise BusyError(f"{self._backend.title(named)} kept moving", fix=("run the command again",))

    def _append(self, named: Named, before: Tip[Any] | None, drafts: Sequence[Draft]) -> Sequence[Tip[Any]]:
        tip = before or Tip("", "", named.kind.empty(named.names))
        tips: list[Tip[Any]] = []
        subject = ""
        for draft in drafts:
            form = max(tip.state.format, named.kind.needed(draft.kind, draft.body))
            if form > named.kind.highest:
                raise NewerFormatError(form, named.kind.highest)
            made = self._made(named, tip, draft, self._maker.event(draft, tip.state.lamport + 1, form))
            subject = subject or made.message.partition("\n")[0]
            tip = Tip(self._backend.keep(named, made), made.artifacts, made.after)
            tips.append(tip)
        self._backend.move(named, before.commit if before else None, tip, subject)
        return tips

    def _made(self, named: Named, before: Tip[Any], draft: Draft, event: Event) -> Made:
        data = self._data_of(event, named)
        state = named.kind.apply(before.state, event)
        artifacts = before.artifacts if draft.artifacts is None else draft.artifacts
        made = Made(
            before.commit,
            event,
            data,
            state,
            named.kind.to_json(state),
            artifacts,
            message_of(event, self._kinds.words),
            draft.at is not None or draft.actor is not None,
        )
        for what, size, limit in (
            ("it", len(data), MAX_EVENT_BYTES),
            ("the state after it", len(made.state), MAX_STATE_BYTES),
            ("its message", len(made.message.encode()), MAX_COMMIT_BYTES - _HEAD_BYTES),
        ):
            if size > limit:
                why = f"{what} has {size:,} bytes, and the limit is {limit:,}"
                raise _unfit(event, self._backend.title(named), why)
        return made

    def _data_of(self, event: Event, named: Named) -> bytes:
        """Returns the bytes of an event; UnfitEventError where a text in it has none."""
        try:
            return event.to_json()
        except UnicodeEncodeError:
            raise _unfit(event, self._backend.title(named), "a text in it is no Unicode") from None


def _unfit(event: Event, ledger: str, problem: str) -> UnfitEventError:
    return UnfitEventError(
        f"this cannot be recorded: it would not pass a check of {ledger}",
        where=f"the {event.kind} event",
        cause=problem,
        fix=("say it in fewer words; a document is the place for long ones",),
    )


_LAST = 253_402_300_799
"""The last second of the year 9999."""


def moment_of(seconds: float) -> str:
    """Returns a Unix time as events write it. UnfitEventError for a time that no event can have."""
    if not 0 <= seconds <= _LAST:
        raise UnfitEventError(
            "the clock of this machine is wrong, so nothing was recorded",
            cause=f"it says {seconds:.0f} seconds since 1970; an event has a date up to the year 9999",
            fix=("set the clock, then run the command again",),
        )
    return time.strftime(MOMENT, time.gmtime(seconds))


def seconds_of(at: str) -> int:
    """Returns the Unix time of a moment as events write it (``2024-01-31T09:00:00Z``).

    ValueError for other text.
    """
    from calendar import timegm  # only what happened long ago is dated by a text

    return timegm(time.strptime(at, MOMENT))
