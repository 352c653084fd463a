"""The run: one process without threads takes tasks, has agents work on them, and settles what they leave.

It looks at the board, expires what dead workers hold, merges results, takes tasks at random among the first
that are ready, and waits for its children. Everything it knows is in git; whoever starts it again goes on.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import ConflictError, FencedError, StorageError, TaskStateError
from idse_orchestrator.ledger.events import Tip
from idse_orchestrator.ledger.writer import moment_of
from idse_orchestrator.runner.attempt import Attempt
from idse_orchestrator.runner.meter import Admission, Meter
from idse_orchestrator.runner.model.configuration import routed
from idse_orchestrator.runner.queue.settle import MERGED, Settling
from idse_orchestrator.runner.task_handler import TaskHandler
from idse_orchestrator.runner.terms import Settled, Terms, Tools
from idse_orchestrator.runner.work.child import end_marked, stop_signals, wait
from idse_orchestrator.runner.work.sandbox import NONE, REQUIRED
from idse_orchestrator.runner.work.worker_lock import GRACE_S, Watch, WorkerLock
from idse_orchestrator.tasks.board import Board
from idse_orchestrator.tasks.words import FAILED, HELD, READY, REVIEW

if TYPE_CHECKING:
    from idse_orchestrator.runner.agents.adapter import Adapter
    from idse_orchestrator.runner.queue.integration import Integration
    from idse_orchestrator.tasks.state import TaskState

POLL_S = 1.0
_BEAT_S = 2.0
_AMONG = 16
_LONGEST_PAUSE_S = 60.0
"""How long an agent is left alone before its limits are asked again: others may give back what they held."""
_MOST_TROUBLES = 3
"""Attempts one after the other that the machine kept from working, after which no more are taken."""

TOOK, SETTLED, MERGE, EXPIRED, STOPPING, BLOCKED = (
    "took",
    "settled",
    "merge",
    "expired",
    "stopping",
    "blocked",
)


class Happened(NamedTuple):
    """Something that happened in a run. `what` is one of the words above, `action` the action on the task.

    `why` may hold words of an agent: it is shown through `printable`, and never recorded.
    """

    what: str
    task: str = ""
    agent: str = ""
    attempt: int = 0
    action: str = ""
    state: str = ""
    why: str = ""
    commit: str = ""
    seconds: float = 0.0


class Options(NamedTuple):
    """How a run goes. `only` are the tasks that it works on, empty for all; `head` is where code begins.

    `registered` are the agents that the registry has for tasks; `any_agent`: what a task asks for does not
    matter.
    """

    slots: int
    head: str
    only: frozenset[str] = frozenset()
    merges: bool = True
    lease_s: int = 600
    grace_s: float = GRACE_S
    any_agent: bool = False
    registered: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a run works: the branch that takes results in, our own lock, and how others are looked at.

    `meter` knows limits and budgets, `gate` says why nothing may be taken now, "" where it may; `tell` is
    told what happens, and `show` is called after each step.
    """

    branch: Integration
    worker: WorkerLock
    watch: Watch
    gate: Callable[[], str]
    meter: Meter
    tell: Callable[[Happened], None]
    show: Callable[[MultiAgentOrchestrator], None] = lambda _run: None


