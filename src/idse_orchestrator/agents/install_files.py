"""Tell agents about idse, and have them call it: install the agent files, and take them away.

What is wrong with a file is a value; it stays exactly as it is, and the others are served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from idse_orchestrator.agents.agent_files import AGENT_FILES, AGENTS, INSTRUCTIONS, AgentFile
from idse_orchestrator.agents.file_standing import (
    CURRENT,
    EDITED,
    MISSING,
    SHARED,
    UNCLEAR,
    Look,
    encoded_like,
    looks,
    text_of,
)
from idse_orchestrator.agents.hook_settings import is_bare, is_mixed, snippet, with_hooks, without_hooks
from idse_orchestrator.agents.work_tree_files import GitAgentFiles
from idse_orchestrator.documents.marked_block import renewed, with_block, without_block
from idse_orchestrator.errors import StorageError

CREATED = "created"
ADDED = "added"
RENEWED = "renewed"
ALREADY = "already"
REMOVED = "removed"
ABSENT = "absent"
KEPT = "kept"
"""With CREATED … the results: the file is new; ours was added; it was brought up to date; nothing to do; ours
is gone; nothing of ours was there; the file was left exactly as it is, for the reason told."""


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


def install_agent_files(
    store: GitAgentFiles,
    files: Sequence[AgentFile] = AGENT_FILES,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> tuple[FileOutcome, ...]:
    """Have in each of `files` what belongs there. Doing it twice changes nothing.

    What somebody changed by hand is kept, unless `force`. With `dry_run` nothing is written.
    """
    return tuple(_installed(store, look, force=force, dry_run=dry_run) for look in looks(store, files))


def uninstall_agent_files(
    store: GitAgentFiles,
    files: Sequence[AgentFile] = AGENT_FILES,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> tuple[FileOutcome, ...]:
    """Take out of each of `files` what is ours; what stands around it stays, to the byte."""
    return tuple(_taken_away(store, look, force=force, dry_run=dry_run) for look in looks(store, files))


def traces_of(store: GitAgentFiles) -> Sequence[str]:
    """Absolute paths of the files out of which something of ours would be taken."""
    outcomes = uninstall_agent_files(store, dry_run=True)
    return [store.where(each.file.path) for each in outcomes if each.result == REMOVED]


def _installed(store: GitAgentFiles, look: Look, *, force: bool, dry_run: bool) -> FileOutcome:
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


def _block_in(look: Look) -> bytes:
    if look.block is None or look.found.content is None:
        return with_block(look.found.content, INSTRUCTIONS, look.standing.file.front)
    return renewed(look.found.content, look.block, INSTRUCTIONS)


def _hooks_in(look: Look) -> bytes:
    agent = look.standing.file.agent
    if look.found.content is None:
        return (with_hooks("{}", agent) + "\n").encode()
    text = text_of(look.found)
    if look.standing.condition == EDITED:
        text = without_hooks(text)
    return encoded_like(look.found.content, with_hooks(text, agent))


def _taken_away(store: GitAgentFiles, look: Look, *, force: bool, dry_run: bool) -> FileOutcome:
    standing, file, now = look.standing, look.standing.file, look.found.content
    if standing.condition in (MISSING, SHARED) or now is None:
        if standing.condition == MISSING and not dry_run:
            store.forget(file.path)
        return FileOutcome(file, ABSENT, standing.detail)
    if standing.condition == UNCLEAR:
        result = KEPT if standing.suspect else ABSENT
        return FileOutcome(file, result, standing.detail, standing.line)
    if standing.condition == EDITED and not force and not (file.hooks and not is_mixed(text_of(look.found))):
        return FileOutcome(file, KEPT, standing.detail, standing.line)
    rest = _rest(look, now)
    refused = "" if dry_run else _refused(lambda: store.take_away(file.path, now, rest))
    return FileOutcome(file, KEPT if refused else REMOVED, refused)


def _rest(look: Look, now: bytes) -> bytes | None:
    if look.block is not None:
        return without_block(now, look.block, look.standing.file.front)
    rest = without_hooks(text_of(look.found))
    return None if is_bare(rest) else encoded_like(now, rest)
