"""The queue of tasks, put together. No command that runs all day comes here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from idse_orchestrator.ledger.kinds import Kinds
from idse_orchestrator.tasks.kind import TASKS

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import Acting
    from idse_orchestrator.tasks.task_queue import TaskQueue

TASK_KINDS = Kinds((TASKS,), found_at=f"{__name__}:TASK_KINDS")
"""The kinds that never leave this repository. Those that may be published are in `wiring.ledgers`."""


def task_queue(vault: Vault, actor: Acting, clock: Callable[[], float] = time.time) -> TaskQueue:
    """Returns the tasks of a repository, for one actor."""
    from idse_orchestrator.tasks.task_queue import TaskQueue

    return TaskQueue(vault, TASK_KINDS, actor, clock)
