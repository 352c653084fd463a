"""The folder that somebody names for an export or an import."""

from __future__ import annotations

import os

from idse_orchestrator.domain.project_workspace import STORE_FOLDER
from idse_orchestrator.errors import UnknownNameError, UsageError
from idse_orchestrator.stores.filesystem.store import FilesystemStore, is_store


def folder_to_write(folder: str) -> FilesystemStore:
    """The store in `folder`, which may be new or empty. InvalidConfigurationError for other folders."""
    return FilesystemStore(_inner(folder))


def folder_to_read(folder: str) -> FilesystemStore:
    """The store in `folder`; UnknownNameError where it is none."""
    place = _inner(folder)
    if not is_store(place):
        raise UnknownNameError(
            "there is no store in this folder",
            where=folder,
            cause="it was not written by idse export, and no project without git lives in it"
            if os.path.isdir(folder)
            else "it does not exist",
            fix=("idse export FOLDER    (in the place that has the ledgers)",),
        )
    return FilesystemStore(place)


def _inner(folder: str) -> str:
    """`folder` itself, or the store of the project that lives there without git. UsageError for no name."""
    if not folder.strip():
        raise UsageError("the name of the folder is empty", fix=("name a folder",))
    inner = os.path.join(folder, *STORE_FOLDER.split("/"))
    return inner if is_store(inner) and not is_store(folder) else folder
