"""Find one entry of a ledger by what people have at hand, and tell all of it.

An entry is named by its event id or its ledger commit, in full or by a prefix of at least four
characters, or by ``SESSION@{n}``: n entries before the newest of a session (``@{n}``: the current one).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.errors import AmbiguousError, UnknownNameError, UsageError
from idse_orchestrator.ledger.entries import Drawn, Entry, LedgerHistory, Span
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.sessions.log import mark_not_applied

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.sessions.trees import Change, Trees

SessionNamed = Callable[[str | None], SessionKey]

_BACK = re.compile(r"(?P<session>[^@]*)@\{(?P<steps>\d{1,9})\}")
_EVENT = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{3,25}")
_COMMIT = re.compile(r"[0-9a-f]{4,40}")
_LISTED = 6


@dataclass(frozen=True, slots=True)
class Shown:
    """One entry, and how its artifacts differ from those of its first parent."""

    entry: Entry
    difference: Difference


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds entries; `session_named` resolves a session's name, None being the current one."""

    ledgers: LedgerReader
    history: LedgerHistory
    trees: Trees
    session_named: SessionNamed

    def entry(self, name: str) -> Entry:
        """The entry that `name` stands for. UnknownNameError, AmbiguousError, UsageError."""
        back = _BACK.fullmatch(name)
        if back:
            found = self._steps_back(name, self.session_named(back["session"] or None), int(back["steps"]))
        else:
            found = self._only_one(name, self._candidates(name))
        marked = next(mark_not_applied(iter([Drawn(found)]), self.ledgers)).entry
        return marked or found

    def _steps_back(self, name: str, key: SessionKey, steps: int) -> Entry:
        newest = self.history.entries(Span(sessions=(key,), limit=steps + 1))
        found = [item.entry for item in islice(newest, steps, None) if item.entry]
        if found:
            return found[0]
        raise UnknownNameError(
            f"there is no entry {name}",
            cause=f"session {key[0]}/{key[1]} has fewer entries",
            fix=(f"idse log {key[0]}/{key[1]}",),
        )

    def _candidates(self, name: str) -> dict[str, Entry]:
        """Entries by event id, or by commit where there is none: one event may stand in two commits."""
        found: list[Entry] = []
        if _EVENT.fullmatch(name.upper()):
            found += self.history.by_event(name.upper(), _LISTED)
        if _COMMIT.fullmatch(name.lower()):
            found += self.history.by_commit(name.lower())
        named = {entry.event.id if entry.event else entry.commit: entry for entry in found}
        return dict(sorted(named.items(), reverse=True))

    def _only_one(self, name: str, candidates: dict[str, Entry]) -> Entry:
        if len(candidates) == 1:
            return next(iter(candidates.values()))
        if candidates:
            raise AmbiguousError(
                f"{name!r} fits {len(candidates)} entries{' or more' if len(candidates) >= _LISTED else ''}",
                cause="\n".join(f"{key}  {entry.subject}" for key, entry in candidates.items()),
                fix=("give more characters of the one you mean",),
            )
        raise _unknown(name)


def show_event(finder: Finder, name: str) -> Shown:
    """The entry `name` stands for, with what it changed."""
    entry = finder.entry(name)
    new = finder.trees.of_entry(entry.commit)
    old = finder.trees.of_entry(entry.parents[0]) if entry.parents else finder.trees.of_files({})
    return Shown(entry, Difference(finder.trees, old, new))


def artifact_at(finder: Finder, name: str, path: str) -> bytes:
    """The bytes of the artifact `path` (or of a stage of that name) as they were at entry `name`."""
    entry = finder.entry(name)
    content = finder.trees.content(entry.commit, path)
    if content is None and path in ARTIFACTS:
        content = finder.trees.content(entry.commit, ARTIFACTS[path])
    if content is not None:
        return content
    raise UnknownNameError(
        f"there is no {path!r} in entry {entry.short}",
        cause="paths are relative to the session's folder",
        fix=(f"git ls-tree -r --name-only {entry.short}:artifacts",),
    )


def _unknown(name: str) -> UsageError | UnknownNameError:
    if _EVENT.fullmatch(name.upper()) or _COMMIT.fullmatch(name.lower()):
        return UnknownNameError(f"no ledger here has an entry {name!r}", fix=("idse log", "idse log --all"))
    return UsageError(
        f"{name!r} cannot name an entry",
        cause="an entry is named by four or more characters of its event id or its ledger commit",
        fix=("idse show 3f2a1c9", "idse show @{0}    (the newest of the current session)", "idse log"),
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """From tree `old` to tree `new`, limited to `paths` if there are any.

    `old_name` and `new_name` say in words what is compared.
    """

    trees: Trees
    old: str
    new: str
    paths: tuple[str, ...] = ()
    old_name: str = ""
    new_name: str = ""

    def changes(self) -> Sequence[Change]:
        """The paths that differ, in order."""
        return [] if self.old == self.new else self.trees.changes(self.old, self.new, self.paths)

    def patch(self) -> Iterator[bytes]:
        """The lines of the patch, each with its line break."""
        return self.trees.patch(self.old, self.new, self.paths)

    def stat(self, width: int) -> Sequence[str]:
        """The summary git makes, at most `width` columns wide."""
        return self.trees.stat(self.old, self.new, self.paths, width)
