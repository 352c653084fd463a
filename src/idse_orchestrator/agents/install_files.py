"""Installs the agent files, which tell agents about idse and have them call it, and takes them away.

Every file is judged by itself, so one that cannot be served keeps no other from its block.

What is wrong with a file is a value; it stays exactly as it is, and the others are served.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from idse_orchestrator.agents import hook_settings
from idse_orchestrator.agents.agent_texts import Command, commands_of
from idse_orchestrator.agents.hook_settings import CLAUDE, SettingsTrouble
from idse_orchestrator.agents.known_agents import (
    BLOCK,
    COMMAND,
    HOOKS,
    KNOWN_AGENTS,
    AgentFile,
    KnownAgent,
    files_of,
    with_agents_of,
)
from idse_orchestrator.agents.work_tree_files import Found, GitAgentFiles
from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.rules import Constitution
from idse_orchestrator.documents import marked_block
from idse_orchestrator.documents.marked_block import Block, BlockTrouble
from idse_orchestrator.documents.project_workspace import KNOWN_AGENTS_PATH, STAGES
from idse_orchestrator.errors import InvalidConfigurationError, StorageError
from idse_orchestrator.sessions.instructions import wanted_sections

CURRENT = "current"
OUTDATED = "outdated"
MISSING = "missing"
EDITED = "edited"
UNCLEAR = "unclear"
SHARED = "shared"
FOREIGN = "foreign"
"""With CURRENT … what of ours stands in a file: as it should be; of an older idse, or not all of it; nothing;
changed by hand; it cannot be told; nothing, since the path leads to another of these files; nothing, and the
file of a command is somebody else's."""

_BOM = "\ufeff"
_SETTINGS = (".claude/settings.local.json", ".claude/settings.json")


def table_of(store: GitAgentFiles, *, lenient: bool = False) -> tuple[KnownAgent, ...]:
    """Returns the agents that are known in the work tree of `store`.

    InvalidConfigurationError where the project's own table cannot be used; if `lenient`, it is left out.
    """
    try:
        return with_agents_of(_project_table(store))
    except InvalidConfigurationError:
        if lenient:
            return KNOWN_AGENTS
        raise


def _project_table(store: GitAgentFiles) -> bytes | None:
    found = store.find(KNOWN_AGENTS_PATH)
    if found.refusal:
        raise InvalidConfigurationError(
            "the table of agents cannot be read",
            where=KNOWN_AGENTS_PATH,
            cause=found.refusal,
            fix=(f"make {KNOWN_AGENTS_PATH} a regular file",),
        )
    return found.content


def every_file(store: GitAgentFiles, *, lenient: bool = False) -> tuple[AgentFile, ...]:
    """Returns the files of all agents; `lenient` as in `table_of`."""
    return files_of(table_of(store, lenient=lenient), agent_commands())


def chosen_files(store: GitAgentFiles, names: Collection[str] = ()) -> tuple[AgentFile, ...]:
    """Returns the files of the agents called `names`, or of those that are used here. They name no others."""
    table = table_of(store)
    chosen = set(names or agents_here(store, table))
    return files_of([row for row in table if row.name in chosen], agent_commands())


def agents_here(store: GitAgentFiles, table: Sequence[KnownAgent]) -> list[str]:
    """Returns the names of the agents in `table` that are used in this work tree, or usual anywhere."""
    return [row.name for row in table if row.usual or any(map(store.has, row.signs))]


@cache
def agent_commands() -> tuple[Command, ...]:
    """Returns the commands that agents are given, about the sections that the shipped constitution wants."""
    core = Constitution.from_json(constitution_bytes("json").decode())
    return commands_of({stage: wanted_sections(core, stage) for stage in STAGES})


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


def standing_files(store: GitAgentFiles, files: Sequence[AgentFile] | None = None) -> Iterator[FileStanding]:
    """Judges each file when its turn comes: the one before may lead to the same place. Writes nothing.

    Without `files`, those of all agents are judged.
    """
    seen: dict[str, str] = {}
    for file in every_file(store) if files is None else files:
        found = store.find(file.path)
        first = file.path if found.refusal else seen.setdefault(found.real, file.path)
        if first != file.path:
            yield FileStanding(file, SHARED, found, f"it is the same file as {first}")
            continue
        standing = _judged(file, found)
        if standing.condition == CURRENT and file.kind == HOOKS and file.agent == CLAUDE:
            standing = standing._replace(detail=hooks_off(store))
        yield standing


