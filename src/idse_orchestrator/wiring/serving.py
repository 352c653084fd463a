"""Puts a server together: kinds of ledgers, and one sound ledger to warm up with."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from importlib.machinery import PathFinder
from threading import Lock
from typing import TYPE_CHECKING, Any

from idse_orchestrator.errors import BusyError, StorageError, UsageError
from idse_orchestrator.ledger.events import Actor, Draft
from idse_orchestrator.wiring.ledgers import KINDS, git_writer

if TYPE_CHECKING:
    from idse_orchestrator.server.api.app import Api
    from idse_orchestrator.server.api.reads import Reads
    from idse_orchestrator.server.api.writes import Writes
    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.gateway.app import Door
    from idse_orchestrator.server.gateway.serve import Listening
    from idse_orchestrator.server.projection.store import Tables
    from idse_orchestrator.server.writing.desk import Desk

_NOBODY = Actor("idse", "idse@localhost", "", "00000000000000000000000000")
_KEY = ("self-test", "sample")


_PACKAGES = ("cryptography", "httptools", "jwt", "mcp", "prometheus_client", "starlette", "uvicorn")


def need_agency() -> None:
    """Raises UsageError where the packages that serving needs are not installed."""
    missing = [name for name in _PACKAGES if PathFinder.find_spec(name) is None]
    if missing:
        raise UsageError(
            "the Agency is not installed",
            cause=f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing",
            fix=("pip install 'idse-orchestrator[agency]'",),
        )


def agency_at(
    folder: str, environment: Mapping[str, str], options: Mapping[str, str | None] | None = None
) -> Agency:
    """Returns the Agency in `folder`, for its doors.

    UsageError where the packages that they need are not installed.
    """
    from idse_orchestrator.server.tenants.home import open_home

    home = open_home(folder)
    need_agency()
    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.projection.opening import POSTGRESQL, login_variables, need_postgres

    given = {key: value for key, value in (options or {}).items() if value is not None}
    configuration = home.configuration(environment, given)
    if configuration.database == POSTGRESQL:
        need_postgres()
    search = environment.get("PATH", os.defpath)
    return Agency(home, configuration, search, login_variables(environment))


def serve_agency(
    agency: Agency,
    listening: Listening,
    on_ready: Callable[[str], None],
    log: Callable[[str], None],
) -> None:
    """Serves until SIGTERM or SIGINT; `on_ready` is told where it listens. BusyError: another one serves.

    `log` is given a line of JSON for each request.
    """
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.server.gateway.serve import Telling, serve
    from idse_orchestrator.server.tenants.home import make_repository

    _check_projection(agency)
    sample = os.path.join(agency.home.run, "sample.git")
    with agency.home.served():
        shutil.rmtree(sample, ignore_errors=True)
        make_repository(sample)
        writer = git_writer(Vault(sample, Git(sample, {"PATH": agency.limits.path})), lambda: _NOBODY)
        begun = {"project": _KEY[0], "session": _KEY[1], "type": "feature"}
        writer.append(*_KEY, lambda _: Draft("created", begun))
        writer.append(*_KEY, lambda _: Draft("described", {"title": "sample"}))  # to rehearse with
        doors = doors_of(agency)
        serve(agency, listening, KINDS.found_at, sample, Telling(on_ready, log), doors)


def _check_projection(agency: Agency) -> None:
    """Raises UsageError where the database would show a client the rows of others."""
    from idse_orchestrator.server.projection.opening import open_store

    store = open_store(agency.home, agency.configuration.database, agency.variables)
    try:
        with suppress(StorageError, BusyError):
            store.check_role()
    finally:
        store.close()


def doors_of(agency: Agency) -> Mapping[bytes, Door]:
    """Returns what answers beside git, by how the paths begin that are its own: REST, MCP and the pages."""
    doors = _Doors(agency)
    mcp = _Later(lambda: doors.made("mcp"))
    # The first that fits answers: what begins otherwise is a page, or nothing.
    return {
        b"/api/": _Later(lambda: doors.made("rest")),
        b"/mcp": mcp,
        b"/.well-known/": mcp,
        b"/": _Later(lambda: doors.made("pages")),
    }


class _Later:
    """A door that is made with its first request, in a thread: its code takes memory, and a while to load."""

    def __init__(self, make: Callable[[], Door]) -> None:
        self._make = make
        self._door: Door | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        """Answers one request."""
        if self._door is None:
            self._door = await asyncio.to_thread(self._make)
        await self._door(scope, receive, send)


class _Doors:
    """The doors of one Agency and what they share, each made once."""

    def __init__(self, agency: Agency) -> None:
        self._agency = agency
        self._lock = Lock()

    def made(self, name: str) -> Door:
        """Returns the door of that name."""
        with self._lock:
            door: Door = getattr(self, f"_{name}")
            return door

    @cached_property
    def _tables(self) -> Tables:
        from idse_orchestrator.server.projection.opening import open_store
        from idse_orchestrator.server.projection.store import Awaited

        agency = self._agency
        store = open_store(agency.home, agency.configuration.database, agency.variables)
        return Awaited(store, agency.following.wait)

    @cached_property
    def _reads(self) -> Reads:
        from idse_orchestrator.server.api.reads import Reads

        return Reads(self._tables, self._agency.admin, self._agency.home)

    @cached_property
    def _desk(self) -> Desk:
        from idse_orchestrator.server.writing.desk import Desk

        return Desk(self._agency, KINDS)

    @cached_property
    def _writes(self) -> Writes:
        from idse_orchestrator.server.api.writes import Writes

        return Writes(self._desk, self._reads)

    @cached_property
    def _api(self) -> Api:
        from idse_orchestrator.server.api.app import Api
        from idse_orchestrator.server.api.resources import Resources

        return Api(self._agency, Resources(self._reads, self._writes, self._desk))

    @cached_property
    def _rest(self) -> Door:
        from idse_orchestrator import __version__
        from idse_orchestrator.server.api.app import rest

        return rest(self._api, __version__)

    @cached_property
    def _mcp(self) -> Door:
        from idse_orchestrator import __version__
        from idse_orchestrator.server.mcp.app import Mcp
        from idse_orchestrator.server.mcp.tokens import Tokens
        from idse_orchestrator.server.mcp.tools import Tools

        agency = self._agency
        tokens = Tokens(agency.home.secrets, agency.url or "idse-agency", f"{agency.url}/mcp")
        tools = Tools(self._reads, self._writes, self._desk)
        return Mcp(agency, self._api, tools, tokens, __version__)

    @cached_property
    def _pages(self) -> Door:
        from idse_orchestrator.server.gateway.admission import no_writing
        from idse_orchestrator.server.pages.door import PagesDoor
        from idse_orchestrator.server.pages.site import Site
        from idse_orchestrator.server.pages.versions import Versions
        from idse_orchestrator.server.pages.views import Views
        from idse_orchestrator.server.pages.writing import Writing
        from idse_orchestrator.server.tenants.keys import iso
        from idse_orchestrator.server.tenants.logins import Logins

        agency, admin, reads = self._agency, self._agency.admin, self._reads
        versions = Versions(reads, agency.home)
        views = Views(self._tables, reads, admin, versions)
        may = partial(no_writing, agency)
        site = Site(views, "IDSE Agency", lambda: iso(time.time()), writing=may)
        writing = Writing(site, views, reads, self._writes, versions)
        return PagesDoor(agency, site, Logins(admin), self._api.count, writing)
