"""Commits and trees as git stores them, taken apart without believing them."""

from __future__ import annotations

from idse_orchestrator.domain.ledger.commit import Entry

_ID_BYTES = 20


def parse_commit(data: bytes) -> tuple[str, tuple[str, ...], bytes]:
    """Tree, parents and message of a commit's content."""
    head, _, message = data.partition(b"\n\n")
    tree, parents = "", []
    for line in head.split(b"\n"):
        if line.startswith(b"tree "):
            tree = line[5:].decode("ascii", "replace")
        elif line.startswith(b"parent "):
            parents.append(line[7:].decode("ascii", "replace"))
        elif line.startswith(b"author "):
            break
    return tree, tuple(parents), message


def parse_tree(data: bytes, prefix: str = "") -> tuple[Entry, ...]:
    """The entries of a tree's content, each path with `prefix` in front; ValueError when it is damaged."""
    entries = []
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        name = data[space + 1 : end].decode("utf-8", "surrogateescape")
        after = end + 1 + _ID_BYTES
        mode = data[at:space].decode("ascii", "replace")
        entries.append(Entry(mode, prefix + name, data[end + 1 : after].hex()))
        at = after
    return tuple(entries)
