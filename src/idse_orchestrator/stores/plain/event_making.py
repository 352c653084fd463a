"""Makes events of drafts in a folder without git: who acts here, on which replica, and when it happened."""

from __future__ import annotations

import os
import time
from calendar import timegm
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.app.ledger_values import Draft
from idse_orchestrator.domain.events import Actor, Event
from idse_orchestrator.domain.text import one_line
from idse_orchestrator.domain.ulid import ulid
from idse_orchestrator.git.identity import Identity, as_written, replica_id
from idse_orchestrator.stores.plain.identity import identity_without_git

if TYPE_CHECKING:
    from idse_orchestrator.git.repository import Repository

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


class PlainEventMaker:
    """Events of the folder `place`; `agent` is who acts for the person ("" : nobody)."""

    def __init__(
        self,
        place: Repository,
        agent: str,
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._place = place
        self._agent = one_line(agent)
        self._environment = environment
        self._clock = clock

    def event(self, draft: Draft, lamport: int) -> Event:
        """The event that `draft` tells of, with an id of its own."""
        now = self._clock()
        happened = now if draft.at is None else float(_seconds(draft.at))
        return Event(
            id=ulid(max(0, int(happened * 1000)), os.urandom(10)),
            kind=draft.kind,
            lamport=lamport,
            at=draft.at or time.strftime(_MOMENT, time.gmtime(now)),
            replica=replica_id(self._place.private, int(now * 1000)),
            actor=self._actor(draft.actor),
            body=draft.body,
        )

    def signature(self, event: Event, draft: Draft) -> str:
        """Author and date as git writes them on a commit; it has no time before 1970."""
        now = max(0, _seconds(event.at))
        minutes = 0 if draft.at or draft.actor else time.localtime(now).tm_gmtoff // 60
        zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
        return f"{event.actor.name} <{event.actor.email}> {now} {zone}"

    def _actor(self, actor: Actor | None) -> Actor:
        if actor is None:
            return Actor(self._identity.name, self._identity.email, self._agent)
        return Actor(*as_written(actor.name, actor.email), one_line(actor.agent))

    @cached_property
    def _identity(self) -> Identity:
        return identity_without_git(self._environment)


def _seconds(at: str) -> int:
    return timegm(time.strptime(at, _MOMENT))
