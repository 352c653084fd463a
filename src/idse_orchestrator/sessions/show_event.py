"""Finds an entry of a ledger by what people have at hand, shows it, and compares folders with it.

An entry is named by its event id or its ledger commit, in full or by a prefix of at least four
characters, or by ``SESSION@{n}``: n entries before the newest of a session (``@{n}``: the current one).

A folder is compared, in the order of the code, with what one stage was completed with (and what that
builds on) or all were (each its own document) · with another entry · with a code revision · with the
newest entry (what is not saved yet).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import check_known
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES, session_folder
from idse_orchestrator.errors import AmbiguousError, UnknownNameError, UsageError
from idse_orchestrator.ledger.entries import Drawn, Entry, LedgerHistory, Span
from idse_orchestrator.ledger.events import SessionKey
from idse_orchestrator.sessions.log import as_known_now
from idse_orchestrator.sessions.status import no_ledger

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import SessionTip
    from idse_orchestrator.sessions.ports import Captured, Documents
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
        """Returns the entry that `name` stands for. UnknownNameError, AmbiguousError, UsageError."""
        back = _BACK.fullmatch(name)
        if back:
            found = self._steps_back(name, self.session_named(back["session"] or None), int(back["steps"]))
        else:
            found = self._only_one(name, self._candidates(name))
        marked = next(as_known_now(iter([Drawn(found)]), self.ledgers)).entry
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
    """Returns the entry `name` stands for, with what it changed."""
    entry = finder.entry(name)
    new = finder.trees.of_entry(entry.commit)
    old = finder.trees.of_entry(entry.parents[0]) if entry.parents else finder.trees.of_files({})
    return Shown(entry, Difference(finder.trees, old, new))


def artifact_at(finder: Finder, name: str, path: str) -> bytes:
    """Returns the bytes of the artifact `path` (or of a stage of that name) as they were at entry `name`."""
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
        fix=("idse show 3f2a1c9", "idse show @{0}  # the newest of the current session", "idse log"),
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
        """Returns the paths that differ, in order."""
        return [] if self.old == self.new else self.trees.changes(self.old, self.new, self.paths)

    def patch(self) -> Iterator[bytes]:
        """Yields the lines of the patch, each with its line break."""
        return self.trees.patch(self.old, self.new, self.paths)

    def stat(self, width: int) -> Sequence[str]:
        """Returns the summary git makes, at most `width` columns wide."""
        return self.trees.stat(self.old, self.new, self.paths, width)


FOLDER = "the folder"


@dataclass(frozen=True, slots=True)
class DiffRequest:
    """What to compare the folder with: a stage ("" for all), its completion, an entry or revision `at`."""

    stage: str = ""
    since_complete: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True)
class Comparing:
    """What a comparison needs; `finder` finds the entries that `DiffRequest.at` may name."""

    ledgers: LedgerReader
    workspace: Documents
    finder: Finder


def diff(comparing: Comparing, key: SessionKey, request: DiffRequest) -> Difference:
    """Returns the difference `request` asks for, the folder being the new side.

    Nothing but objects is written.
    """
    _check(request)
    folder = comparing.workspace.capture(*key)
    if request.since_complete:
        return _since_complete(comparing, _tip(comparing, key), folder, request.stage)
    old, name = _old_side(comparing, key, request.at)
    trees = comparing.finder.trees
    new = folder.tree if folder else trees.of_files({})
    paths = (ARTIFACTS[request.stage],) if request.stage else ()
    return Difference(trees, old, new, paths, name, FOLDER)


def _since_complete(comparing: Comparing, tip: SessionTip, folder: Captured | None, stage: str) -> Difference:
    stages = [name for name in ([stage] if stage else STAGES) if tip.state.stages[name].artifact]
    if stage and not stages:
        raise UnknownNameError(
            f"stage `{stage}` was never completed, so there is nothing to compare with",
            fix=(f"idse log --stage {stage}", f"idse diff {stage}"),
        )
    then = {ARTIFACTS[name]: tip.state.stages[name].artifact for name in stages}
    if stage:
        then |= {ARTIFACTS[up]: blob for up, blob in tip.state.stages[stage].upstream.items() if blob}
    now = {path: folder.files[path] for path in then if folder and path in folder.files}
    trees = comparing.finder.trees
    return Difference(trees, trees.of_files(then), trees.of_files(now), (), "the last completion", FOLDER)


def _old_side(comparing: Comparing, key: SessionKey, at: str) -> tuple[str, str]:
    if not at:
        tip = _tip(comparing, key)
        return tip.artifacts or comparing.finder.trees.of_files({}), f"ledger entry {tip.commit[:7]}"
    try:
        entry = comparing.finder.entry(at)
    except (UnknownNameError, UsageError) as unknown:
        return _code_revision(comparing, key, at, unknown), at
    if (entry.project, entry.session) != key:
        raise UsageError(
            f"entry {entry.short} is of session {entry.project}/{entry.session}, not of {key[0]}/{key[1]}",
            fix=(f"idse diff --session {entry.project}/{entry.session} --at {at}",),
        )
    return comparing.finder.trees.of_entry(entry.commit), f"ledger entry {entry.short}"


def _code_revision(
    comparing: Comparing, key: SessionKey, revision: str, unknown: UnknownNameError | UsageError
) -> str:
    trees = comparing.finder.trees
    tree = trees.of_folder(revision, session_folder(*key))
    if tree is None:
        raise UnknownNameError(
            f"{revision!r} is neither an entry of the ledger nor a revision of the code",
            cause=unknown.message,
            fix=("idse log", "git log"),
        )
    return tree or trees.of_files({})


def _tip(comparing: Comparing, key: SessionKey) -> SessionTip:
    tip = comparing.ledgers.session(*key)
    if tip is None:
        raise no_ledger(key)
    return tip


def _check(request: DiffRequest) -> None:
    if request.stage:
        check_known("stage", request.stage, STAGES)
    if request.since_complete and request.at:
        raise UsageError("--since-complete and --at exclude each other", fix=("leave out one of them",))
