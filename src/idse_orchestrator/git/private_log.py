"""The log of what hooks did: a hook never fails a commit, so what went wrong must be readable somewhere."""

from __future__ import annotations

import os
import time

from idse_orchestrator.git.repository import Repository

MAX_BYTES = 1024 * 1024


def log_path(repository: Repository) -> str:
    """Where the log stands."""
    return os.path.join(repository.private, "log")


def write_log(repository: Repository, text: str) -> None:
    """Add one line with the time in UTC. A full log is begun anew; one that cannot be written is left."""
    path = log_path(repository)
    line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {' '.join(text.split())}\n"
    try:
        os.makedirs(repository.private, exist_ok=True)
        if os.path.exists(path) and os.path.getsize(path) > MAX_BYTES:
            os.replace(path, f"{path}.old")
        with open(path, "a", encoding="utf-8", errors="replace") as file:
            file.write(line)
    except OSError:
        return
