"""The lock around ledger writes: it makes them fair and fast, and ``ref_update.py`` makes them correct."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from idse_orchestrator.base.locks import TIMEOUT_SECONDS, file_lock
from idse_orchestrator.git.vault import Vault


@contextmanager
def ledger_lock(vault: Vault, timeout: float = TIMEOUT_SECONDS, name: str = "lock") -> Iterator[None]:
    """Hold the repository's ledger lock; BusyError when it is not free within `timeout` seconds.

    Another `name` is another lock: one that is held around several writes.
    """
    with file_lock(vault.private, timeout, name):
        yield
