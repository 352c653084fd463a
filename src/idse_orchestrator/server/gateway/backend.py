"""git's own HTTP server as a child: what a client sends goes in, what git says goes out, neither is kept.

Protocol versions, content types and shallow clones are git's business, not ours. gzip is ours: git would
unpack a few bytes to any size.

One task alone reads from the client. A client that goes away closes git's standard input: git then rejects
the push and cleans up. A signal would leave a quarantine behind.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import zlib
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Message = "MutableMapping[str, Any]"
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

_PORTION = 64 * 1024
_LONGEST_HEAD = 16 * 1024
_GRACE = 10.0
_PROGRESS = 4096
"""Bytes of a body that are enough to be waited for anew."""


class Patience(NamedTuple):
    """Seconds of waiting for `_PROGRESS` bytes of the client, and of the whole request."""

    idle: float
    whole: float


class Request(NamedTuple):
    """A request as git's program wants it, by the names that CGI has."""

    root: str
    path: str
    method: str
    query: str
    headers: Mapping[bytes, bytes]
    user: str
    address: str


_ENCODING = "HTTP_CONTENT_ENCODING"
_PACKED = ("gzip", "x-gzip")
_GZIP = zlib.MAX_WBITS | 16
_HEADERS = {
    b"content-type": "CONTENT_TYPE",
    b"content-encoding": _ENCODING,
    b"git-protocol": "GIT_PROTOCOL",
}


