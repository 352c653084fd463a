"""An attempt that goes on: the steps of its handler, and the child that they wait for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from idse_orchestrator.runner.work.child import Child, wait

if TYPE_CHECKING:
    from idse_orchestrator.runner.meter import Admission
    from idse_orchestrator.runner.task_handler import Steps, TaskHandler
    from idse_orchestrator.runner.terms import Settled


class Attempt:
    """An attempt that goes on: its handler, its steps, and the child that it waits for."""

    def __init__(self, handler: TaskHandler, admission: Admission) -> None:
        self.handler = handler
        self.admission = admission
        self.child: Child | None = None
        self._steps: Steps = handler.steps()

    def begin(self) -> Settled | None:
        """Starts its first program; returns how it was settled if it is over already."""
        return self._go(lambda: next(self._steps))

    def go_on(self) -> Settled | None:
        """Starts the next program after one has ended; returns how it was settled if it is over."""
        child = self.child
        assert child is not None  # noqa: S101 - it began
        return self._go(lambda: self._steps.send(child))

    def _go(self, step: Callable[[], object]) -> Settled | None:
        while True:
            try:
                start = step()
                try:
                    self.child = self.handler.child = Child(start)  # type: ignore[arg-type] # steps yield these
                except OSError as error:
                    refused = error
                    step = lambda: self._steps.throw(refused)  # noqa: B023, E731 - run at once
                    continue
            except StopIteration as over:
                self.child = self.handler.child = None
                settled: Settled = over.value
                return settled
            return None

    def abandon(self) -> None:
        """Kills what it runs and drops what it made: the task stays held, and is expired by somebody."""
        if self.child is not None:
            self.child.kill()
            until = time.monotonic() + 5.0
            while self.child.ended is None and time.monotonic() < until:
                wait([self.child])
        self._steps.close()
