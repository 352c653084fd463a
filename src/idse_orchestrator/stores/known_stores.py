"""The stores there are, by name: those that are shipped, and those that installed packages offer.

A package offers one as an entry point of the group GROUP: a function that takes the place where the
ledgers are to be kept, as text, and returns a `DesignStore`. It is loaded only where the person at the
command line names it (``--store``, ``IDSE_STORE``), never because a file of a branch does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.errors import InvalidConfigurationError, UnknownStoreError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from idse_orchestrator.domain.design_store import DesignStore

GROUP = "idse_orchestrator.stores"
GIT = "git"
FILESYSTEM = "filesystem"
BUILT_IN = (GIT, FILESYSTEM)

_METHODS = (
    "list_projects",
    "list_sessions",
    "load_session",
    "load_state",
    "entries",
    "save_session",
    "delete_session",
    "load_artifact",
    "save_artifact",
)


def open_store(name: str, location: str) -> DesignStore:
    """The store called `name` at `location`. UnknownStoreError, InvalidConfigurationError."""
    if name == FILESYSTEM:
        from idse_orchestrator.stores.filesystem.store import FilesystemStore

        return FilesystemStore(location)
    from idse_orchestrator.stores.offered_store import OfferedStore

    return OfferedStore(name, location, _checked(name, _made(_offered(name), location)))


def _offered(name: str) -> EntryPoint:
    from importlib.metadata import entry_points

    offered = {point.name: point for point in entry_points(group=GROUP)}
    if name in offered and name not in BUILT_IN:
        return offered[name]
    from difflib import get_close_matches

    known = sorted({*BUILT_IN, *offered})
    raise UnknownStoreError(
        f"there is no store called {name!r}",
        cause="known: " + ", ".join(known),
        fix=tuple(f"idse --store {near}" for near in get_close_matches(name, known, 1))
        or ("install the package that offers it",),
    )


def _made(point: EntryPoint, location: str) -> object:
    try:
        return point.load()(location)
    except Exception as error:
        raise InvalidConfigurationError(
            f"the store {point.name!r} cannot be opened",
            where=point.value,
            cause=f"{type(error).__name__}: {error}",
            fix=("repair or remove its package",),
        ) from error


def _checked(name: str, store: object) -> DesignStore:
    missing = [method for method in _METHODS if not callable(getattr(store, method, None))]
    if missing:
        raise InvalidConfigurationError(
            f"the store {name!r} is none: it has no {', '.join(missing)}",
            fix=("repair or remove its package",),
        )
    return store  # type: ignore[return-value]  # what it does is held to by the contract suite
