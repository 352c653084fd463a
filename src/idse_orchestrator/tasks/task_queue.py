"""The queue: what people and workers do with tasks, each as one event, decided by git alone.

Every method reads the tip under the lock of tasks, plans on that state, and moves the ref by
compare-and-swap. A move that may not start there writes nothing. Several processes may write.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.names import check_name
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.errors import FencedError, TaskStateError, UnfitEventError, UnknownNameError
from idse_orchestrator.git.libgit2 import libgit2
from idse_orchestrator.ledger.events import CREATED, Draft, Event, Tip
from idse_orchestrator.ledger.git_backend import GitBackend
from idse_orchestrator.ledger.kinds import Named
from idse_orchestrator.ledger.shapes import problem_with
from idse_orchestrator.ledger.writer import Writer, moment_of
from idse_orchestrator.tasks import shapes
from idse_orchestrator.tasks.board import Board, Boards, tips_below
from idse_orchestrator.tasks.kind import LOCK, TASK, TASKS, output_ref
from idse_orchestrator.tasks.machine import body_of, is_fenced, target, wants_person
from idse_orchestrator.tasks.state import Change, NewTask, TaskState

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.batch import BatchWriter
    from idse_orchestrator.ledger.events import Acting
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.ledger.shapes import Record
    from idse_orchestrator.tasks.history import Kept

LEASE_S = 600
_REMEMBERED = 20_000
"""Tasks whose last state is kept in memory; the board has most of them anyway."""

Key = tuple[str, str, str]
"""(project, session, task)"""


class TaskQueue:
    """The tasks of a repository, for one actor. `clock` gives Unix time."""

    def __init__(
        self, vault: Vault, kinds: Kinds, actor: Acting, clock: Callable[[], float] = time.time
    ) -> None:
        self._kinds = kinds
        self._common_dir = vault.common_dir
        self._backend = GitBackend(vault, actor, clock, _REMEMBERED)
        self._maker = self._backend.maker
        self._writer = Writer(vault.private, kinds, self._backend, self._maker, LOCK)
        self._vault = vault
        self._boards = Boards(vault.common_dir, vault.private, self._tip)

    # --- reading

    def board(self, project: str, session: str) -> Board:
        """Returns how all tasks of a session stand now."""
        return self._boards.board((project, session))

    def keep_board(self, project: str, session: str) -> None:
        """Writes what was read of a session for the next process."""
        self._boards.keep((project, session))

    def names(self, project: str, session: str) -> Mapping[str, str]:
        """Returns task to tip of a session, without reading any."""
        return tips_below(self._common_dir, f"{TASKS.place}{project}/{session}/")

    def state(self, project: str, session: str, task: str) -> TaskState:
        """Returns how one task stands. InvalidNameError, UnknownNameError, CorruptLedgerError."""
        tip = self._tip((project, session, check_name("task", task)))
        if tip is None:
            raise self._unknown((project, session, task))
        return tip.state

    def log(self, project: str, session: str, task: str) -> Sequence[Event]:
        """Returns the events of a task, the first one first. As `state` it raises."""
        from idse_orchestrator.tasks.history import events_of

        tip = self._tip((project, session, check_name("task", task)))
        if tip is None:
            raise self._unknown((project, session, task))
        return events_of(self._backend.git, tip.commit, TASKS.ref(project, session, task))

    def outputs(self, state: TaskState, attempt: int) -> Sequence[Kept] | None:
        """Returns the files that an attempt put out beside code; None where nothing was kept of it."""
        from idse_orchestrator.tasks.history import outputs_of

        return outputs_of(self._backend.git, output_ref(*_key(state), attempt))

    def blob(self, name: str) -> bytes:
        """Returns the content of a file that `outputs` names."""
        return bytes(self._backend.git[name].peel(libgit2().Blob).data)

    # --- many at once

    def enqueue(self, project: str, session: str, tasks: Iterable[NewTask]) -> Sequence[TaskState]:
        """Begins tasks, all in one step; those that exist are left as they are. Returns the new ones."""
        return self.apply(project, session, tasks, ())

    def apply(
        self, project: str, session: str, new: Iterable[NewTask], changes: Iterable[Change]
    ) -> Sequence[TaskState]:
        """Begins and moves tasks, all in one step. A change that may not start any more is left out.

        Returns the tasks that moved, as they stand now.
        """
        plans: list[tuple[Key, Callable[[Tip[Any] | None], Sequence[Draft]]]] = [
            ((project, session, task.task), self._beginning(project, session, task)) for task in new
        ]
        plans += [((project, session, change.task), self._changing(change)) for change in changes]
        if len(plans) == 1:  # one ref needs no transaction, which costs a process
            return self._applied(*plans[0])
        return [tip.state for tip in self._batch.append_each(TASK, plans)] if plans else []

    @cached_property
    def _batch(self) -> BatchWriter:
        from idse_orchestrator.ledger.batch import BatchBackend, BatchWriter

        return BatchWriter(self._vault.private, self._kinds, BatchBackend(self._vault, self._maker), LOCK)

    def _applied(self, key: Key, plan: Callable[[Tip[Any] | None], Sequence[Draft]]) -> Sequence[TaskState]:
        is_moved = False

        def noting(tip: Tip[Any] | None) -> Sequence[Draft]:
            nonlocal is_moved
            drafts = plan(tip)
            is_moved = bool(drafts)
            return drafts

        tips = self._writer.append_to(TASK, key, noting)
        return [tips[-1].state] if is_moved else []

    def _beginning(
        self, project: str, session: str, task: NewTask
    ) -> Callable[[Tip[Any] | None], Sequence[Draft]]:
        def plan(tip: Tip[Any] | None) -> Sequence[Draft]:
            if tip is not None:
                return ()
            approve = {"approve": task.approve} if task.approve else {}
            names = {"project": project, "session": session, "task": task.task}
            to, home = "waiting" if task.approve else "ready", self._maker.actor.replica
            body = {**names, "to": to, "home": home, **task.said, **approve}
            return [fitting(CREATED, shapes.CREATED, body)]

        return plan

    @staticmethod
    def _changing(change: Change) -> Callable[[Tip[Any] | None], Sequence[Draft]]:
        def plan(tip: Tip[Any] | None) -> Sequence[Draft]:
            if tip is None or not target(tip.state, change.action, change.fields):
                return ()
            return [_draft(tip.state, change.action, change.fields)]

        return plan

    # --- a worker

    def take(  # noqa: PLR0913 - what the event says of the attempt
        self,
        state: TaskState,
        *,
        worker: str,
        agent: str = "",
        base: str = "",
        lease_s: int = LEASE_S,
        reserve_usd: float = 0,
        sandbox: str = "",
        allowed: Callable[[TaskState], bool] | None = None,
    ) -> TaskState | None:
        """Takes a task that is ready and needs what it needed in `state`; None where somebody was faster.

        `allowed` is asked under the lock, with the task as it stands: False leaves it. The id of the event,
        `take` of the answer, is the token that all that follows has to name.
        """
        now = moment_of(self._maker.clock())
        fields = {
            "worker": worker,
            "agent": agent,
            "base": base,
            "lease_s": lease_s,
            "reserve_usd": reserve_usd,
            "sandbox": sandbox,
        }
        is_taken = False

        def plan(tip: Tip[Any] | None) -> Sequence[Draft]:
            nonlocal is_taken
            found: TaskState | None = tip.state if tip else None
            is_taken = (
                found is not None
                and bool(target(found, "take", {}))
                and found.needs == state.needs
                and found.not_before <= now
                and (allowed is None or allowed(found))
            )
            if found is None or not is_taken:
                return ()
            return [_draft(found, "take", {"attempt": found.attempt + 1, **fields})]

        tips = self._writer.append_to(TASK, _key(state), plan)
        return tips[-1].state if is_taken else None

    def finish(
        self,
        taken: TaskState,
        *,
        code: str = "",
        base: str = "",
        usage: Mapping[str, Any] | None = None,
        evidence: Mapping[str, str] | None = None,
        into: str = "",
    ) -> TaskState:
        """Ends an attempt that did what was asked for: `review`; or `done` with `into`, the commit with it.

        FencedError where another take holds the task by now, or it went on without.
        """
        found = {"code": code, "base": base or taken.base, "usage": usage or {}, "evidence": evidence or {}}
        return self._settle(taken, "finish", {**found, **({"into": into} if into else {})})

    def fail(
        self,
        taken: TaskState,
        *,
        why: str,
        exit: int = 0,  # noqa: A002 - what the event calls it
        usage: Mapping[str, Any] | None = None,
        evidence: Mapping[str, str] | None = None,
        not_before: float = 0,
    ) -> TaskState:
        """Ends an attempt that failed: `ready` again, not before that Unix time, or `failed`. FencedError."""
        fields = {"why": why, "exit": exit, "usage": usage or {}, **_later(not_before)}
        return self._settle(taken, "fail", {**fields, **({"evidence": evidence} if evidence else {})})

    def release(
        self,
        taken: TaskState,
        *,
        why: str,
        not_before: float = 0,
        usage: Mapping[str, Any] | None = None,
    ) -> TaskState:
        """Gives a task back; the attempt does not count. FencedError."""
        fields = {"why": why, **_later(not_before), **({"usage": usage} if usage else {})}
        return self._settle(taken, "release", fields)

    def expire(self, state: TaskState, *, why: str) -> TaskState:
        """Ends the attempt of a holder that is gone; it counts. FencedError where it holds it no more."""
        return self._settle(state, "expire", {"why": why})

    def _settle(self, taken: TaskState, action: str, fields: Mapping[str, Any]) -> TaskState:
        return self.move(taken, action, {"take": taken.take, "attempt": taken.attempt, **fields})

    # --- the gate, and people

    def accept(self, state: TaskState, into: str = "", *, reason: str = "") -> TaskState:
        """Takes the result of a task in review: `into` is the commit that has it, "" where it has no code."""
        return self.move(
            state, "accept", {"attempt": state.attempt, **({"into": into} if into else {}), **_said(reason)}
        )

    def reject(self, state: TaskState, *, reason: str = "", why: str = "") -> TaskState:
        """Sends a result back: a person for a reason, the gate for a word, and then the attempt counts."""
        return self.move(
            state, "reject", {"attempt": state.attempt, **({"why": why} if why else {}), **_said(reason)}
        )

    def approve(self, state: TaskState, *, reason: str = "") -> TaskState:
        """Lets a task begin that waits for it. A person only."""
        return self.move(state, "approve", _said(reason))

    def refuse(self, state: TaskState, *, reason: str = "") -> TaskState:
        """Never lets a task begin that waits for it. A person only."""
        return self.move(state, "refuse", _said(reason))

    def cancel(self, state: TaskState, *, reason: str = "", why: str = "") -> TaskState:
        """Ends a task without a result. A person, or the list with a word why."""
        return self.move(state, "cancel", {**({"why": why} if why else {}), **_said(reason)})

    def retry(self, state: TaskState, *, reason: str = "") -> TaskState:
        """Lets a failed or cancelled task be taken again; attempts are counted anew. A person only."""
        return self.move(state, "retry", _said(reason))

    def reopen(self, state: TaskState, *, reason: str = "") -> TaskState:
        """Lets a task that is done be taken again. A person only."""
        return self.move(state, "reopen", _said(reason))

    def change(self, state: TaskState, task: NewTask) -> TaskState:
        """Has a task that nobody holds say something else."""
        return self.move(state, "change", task.said)

    def move(self, state: TaskState, action: str, fields: Mapping[str, Any]) -> TaskState:
        """Moves a task, on the state that it has when the lock is held.

        TaskStateError where the move may not start there, FencedError where a take does not hold it any more.
        """

        def plan(tip: Tip[Any] | None) -> Sequence[Draft]:
            if tip is None:
                raise self._unknown(_key(state))
            refuse(tip.state, action, fields, self._maker.actor.agent)
            return [_draft(tip.state, action, fields)]

        moved: TaskState = self._writer.append_to(TASK, _key(state), plan)[-1].state
        return moved

    def _tip(self, key: Key) -> Tip[TaskState] | None:
        return self._backend.read(Named(self._kinds[TASK], key))

    def _unknown(self, key: Key) -> UnknownNameError:
        project, session, task = key
        known = sorted(self.names(project, session))
        return UnknownNameError(
            f"there is no task {task!r} in {project}/{session}",
            cause=None if known else "nothing of its list was queued yet",
            fix=did_you_mean(task, known) or (f"idse task list --project {project} {session}",),
        )


def refuse(state: TaskState, action: str, fields: Mapping[str, Any], agent: str) -> None:
    """Raises where `agent` ("" : a person) may not make this move from here."""
    if is_fenced(state, action, fields.get("take", "")):
        raise FencedError(
            f"attempt {fields.get('attempt', '?')} of {state.task} does not hold the task any more",
            cause=f"the task went on: it is {state.state}, attempt {state.attempt}",
            fix=(f"idse task log {state.task}",),
        )
    if not target(state, action, fields):
        raise TaskStateError(
            f"{state.task} is {state.state}, so nobody can {action} it",
            cause=_STARTS[action],
            fix=(f"idse task show {state.task}",),
        )
    if agent and wants_person(action, fields):
        raise persons_only(action, state.task, agent)


def persons_only(action: str, task: str, agent: str) -> TaskStateError:
    """Returns the error for an agent that does what only a person may do."""
    return TaskStateError(
        f"only a person can {action} a task",
        cause=f"{agent} acts here, as IDSE_AGENT says",
        fix=(f"idse task {action} {task} -m WHY  # a person, without IDSE_AGENT",),
    )


_STARTS = {
    "take": "a task is taken when it is ready",
    "finish": "only what is held is finished",
    "fail": "only what is held fails",
    "release": "only what is held is given back",
    "expire": "only what is held expires",
    "accept": "only what is in review is accepted",
    "reject": "only what is in review is rejected",
    "approve": "only what waits for approval is approved",
    "refuse": "only what waits for approval is refused",
    "cancel": "what is done, failed or cancelled has ended already",
    "retry": "only what failed or was cancelled is tried again",
    "reopen": "only what is done is opened again",
    "change": "only what is ready, and held by nobody, takes another text",
}


def _draft(state: TaskState, action: str, fields: Mapping[str, Any]) -> Draft:
    return fitting(TASK, shapes.ACTIONS[action], body_of(state, action, fields))


def fitting(kind: str, record: Record, body: Mapping[str, Any]) -> Draft:
    """Returns the draft of an event. UnfitEventError where it would say what no event of a task may say."""
    if not record.fits(body):
        problem = problem_with(record, body)
        if problem is not None:
            raise UnfitEventError(
                f"this cannot be recorded of task {body['task']}", where=f"the {kind} event", cause=problem
            )
    return Draft(kind, body)


def _key(state: TaskState) -> Key:
    return state.project, state.session, state.task


def _later(seconds: float) -> dict[str, str]:
    return {"not_before": moment_of(seconds)} if seconds else {}


def _said(reason: str) -> dict[str, str]:
    plain = " ".join(reason.split())
    return {"reason": plain} if plain else {}
