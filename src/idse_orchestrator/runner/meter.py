"""What a run may use and spend: it is asked before a task is taken, under the lock, and when an attempt ends.

Limits are per account of a provider, shared by all processes of this repository. Budgets are read from the
ledgers of tasks under their lock, so that takes that race for the same dollar are decided one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import UnknownNameError
from idse_orchestrator.runner.agents.adapter import Seen, Usage
from idse_orchestrator.runner.model.buckets import Amounts
from idse_orchestrator.runner.model.budget import (
    Budget,
    estimated_tokens,
    estimated_usd,
    refusing,
    reserve_usd,
)
from idse_orchestrator.runner.model.prices import Prices
from idse_orchestrator.runner.work.rate_limiter import Held, RateLimiter, Share

if TYPE_CHECKING:
    from idse_orchestrator.tasks.state import TaskState

PROMPT_BYTES = 4_000
"""What the prompt of a task holds beside its text, about."""
_TOKENS = Usage._fields


class Party(NamedTuple):
    """Who works under one name: the shares that its requests count against, and the model it asks.

    Without shares it is a command of the user, which costs nothing that we could know.
    """

    shares: tuple[Share, ...] = ()
    model: Callable[[str], str] = lambda _wanted: ""


class Admission(NamedTuple):
    """An attempt that may begin: what it holds of the limits, and what it holds back of budgets."""

    agent: str
    held: Held | None
    reserve_usd: float


class Meter:
    """Limits and budgets of one run.

    `budgets` reads those of the session, the project and the month as they stand; it is called under the lock
    of tasks. `run_usd` is the budget of this run, None for none. `day` says which day it is, for prices.
    """

    def __init__(
        self,
        parties: Mapping[str, Party],
        prices: Prices,
        limiter: RateLimiter,
        budgets: Callable[[], Iterable[Budget]],
        day: Callable[[], str],
        run_usd: float | None = None,
    ) -> None:
        self.refused: Budget | None = None
        """The budget that let nothing begin any more; None while all do."""
        self.left_out: dict[str, str] = {}
        """Tasks whose own budget is spent, and where it stands, in words."""
        self.prices = prices
        self._parties = parties
        self._limiter = limiter
        self._budgets = budgets
        self.day = day
        self._run_usd = run_usd
        self._run = Budget("run", 0.0 if run_usd is None else run_usd)

    def objection(self, agent: str, state: TaskState) -> str:
        """Returns why an agent cannot do a task at all, "" where it can: it has no model of that name."""
        try:
            self._parties.get(agent, Party()).model(state.caps.get("model", ""))
        except UnknownNameError as error:
            return error.message
        return ""

    def admit(self, agent: str, state: TaskState, tasks: Sequence[TaskState]) -> Admission | float:
        """Returns what an attempt holds; or the seconds until its account has room for it."""
        party = self._parties.get(agent, Party())
        if not party.shares:
            return Admission(agent, None, 0.0)
        last = sorted((each for each in tasks if each.doer == agent and each.usage), key=_moved)
        size = PROMPT_BYTES + len(state.text.encode())
        tokens = estimated_tokens([_tokens(each) for each in last], size)
        held = self._limiter.take(party.shares, _amounts(tokens))
        if not isinstance(held, Held):
            return held
        price = self.prices.of(party.model(state.caps.get("model", "")), self.day())
        costs = [each.usage["cost_usd"] for each in last if "cost_usd" in each.usage]
        return Admission(agent, held, reserve_usd(cap_of(state), estimated_usd(costs, size, price)))

    def allows(self, admission: Admission) -> Callable[[TaskState], bool]:
        """Returns what `TaskQueue.take` asks under the lock: whether it fits into every budget."""

        def is_allowed(state: TaskState) -> bool:
            if not self._parties.get(admission.agent, Party()).shares:
                return True
            own = _own_budget(state)
            if own is not None and not own.fits(admission.reserve_usd):
                self.left_out[state.task] = str(own)
                return False
            limited = () if self._run_usd is None else (self._run,)
            self.refused = refusing((*limited, *self._budgets()), admission.reserve_usd)
            return self.refused is None

        return is_allowed

    def began(self, admission: Admission) -> None:
        """Counts an attempt that was taken."""
        self._count(0.0, admission.reserve_usd)

    def undo(self, admission: Admission) -> None:
        """Gives back what an attempt held of the limits that did not begin after all."""
        if admission.held is not None:
            self._limiter.settle(admission.held, Amounts(0, 0, 0), went_well=False)

    def settle(self, admission: Admission, seen: Seen, state: TaskState) -> None:
        """Settles an attempt that ended: what it used beyond what it held is owed."""
        if admission.held is not None:
            used = _amounts(seen.usage) if seen.usage is not None else admission.held.amounts[0]
            self._limiter.settle(admission.held, used, went_well=not seen.limit)
        usage = state.usage
        unknown = admission.reserve_usd if usage.get("basis") == "unknown" else 0.0
        self._count(usage.get("cost_usd", unknown), -admission.reserve_usd)

    def limited(self, agent: str, retry_after_s: float | None) -> float:
        """Freezes the account of an agent for everybody; returns the seconds until it goes on."""
        shares = self._parties.get(agent, Party()).shares
        if not shares:
            return retry_after_s or 0.0
        return self._limiter.freeze(shares[0], retry_after_s)

    def _count(self, spent: float, reserved: float) -> None:
        run = self._run
        self._run = run._replace(
            spent_usd=round(run.spent_usd + spent, 6), reserved_usd=round(run.reserved_usd + reserved, 6)
        )


def cap_of(state: TaskState) -> float | None:
    """Returns what an attempt of a task may still cost; None where the task has no budget."""
    cap = state.caps.get("budget_usd")
    return None if cap is None else max(0.0, round(cap - state.spent_usd, 6))


def summed(name: str, limit_usd: float, tasks: Iterable[TaskState]) -> Budget:
    """Returns a budget as `tasks` leave it."""
    spent = reserved = 0.0
    for state in tasks:
        spent += state.spent_usd
        reserved += state.reserve_usd
    return Budget(name, limit_usd, round(spent, 6), round(reserved, 6))


def _own_budget(state: TaskState) -> Budget | None:
    cap = state.caps.get("budget_usd")
    return None if cap is None else Budget(f"task {state.task}", cap, state.spent_usd)


def _moved(state: TaskState) -> str:
    return state.updated_at


def _tokens(state: TaskState) -> Usage:
    return Usage(*(state.usage.get(name, 0) for name in _TOKENS))


def _amounts(tokens: Usage) -> Amounts:
    """Returns what counts against limits: what is read from a cache does not."""
    return Amounts(1, tokens.input_uncached + tokens.cache_write, tokens.output)
