"""Tell agents about idse, and have them call it: install, take away and look at the agent files.

Every file is judged by itself, so one that cannot be served keeps no other from its block; what is wrong
with it is a value, and the file stays exactly as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from idse_orchestrator.domain.agent_files import AGENT_FILES, AGENTS, AgentFile
from idse_orchestrator.domain.agent_hook_settings import (
    SettingsTrouble,
    is_bare,
    is_mixed,
    snippet,
    standing_hooks,
    with_hooks,
    without_hooks,
)
from idse_orchestrator.domain.agent_instructions import INSTRUCTIONS
from idse_orchestrator.domain.marked_block import (
    Block,
    BlockTrouble,
    find_block,
    renewed,
    with_block,
    without_block,
)
from idse_orchestrator.errors import StorageError

CURRENT = "current"
OUTDATED = "outdated"
MISSING = "missing"
EDITED = "edited"
UNCLEAR = "unclear"
SHARED = "shared"
CONDITIONS = (CURRENT, OUTDATED, MISSING, EDITED, UNCLEAR, SHARED)
"""What of ours stands in a file: as it should be; of an older idse, or not all of it; nothing; changed by
hand; it cannot be told; nothing, since the path leads to another of these files."""

CREATED = "created"
ADDED = "added"
RENEWED = "renewed"
ALREADY = "already"
REMOVED = "removed"
ABSENT = "absent"
KEPT = "kept"
"""With CREATED … the results: the file is new; ours was added; it was brought up to date; nothing to do; ours
is gone; nothing of ours was there; the file was left exactly as it is, for the reason told."""

_BOM = "\ufeff"


class Found(NamedTuple):
    """A file of a work tree: its bytes (None: there is none), its real path, and why it is not served."""

    content: bytes | None
    real: str
    refusal: str = ""


class AgentFileStore(Protocol):
    """The agent files of one work tree. Writing may raise StorageError."""

    def find(self, path: str) -> Found:
        """What stands at a repository-relative path."""

    def where(self, path: str) -> str:
        """The absolute path."""

    def write(self, path: str, before: bytes | None, after: bytes, *, own: bool) -> None:
        """Make the file `after`; folders are made, and remembered.

        `own`: what it was `before` is the user's alone, and is remembered, too.
        """

    def take_away(self, path: str, now: bytes, rest: bytes | None) -> None:
        """Make the file, which is `now`, what it was before we wrote it, if nobody changed it since.

        Else it becomes `rest`, and None removes it. Folders that were made for it go when they are empty.
        """

    def forget(self, path: str) -> None:
        """Forget a file that somebody removed; folders that were made for it go when they are empty."""


@dataclass(frozen=True, slots=True)
class FileStanding:
    """How one file stands. `detail` says what is wrong with it, `line` where (0: the whole file).

    `suspect`: it is UNCLEAR, and something of ours may be in it.
    """

    file: AgentFile
    condition: str
    detail: str = ""
    line: int = 0
    suspect: bool = False


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What was done about one file, or would be. `paste`: what a person can put into it instead."""

    file: AgentFile
    result: str
    detail: str = ""
    line: int = 0
    paste: str = ""

    @property
    def is_trouble(self) -> bool:
        """Whether something was wished for and not done."""
        return self.result == KEPT


def files_of(agents: Iterable[str] = AGENTS) -> tuple[AgentFile, ...]:
    """The files of `agents`, in order."""
    wanted = set(agents)
    return tuple(file for file in AGENT_FILES if file.agent in wanted)


def standing_files(
    store: AgentFileStore, files: Sequence[AgentFile] = AGENT_FILES
) -> tuple[FileStanding, ...]:
    """How `files` stand; writes nothing."""
    return tuple(look.standing for look in _looks(store, files))


