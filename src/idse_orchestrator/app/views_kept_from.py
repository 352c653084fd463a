"""Views that cannot be written after an event was recorded: no error, since the event stands."""

from __future__ import annotations

from collections.abc import Callable

from idse_orchestrator.errors import StorageError


def kept_from(write: Callable[[], object]) -> str:
    """Run `write`, which writes views; what kept it from that, in a sentence, or ""."""
    try:
        write()
    except StorageError as error:
        return f"recorded, but {error.where} cannot be written ({error.cause}): idse doctor --fix"
    return ""
