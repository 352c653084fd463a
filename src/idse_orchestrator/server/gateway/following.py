"""The projection behind the doors: who pushed reads what was pushed, and no push waits long for it.

Python 3.11's `wait_for` may lose that its task was cancelled; `timeout` does not.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from idse_orchestrator.server.projection import PROCESS

if TYPE_CHECKING:
    from idse_orchestrator.server.model.names import Place

WAIT_SECONDS = 2.0
"""So long a push waits for its rows. They come all the same, later."""
_SHORT = 0.1
"""So long while it is known to be late: one who waited for nothing is enough."""
_PAUSE = 1.0
_GLANCE = 0.05
_ENDS_WITHIN = 5.0
_UNDER_WAY = "it is "
"""How the words begin while the process is not running, looks, or builds."""


class Following:
    """Asks the process that writes the projection, whose socket is at `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.state = "it is not running"
        self.lag = 0
        self._is_late = False

    async def follow(self, place: Place, refs: Sequence[str]) -> bool:
        """Has the rows of refs that moved written; False where they come later. It never fails."""
        wait = _SHORT if self._is_late else WAIT_SECONDS
        asked = {"place": list(place), "refs": list(refs)}
        try:
            async with asyncio.timeout(wait):
                answer = await self._ask(asked)
        except TimeoutError:
            self._is_late = True
            return False
        except (OSError, ValueError, EOFError):
            return False
        self._is_late = False
        return bool(answer.get("done"))

    async def look(self) -> None:
        """Asks how it stands."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                answer = await self._ask({})
            self.state, self.lag = str(answer["words"]), int(answer["lag"])
            self._is_late = self._is_late and self.lag > 0
        except (OSError, TimeoutError, ValueError, EOFError, KeyError):
            self.state = "it is not running"

    async def settled(self, seconds: float) -> None:
        """Waits until the tables were looked at once, so long at most: nobody is kept out for a database."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.state.startswith(_UNDER_WAY):
                    await asyncio.sleep(_GLANCE)
                    await self.look()

    async def keep(self, search: str, knows: Mapping[str, Any]) -> None:
        """Has the process run, started anew should it ever end, until this is cancelled.

        `search` is the PATH on which it finds git, `knows` what else it has to know.
        """
        environment = {"LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "PATH": search}
        variables = knows["variables"].items()
        environment.update({name: value for name, value in variables if name.startswith("PG")})
        process: Process | None = None
        try:
            while True:
                if process is None or process.returncode is not None:
                    process = await self._started(environment, knows)
                await self.look()
                await asyncio.sleep(_PAUSE)
        finally:
            if process is not None:
                await _ended(process)

    async def _started(self, environment: Mapping[str, str], knows: Mapping[str, Any]) -> Process | None:
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", PROCESS, stdin=PIPE, stdout=DEVNULL, env=environment, cwd="/"
            )
        except OSError as error:
            self.state = error.strerror or "it does not start"
            return None
        assert process.stdin is not None  # noqa: S101 - it was started with a pipe
        process.stdin.write(json.dumps({**knows, "socket": self.path}).encode() + b"\n")
        return process

    async def _ask(self, question: Mapping[str, object]) -> Mapping[str, Any]:
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            writer.write(json.dumps(question).encode() + b"\n")
            await writer.drain()
            answer: Mapping[str, Any] = json.loads(await reader.readline())
        finally:
            writer.close()
        return answer


async def _ended(process: Process) -> None:
    assert process.stdin is not None  # noqa: S101 - it was started with a pipe
    process.stdin.close()
    try:
        async with asyncio.timeout(_ENDS_WITHIN):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
