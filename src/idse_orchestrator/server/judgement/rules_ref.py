"""The refs of a bare repository that the Agency itself writes, each a line of commits with a few small files.

AGENCY_RULES tells clones which rules their pushes meet. It stands outside of ``refs/idse/``, where a ref that
a clone does not know would keep it from ever being settled.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import FOLDER, PLAIN
from idse_orchestrator.constitution.rules import AGENCY, CLIENT, DESIGNS
from idse_orchestrator.git.libgit2 import RefMovedError, move_ref, open_repository
from idse_orchestrator.git.objects import BLOB, COMMIT, Objects, make_tree, objects_of, parse_commit
from idse_orchestrator.ledger.refs import AGENCY_RULES, HIGHEST

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Layer

AGENCY_FILE, CLIENT_FILE, DESIGNS_FILE, FORMAT_FILE = "agency.yaml", "client.yaml", "designs.json", "format"
_FILE_OF = {AGENCY: AGENCY_FILE, CLIENT: CLIENT_FILE, DESIGNS: DESIGNS_FILE}
_WHO = "Agency Core <idse@localhost>"
_TRIES = 20

Files = Mapping[str, bytes]
"""Content by name."""


def write_rules(git_dir: str, layers: Iterable[Layer]) -> bool:
    """Puts the rules of the Agency and of its client, and its designs, on AGENCY_RULES; True if they changed.

    The same content makes no commit. StorageError where the disk refuses.
    """
    told = {_FILE_OF[layer.origin]: layer.data for layer in layers}
    told[FORMAT_FILE] = json.dumps({"ledger_format": HIGHEST}).encode() + b"\n"
    return write_files(git_dir, AGENCY_RULES, lambda _: told, "the rules that hold here\n")


def read_files(git_dir: str, ref: str) -> Files:
    """Returns the files of the commit that `ref` points at, by name; none where there is no such ref."""
    found = open_repository(git_dir).references.get(ref)
    return _files(objects_of(git_dir), str(found.target)) if found is not None else {}


def write_files(git_dir: str, ref: str, change: Callable[[Files], Files], message: str) -> bool:
    """Puts what `change` makes of the files of `ref` there, as one more commit; False if it is the same."""
    for _ in range(_TRIES):
        repository = open_repository(git_dir)
        objects = objects_of(git_dir)
        found = repository.references.get(ref)
        tip = str(found.target) if found is not None else ""
        entries = {
            name: (PLAIN, objects.make(BLOB, data))
            for name, data in change(_files(objects, tip) if tip else {}).items()
        }
        tree = make_tree(objects, entries)
        if tip and parse_commit(objects.read(tip, COMMIT))[0] == tree:
            return False
        when = f"{_WHO} {int(time.time())} +0000"
        parent = f"parent {tip}\n" if tip else ""
        text = f"tree {tree}\n{parent}author {when}\ncommitter {when}\n\n{message}"
        commit = objects.make(COMMIT, text.encode())
        objects.install(commit, git_dir)
        try:
            move_ref(repository, ref, commit, tip or None, message.strip())
        except RefMovedError:
            continue
        return True
    raise RefMovedError(ref)


def _files(objects: Objects, commit: str) -> dict[str, bytes]:
    tree = parse_commit(objects.read(commit, COMMIT))[0]
    return {
        entry.path: objects.read(entry.id, BLOB) for entry in objects.entries(tree) if entry.mode != FOLDER
    }
