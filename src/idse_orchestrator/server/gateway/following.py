"""The projection behind the doors: who pushed reads what was pushed, and no push waits for it.

A push is answered while its rows are being written; whoever reads for its client then waits for them.

Python 3.11's `wait_for` may lose that its task was cancelled; `timeout` does not.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from idse_orchestrator.server.projection import PROCESS

if TYPE_CHECKING:
    from idse_orchestrator.server.model.names import Place

WAIT_SECONDS = 2.0
"""So long a read waits for rows that are being written. They come all the same, later."""
_SHORT = 0.1
"""So long while it is known to be late: one who waited for nothing is enough."""
_PAUSE = 1.0
_GLANCE = 0.05
_ENDS_WITHIN = 5.0
_MOST_OWED = 10_000
_UNDER_WAY = "it is "
"""How the words begin while the process is not running, looks, or builds."""


class Following:
    """Asks the process that writes the projection, whose socket is at `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.state = "it is not running"
        self.lag = 0
        self._is_late = False
        self._owed: deque[Mapping[str, object]] = deque(maxlen=_MOST_OWED)
        """Moves that the process could not be told of: it hears of them as soon as it can."""
        self._writing: dict[asyncio.Task[bool], tuple[str, concurrent.futures.Future[None]]] = {}
        """What is being written, for which client, and what threads can wait for."""

    def follow(self, client_id: str, place: Place, refs: Sequence[str]) -> asyncio.Task[bool]:
        """Has the rows of refs that moved written; who reads for that client from now on waits for it.

        The task returns False where they come later. It never fails.
        """
        task = asyncio.create_task(self._written(place, refs))
        written: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._writing[task] = (client_id, written)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[bool]) -> None:
        self._writing.pop(task)[1].set_result(None)

    def is_behind(self, client_id: str) -> bool:
        """Tests whether a read for a client ("" : for all) has to wait; from any thread."""
        return bool(self._writing) and bool(self._of(client_id))

    def wait(self, client_id: str) -> None:
        """Waits until a read for a client ("" : for all) sees all that came in before; in a thread.

        It ends as well where rows come later.
        """
        if self._writing:
            concurrent.futures.wait(self._of(client_id), WAIT_SECONDS)

    def _of(self, client_id: str) -> list[concurrent.futures.Future[None]]:
        return [each for whose, each in list(self._writing.values()) if client_id in ("", whose)]

    async def _written(self, place: Place, refs: Sequence[str]) -> bool:
        wait = _SHORT if self._is_late else WAIT_SECONDS
        asked = {"place": list(place), "refs": list(refs)}
        is_told = False
        try:
            async with asyncio.timeout(wait):
                streams = await self._tell(asked)
                is_told = True
                answer = await _answer_of(*streams)
        except TimeoutError:
            self._is_late = True
            return False
        except (OSError, ValueError, EOFError):
            return False
        finally:
            if not is_told:
                self._owed.append(asked)
        self._is_late = False
        return bool(answer.get("done"))

    async def look(self) -> None:
        """Asks how it stands."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                answer = await self._ask({})
                await self._tell_what_is_owed()
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
                await _stopped(process)

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
        return await _answer_of(*await self._tell(question))

    async def _tell(
        self, question: Mapping[str, object]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Sends a question, and returns where its answer comes."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        try:
            writer.write(json.dumps(question).encode() + b"\n")
            await writer.drain()
        except BaseException:
            writer.close()
            raise
        return reader, writer

    async def _tell_what_is_owed(self) -> None:
        for _ in range(len(self._owed)):
            asked = self._owed.popleft()
            try:
                _, writer = await self._tell(asked)
            except BaseException:
                self._owed.appendleft(asked)
                raise
            writer.close()


async def _answer_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Mapping[str, Any]:
    try:
        answer: Mapping[str, Any] = json.loads(await reader.readline())
    finally:
        writer.close()
    return answer


async def _stopped(process: Process) -> None:
    assert process.stdin is not None  # noqa: S101 - it was started with a pipe
    process.stdin.close()
    try:
        async with asyncio.timeout(_ENDS_WITHIN):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
