"""Puts a server together: kinds of ledgers, and one sound ledger to warm up with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

from idse_orchestrator.errors import UsageError
from idse_orchestrator.ledger.events import Actor, Draft
from idse_orchestrator.wiring.ledgers import KINDS, git_writer

if TYPE_CHECKING:
    from idse_orchestrator.server.gateway.agency import Agency
    from idse_orchestrator.server.gateway.serve import Listening

_NOBODY = Actor("idse", "idse@localhost", "", "00000000000000000000000000")
_KEY = ("self-test", "sample")


_PACKAGES = ("httptools", "prometheus_client", "uvicorn")


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

    given = {key: value for key, value in (options or {}).items() if value is not None}
    return Agency(home, home.configuration(environment, given), environment.get("PATH", os.defpath))


def serve_agency(
    agency: Agency, listening: Listening, on_ready: Callable[[str], None], log: Callable[[str], None]
) -> None:
    """Serves until SIGTERM or SIGINT; `on_ready` is told where it listens. BusyError: another one serves.

    `log` is given a line of JSON for each request.
    """
    from idse_orchestrator.git.program import Git
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.server.gateway.serve import Telling, serve
    from idse_orchestrator.server.tenants.home import make_repository

    sample = os.path.join(agency.home.run, "sample.git")
    with agency.home.served():
        shutil.rmtree(sample, ignore_errors=True)
        make_repository(sample)
        writer = git_writer(Vault(sample, Git(sample, {"PATH": agency.limits.path})), lambda: _NOBODY)
        begun = {"project": _KEY[0], "session": _KEY[1], "type": "feature"}
        writer.append(*_KEY, lambda _: Draft("created", begun))
        serve(agency, listening, KINDS.found_at, sample, Telling(on_ready, log))