def _judged(file: AgentFile, found: Found) -> FileStanding:
    if found.refusal:
        return FileStanding(file, UNCLEAR, found, found.refusal)
    if found.content is None:
        return FileStanding(file, MISSING, found)
    if b"\0" in found.content:
        return FileStanding(file, UNCLEAR, found, "it is not a text in UTF-8")
    if file.kind == HOOKS:
        return _judged_hooks(file, found)
    judge = _judged_command if file.kind == COMMAND else _judged_block
    return judge(file, found, found.content)


def _judged_command(file: AgentFile, found: Found, content: bytes) -> FileStanding:
    as_written = marked_block.is_as_written(content)
    if as_written is None:
        return FileStanding(file, FOREIGN, found, "it is not of idse: no mark of it is in there")
    if not as_written:
        return FileStanding(file, EDITED, found, "the file was changed by hand")
    is_current = content.replace(b"\r\n", b"\n") == file.content
    return FileStanding(file, CURRENT if is_current else OUTDATED, found)


def _judged_block(file: AgentFile, found: Found, content: bytes) -> FileStanding:
    block = marked_block.find_block(content)
    if isinstance(block, BlockTrouble):
        return FileStanding(file, UNCLEAR, found, block.what, block.line)
    if block is None:
        return FileStanding(file, MISSING, found)
    if block.is_edited:
        return FileStanding(file, EDITED, found, "the block was changed by hand", block.line, block)
    condition = CURRENT if block.body == file.content else OUTDATED
    return FileStanding(file, condition, found, "", block.line, block)


def _judged_hooks(file: AgentFile, found: Found) -> FileStanding:
    try:
        events = hook_settings.standing_hooks(text_of(found), file.agent, file.tools)
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


def half_removed(standings: Sequence[FileStanding]) -> tuple[FileStanding, ...]:
    """Returns the commands that are missing where others of their folder are there."""
    there = {each.file.group for each in standings if each.file.group and each.condition in _OURS}
    return tuple(each for each in standings if each.condition == MISSING and each.file.group in there)


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
NEEDED = "needed"
"""With CREATED … the results: the file is new; ours was added; it was brought up to date; nothing to do; ours
is gone; nothing of ours was there; the file was left exactly as it is, for the reason told; it was left
because another agent reads it."""

_OURS = (CURRENT, OUTDATED, EDITED)


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


def install_agent_files(
    store: GitAgentFiles,
    files: Sequence[AgentFile],
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
    names: Collection[str] = (),
    *,
    force: bool = False,
    dry_run: bool = False,
    lenient: bool = False,
) -> tuple[FileOutcome, ...]:
    """Takes what is ours out of the files of the agents `names`, or of all; the rest stays, to the byte.

    A file stays where another agent that is told here reads it, too. `lenient` as in `table_of`.
    """
    files = every_file(store, lenient=lenient)
    held = _held(store, files, names) if names else {}
    if names:
        asked = [file for file in files if not set(names).isdisjoint(file.agents)]
    else:
        asked = [*files, *_left(store, files)]
    outcomes = []
    for each in standing_files(store, asked):
        if each.found.real in held and each.condition in _OURS:
            outcomes.append(FileOutcome(each.file, NEEDED, f"{held[each.found.real]} reads it, too"))
        else:
            outcomes.append(_taken_away(store, each, force=force, dry_run=dry_run))
    return tuple(outcomes)


def _left(store: GitAgentFiles, files: Sequence[AgentFile]) -> Iterator[AgentFile]:
    """Yields files that were written here for an agent that is in no table any more."""
    known = {store.find(file.path).real for file in files}
    for path in store.remembered():
        found = store.find(path)
        if found.real not in known:
            is_command = marked_block.is_as_written(found.content or b"") is not None
            kind = COMMAND if is_command else HOOKS if path.endswith(".json") else BLOCK
            yield AgentFile(("",), path, kind)


