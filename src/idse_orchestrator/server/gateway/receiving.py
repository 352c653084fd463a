"""What stands between a push and a repository, the same for every door: its lock, the judge and the audit.

git hands two pipes on to the hook. What the hook asks comes out of one, and what we write to the other
decides. We alone hold the end that can say yes: whatever dies, the hook reads the end of the pipe, and
refuses.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import select
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeVar

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.server.gateway.judge import LARGEST
from idse_orchestrator.server.gateway.policy import ABOUT, ANSWER, ASK, END, NO, OK
from idse_orchestrator.server.model.push import (
    Refusal,
    Verdict,
    question_to_json,
    verdict_from_json,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.server.model.push import Question

Found = TypeVar("Found")

_LOCK_SECONDS = 60.0
_PAUSES = (0.001, 0.002, 0.004, 0.008, 0.016, 0.03)
_ZERO = "0" * 40


class Said(NamedTuple):
    """What the hook asked: the values of ABOUT, and the moves (ref, old, new), "" for no id."""

    about: Sequence[str]
    moves: tuple[tuple[str, str, str], ...]


Decide = Callable[[Said, Verdict], Awaitable[Verdict]]
"""Notes in the audit what was decided, and returns what stands: where that fails nothing is taken."""
Ask = Callable[[Said], "Question"]
Still = Callable[[], Awaitable["Refusal | None"]]
"""Says why the push may not come in any more, though it was let in at the door; None: it may."""


async def _still() -> None:
    return None


class Receiving:
    """One push. Use it in an ``async with`` block around the git that receives it.

    `about` is told to the judge before its question is known; see `judge.soon`.
    """

    def __init__(self, git_dir: str, about: bytes, judge: str, seconds: float) -> None:
        self._git_dir = git_dir
        self._about = about
        self._judge = judge
        self._seconds = seconds
        self.verdict: Verdict | None = None
        self.judged_seconds = 0.0

    async def __aenter__(self) -> Self:
        """Makes the pipes, opens the lock, and has the judge get ready while the pack is still on its way.

        Raises ConflictError where the repository is gone.
        """
        try:
            self._lock = os.open(self._git_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ConflictError("this repository was moved or removed just now") from None
        self._asked, self._asking = os.pipe()
        self._answered, self._answering = os.pipe()
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        with suppress(OSError):  # told once it is asked
            self._connection = await asyncio.open_unix_connection(self._judge, limit=LARGEST)
            self._connection[1].write(self._about)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Lets go of everything; the lock is free once git has ended as well."""
        if self._connection is not None:
            self._connection[1].close()
        for descriptor in (self._lock, self._asked, self._answered, self._asking, self._answering):
            self._close(descriptor)

    @staticmethod
    def _close(descriptor: int) -> None:
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)

    @property
    def environment(self) -> dict[str, str]:
        """What the hook has to know."""
        return {ASK: str(self._asking), ANSWER: str(self._answered)}

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What git and its hook inherit. They keep the lock, too, should we die before them."""
        return (self._asking, self._answered, self._lock)

    def started(self) -> None:
        """Closes the ends that git has now: so a pipe ends when the last who can use it is gone."""
        self._close(self._asking)
        self._close(self._answered)
        self._asking = self._answered = -1

    async def answer(self, ask: Ask, decide: Decide, still: Still = _still) -> None:
        """Waits for the hook's question, if one ever comes, and answers it.

        `still` is asked once the lock is held. The judgement may take its time, so `decide` asks again.
        However this ends, the pipe is closed: a hook that waits for ever would hold the repository.
        """
        try:
            await self._answer(ask, decide, still)
        finally:
            self._close(self._answering)
            self._answering = -1

    async def _answer(self, ask: Ask, decide: Decide, still: Still) -> None:
        said = await self._question()
        if said is None:
            return
        began = time.monotonic()
        verdict = await self._judged(ask, said, still)
        self.judged_seconds = time.monotonic() - began
        verdict = self.verdict = await decide(said, verdict)
        lines = [NO, *(f"idse: {line}" for line in words_of(verdict))] if verdict.refused else [OK]
        text = "\n".join(lines) + "\n"
        data = text.encode("utf-8", "replace")
        with suppress(OSError):  # the hook is gone
            if len(data) <= select.PIPE_BUF:  # an empty pipe takes that at once
                os.write(self._answering, data)
            else:
                await asyncio.to_thread(_write_all, self._answering, data)

    async def _judged(self, ask: Ask, said: Said, still: Still) -> Verdict:
        if not await hold(self._lock):
            return BUSY
        try:
            async with asyncio.timeout(self._seconds):
                both = asyncio.gather(self._verdict(ask(said)), still(), return_exceptions=True)
                verdict, late = await both
            if late is not None:
                return _or_raised(late, lambda refusal: Verdict((refusal,)))
            return _or_raised(verdict, lambda found: found)
        except TimeoutError:
            return _nothing(
                "judge", f"the judge gave no answer within {self._seconds:g} s", "push fewer refs at once"
            )
        except (OSError, EOFError, ValueError, TypeError, KeyError, asyncio.LimitOverrunError):
            return _nothing("judge", "the judge is gone, or gave no answer that counts", "push again later")

    async def _verdict(self, question: Question) -> Verdict:
        if self._connection is None:
            raise ConnectionError
        reader, writer = self._connection
        writer.write(question_to_json(question))
        await writer.drain()
        return verdict_from_json(await reader.readuntil(b"\n"))

    async def _question(self) -> Said | None:
        """Reads what the hook asks; None where git ends without asking."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=LARGEST)
        pipe = os.fdopen(self._asked, "rb", buffering=0)
        self._asked = -1
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            lines: list[str] = []
            size = 0
            while size < LARGEST:
                data = await reader.readline()
                size += len(data)
                if not data.endswith(b"\n"):
                    return None
                line = data.decode("utf-8", "replace").removesuffix("\n")
                if line == END and len(lines) >= len(ABOUT):
                    return Said(lines[: len(ABOUT)], tuple(map(_move, lines[len(ABOUT) :])))
                lines.append(line)
        except (ValueError, asyncio.LimitOverrunError):
            return None
        else:
            return None
        finally:
            transport.close()


async def hold(lock: int) -> bool:
    """Takes the lock that every door takes; fair enough, as whoever waits asks more and more often.

    False where it is not free within a minute. `lock` is open on the lock's file, and closing it lets go.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _LOCK_SECONDS
    tries = 0
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if loop.time() > deadline:
                return False
            await asyncio.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
            tries += 1
        else:
            return True


async def ask_judge(judge: str, line: bytes, seconds: float) -> bytes:
    """Returns what a child of the judge answers to one line of JSON.

    OSError, EOFError, LimitOverrunError or TimeoutError where it does not.
    """
    reader, writer = await asyncio.open_unix_connection(judge, limit=LARGEST)
    try:
        async with asyncio.timeout(seconds):
            writer.write(line)
            await writer.drain()
            return await reader.readuntil(b"\n")
    finally:
        writer.close()


def _move(line: str) -> tuple[str, str, str]:
    old, new, ref = line.split(" ", 2)
    return ref, "" if old == _ZERO else old, "" if new == _ZERO else new


def _or_raised(found: Found | BaseException, use: Callable[[Found], Verdict]) -> Verdict:
    if isinstance(found, BaseException):
        raise found
    return use(found)


def _nothing(code: str, message: str, fix: str) -> Verdict:
    return Verdict((Refusal("", code, message, fix),))


BUSY = _nothing("busy", "another push holds this repository for too long", "push again later")


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
