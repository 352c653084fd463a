"""Where everything stands in the folder of a store.

::

    idse-store.json                          MARKER: what the folder is, and its format
    lock                                     held by whoever writes
    projects/<project>/                      the project's own ledger, if it has one
      tip                                    id of its newest entry: the one file that ever moves
      state.json                             what that entry says, for people; never read back
      entries/<number>-<id>/                 one entry; the number is its state's lamport number
        commit                               the commit as git stores it: who, when, after what, and why
        event.json                           what happened; not there in a merge
        state.json                           where the ledger stood then
        artifacts.json                       documents by path, with their content ids
    projects/<project>/sessions/<session>/   the same for the ledger of a session
    artifacts/<2 digits>/<38 digits>         a document, as it is, by its content id

Nothing is ever changed but `tip` and the `state.json` beside it, each in one step.
"""

from __future__ import annotations

import os

from idse_orchestrator.domain.design_store import LedgerKey

MARKER = "idse-store.json"
FORMAT = 1

TIP = "tip"
ENTRIES = "entries"
COMMIT = "commit"
EVENT = "event.json"
STATE = "state.json"
DOCUMENTS = "artifacts.json"
PROJECTS = "projects"
SESSIONS = "sessions"
CONTENTS = "artifacts"


def ledger_folder(root: str, key: LedgerKey) -> str:
    """The folder of a ledger; its names have been checked."""
    project, session = key
    folder = os.path.join(root, PROJECTS, project)
    return os.path.join(folder, SESSIONS, session) if session else folder


def content_path(root: str, content_id: str) -> str:
    """Where content of that id stands."""
    return os.path.join(root, CONTENTS, content_id[:2], content_id[2:])