def install_agent_files(
    store: AgentFileStore,
    files: Sequence[AgentFile] = AGENT_FILES,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> tuple[FileOutcome, ...]:
    """Have in each of `files` what belongs there. Doing it twice changes nothing.

    What somebody changed by hand is kept, unless `force`. With `dry_run` nothing is written.
    """
    return tuple(_installed(store, look, force=force, dry_run=dry_run) for look in _looks(store, files))


def uninstall_agent_files(
    store: AgentFileStore,
    files: Sequence[AgentFile] = AGENT_FILES,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> tuple[FileOutcome, ...]:
    """Take out of each of `files` what is ours; what stands around it stays, to the byte."""
    return tuple(_taken_away(store, look, force=force, dry_run=dry_run) for look in _looks(store, files))


def traces_of(store: AgentFileStore) -> Sequence[str]:
    """Absolute paths of the files out of which something of ours would be taken."""
    outcomes = uninstall_agent_files(store, dry_run=True)
    return [store.where(each.file.path) for each in outcomes if each.result == REMOVED]


class _Look(NamedTuple):
    standing: FileStanding
    found: Found
    block: Block | None = None


def _looks(store: AgentFileStore, files: Sequence[AgentFile]) -> Iterable[_Look]:
    """Each file judged when its turn comes: the one before may lead to the same place."""
    seen: dict[str, str] = {}
    for file in files:
        found = store.find(file.path)
        first = seen.setdefault(found.real, file.path)
        if first != file.path:
            yield _Look(FileStanding(file, SHARED, f"it is the same file as {first}"), found)
        else:
            yield _suspicious(_look(file, found))


def _suspicious(look: _Look) -> _Look:
    suspect = look.standing.condition == UNCLEAR and b"idse" in (look.found.content or b"")
    return look._replace(standing=replace(look.standing, suspect=suspect))


def _look(file: AgentFile, found: Found) -> _Look:
    if found.refusal:
        return _Look(FileStanding(file, UNCLEAR, found.refusal), found)
    if found.content is None:
        return _Look(FileStanding(file, MISSING), found)
    if b"\0" in found.content:
        return _Look(FileStanding(file, UNCLEAR, "it is not a text in UTF-8"), found)
    return _look_at_hooks(file, found) if file.hooks else _look_at_block(file, found, found.content)


def _look_at_block(file: AgentFile, found: Found, content: bytes) -> _Look:
    block = find_block(content)
    if isinstance(block, BlockTrouble):
        return _Look(FileStanding(file, UNCLEAR, block.what, block.line), found)
    if block is None:
        return _Look(FileStanding(file, MISSING), found)
    if block.is_edited:
        detail = "the block was changed by hand"
        return _Look(FileStanding(file, EDITED, detail, block.line), found, block)
    condition = CURRENT if block.body == INSTRUCTIONS else OUTDATED
    return _Look(FileStanding(file, condition, "", block.line), found, block)


def _look_at_hooks(file: AgentFile, found: Found) -> _Look:
    try:
        events = standing_hooks(_text(found), file.agent)
    except SettingsTrouble as error:
        return _Look(FileStanding(file, UNCLEAR, str(error)), found)
    edited = [event for event, how in events.items() if how == "edited"]
    if edited:
        detail = f"its hook for {', '.join(edited)} is not as idse writes it"
        return _Look(FileStanding(file, EDITED, detail), found)
    missing = [event for event, how in events.items() if how == "missing"]
    if not missing:
        return _Look(FileStanding(file, CURRENT), found)
    if len(missing) == len(events):
        return _Look(FileStanding(file, MISSING), found)
    return _Look(FileStanding(file, OUTDATED, f"it has no hook for {', '.join(missing)}"), found)


def _text(found: Found) -> str:
    """The settings without a byte order mark; SettingsTrouble where they are not UTF-8."""
    try:
        return (found.content or b"").decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise SettingsTrouble(f"it is not UTF-8 (byte {error.start})") from error


def _installed(store: AgentFileStore, look: _Look, *, force: bool, dry_run: bool) -> FileOutcome:
    standing, file = look.standing, look.standing.file
    if standing.condition in (CURRENT, SHARED):
        return FileOutcome(file, ALREADY, standing.detail)
    if standing.condition == UNCLEAR or (standing.condition == EDITED and not force):
        paste = snippet(file.agent) if file.hooks and standing.condition == UNCLEAR else ""
        return FileOutcome(file, KEPT, standing.detail, standing.line, paste)
    before = look.found.content
    after = _hooks_in(look) if file.hooks else _block_in(look)
    own = standing.condition == MISSING
    refused = "" if dry_run else _refused(lambda: store.write(file.path, before, after, own=own))
    if refused:
        return FileOutcome(file, KEPT, refused)
    if before is None:
        return FileOutcome(file, CREATED)
    return FileOutcome(file, ADDED if own else RENEWED)


def _refused(change: Callable[[], None]) -> str:
    """Make a change; why the system refuses it, or "" where it is made."""
    try:
        change()
    except StorageError as error:
        return f"it cannot be written: {error.cause}"
    return ""


def _block_in(look: _Look) -> bytes:
    if look.block is None or look.found.content is None:
        return with_block(look.found.content, INSTRUCTIONS, look.standing.file.front)
    return renewed(look.found.content, look.block, INSTRUCTIONS)


def _hooks_in(look: _Look) -> bytes:
    agent = look.standing.file.agent
    if look.found.content is None:
        return (with_hooks("{}", agent) + "\n").encode()
    text = _text(look.found)
    if look.standing.condition == EDITED:
        text = without_hooks(text)
    return _like(look.found.content, with_hooks(text, agent))


def _taken_away(store: AgentFileStore, look: _Look, *, force: bool, dry_run: bool) -> FileOutcome:
    standing, file, now = look.standing, look.standing.file, look.found.content
    if standing.condition in (MISSING, SHARED) or now is None:
        if standing.condition == MISSING and not dry_run:
            store.forget(file.path)
        return FileOutcome(file, ABSENT, standing.detail)
    if standing.condition == UNCLEAR:
        result = KEPT if standing.suspect else ABSENT
        return FileOutcome(file, result, standing.detail, standing.line)
    if standing.condition == EDITED and not force and not (file.hooks and not is_mixed(_text(look.found))):
        return FileOutcome(file, KEPT, standing.detail, standing.line)
    rest = _rest(look, now)
    refused = "" if dry_run else _refused(lambda: store.take_away(file.path, now, rest))
    return FileOutcome(file, KEPT if refused else REMOVED, refused)


def _rest(look: _Look, now: bytes) -> bytes | None:
    if look.block is not None:
        return without_block(now, look.block, look.standing.file.front)
    rest = without_hooks(_text(look.found))
    return None if is_bare(rest) else _like(now, rest)


def _like(content: bytes, text: str) -> bytes:
    """`text` in UTF-8, with a byte order mark where `content` has one."""
    return (_BOM if content.startswith(_BOM.encode()) else "").encode() + text.encode()
