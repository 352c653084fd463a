"""A process that appends to a ledger in a folder until it is killed, and says which entries are kept.

``python store_loop.py STORE FILE [HOW_MANY]``: after each append returned, the entry's id goes to FILE as
one line. With HOW_MANY it stops there.
"""

from __future__ import annotations

import itertools
import os
import sys

from idse_orchestrator.errors import LedgerMovedError
from idse_orchestrator.stores.entry import Content, make_entry
from idse_orchestrator.stores.filesystem_store import FilesystemStore

KEY = ("portal", "login")


def append(store, text):
    """Add one entry with one document; its id."""
    while True:
        found = store.load_session(KEY)
        lamport = int(found.state) + 1 if found else 1
        name = store.save_artifact(text.encode())
        content = Content(b"{}", str(lamport).encode(), {"intent.md": name})
        who = f"A <a@example.invalid> {1_700_000_000 + lamport} +0000"
        made = make_entry(content, [found.tip] if found else [], who, text)
        try:
            return store.save_session(KEY, [made], found.tip if found else None)
        except LedgerMovedError:
            continue


def main(folder, acknowledged, how_many):
    """Work; a line in `acknowledged` is a promise."""
    out = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for number in itertools.count() if how_many is None else range(how_many):
        tip = append(FilesystemStore(folder), f"{os.getpid()} {number}\n")
        os.write(out, f"{tip}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:3], int(sys.argv[3]) if len(sys.argv) > 3 else None)