class MultiAgentOrchestrator:
    """Works off the tasks of one session."""

    def __init__(
        self,
        tools: Tools,
        terms: Terms,
        key: tuple[str, str],
        adapters: Mapping[str, Adapter],
        options: Options,
        place: Place,
    ) -> None:
        self.key = key
        self.options = options
        self.stopping = ""
        """Why nothing more is taken, "" while the run goes on."""
        self.signals = 0
        self.trouble = ""
        self.refused: ConflictError | StorageError | None = None
        """What keeps results from being merged; None while they are."""
        self.attempts: list[Attempt] = []
        self._tools, self._terms = tools, terms
        self._queue = tools.queue
        self._adapters = dict(adapters)
        self._turn = 0
        self._paused: dict[str, float] = {}
        self._out: dict[str, str] = {}
        self._branch, self._worker, self._watch, self._gate, self._meter, self._tell, self._show = place
        self._settling = Settling(tools.queue, self._branch, tools.lock)
        self._before: dict[str, str] = {}
        self._troubles = 0
        self._looked = self._beaten = 0.0
        self._asked = 0
        self._is_dirty = True
        self.board: Board = tools.queue.board(*key)

    # --- the loop

    def run(self) -> None:
        """Works until there is nothing more to do, or it is told to stop. What is held then is released."""
        with stop_signals(self._count_signal) as wake:
            try:
                while True:
                    self._look()
                    if not self.attempts and self._is_over():
                        return
                    children = [each.child for each in self.attempts if each.child is not None]
                    for ready in wait(children, [wake], POLL_S):
                        with suppress(BlockingIOError):
                            os.read(ready, 4096)
                    self._heed_signals()
                    self._advance()
                    self._show(self)
            finally:
                for attempt in self.attempts:
                    attempt.abandon()
                with suppress(OSError):
                    self._queue.keep_board(*self.key)

    def _count_signal(self) -> None:
        """Only counts: it may interrupt anything, even a line that is being written."""
        self._asked += 1

    def _heed_signals(self) -> None:
        while self._asked:
            self._asked -= 1
            self.ask_to_stop()

    def ask_to_stop(self) -> None:
        """Takes nothing more; the second time ends what runs, the third kills it."""
        self.signals += 1
        self.stopping = self.stopping or "interrupted"
        self._tell(Happened(STOPPING, why="drains" if self.signals == 1 else "ends what runs"))
        if self.signals > 1:
            for attempt in self.attempts:
                if attempt.child is not None:
                    attempt.child.stop() if self.signals == 2 else attempt.child.kill()

    def _look(self) -> None:
        """Reads the board where it may have changed, and does what is to be done about it."""
        now = time.monotonic()
        if now - self._beaten >= _BEAT_S:
            self._worker.beat()
            self._beaten = now
        is_due = now - self._looked >= POLL_S
        if not self._is_dirty and not is_due:
            return
        self._is_dirty = False
        if is_due:  # what we did ourselves is known, and ten thousand refs take long to list
            self._looked = now
            self.board = self._queue.board(*self.key)
            self._reap()
        self._merge()
        if not self.stopping:
            self.stopping = self._gate()
            if self.stopping:
                self._tell(Happened(STOPPING, why=self.stopping))
        if not self.stopping:
            self._take()

    def _know(self, state: TaskState) -> None:
        """Has the board say what became of a task by our own doing, until it is read again."""
        rows = {**self.board.rows, state.task: Tip("", "", state)}
        self.board = Board(rows, self.board.unreadable, self.board.graph)

    def _reap(self) -> None:
        """Expires what workers hold that are gone, with the processes that they left."""
        ours = {attempt.handler.taken.task for attempt in self.attempts}
        for state in self.board.held:
            if state.task in ours or state.worker == self._worker.name:
                continue
            why = self._watch.trouble(state.worker, state.lease_s, self.options.grace_s)
            if not why:
                continue
            for mark in (state.take, f"{state.take}.check"):
                end_marked(mark)
            with suppress(FencedError, TaskStateError):
                after = self._queue.expire(state, why=why)
                self._know(after)
                self._before[state.task] = "its worker was gone"
                self._tell(
                    Happened(EXPIRED, state.task, state.doer, state.attempt, "expire", after.state, why)
                )

    def _merge(self) -> None:
        """Takes in the results that nobody has to look at."""
        due = [each for each in self.board.states if self._is_ours(each) and self._settling.is_due(each)]
        for state in due if self.options.merges and self.refused is None else ():
            try:
                verdict = self._settling.settle(state)
            except (ConflictError, StorageError) as error:  # somebody checked the branch out; a full disk
                self.refused = error
                self._stop(error.message)
                return
            if verdict is None:
                self._looked = 0.0
                continue
            self._know(verdict.state)
            if verdict.why:
                self._before[state.task] = verdict.why
            self._tell(
                Happened(
                    MERGE, state.task, state.doer, state.attempt, verdict.what, verdict.state.state,
                    verdict.why, verdict.into if verdict.what == MERGED else "",
                )
            )  # fmt: skip

    def _stop(self, trouble: str) -> None:
        """Takes nothing more, because something has to be mended first."""
        if not self.stopping:
            self.stopping = self.trouble = trouble
            self._tell(Happened(STOPPING, why=trouble))

    # --- taking

    def _take(self) -> None:
        while len(self.attempts) < self.options.slots:
            able = (each for each in self._ready() if self._adapter_for(each) is not None)
            ready = [*islice(able, _AMONG)]
            if not ready:
                return
            state = random.choice(ready)  # noqa: S311 - so that two workers seldom want the same
            adapter = self._adapter_for(state)
            assert adapter is not None  # noqa: S101 - it was asked for just now
            admission = self._meter.admit(adapter.name, state, self.board.states)
            if not isinstance(admission, Admission):
                self._pause(adapter.name, admission)
                continue
            taken = self._queue.take(
                state,
                worker=self._worker.name,
                agent=adapter.name,
                base=self._branch.tip() or self.options.head,
                lease_s=self.options.lease_s,
                reserve_usd=admission.reserve_usd,
                sandbox=self._tools.sandbox.name,
                allowed=self._meter.allows(admission),
            )
            if taken is None:
                self.board = self._queue.board(*self.key)
                self._meter.undo(admission)
                if self._meter.refused is not None:
                    self.stopping = str(self._meter.refused)
                    self._tell(Happened(STOPPING, why=self.stopping))
                    return
                continue
            self._know(taken)
            self._meter.began(admission)
            self._turn += 1
            self._tell(Happened(TOOK, taken.task, adapter.name, taken.attempt, "take", taken.state))
            before = self._before.pop(taken.task, "")
            attempt = Attempt(TaskHandler(self._tools, self._terms, taken, adapter, before), admission)
            self.attempts.append(attempt)
            settled = attempt.begin()
            if settled is not None:
                self._settled(attempt, settled)

    def _ready(self) -> Sequence[TaskState]:
        now = moment_of(self._tools.clock())
        spent = self._meter.left_out
        return [each for each in self.board.ready(now) if self._is_ours(each) and each.task not in spent]

    def _pause(self, agent: str, seconds: float) -> None:
        """Leaves an agent alone whose provider has no room for it."""
        if seconds == float("inf"):
            self._out[agent] = "its limit is 0"
        self._paused[agent] = time.monotonic() + min(seconds, _LONGEST_PAUSE_S)

    def _is_ours(self, state: TaskState) -> bool:
        return not self.options.only or state.task in self.options.only

    def _adapter_for(self, state: TaskState) -> Adapter | None:
        """Returns the agent for a task: whom it names, or whose turn it is; None where none can now."""
        now = time.monotonic()
        free = [name for name in self._able(state) if self._paused.get(name, 0.0) <= now]
        name = routed(self._wanted(state), self.options.registered, free, self._turn)
        return self._adapters[name] if name else None

    def _able(self, state: TaskState) -> Sequence[str]:
        """Returns the agents of this run that could do a task, sooner or later."""
        if self._lacks_sandbox(state):
            return ()
        return [
            name
            for name in self._adapters
            if name not in self._out and not self._meter.objection(name, state)
        ]

    def _lacks_sandbox(self, state: TaskState) -> bool:
        """Tests for a task that asks for a sandbox where there is none. A document cannot ask for less."""
        return state.caps.get("sandbox") == REQUIRED and self._tools.sandbox.name == NONE

    def _wanted(self, state: TaskState) -> str:
        return "" if self.options.any_agent else state.agent

    # --- settling

    def _advance(self) -> None:
        for attempt in [*self.attempts]:
            if attempt.child is not None and attempt.child.ended is not None:
                settled = attempt.go_on()
                if settled is not None:
                    self._settled(attempt, settled)
                elif self.signals > 1 and attempt.child is not None:
                    attempt.child.stop()

    def _settled(self, attempt: Attempt, settled: Settled) -> None:
        self.attempts.remove(attempt)
        self._meter.settle(attempt.admission, attempt.handler.seen, settled.state)
        self._is_dirty = True
        self._know(settled.state)
        if settled.action == "fenced":
            self._looked = 0.0
        taken, agent = attempt.handler.taken, attempt.handler.adapter.name
        if settled.action == "fail":
            self._before[taken.task] = settled.why
        if settled.retry_after_s is not None:
            self._paused[agent] = time.monotonic() + settled.retry_after_s
        if settled.state.why == "auth" and settled.action == "release":
            self._out[agent] = settled.why
        self._troubles = self._troubles + 1 if settled.trouble else 0
        if self._troubles >= _MOST_TROUBLES:
            self._stop(settled.trouble)
        self._tell(
            Happened(
                SETTLED, taken.task, agent, taken.attempt, settled.action, settled.state.state,
                settled.why, settled.state.code, settled.seconds,
            )
        )  # fmt: skip

    # --- the end

    def _is_over(self) -> bool:
        """Tests whether nothing can come any more: nobody works, and nothing is ready for us or will be."""
        if self._is_dirty:
            return False
        self.board = self._queue.board(*self.key)
        if self.stopping:
            return True
        states = [each for each in self.board.states if self._is_ours(each)]
        if any(each.state == HELD for each in states):
            return False
        if self.options.merges and any(self._settling.is_due(each) for each in states):
            return False
        return not any(self._can_come(each) for each in self.board.ready() if self._is_ours(each))

    def _can_come(self, state: TaskState) -> bool:
        """Tests for a ready task that an agent of this run takes sooner or later."""
        if state.task in self._meter.left_out:
            return False
        return bool(routed(self._wanted(state), self.options.registered, self._able(state), 0))

    @property
    def branch(self) -> Integration:
        """The branch that takes results in."""
        return self._branch

    @property
    def conflicts(self) -> Sequence[TaskState]:
        """Results that do not merge, for a person to decide."""
        return [each for each in self.board.states if self._settling.was_left(each)]

    def release(self) -> None:
        """Says that this worker works no more."""
        self._worker.release()

    @property
    def missing_agents(self) -> Mapping[str, str]:
        """Agents that stopped, and why."""
        return self._out

    def totals(self) -> Mapping[str, int]:
        """Returns tasks by state, of those that this run is about."""
        found: dict[str, int] = {}
        unmet = {each.task for each in self.board.blocked}
        for each in self.board.states:
            if self._is_ours(each):
                state = "blocked" if each.task in unmet and each.state == READY else each.state
                found[state] = found.get(state, 0) + 1
        return found

    def left(self) -> Iterator[tuple[TaskState, str]]:
        """Yields the tasks that are not done, and what keeps them from it."""
        for each in self.board.states:
            if not self._is_ours(each) or each.is_met:
                continue
            if each.state == READY:
                chain = self.board.chain(each.task)
                named = each.agent and each.agent not in self._adapters and not self.options.any_agent
                if len(chain) > 1:
                    yield each, f"blocked by {' ← '.join(chain[1:4])}"
                elif named:
                    yield each, f"wants {each.agent}, which is not among the agents of this run"
                else:
                    yield each, self._meter.left_out.get(each.task) or self._objection(each) or self.stopping
            elif each.state in (FAILED, REVIEW):
                yield each, self._before.get(each.task, each.why or each.state)
            else:
                yield each, each.state

    def _objection(self, state: TaskState) -> str:
        """Returns why none of the agents can do a task, "" where one can."""
        if self._lacks_sandbox(state):
            return "asks for a sandbox, and there is none here"
        objections = [self._meter.objection(name, state) for name in self._adapters]
        return objections[0] if objections and all(objections) else ""

    @property
    def is_out_of_budget(self) -> bool:
        """True where a budget let something not begin."""
        return self._meter.refused is not None or bool(self._meter.left_out)
