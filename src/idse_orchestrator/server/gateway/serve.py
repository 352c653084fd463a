"""``idse agency serve``: the judge, the self-test, the doors, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import uvicorn

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.errors import IdseError, StorageError, UsageError
from idse_orchestrator.server.gateway import judge as judge_process
from idse_orchestrator.server.gateway.app import PROJECTION, App, Door
from idse_orchestrator.server.gateway.connection import Bounds, Connection
from idse_orchestrator.server.gateway.self_test import self_test

if TYPE_CHECKING:
    from idse_orchestrator.server.gateway.agency import Agency

_SETTLES_WITHIN = 5.0
"""Seconds that a start waits for the projection: who comes at once finds it, unless it is being made."""
DRAIN_SECONDS = 30
_PAUSE = 1.0
_MOST_OPEN = 1 << 16
_THREADS = 32
"""Threads for keys, audit and writes, some of which wait for the judge: by itself Python takes very few."""
_AT_ONCE = 16
"""Connections that are accepted before the first of them is looked at: for a moment they may be too many."""
_WAITING = 1024
"""Connections that the kernel keeps until they are."""
_SHARE = 4
"""No address takes more than this part of what the process may have open."""


class JudgeProcess:
    """The judge, started anew should it ever end."""

    def __init__(self, agency: Agency, found_at: str, sample: str) -> None:
        self._agency = agency
        self._found_at = found_at
        self._sample = sample
        self._process: subprocess.Popen[bytes] | None = None
        path = agency.judge_socket
        with suppress(FileNotFoundError):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            self._listener.bind(path)
        except OSError as error:
            raise StorageError("the judge's socket cannot be made", where=path, cause=str(error)) from error
        finally:
            os.umask(before)
        self._listener.listen(128)

    @property
    def is_running(self) -> bool:
        """Tests whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts it, and waits until it has loaded everything. Raises UsageError where it does not start."""
        environment = {"PATH": self._agency.limits.path, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
        environment["TMPDIR"] = self._agency.judge_files
        descriptor = self._listener.fileno()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [
                sys.executable,
                "-P",
                "-m",
                judge_process.__name__,
                str(descriptor),
                self._found_at,
                self._agency.home.path,
                self._sample,
                self._agency.limits.path,
                str(self._agency.configuration.judge_seconds),
                *self._agency.configuration.checks,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd="/",
            pass_fds=(descriptor,),
        )
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        if self._process.stdout.readline() != judge_process.READY:
            self.stop()
            raise UsageError(
                "the judge does not start",
                where=self._agency.home.path,
                cause="it says why above",
                fix=("idse agency doctor",),
            )

    def stop(self) -> None:
        """Ends it: it ends by itself when its input does."""
        if self._process is None:
            return
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    async def keep(self) -> None:
        """Starts it anew whenever it has ended."""
        while True:
            await asyncio.sleep(_PAUSE)
            if not self.is_running:
                with suppress(IdseError):
                    await asyncio.to_thread(self._again)

    def _again(self) -> None:
        self.stop()
        self.start()


class Listening(NamedTuple):
    """Where the server listens: a host and port, or a socket's path."""

    host: str = ""
    port: int = 0
    path: str = ""


class Telling(NamedTuple):
    """Who is told where the server listens, and who is given the lines of its log."""

    on_ready: Callable[[str], None]
    log: Callable[[str], None]


def serve(
    agency: Agency,
    listening: Listening,
    found_at: str,
    sample: str,
    telling: Telling,
    doors: Mapping[bytes, Door],
) -> None:
    """Serves until SIGTERM or SIGINT. `sample` is a bare repository with one sound ledger, to warm up with.

    `doors` are the applications that answer beside git, by how their paths begin.

    Raises IdseError where it does not start: the address is taken, or a push that must be refused is not.
    """
    agency.crowd.most = min(agency.crowd.most, _open_many() // _SHARE)
    agency.admin.clients()  # a database that is missing, damaged or too new is told now
    agency.prepare()
    judging = JudgeProcess(agency, found_at, sample)
    judging.start()
    try:
        self_test(agency, sample)
        agency.look_at_rules()
        agency.tell_rules()
        asyncio.run(_serve(agency, listening, judging, telling, found_at, doors))
    finally:
        judging.stop()


def _open_many() -> int:
    """Lets this process have as many files open as it may, as many systems begin with 1,024; returns them."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_OPEN if most == resource.RLIM_INFINITY else min(most, _MOST_OPEN)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


async def _serve(
    agency: Agency,
    listening: Listening,
    judging: JudgeProcess,
    telling: Telling,
    found_at: str,
    doors: Mapping[bytes, Door],
) -> None:
    def state() -> dict[str, str]:
        return {
            "judge": "ok" if judging.is_running else "not running",
            "hook": "ok" if agency.hook.is_whole() else "missing or changed",
            "database": agency.database_state(),
            "disk": agency.disk_state(),
            "rules": agency.rules_state,
            "self-test": "ok",
            PROJECTION: agency.following.state,
        }

    def enter(address: str) -> bool:
        is_in = agency.crowd.enter(address)
        if not is_in:
            agency.metrics.turned_away.inc()
        return is_in

    bounds = Bounds(enter, agency.crowd.leave, agency.configuration.silence)
    config = uvicorn.Config(
        App(agency, state, doors, telling.log),
        host=listening.host,
        port=listening.port,
        uds=listening.path or None,
        loop="asyncio",
        http=partial(Connection, bounds),  # type: ignore[arg-type]  # it is called, no more
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        log_level="error",  # what strangers send is no news
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_keep_alive=15,
        backlog=_AT_ONCE,
    )
    server = _Server(config, telling.on_ready, listening.path or f"{listening.host}:{listening.port}")
    tasks = [asyncio.create_task(judging.keep()), asyncio.create_task(agency.maintain())]
    tasks.append(asyncio.create_task(agency.keep_following(found_at)))
    if agency.webhook is not None:
        tasks.append(asyncio.create_task(agency.webhook.run()))
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS, "idse"))
    try:
        await agency.following.settled(_SETTLES_WITHIN)
        await server.serve()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[str], None], where: str) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._where = where

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ends in order at the first signal, and goes on to do so at the second.

        uvicorn's own would let the process die of it afterwards.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except (OSError, SystemExit) as error:  # it leaves by the second where a port is taken
            why = error if isinstance(error, OSError) else error.__context__
            raise UsageError(
                "the server cannot listen",
                where=self._where,
                cause=str(why or error),
                fix=("choose another --listen HOST:PORT, or --socket PATH",),
            ) from error
        if self.started:
            for each in self.servers[0].sockets:
                with socket.socket(fileno=os.dup(each.fileno())) as same:
                    same.listen(_WAITING)
            bound = self.servers[0].sockets[0].getsockname()
            self._on_ready(bound if isinstance(bound, str) else f"{bound[0]}:{bound[1]}")
