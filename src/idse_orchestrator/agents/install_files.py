"""Installs the agent files, which tell agents about idse and have them call it, and takes them away.

Every file is judged by itself, so one that cannot be served keeps no other from its block.

What is wrong with a file is a value; it stays exactly as it is, and the others are served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from idse_orchestrator.agents import hook_settings
from idse_orchestrator.agents.hook_settings import AGENT_FILES, AGENTS, CLAUDE, AgentFile, SettingsTrouble
from idse_orchestrator.agents.work_tree_files import Found, GitAgentFiles
from idse_orchestrator.documents import marked_block
from idse_orchestrator.documents.marked_block import Block, BlockTrouble
from idse_orchestrator.errors import StorageError

CURRENT = "current"
OUTDATED = "outdated"
MISSING = "missing"
EDITED = "edited"
UNCLEAR = "unclear"
SHARED = "shared"
"""With CURRENT … what of ours stands in a file: as it should be; of an older idse, or not all of it; nothing;
changed by hand; it cannot be told; nothing, since the path leads to another of these files."""

_BOM = "\ufeff"
_SETTINGS = (".claude/settings.local.json", ".claude/settings.json")


class FileStanding(NamedTuple):
    """How one file stands, what was found of it, and the block in it, if that is a text with one.

    `detail` says what is wrong with it, `line` where (0: the whole file). A CURRENT one has a `detail`
    where somebody switched its hooks off.
    """

    file: AgentFile
    condition: str
    found: Found
    detail: str = ""
    line: int = 0
    block: Block | None = None

    @property
    def suspect(self) -> bool:
        """True if it is UNCLEAR, and something of ours may be in it."""
        return self.condition == UNCLEAR and b"idse" in (self.found.content or b"")


def standing_files(store: GitAgentFiles, files: Sequence[AgentFile] = AGENT_FILES) -> Iterator[FileStanding]:
    """Judges each file when its turn comes: the one before may lead to the same place. Writes nothing."""
    seen: dict[str, str] = {}
    for file in files:
        found = store.find(file.path)
        first = file.path if found.refusal else seen.setdefault(found.real, file.path)
        if first != file.path:
            yield FileStanding(file, SHARED, found, f"it is the same file as {first}")
            continue
        standing = _judged(file, found)
        if standing.condition == CURRENT and file.hooks and file.agent == CLAUDE:
            standing = standing._replace(detail=hooks_off(store))
        yield standing


def _judged(file: AgentFile, found: Found) -> FileStanding:
    if found.refusal:
        return FileStanding(file, UNCLEAR, found, found.refusal)
    if found.content is None:
        return FileStanding(file, MISSING, found)
    if b"\0" in found.content:
        return FileStanding(file, UNCLEAR, found, "it is not a text in UTF-8")
    return _judged_hooks(file, found) if file.hooks else _judged_block(file, found, found.content)


def _judged_block(file: AgentFile, found: Found, content: bytes) -> FileStanding:
    block = marked_block.find_block(content)
    if isinstance(block, BlockTrouble):
        return FileStanding(file, UNCLEAR, found, block.what, block.line)
    if block is None:
        return FileStanding(file, MISSING, found)
    if block.is_edited:
        return FileStanding(file, EDITED, found, "the block was changed by hand", block.line, block)
    condition = CURRENT if block.body == hook_settings.INSTRUCTIONS else OUTDATED
    return FileStanding(file, condition, found, "", block.line, block)


def _judged_hooks(file: AgentFile, found: Found) -> FileStanding:
    try:
        events = hook_settings.standing_hooks(text_of(found), file.agent)
    except SettingsTrouble as error:
        return FileStanding(file, UNCLEAR, found, str(error))
    edited = [event for event, how in events.items() if how == "edited"]
    if edited:
        detail = f"its hook for {', '.join(edited)} is not as idse writes it"
        return FileStanding(file, EDITED, found, detail)
    missing = [event for event, how in events.items() if how == "missing"]
    if not missing:
        return FileStanding(file, CURRENT, found)
    if len(missing) == len(events):
        return FileStanding(file, MISSING, found)
    return FileStanding(file, OUTDATED, found, f"it has no hook for {', '.join(missing)}")


def hooks_off(store: GitAgentFiles) -> str:
    """Returns why Claude Code calls none of the hooks in this work tree, "" where it calls them.

    What a person keeps for this work tree alone counts more than what everybody has.
    """
    for path in _SETTINGS:
        try:
            off = hook_settings.says_off(text_of(store.find(path)))
        except SettingsTrouble:
            continue
        if off is not None:
            return f"the agent calls no hook: {hook_settings.OFF} is set in {path}" if off else ""
    return ""


def text_of(found: Found) -> str:
    """Returns the settings without a byte order mark; SettingsTrouble where they are not UTF-8."""
    try:
        return (found.content or b"").decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise SettingsTrouble(f"it is not UTF-8 (byte {error.start})") from error


def encoded_like(content: bytes, text: str) -> bytes:
    """Returns `text` in UTF-8, with a byte order mark where `content` has one."""
    return (_BOM if content.startswith(_BOM.encode()) else "").encode() + text.encode()


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
    """The result for one file, done or only planned.

    `paste`: what a person can put into it instead. `yields`: with force it would have been changed.
    """

    file: AgentFile
    result: str
    detail: str = ""
    line: int = 0
    paste: str = ""
    yields: bool = False

    @property
    def is_trouble(self) -> bool:
        """True if something was asked for and not done."""
        return self.result == KEPT


def files_of(agents: Iterable[str] = AGENTS) -> tuple[AgentFile, ...]:
    """Returns the files of `agents`, in order."""
    wanted = set(agents)
    return tuple(file for file in AGENT_FILES if file.agent in wanted)


def install_agent_files(
    store: GitAgentFiles,
    files: Sequence[AgentFile] = AGENT_FILES,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> tuple[FileOutcome, ...]:
    """Has in each of `files` what belongs there. Doing it twice changes nothing.

    What somebody changed by hand is kept, unless `force`. With `dry_run` nothing is written.
    """
    return tuple(
        _installed(store, each, force=force, dry_run=dry_run) for each in standing_files(store, files)
    )


def uninstall_agent_files(
    store: GitAgentFiles,
    files: Sequence[AgentFile] = AGENT_FILES,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> tuple[FileOutcome, ...]:
    """Takes out of each of `files` what is ours; what stands around it stays, to the byte."""
    return tuple(
        _taken_away(store, each, force=force, dry_run=dry_run) for each in standing_files(store, files)
    )


def traces_of(store: GitAgentFiles) -> Sequence[str]:
    """Returns absolute paths of the files out of which something of ours would be taken."""
    outcomes = uninstall_agent_files(store, dry_run=True)
    return [store.where(each.file.path) for each in outcomes if each.result == REMOVED]


def _installed(store: GitAgentFiles, standing: FileStanding, *, force: bool, dry_run: bool) -> FileOutcome:
    file = standing.file
    if standing.condition in (CURRENT, SHARED):
        return FileOutcome(file, ALREADY, standing.detail)
    if standing.condition == UNCLEAR or (standing.condition == EDITED and not force):
        paste = hook_settings.snippet(file.agent) if file.hooks and standing.condition == UNCLEAR else ""
        return FileOutcome(file, KEPT, standing.detail, standing.line, paste, standing.condition == EDITED)
    before = standing.found.content
    after = _hooks_in(standing) if file.hooks else _block_in(standing)
    own = standing.condition == MISSING
    refused = "" if dry_run else _refused(lambda: store.write(file.path, before, after, own=own))
    if refused:
        return FileOutcome(file, KEPT, refused)
    if before is None:
        return FileOutcome(file, CREATED)
    return FileOutcome(file, ADDED if own else RENEWED)


def _refused(change: Callable[[], None]) -> str:
    """Makes a change; why the system refuses it, or "" where it is made."""
    try:
        change()
    except StorageError as error:
        return f"it cannot be written: {error.cause}"
    return ""


def _block_in(standing: FileStanding) -> bytes:
    content = standing.found.content
    if standing.block is None or content is None:
        return marked_block.with_block(content, hook_settings.INSTRUCTIONS, standing.file.front)
    return marked_block.renewed(content, standing.block, hook_settings.INSTRUCTIONS)


def _hooks_in(standing: FileStanding) -> bytes:
    agent = standing.file.agent
    if standing.found.content is None:
        return (hook_settings.with_hooks("{}", agent) + "\n").encode()
    text = text_of(standing.found)
    if standing.condition == EDITED:
        text = hook_settings.without_hooks(text)
    return encoded_like(standing.found.content, hook_settings.with_hooks(text, agent))


def _taken_away(store: GitAgentFiles, standing: FileStanding, *, force: bool, dry_run: bool) -> FileOutcome:
    file, now = standing.file, standing.found.content
    if standing.condition in (MISSING, SHARED) or now is None:
        if standing.condition == MISSING and not dry_run:
            store.forget(file.path)
        return FileOutcome(file, ABSENT, standing.detail)
    if standing.condition == UNCLEAR:
        result = KEPT if standing.suspect else ABSENT
        return FileOutcome(file, result, standing.detail, standing.line)
    if (
        standing.condition == EDITED
        and not force
        and not (file.hooks and not hook_settings.is_mixed(text_of(standing.found)))
    ):
        return FileOutcome(file, KEPT, standing.detail, standing.line, yields=True)
    rest = _rest(standing, now)
    refused = "" if dry_run else _refused(lambda: store.take_away(file.path, now, rest))
    return FileOutcome(file, KEPT if refused else REMOVED, refused)


def _rest(standing: FileStanding, now: bytes) -> bytes | None:
    if standing.block is not None:
        return marked_block.without_block(now, standing.block, standing.file.front)
    rest = hook_settings.without_hooks(text_of(standing.found))
    return None if hook_settings.is_bare(rest) else encoded_like(now, rest)
