"""What a run asks of every attempt, what all of them work with, and how one ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.records import NamedTuple

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from idse_orchestrator.runner.agents.adapter import Adapter, Ended, Seen
    from idse_orchestrator.runner.queue.results import Results
    from idse_orchestrator.runner.work.sandbox import Sandbox
    from idse_orchestrator.runner.work.workspace import Workspaces
    from idse_orchestrator.tasks.state import TaskState
    from idse_orchestrator.tasks.task_queue import TaskQueue


LIMIT_PAUSE_S = 30.0
"""Seconds before a task is tried again whose agent is limited and does not say for how long."""


class Tools(NamedTuple):
    """What all attempts of a run work with. `lock` holds the tasks; `hidden` is kept from every sandbox.

    `limited` is told that the provider of an agent limits it, and returns for how many seconds it is left.
    """

    queue: TaskQueue
    results: Results
    spaces: Workspaces
    sandbox: Sandbox
    homes: str
    logs: str
    environment: Mapping[str, str]
    hidden: tuple[str, ...]
    is_secret: Callable[[bytes], bool]
    lock: Callable[[], AbstractContextManager[None]]
    usage: Callable[[Adapter, Seen, Ended], dict[str, Any]]
    limited: Callable[[str, float | None], float] = lambda _agent, seconds: seconds or LIMIT_PAUSE_S
    clock: Callable[[], float] = time.time


class Terms(NamedTuple):
    """What a run asks of every attempt. `check` is a command of the user, `checks` are those with a name."""

    check: str = ""
    checks: Mapping[str, str] = {}
    check_network: bool = False
    timeout_s: float = 3600.0
    idle_s: float = 900.0
    check_timeout_s: float = 1800.0
    trust_project: bool = False
    reads: tuple[str, ...] = ()


class Settled(NamedTuple):
    """How an attempt ended: the `action` on its task ("fenced" : none), the task then, and why in words.

    `trouble` is set where the machine, not the task, kept it from being worked on.
    """

    action: str
    state: TaskState
    why: str = ""
    trouble: str = ""
    seconds: float = 0.0
    retry_after_s: float | None = None
