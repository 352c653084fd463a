"""One piece of work beside the main one: both wait for a git, and there are two processors."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Beside:
    """Runs one piece of work at a time in a thread; `wait` ends it, and raises what it raised."""

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._error: Exception | None = None

    def start(self, work: Callable[[], object]) -> None:
        """Begin with `work`, after what was begun before has ended."""
        self.wait()
        self._thread = Thread(target=self._run, args=(work,))
        self._thread.start()

    def wait(self) -> None:
        """Return when nothing runs any more."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            self._error = error
