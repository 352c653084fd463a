"""Appends events to ledgers: lock, read, plan, build, compare-and-swap.

Objects are written before the ref moves, so a process killed at any instant leaves either the old
tip or the new one. What it wrote besides is unreachable, and git's own collection removes it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from idse_orchestrator.base.ids import ulid
from idse_orchestrator.base.text import one_line
from idse_orchestrator.errors import BusyError, UnsupportedRepositoryError
from idse_orchestrator.git.identity import as_written
from idse_orchestrator.git.libgit2 import libgit2, open_repository
from idse_orchestrator.git.lock import ledger_lock
from idse_orchestrator.git.objects import commit_object, write_objects
from idse_orchestrator.git.ref_update import RefMovedError, move_ref
from idse_orchestrator.git.vault import Vault
from idse_orchestrator.ledger.commit import ARTIFACTS, EVENT, STATE, corrupt
from idse_orchestrator.ledger.events import Acting, Actor, Event
from idse_orchestrator.ledger.kinds import PROJECT_LEDGER, SESSION_LEDGER, LedgerKind
from idse_orchestrator.ledger.message import message_of, subject_of
from idse_orchestrator.ledger.refs import project_ref, session_ref
from idse_orchestrator.ledger.values import Draft, Tip, alone
from idse_orchestrator.pipeline.project_state import ProjectState
from idse_orchestrator.pipeline.stage_state_model import SessionState
from idse_orchestrator.pipeline.values import ProjectPlan, ProjectTip, SessionPlan, SessionPlans, SessionTip

if TYPE_CHECKING:
    import pygit2

State = TypeVar("State", SessionState, ProjectState)

_TRIES = 50
_BLOB = 0o100644
_TREE = 0o040000


class GitLedgerWriter:
    """The `LedgerWriter` port on a repository, for one `actor`."""

    def __init__(self, vault: Vault, actor: Acting, clock: Callable[[], float] = time.time) -> None:
        self._vault = vault
        self._acting = actor
        self._clock = clock

    def ready(self) -> None:
        """See `LedgerWriter.ready`."""
        with ledger_lock(self._vault):
            self._event(Draft("created", {}), 0)

    def append(self, project: str, session: str, plan: SessionPlan) -> SessionTip | None:
        """See `LedgerWriter.append`."""
        tips = self.append_all(project, session, alone(plan))
        return tips[-1] if tips else None

    def append_all(self, project: str, session: str, plan: SessionPlans) -> Sequence[SessionTip]:
        """See `LedgerWriter.append_all`."""
        empty = SessionState(project, session)
        return self._append(SESSION_LEDGER, session_ref(project, session), empty, plan)

    def append_to_project(self, project: str, plan: ProjectPlan) -> ProjectTip | None:
        """See `LedgerWriter.append_to_project`."""
        tips = self._append(PROJECT_LEDGER, project_ref(project), ProjectState(project), alone(plan))
        return tips[-1] if tips else None

    def _append(
        self,
        kind: LedgerKind[State],
        ref: str,
        empty: State,
        plan: Callable[[Tip[State] | None], Sequence[Draft]],
    ) -> Sequence[Tip[State]]:
        with ledger_lock(self._vault):
            for _ in range(_TRIES):
                before = self._read(kind, ref)
                drafts = plan(before)
                try:
                    return self._write(kind, ref, before, empty, drafts)
                except RefMovedError:
                    continue  # a writer without our lock (a fetch, another tool) was faster
        raise BusyError(f"{ref} kept moving", fix=("run the command again",))

    def _read(self, kind: LedgerKind[State], ref: str) -> Tip[State] | None:
        try:
            reference = self._git.lookup_reference(ref)
        except KeyError:
            return None
        except (libgit2().GitError, ValueError) as error:
            raise corrupt(ref, str(error)) from error
        try:
            commit = reference.peel(libgit2().Commit)
        except (KeyError, libgit2().GitError, ValueError) as error:
            raise corrupt(ref, "it points at something that is missing or is no commit") from error
        try:
            tree = commit.tree
            if STATE not in tree:
                raise corrupt(ref, f"it points at commit {str(commit.id)[:7]}, which has no {STATE}")
            artifacts = str(tree[ARTIFACTS].id) if ARTIFACTS in tree else ""
            return Tip(str(commit.id), artifacts, kind.from_json(tree[STATE].data))
        except (KeyError, AttributeError, ValueError, libgit2().GitError) as error:
            raise corrupt(ref, f"{STATE}: {error}") from error

    def _write(
        self,
        kind: LedgerKind[State],
        ref: str,
        before: Tip[State] | None,
        empty: State,
        drafts: Sequence[Draft],
    ) -> Sequence[Tip[State]]:
        tips = [before] if before else []
        if not drafts:
            return tips
        events = []
        for draft in drafts:
            last = tips[-1] if tips else Tip("", "", empty)
            events.append(self._event(draft, last.state.lamport + 1))
            tips.append(self._entry(kind, ref, last, draft, events[-1]))
        expected, why = before.commit if before else None, f"idse: {subject_of(events[0])}"
        move_ref(self._git, ref, tips[-1].commit, expected, why, self._signature())
        return tips[-len(drafts) :]

    def _entry(
        self, kind: LedgerKind[State], ref: str, before: Tip[State], draft: Draft, event: Event
    ) -> Tip[State]:
        """The commit of `event` after `before` (its commit "" : nothing), which no ref leads to yet."""
        state = kind.apply(before.state, event)
        artifacts = before.artifacts if draft.artifacts is None else draft.artifacts
        parents = [before.commit] if before.commit else []
        tree = write_objects(ref, lambda: self._tree(event, kind.to_json(state), artifacts))
        return Tip(write_objects(ref, lambda: self._commit(event, draft, tree, parents)), artifacts, state)

    def _event(self, draft: Draft, lamport: int) -> Event:
        now, actor = self._clock(), self._actor
        happened = now if draft.at is None else float(seconds_of(draft.at))
        return Event(
            id=ulid(max(0, int(happened * 1000)), os.urandom(10)),
            kind=draft.kind,
            lamport=lamport,
            at=draft.at or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            replica=actor.replica,
            actor=_as_written(draft.actor or actor),
            body=draft.body,
        )

    def _tree(self, event: Event, state: bytes, artifacts: str) -> str:
        builder = self._git.TreeBuilder()
        builder.insert(EVENT, self._git.create_blob(event.to_json()), _BLOB)
        builder.insert(STATE, self._git.create_blob(state), _BLOB)
        if artifacts:
            builder.insert(ARTIFACTS, libgit2().Oid(hex=artifacts), _TREE)
        return str(builder.write())

    def _commit(self, event: Event, draft: Draft, tree: str, parents: list[str]) -> str:
        who = self._signature() if draft.at is None and draft.actor is None else _signature_of(event)
        oids = [libgit2().Oid(hex=parent) for parent in parents]
        return str(commit_object(self._git, who, message_of(event), libgit2().Oid(hex=tree), oids))

    def _signature(self) -> pygit2.Signature:
        now = int(self._clock())
        offset = time.localtime(now).tm_gmtoff // 60
        who = _as_written(self._actor)
        return libgit2().Signature(who.name, who.email, now, offset)  # type: ignore[no-any-return]

    @cached_property
    def _git(self) -> pygit2.Repository:
        try:
            return open_repository(self._vault.common_dir)
        except (libgit2().GitError, OSError) as error:
            raise UnsupportedRepositoryError(
                "libgit2, which writes the ledgers, cannot open this repository",
                where=self._vault.common_dir,
                cause=str(error),
            ) from error

    @cached_property
    def _actor(self) -> Actor:
        return self._acting()


def _as_written(actor: Actor) -> Actor:
    return Actor(*as_written(actor.name, actor.email), one_line(actor.agent))


def seconds_of(at: str) -> int:
    """The Unix time of a moment as events write it (``2024-01-31T09:00:00Z``); ValueError for other text."""
    from calendar import timegm  # only what happened long ago is dated by a text

    return timegm(time.strptime(at, "%Y-%m-%dT%H:%M:%SZ"))


def _signature_of(event: Event) -> pygit2.Signature:
    """Author and date of `event` on a commit: git has no time before 1970."""
    name, email = event.actor[:2]
    return libgit2().Signature(name, email, max(0, seconds_of(event.at)), 0)  # type: ignore[no-any-return]
