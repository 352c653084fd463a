"""The history of a project without git."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import unified_diff
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.base import dates
from idse_orchestrator.base.text import counted
from idse_orchestrator.errors import NeedsGitError, UsageError
from idse_orchestrator.ledger.entries import Drawn, Entry, Span, with_event
from idse_orchestrator.sessions.trees import Change
from idse_orchestrator.stores.entry import StoreEntry, entry_id
from idse_orchestrator.stores.plain_ledgers import EMPTY, Folders

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Words
    from idse_orchestrator.stores.design_store import DesignStore, LedgerKey


def moment(text: str, now: float, *, is_end: bool = False) -> float:
    """Returns the Unix time `text` means, as `dates.moment` does. Raises UsageError where nobody knows it."""
    found = dates.moment(text, now, is_end=is_end)
    if found is None:
        raise UsageError(
            f"{text!r} is no date that can be read without git",
            fix=("for instance: 2026-01-31", "or: 2026-01-31 14:00", "or: 2 days ago"),
        )
    return found


_SHORT = 7


class StoreHistory:
    """The `LedgerHistory` port on a store."""

    def __init__(self, store: DesignStore, folders: Folders, words: Words) -> None:
        self._words = words
        self._store = store
        self._folders = folders

    def entries(self, span: Span) -> Iterator[Drawn]:
        """See `LedgerHistory.entries`. NeedsGitError for a graph, which git draws."""
        if span.graph:
            raise NeedsGitError(
                "git draws the graphs, and there is none here", fix=("idse log --json  # without --graph",)
            )
        now = time.time()
        oldest = moment(span.since, now) if span.since else None
        newest = moment(span.until, now, is_end=True) if span.until else None
        keys = [*span.sessions, *((project, "") for project in span.projects)]
        found = merge(*map(self._ledger, keys), key=lambda entry: -entry.committed)
        wanted = (
            entry
            for entry in found
            if (oldest is None or entry.committed >= oldest) and (newest is None or entry.committed <= newest)
        )
        return (Drawn(entry) for entry in islice(wanted, span.limit))

    def by_event(self, prefix: str, limit: int) -> Sequence[Entry]:
        """See `LedgerHistory.by_event`."""
        found = (entry for entry in self._all() if entry.event and entry.event.id.startswith(prefix))
        return list(islice(found, limit))

    def by_commit(self, prefix: str) -> Sequence[Entry]:
        """See `LedgerHistory.by_commit`."""
        return [entry for entry in self._all() if entry.commit.startswith(prefix)]

    def _ledger(self, key: LedgerKey) -> Iterator[Entry]:
        return (_entry_of(key, entry, self._words) for entry in self._store.entries(key))

    def _all(self) -> Iterator[Entry]:
        return (_entry_of(key, entry, self._words) for key, entry in self._folders.all_entries())


def _entry_of(key: LedgerKey, entry: StoreEntry, words: Words) -> Entry:
    name = entry_id(entry)
    bare = Entry(name, name[:_SHORT], entry.parents, entry.committed, *key)
    if entry.event is not None:
        return with_event(bare, entry.event, words)
    return bare if len(entry.parents) > 1 else replace(bare, damage="it has no event.json")


_LOOKED_AT = 8000
_NO_END = b"\\ No newline at end of file\n"


class StoreTrees:
    """The `Trees` port on a store."""

    def __init__(self, store: DesignStore, folders: Folders) -> None:
        self._store = store
        self._folders = folders

    def of_entry(self, commit: str) -> str:
        """See `Trees.of_entry`."""
        return self._folders.id_of(self._documents(commit)) or EMPTY

    def of_folder(self, revision: str, folder: str) -> str | None:  # noqa: ARG002 - the port's signature
        """See `Trees.of_folder`: without git there is no revision of the code."""
        return None

    def of_files(self, files: dict[str, str]) -> str:
        """See `Trees.of_files`."""
        return self._folders.id_of(files) or EMPTY

    def changes(self, old: str, new: str, paths: Sequence[str] = ()) -> Sequence[Change]:
        """See `Trees.changes`."""
        before, after = self._folders.files(old), self._folders.files(new)
        differing = (path for path in sorted({*before, *after}) if before.get(path) != after.get(path))
        return [_change(path, before, after) for path in differing if not paths or path in paths]

    def patch(self, old: str, new: str, paths: Sequence[str] = ()) -> Iterator[bytes]:
        """See `Trees.patch`."""
        for change in self.changes(old, new, paths):
            yield from _file_patch(change, self._content(change.old), self._content(change.new))

    def stat(self, old: str, new: str, paths: Sequence[str] = (), width: int = 80) -> Sequence[str]:
        """See `Trees.stat`."""
        rows = [
            (change.path, *_counted(self._content(change.old), self._content(change.new)))
            for change in self.changes(old, new, paths)
        ]
        return _stat(rows, width) if rows else []

    def content(self, commit: str, path: str) -> bytes | None:
        """See `Trees.content`."""
        blob = self.blob(commit, path)
        return self._store.load_artifact(blob) if blob else None

    def blob(self, commit: str, path: str) -> str:
        """See `Trees.blob`."""
        return self._documents(commit).get(path, "")

    def _documents(self, commit: str) -> Mapping[str, str]:
        entry = self._folders.entry(commit)
        return (entry.artifacts or {}) if entry else {}

    def _content(self, blob: str) -> bytes:
        return self._store.load_artifact(blob) if blob else b""


def _change(path: str, before: Mapping[str, str], after: Mapping[str, str]) -> Change:
    status = "A" if path not in before else "D" if path not in after else "M"
    return Change(path, status, before.get(path, ""), after.get(path, ""))


def _is_binary(*contents: bytes) -> bool:
    return any(b"\0" in content[:_LOOKED_AT] for content in contents)


def _file_patch(change: Change, old: bytes, new: bytes) -> Iterator[bytes]:
    path = change.path.encode("utf-8", "surrogateescape")
    yield b"diff --git a/" + path + b" b/" + path + b"\n"
    if not change.old:
        yield b"new file mode 100644\n"
    if not change.new:
        yield b"deleted file mode 100644\n"
    mode = b" 100644" if change.old and change.new else b""
    yield f"index {change.old[:7] or '0' * 7}..{change.new[:7] or '0' * 7}".encode() + mode + b"\n"
    names = (b"a/" + path if change.old else b"/dev/null", b"b/" + path if change.new else b"/dev/null")
    if _is_binary(old, new):
        yield b"Binary files " + names[0] + b" and " + names[1] + b" differ\n"
        return
    yield from _hunks(old, new, *names)


def _hunks(old: bytes, new: bytes, old_name: bytes, new_name: bytes) -> Iterator[bytes]:
    """Yields the lines of the hunks.

    Difflib wants text: Latin-1 gives every byte a character, and takes it back.
    """
    before, after = (_lines(content) for content in (old, new))
    for line in unified_diff(before, after, old_name.decode("latin-1"), new_name.decode("latin-1")):
        yield line.encode("latin-1") if line.endswith("\n") else line.encode("latin-1") + b"\n" + _NO_END


def _lines(content: bytes) -> list[str]:
    parts = content.decode("latin-1").split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _counted(old: bytes, new: bytes) -> tuple[int, int, bool]:
    """Returns lines that came and went; and whether there are no lines to count."""
    if _is_binary(old, new):
        return len(new), len(old), True
    body = list(unified_diff(_lines(old), _lines(new)))[2:]
    return sum(line[0] == "+" for line in body), sum(line[0] == "-" for line in body), False


def _stat(rows: Sequence[tuple[str, int, int, bool]], width: int) -> list[str]:
    longest = max(len(path) for path, *_ in rows)
    digits = max(len(str(added + gone)) for _, added, gone, _ in rows)
    room = max(10, width - longest - digits - 6)
    most = max((added + gone for _, added, gone, is_binary in rows if not is_binary), default=0)
    scale = min(1.0, room / most) if most else 1.0
    lines = [
        f" {path:<{longest}} | Bin {gone} -> {added} bytes"
        if is_binary
        else f" {path:<{longest}} | {added + gone:>{digits}} "
        + _bar("+", added, scale)
        + _bar("-", gone, scale)
        for path, added, gone, is_binary in rows
    ]
    counted = [(added, gone) for _, added, gone, is_binary in rows if not is_binary]
    return [*lines, _total(len(rows), sum(a for a, _ in counted), sum(g for _, g in counted))]


def _bar(sign: str, count: int, scale: float) -> str:
    return sign * (max(1, int(count * scale)) if count else 0)


def _total(files: int, added: int, gone: int) -> str:
    parts = [f" {counted(files, 'file')} changed"]
    if added or not gone:
        parts.append(f"{counted(added, 'insertion')}(+)")
    if gone or not added:
        parts.append(f"{counted(gone, 'deletion')}(-)")
    return ", ".join(parts)
