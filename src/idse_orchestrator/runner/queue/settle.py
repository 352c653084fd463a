"""What becomes of a result whose evidence is whole: it is merged, and its task accepted.

Three steps that a crash may part: `finish` (with the result kept), the branch moves, `accept`. Each can be
done again: a result that the branch has already is only accepted. A result that does not merge gets one more
attempt on the new base; after that a person decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import TaskStateError
from idse_orchestrator.tasks.words import REVIEW

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from idse_orchestrator.runner.queue.integration import Integration
    from idse_orchestrator.tasks.state import TaskState
    from idse_orchestrator.tasks.task_queue import TaskQueue

MERGED, AGAIN, LEFT = "merged", "again", "left"
"""It is done · it goes back for one more attempt · a person decides."""

CONFLICT = "conflict"


class Verdict(NamedTuple):
    """What was done with a result, and why; `into` is the commit of the branch that has it."""

    what: str
    state: TaskState
    why: str = ""
    into: str = ""


class Settling:
    """Takes results of one session in."""

    def __init__(
        self, queue: TaskQueue, branch: Integration, lock: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._queue = queue
        self._branch = branch
        self._lock = lock
        self._left: set[tuple[str, int]] = set()

    def is_due(self, state: TaskState) -> bool:
        """Tests for a result that nobody has to look at, and that was not left before."""
        return (
            state.state == REVIEW
            and bool(state.evidence)
            and "missing" not in state.evidence.values()
            and (state.task, state.attempt) not in self._left
        )

    def was_left(self, state: TaskState) -> bool:
        """Tests for a result that does not merge, and that a person decides about."""
        return state.state == REVIEW and (state.task, state.attempt) in self._left

    def settle(self, state: TaskState) -> Verdict | None:
        """Merges the result of a task in review and accepts it; None where somebody else was faster.

        Raises ConflictError where the branch is checked out, StorageError where it cannot be written.
        """
        into = ""
        if state.code:
            subject = f"Merge {state.task}: {state.text}"
            with self._lock():
                merged = self._branch.merge(state.code, state.base, " ".join(subject.split())[:200])
            if merged.conflicts:
                return self._conflict(state, merged.conflicts)
            into = merged.into
        try:
            return Verdict(MERGED, self._queue.accept(state, into), into=into)
        except TaskStateError:
            return None

    def _conflict(self, state: TaskState, paths: tuple[str, ...]) -> Verdict | None:
        why = f"it does not merge: {', '.join(paths[:3])}"
        events = self._queue.log(state.project, state.session, state.task)
        before = [event for event in events if event.body.get("why") == CONFLICT]
        if before:
            self._left.add((state.task, state.attempt))
            return Verdict(LEFT, state, why)
        try:
            return Verdict(AGAIN, self._queue.reject(state, why=CONFLICT), why)
        except TaskStateError:
            return None
