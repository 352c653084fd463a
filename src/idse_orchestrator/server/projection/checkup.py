"""What `idse agency doctor` says of the projection."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.checkup import OK, WARNING, Diagnosis
from idse_orchestrator.base.text import counted
from idse_orchestrator.errors import IdseError, UsageError
from idse_orchestrator.server.projection.follower import WELL, State
from idse_orchestrator.server.projection.opening import open_store
from idse_orchestrator.server.tenants.home import follower_socket

if TYPE_CHECKING:
    from idse_orchestrator.server.tenants.home import Home

_SECONDS = 5.0


def diagnosis(home: Home, environment: Mapping[str, str]) -> Diagnosis:
    """Looks whether the tables are there, and asks the process that writes them, if one runs."""
    store = open_store(home, home.configuration(environment).database, environment)
    try:
        store.check_role()
        is_current = store.is_current()
    except UsageError:
        raise
    except IdseError as error:
        why = ": ".join(filter(None, (error.message, error.cause)))
        return Diagnosis(WARNING, f"{why}; pushes go on", error.fix)
    finally:
        store.close()
    state = _state_at(follower_socket(home))
    if state is None and is_current:
        return Diagnosis(OK, "it is there, and no server keeps it up to date")
    if state is None:
        return Diagnosis(OK, "it is not made yet: a server makes it, or idse agency index")
    if state.words == WELL and not state.lag:
        return Diagnosis(OK, "it is up to date")
    behind = f"{state.words}; {counted(state.lag, 'ref', ',')} to go"
    return Diagnosis(WARNING, behind, ("look again in a while: idse agency doctor",))


def _state_at(path: str) -> State | None:
    """Asks the process that listens at `path` how the projection stands; None where none does."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_SECONDS)
            line.connect(path)
            line.sendall(b"{}\n")
            return State(**json.loads(line.makefile().readline()))
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except (OSError, ValueError, TypeError):
        return State("the process that writes it does not answer", 0)
