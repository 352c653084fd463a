"""The stores there are, by name: those that are shipped, and those that installed packages offer.

A package offers one as an entry point of the group GROUP: a function that takes the place where the
ledgers are to be kept, as text, and returns a `DesignStore`. It is loaded only where the person at the
command line names it (``--store``, ``IDSE_STORE``), never because a file of a branch does.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from idse_orchestrator.base.text import near
from idse_orchestrator.documents.project_workspace import STORE_FOLDER
from idse_orchestrator.errors import (
    IdseError,
    InvalidConfigurationError,
    StorageError,
    UnknownNameError,
    UnknownStoreError,
    UsageError,
)
from idse_orchestrator.stores.design_store import DesignStore
from idse_orchestrator.stores.filesystem_store import FilesystemStore, is_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from importlib.metadata import EntryPoint

    from idse_orchestrator.stores.entry import StoreEntry

GROUP = "idse_orchestrator.stores"
GIT = "git"
FILESYSTEM = "filesystem"
BUILT_IN = (GIT, FILESYSTEM)

_METHODS = tuple(name for name in vars(DesignStore) if not name.startswith("_"))


def open_store(name: str, location: str) -> DesignStore:
    """Opens the store called `name`. Raises UnknownStoreError, InvalidConfigurationError."""
    if name == FILESYSTEM:
        return FilesystemStore(location)
    offered = _checked(name, _made(_offered(name), location))
    return cast("DesignStore", OfferedStore(name, location, offered))


def _offered(name: str) -> EntryPoint:
    from importlib.metadata import entry_points

    offered = {point.name: point for point in entry_points(group=GROUP)}
    if name in offered and name not in BUILT_IN:
        return offered[name]
    known = sorted({*BUILT_IN, *offered})
    raise UnknownStoreError(
        f"there is no store called {name!r}",
        cause="known: " + ", ".join(known),
        fix=tuple(f"idse --store {each}" for each in near(name, known))
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


class OfferedStore:
    """Asks `store`, which is called `name` and keeps its ledgers at `location`, and has its failures told.

    It has the methods of a `DesignStore`, and raises StorageError for whatever goes wrong in them.
    """

    def __init__(self, name: str, location: str, store: DesignStore) -> None:
        self._name = name
        self._location = location
        self._store = store

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method not in _METHODS:
            raise AttributeError(method)

        def ask(*arguments: object) -> object:
            with self._asked(method):
                found = getattr(self._store, method)(*arguments)
                return self._read(iter(found)) if method == "entries" else found

        return ask

    def _read(self, entries: Iterator[StoreEntry]) -> Iterator[StoreEntry]:
        while True:
            with self._asked("entries"):
                entry = next(entries, None)
            if entry is None:
                return
            yield entry

    @contextmanager
    def _asked(self, method: str) -> Iterator[None]:
        try:
            yield
        except IdseError:
            raise
        except Exception as error:
            raise StorageError(
                f"the store {self._name!r} failed",
                where=self._location,
                cause=f"{method}: {type(error).__name__}: {error}",
                fix=("see to the place that it names, or to the package that offers this store",),
            ) from error


def folder_to_write(folder: str) -> FilesystemStore:
    """Opens the store in `folder`. Raises InvalidConfigurationError unless it is one, new or empty."""
    return FilesystemStore(_inner(folder))


def folder_to_read(folder: str) -> FilesystemStore:
    """Opens the store in `folder`. Raises UnknownNameError if it is none."""
    place = _inner(folder)
    if not is_store(place):
        raise UnknownNameError(
            "there is no store in this folder",
            where=folder,
            cause="it was not written by idse export, and no project without git lives in it"
            if os.path.isdir(folder)
            else "it does not exist",
            fix=("idse export FOLDER  # in the place that has the ledgers",),
        )
    return FilesystemStore(place)


def _inner(folder: str) -> str:
    """Returns `folder`, or the store of the project in it without git. Raises UsageError for no name."""
    if not folder.strip():
        raise UsageError("the name of the folder is empty", fix=("name a folder",))
    inner = os.path.join(folder, *STORE_FOLDER.split("/"))
    return inner if is_store(inner) and not is_store(folder) else folder
