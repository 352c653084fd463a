"""Finds ledgers among commits that travel under other names: by what they hold, not by what they are called.

The pre-push script asks git the same two questions, and starts idse where one of them has an answer.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from idse_orchestrator.errors import GitFailedError
from idse_orchestrator.git.object_stream import ObjectStream
from idse_orchestrator.ledger.commit import EVENT, STATE
from idse_orchestrator.sync.points import FILE as POINT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from idse_orchestrator.git.program import Git

_FILES = {EVENT: "kind lamport replica", STATE: "format events lamport", POINT: "direction refs replica"}
"""The files of ledgers, and keys that each of them has always had."""
_NOTE = re.compile(rb"[0-9a-f]{2}\Z")
_NEW = ("rev-list", "--full-history", "--ignore-missing", "--stdin")
_TIMEOUT = 3600.0


def ledger_among(git: Git, ids: Sequence[str], remote: str, known: Iterable[str]) -> str:
    """Returns what of a ledger would come with `ids`, in words; "" where nothing would.

    Only what is new is looked at: not what the remote called `remote` had when it was last seen, nor `known`.
    """
    if not ids:
        return ""
    lines = [*ids, *(f"^{each}" for each in known)]
    there = ("--not", f"--remotes={remote}") if remote else ()
    with ObjectStream(git) as objects:
        for each in objects.read_all(ids):
            if each and each.kind in ("tree", "blob") and _tells(objects, each.id, each.data):
                return f"{each.kind} {each.id[:12]} of one"
        for commit in _asked(git, lines, *there, "--", *_FILES):
            if _tells(objects, commit):
                return f"commit {commit[:12]} of one"
        for commit in _asked(git, lines, "--grep=^idse: ", *there):
            if _is_notes(objects, commit):
                return f"idse's notes, {commit[:12]}"
    return ""


def _asked(git: Git, lines: Iterable[str], *words: str) -> list[str]:
    done = git.attempt(*_NEW, *words, stdin="".join(f"{line}\n" for line in lines).encode(), timeout=_TIMEOUT)
    if done.returncode != 0:
        cause = done.stderr.decode("utf-8", "replace").strip()
        raise GitFailedError("git cannot tell what this push would send", cause=cause)
    return done.stdout.decode().split()


def _tells(objects: ObjectStream, name: str, data: bytes = b"") -> bool:
    """Tests whether a commit or tree holds a file of a ledger, or `data` is one."""
    contents = [(data, keys) for keys in _FILES.values()]
    for path, keys in _FILES.items():
        found = objects.read(f"{name}:{path}")
        contents.append((found.data if found else b"", keys))
    return any(_has(content, keys) for content, keys in contents)


def _has(content: bytes, keys: str) -> bool:
    try:
        told = json.loads(content) if content.startswith(b"{") else None
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and all(key in told for key in keys.split())


def _is_notes(objects: ObjectStream, commit: str) -> bool:
    """Tests for a commit of notes that idse wrote: folders of two digits each, and nothing else."""
    tree = objects.read(f"{commit}^{{tree}}")
    rows = re.findall(rb"([0-9]+) ([^\0]+)\0.{20}", tree.data, re.DOTALL) if tree else []
    return bool(rows) and all(mode == b"40000" and _NOTE.match(name) for mode, name in rows)
