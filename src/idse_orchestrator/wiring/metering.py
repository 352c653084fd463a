"""Limits, budgets and prices of this user and repository, put together for a run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from idse_orchestrator.errors import BudgetError
from idse_orchestrator.runner.agents.adapter import Adapter, Ended, Seen
from idse_orchestrator.runner.meter import Meter, Party, summed
from idse_orchestrator.runner.metrics import Told
from idse_orchestrator.runner.model.buckets import Amounts
from idse_orchestrator.runner.model.configuration import SHELL, Configuration
from idse_orchestrator.runner.model.cost_report import attempts_of
from idse_orchestrator.runner.model.prices import Prices, usage_body
from idse_orchestrator.runner.work.rate_limiter import Level, RateLimiter, Share
from idse_orchestrator.tasks.board import sessions_with_tasks
from idse_orchestrator.wiring.agent_setup import agents_of
from idse_orchestrator.wiring.tasks import task_queue

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.runner.model.budget import Budget
    from idse_orchestrator.tasks.state import TaskState
    from idse_orchestrator.tasks.task_queue import TaskQueue
    from idse_orchestrator.wiring.application import Application

ACCOUNT, WORKER = "account:", "worker:"
"""How the names of buckets begin: ``account:anthropic`` and ``worker:<id>:anthropic``."""


def today() -> str:
    """Returns the day (UTC) as ISO has it."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def run_folder(vault: Vault) -> str:
    """Returns where what a run derives is kept."""
    return os.path.join(vault.private, "run")


def parties_of(
    configuration: Configuration, adapters: Mapping[str, Adapter], worker: str
) -> Mapping[str, Party]:
    """Returns how each agent of a run is metered; a command of the shell is not."""
    found = {}
    for name in adapters:
        settings = configuration.agents.get(name)
        if settings is None or settings.adapter == SHELL:
            found[name] = Party()
            continue
        account = settings.account or name
        shares = (
            Share(f"{ACCOUNT}{account}", configuration.account(account)),
            Share(f"{WORKER}{worker}:{account}", configuration.worker),
        )
        found[name] = Party(shares, settings.model_for)
    return found


def budgets_of(
    vault: Vault, queue: TaskQueue, key: SessionKey, limits: Mapping[str, float], day: Callable[[], str]
) -> Callable[[], Iterator[Budget]]:
    """Returns a reader of the budgets that stand in the user's file, as the ledgers of tasks have them now.

    A task counts in the month in which it last moved.
    """

    def states(keys: Sequence[SessionKey]) -> Iterator[TaskState]:
        for each in keys:
            yield from queue.board(*each).states

    def read() -> Iterator[Budget]:
        if "session" in limits:
            yield summed(f"session {key[0]}/{key[1]}", limits["session"], states([key]))
        if "project" in limits:
            keys = sessions_with_tasks(vault.common_dir, key[0])
            yield summed(f"project {key[0]}", limits["project"], states(keys))
        if "month" in limits:
            month = day()[:7]
            moved = (
                each for each in states(sessions_with_tasks(vault.common_dir)) if each.updated_at[:7] == month
            )
            yield summed(f"month {month}", limits["month"], moved)

    return read


def refuse_empty(limits: Mapping[str, float]) -> None:
    """Raises BudgetError where a budget is 0: nothing that costs anything would ever begin."""
    for scope, limit in limits.items():
        if limit == 0:
            raise BudgetError(
                f"the budget of the {scope} is 0 USD: nothing can begin",
                fix=(
                    "idse run --budget 20" if scope == "run" else f"raise budgets → {scope} in agents.yaml",
                ),
            )


def meter_of(  # noqa: PLR0913, PLR0917 - each is a different source
    vault: Vault,
    queue: TaskQueue,
    key: SessionKey,
    configuration: Configuration,
    prices: Prices,
    parties: Mapping[str, Party],
    run_usd: float | None,
) -> Meter:
    """Returns the meter of a run. BudgetError where a budget lets nothing begin."""
    limits = {**configuration.budgets, **({} if run_usd is None else {"run": run_usd})}
    if any(party.shares for party in parties.values()):
        refuse_empty(limits)
    budgets = budgets_of(vault, queue, key, limits, today)
    return Meter(parties, prices, RateLimiter(run_folder(vault)), budgets, today, limits.get("run"))


def usage_of(meter: Meter, parties: Mapping[str, Party]) -> Callable[[Adapter, Seen, Ended], dict[str, Any]]:
    """Returns what says of an attempt that ended what it used, as its event carries it."""

    def usage(adapter: Adapter, seen: Seen, ended: Ended) -> dict[str, Any]:
        found: dict[str, Any] = {"duration_ms": int(ended.seconds * 1000)}
        # Who was turned away before the first answer has used nothing, and a command costs nothing we know.
        turned_away = seen.usage is None and (seen.login or seen.limit) and not seen.acts
        if parties.get(adapter.name, Party()).shares and not turned_away:
            found.update(usage_body(seen, seen.model, meter.prices, meter.day()))
        return found

    return usage


class Ledgers:
    """What the ledgers of tasks say of attempts, limits and budgets, to look at."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._queue = task_queue(app.vault, app.acting)
        self._own = agents_of(app.environment)

    def keys(self, project: str, session: str = "") -> Sequence[SessionKey]:
        """Returns the sessions of a project that have tasks, or the one that is named."""
        return [(project, session)] if session else sessions_with_tasks(self._app.vault.common_dir, project)

    def tasks(self, keys: Iterable[SessionKey]) -> Iterator[Told]:
        """Yields what figures are made of, task by task."""
        for key in keys:
            for state in self._queue.board(*key).states:
                events = self._queue.log(*key, state.task)
                name = (*key, state.task)
                yield Told(name, state.state, state.worker, events, [*attempts_of(name, events)])

    def budgets(self, key: SessionKey) -> Sequence[Budget]:
        """Returns the budgets of the user's file as they stand for a session."""
        return [*budgets_of(self._app.vault, self._queue, key, self._own.budgets, today)()]

    def levels(self) -> Sequence[tuple[Level, Amounts]]:
        """Returns the buckets that are in use, each with what it gets in a minute."""
        found = RateLimiter(run_folder(self._app.vault)).levels(self._amounts)
        return [(level, self._amounts(level.name)) for level in found]

    def _amounts(self, name: str) -> Amounts:
        if name.startswith(ACCOUNT):
            return self._own.account(name.removeprefix(ACCOUNT))
        return self._own.worker
