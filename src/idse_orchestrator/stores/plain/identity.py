"""Who writes where no git says so: IDSE_AUTHOR_NAME and _EMAIL, else git's variables, else the user."""

from __future__ import annotations

import os
from collections.abc import Mapping

from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.git.identity import Identity, as_written


def identity_without_git(environment: Mapping[str, str]) -> Identity:
    """The author of what is written here; InvalidConfigurationError where nothing tells a name."""
    user, full = _user(environment)
    name = environment.get("IDSE_AUTHOR_NAME") or environment.get("GIT_AUTHOR_NAME") or full or user
    email = environment.get("IDSE_AUTHOR_EMAIL") or environment.get("GIT_AUTHOR_EMAIL")
    if not name:
        raise InvalidConfigurationError(
            "nobody knows who you are",
            cause="every event in a ledger names its author",
            fix=('export IDSE_AUTHOR_NAME="Your Name" IDSE_AUTHOR_EMAIL=you@example.org',),
        )
    return as_written(name, email or f"{user or 'nobody'}@{os.uname().nodename}")


def _user(environment: Mapping[str, str]) -> tuple[str, str]:
    """Login and full name of the user of this process, as far as the system knows them."""
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return environment.get("USER") or environment.get("LOGNAME") or "", ""
    return entry.pw_name, entry.pw_gecos.split(",")[0]