def _held(store: GitAgentFiles, files: Sequence[AgentFile], names: Collection[str]) -> Mapping[str, str]:
    """Returns, by real path, an agent not in `names` that reads a file, and has ours in one of its own."""
    own = [file for file in files if len(file.agents) == 1 and file.agent not in names]
    told = {each.file.agent for each in standing_files(store, own) if each.condition in _OURS}
    return {
        store.find(file.path).real: agent
        for file in files
        for agent in reversed(file.agents)
        if agent in told
    }


def traces_of(store: GitAgentFiles) -> Sequence[str]:
    """Returns absolute paths of the files out of which something of ours would be taken."""
    outcomes = uninstall_agent_files(store, dry_run=True, lenient=True)
    return [store.where(each.file.path) for each in outcomes if each.result == REMOVED]


def _installed(store: GitAgentFiles, standing: FileStanding, *, force: bool, dry_run: bool) -> FileOutcome:
    file = standing.file
    if standing.condition in (CURRENT, SHARED):
        return FileOutcome(file, ALREADY, standing.detail)
    yields = standing.condition in (EDITED, FOREIGN)
    if standing.condition == UNCLEAR or (yields and not force):
        has_to_paste = file.kind == HOOKS and standing.condition == UNCLEAR
        paste = hook_settings.snippet(file.agent, file.tools) if has_to_paste else ""
        return FileOutcome(file, KEPT, standing.detail, standing.line, paste, yields)
    before = standing.found.content
    after = _with_ours(standing)
    own = standing.condition in (MISSING, FOREIGN)
    refused = "" if dry_run else _refused(lambda: store.write(file.path, before, after, own=own))
    if refused:
        return FileOutcome(file, KEPT, refused)
    if before is None:
        return FileOutcome(file, CREATED)
    return FileOutcome(file, ADDED if standing.condition == MISSING else RENEWED)


def _refused(change: Callable[[], None]) -> str:
    """Makes a change; why the system refuses it, or "" where it is made."""
    try:
        change()
    except StorageError as error:
        return f"it cannot be written: {error.cause}"
    return ""


def _with_ours(standing: FileStanding) -> bytes:
    kind = standing.file.kind
    if kind == COMMAND:
        return standing.file.content
    return _hooks_in(standing) if kind == HOOKS else _block_in(standing)


def _block_in(standing: FileStanding) -> bytes:
    content, body = standing.found.content, standing.file.content
    if standing.block is None or content is None:
        return marked_block.with_block(content, body, standing.file.front)
    return marked_block.renewed(content, standing.block, body)


def _hooks_in(standing: FileStanding) -> bytes:
    agent, tools = standing.file.agent, standing.file.tools
    if standing.found.content is None:
        return (hook_settings.with_hooks("{}", agent, tools) + "\n").encode()
    text = text_of(standing.found)
    if standing.condition == EDITED:
        text = hook_settings.without_hooks(text)
    return encoded_like(standing.found.content, hook_settings.with_hooks(text, agent, tools))


def _taken_away(store: GitAgentFiles, standing: FileStanding, *, force: bool, dry_run: bool) -> FileOutcome:
    file, now = standing.file, standing.found.content
    if standing.condition in (MISSING, SHARED, FOREIGN) or now is None:
        if standing.condition == MISSING and not dry_run:
            store.forget(file.path)
        return FileOutcome(file, ABSENT, standing.detail)
    if standing.condition == UNCLEAR:
        result = KEPT if standing.suspect else ABSENT
        return FileOutcome(file, result, standing.detail, standing.line)
    if (
        standing.condition == EDITED
        and not force
        and not (file.kind == HOOKS and not hook_settings.is_mixed(text_of(standing.found)))
    ):
        return FileOutcome(file, KEPT, standing.detail, standing.line, yields=True)
    rest = _rest(standing, now)
    refused = "" if dry_run else _refused(lambda: store.take_away(file.path, now, rest))
    return FileOutcome(file, KEPT if refused else REMOVED, refused)


def _rest(standing: FileStanding, now: bytes) -> bytes | None:
    if standing.file.kind == COMMAND:
        return None
    if standing.block is not None:
        return marked_block.without_block(now, standing.block, standing.file.front)
    rest = hook_settings.without_hooks(text_of(standing.found))
    return None if hook_settings.is_bare(rest) else encoded_like(now, rest)