def cgi_environment(request: Request) -> dict[str, str]:
    """Returns the variables of CGI. Headers are taken by name: none can set a variable of git's.

    The length of the body is not told: git 2.39 spins for ever where less comes than was announced, and
    without a length it reads until its input ends.
    """
    found = {
        "GIT_PROJECT_ROOT": request.root,
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": request.path,
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query,
        "REMOTE_USER": request.user,
        "REMOTE_ADDR": request.address,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    for header, name in _HEADERS.items():
        value = request.headers.get(header)
        if value is not None:
            found[name] = value.decode("latin-1").replace("\0", "")
    return found


_PROGRAM = "git-http-backend"
_FOLDERS = (("lib", "git-core"), ("libexec", "git-core"))


@cache
def _program(search: str) -> tuple[str, ...]:
    """Returns what runs git's HTTP server: its program itself, or the git on the PATH `search` that finds it.

    That git would start it as one more process, for each request.
    """
    git = shutil.which("git", path=search)
    above = os.path.dirname(os.path.dirname(os.path.realpath(git))) if git else ""
    found = (os.path.join(above, *folder, _PROGRAM) for folder in _FOLDERS)
    return next(((path,) for path in found if os.access(path, os.X_OK)), ("git", "http-backend"))


class TooLargeError(Exception):
    """The client sends more than it may."""


class Backend:
    """One `git http-backend`."""

    def __init__(self, process: Process, most_bytes: int, patience: Patience, encoding: str = "") -> None:
        self._process = process
        self._packed = zlib.decompressobj(_GZIP) if encoding.lower() in _PACKED else None
        self._left = most_bytes
        self._patience = patience
        self.received = 0
        self.has_begun = False

    @classmethod
    async def start(
        cls,
        environment: Mapping[str, str],
        most_bytes: int,
        patience: Patience,
        descriptors: Sequence[int] = (),
    ) -> Backend:
        """Starts git with just `environment`; it inherits `descriptors`. Raises OSError."""
        given = dict(environment)
        encoding = given.pop(_ENCODING, "")
        process = await asyncio.create_subprocess_exec(
            *_program(given["PATH"]),
            stdin=PIPE,
            stdout=PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=given,
            pass_fds=tuple(descriptors),
            start_new_session=True,
            limit=_PORTION,
        )
        return cls(process, most_bytes, patience, encoding)

    async def serve(
        self, receive: Receive, send: Send, before_end: Callable[[], bool] = lambda: True
    ) -> None:
        """Passes the request in and the answer out, and waits for git to end.

        `before_end` is asked when all of the body is there, before git has it: where it says no, git gets no
        end. Raises TooLargeError or TimeoutError where nothing was answered yet.
        """
        incoming = asyncio.create_task(self._pass_in(receive, before_end))
        outgoing = asyncio.create_task(self._pass_out(send, incoming))
        try:
            async with asyncio.timeout(self._patience.whole):
                await asyncio.wait({incoming, outgoing}, return_when=asyncio.FIRST_COMPLETED)
                is_whole = incoming.done() and not incoming.exception() and incoming.result()
                await asyncio.wait({outgoing}, timeout=None if is_whole or not incoming.done() else _GRACE)
        finally:
            for task in (incoming, outgoing):
                task.cancel()
            ends = await asyncio.gather(incoming, outgoing, return_exceptions=True)
            await self._end()
        for end in ends:
            if isinstance(end, Exception) and not self.has_begun:
                raise end

    async def _pass_in(self, receive: Receive, before_end: Callable[[], bool]) -> bool:
        """Returns whether git has all of the body."""
        sink = self._process.stdin
        assert sink is not None  # noqa: S101 - it was started with a pipe
        loop = asyncio.get_running_loop()
        came, left = 0, self._patience.idle
        held = b""  # git begins when it has the whole pack, which may be before the request ends
        try:
            while True:
                began = loop.time()
                async with asyncio.timeout(left):
                    message = await receive()
                came += len(message.get("body", b""))
                left -= loop.time() - began
                if came >= _PROGRESS:
                    came, left = 0, self._patience.idle
                if message["type"] != "http.request":
                    return False
                for part in self._plain(message.get("body", b"")):
                    self.received += len(part)
                    if self.received > self._left:
                        raise TooLargeError
                    if held:
                        await self._write(sink, held)
                    held = part
                if not message.get("more_body"):
                    is_good = before_end()
                    if held and is_good:
                        await self._write(sink, held)
                    return is_good
        except zlib.error:
            return False
        finally:
            sink.close()

    def _plain(self, data: bytes) -> Iterator[bytes]:
        """Yields the parts of what came, unpacked."""
        if self._packed is None:
            yield from (data,) if data else ()
            return
        while not self._packed.eof:
            part = self._packed.decompress(data, _PORTION)
            data = self._packed.unconsumed_tail
            if part:
                yield part
            if not data and len(part) < _PORTION:
                return

    @staticmethod
    async def _write(sink: asyncio.StreamWriter, data: bytes) -> None:
        with suppress(ConnectionError):  # git has heard enough
            sink.write(data)
            await sink.drain()

    async def _pass_out(self, send: Send, incoming: asyncio.Task[bool]) -> None:
        source = self._process.stdout
        assert source is not None  # noqa: S101 - it was started with a pipe
        head = await self._head(source)
        # git says at once what kind of answer it will be. A proxy that hears of an answer while it still
        # sends the request may give up on the request: Caddy 2.6 does, now and then.
        await asyncio.wait({incoming})
        if incoming.done() and not incoming.cancelled() and incoming.exception():
            return
        status, headers = _parsed(head)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        self.has_begun = True
        while data := await source.read(_PORTION):
            await send({"type": "http.response.body", "body": data, "more_body": True})

    @staticmethod
    async def _head(source: asyncio.StreamReader) -> bytes:
        head = b""
        while len(head) < _LONGEST_HEAD:
            line = await source.readline()
            if line in (b"\r\n", b"\n", b""):
                break
            head += line
        return head

    async def _end(self) -> None:
        """Waits for git, which ends by itself once its input has; only one that does not is told to."""
        sink = self._process.stdin
        if sink is not None:
            sink.close()
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
            try:
                async with asyncio.timeout(_GRACE):
                    await self._drained()
                    return
            except TimeoutError:
                continue

    async def _drained(self) -> None:
        source = self._process.stdout
        if source is not None:
            while await source.read(_PORTION):
                pass
        await self._process.wait()


_BROKEN = 500


def _parsed(head: bytes) -> tuple[int, list[tuple[bytes, bytes]]]:
    """Returns status and headers of a CGI answer."""
    status, headers = 200 if head else _BROKEN, []
    for line in head.splitlines():
        name, colon, value = line.partition(b":")
        if not colon:
            continue
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.lower(), value.strip()))
    return status, headers
