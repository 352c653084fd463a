"""How the agent files of a work tree stand: what of ours is in each, and what is wrong with it.

Every file is judged by itself, so one that cannot be served keeps no other from its block; what is wrong
with it is a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from idse_orchestrator.agents.agent_files import AGENT_FILES, CLAUDE, INSTRUCTIONS, AgentFile
from idse_orchestrator.agents.hook_settings import OFF, SettingsTrouble, says_off, standing_hooks
from idse_orchestrator.agents.work_tree_files import Found, GitAgentFiles
from idse_orchestrator.documents.marked_block import Block, BlockTrouble, find_block

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


@dataclass(frozen=True, slots=True)
class FileStanding:
    """How one file stands. `detail` says what is wrong with it, `line` where (0: the whole file).

    A CURRENT one has a `detail` where somebody switched its hooks off.

    `suspect`: it is UNCLEAR, and something of ours may be in it.
    """

    file: AgentFile
    condition: str
    detail: str = ""
    line: int = 0
    suspect: bool = False


def standing_files(store: GitAgentFiles) -> tuple[FileStanding, ...]:
    """How every agent file stands; writes nothing."""
    return tuple(look.standing for look in looks(store, AGENT_FILES))


class Look(NamedTuple):
    """How a file stands, what was found of it, and the block in it, if that is a text with one."""

    standing: FileStanding
    found: Found
    block: Block | None = None


def looks(store: GitAgentFiles, files: Sequence[AgentFile]) -> Iterable[Look]:
    """Each file judged when its turn comes: the one before may lead to the same place."""
    seen: dict[str, str] = {}
    for file in files:
        found = store.find(file.path)
        first = file.path if found.refusal else seen.setdefault(found.real, file.path)
        if first != file.path:
            yield Look(FileStanding(file, SHARED, f"it is the same file as {first}"), found)
        else:
            yield _suspicious(_switched(store, _look(file, found)))


def _switched(store: GitAgentFiles, look: Look) -> Look:
    standing = look.standing
    if not (standing.condition == CURRENT and standing.file.hooks and standing.file.agent == CLAUDE):
        return look
    return look._replace(standing=replace(standing, detail=hooks_off(store)))


def _suspicious(look: Look) -> Look:
    suspect = look.standing.condition == UNCLEAR and b"idse" in (look.found.content or b"")
    return look._replace(standing=replace(look.standing, suspect=suspect))


def _look(file: AgentFile, found: Found) -> Look:
    if found.refusal:
        return Look(FileStanding(file, UNCLEAR, found.refusal), found)
    if found.content is None:
        return Look(FileStanding(file, MISSING), found)
    if b"\0" in found.content:
        return Look(FileStanding(file, UNCLEAR, "it is not a text in UTF-8"), found)
    return _look_at_hooks(file, found) if file.hooks else _look_at_block(file, found, found.content)


def _look_at_block(file: AgentFile, found: Found, content: bytes) -> Look:
    block = find_block(content)
    if isinstance(block, BlockTrouble):
        return Look(FileStanding(file, UNCLEAR, block.what, block.line), found)
    if block is None:
        return Look(FileStanding(file, MISSING), found)
    if block.is_edited:
        detail = "the block was changed by hand"
        return Look(FileStanding(file, EDITED, detail, block.line), found, block)
    condition = CURRENT if block.body == INSTRUCTIONS else OUTDATED
    return Look(FileStanding(file, condition, "", block.line), found, block)


def _look_at_hooks(file: AgentFile, found: Found) -> Look:
    try:
        events = standing_hooks(text_of(found), file.agent)
    except SettingsTrouble as error:
        return Look(FileStanding(file, UNCLEAR, str(error)), found)
    edited = [event for event, how in events.items() if how == "edited"]
    if edited:
        detail = f"its hook for {', '.join(edited)} is not as idse writes it"
        return Look(FileStanding(file, EDITED, detail), found)
    missing = [event for event, how in events.items() if how == "missing"]
    if not missing:
        return Look(FileStanding(file, CURRENT), found)
    if len(missing) == len(events):
        return Look(FileStanding(file, MISSING), found)
    return Look(FileStanding(file, OUTDATED, f"it has no hook for {', '.join(missing)}"), found)


def hooks_off(store: GitAgentFiles) -> str:
    """Why Claude Code calls no hook of this work tree, whoever wrote it; "" where it does.

    What a person keeps for this work tree alone counts more than what everybody has.
    """
    for path in _SETTINGS:
        try:
            off = says_off(text_of(store.find(path)))
        except SettingsTrouble:
            continue
        if off is not None:
            return f"the agent calls no hook: {OFF} is set in {path}" if off else ""
    return ""


def text_of(found: Found) -> str:
    """The settings without a byte order mark; SettingsTrouble where they are not UTF-8."""
    try:
        return (found.content or b"").decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise SettingsTrouble(f"it is not UTF-8 (byte {error.start})") from error


def encoded_like(content: bytes, text: str) -> bytes:
    """`text` in UTF-8, with a byte order mark where `content` has one."""
    return (_BOM if content.startswith(_BOM.encode()) else "").encode() + text.encode()
