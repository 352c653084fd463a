"""The coding agents that idse can tell about itself: one table of them, to which a project may add its own.

A row says which files an agent reads, as its own documentation has it (looked up in November 2026; the
pages stand above each row). AGENTS.md and the folder of the open standard, ``.agents/skills``, come first:
most agents read both, so few files serve many. A project adds rows, or says it otherwise for an agent that
is known here, in ``.idse/agents.yaml``::

    agents:
      - name: example
        instructions: EXAMPLE.md
        commands:
          - {folder: .example/commands, format: markdown}
        hooks: {file: .example/settings.json, tools: "Edit|Write"}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from idse_orchestrator.agents.agent_texts import FORMATS, INSTRUCTIONS, PREFIX, Command
from idse_orchestrator.agents.hook_settings import CLAUDE, CODEX
from idse_orchestrator.base.placed_tables import Place, opened
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import KNOWN_AGENTS_PATH

CURSOR_FRONT = b"""\
---
description: How work is done in this repository (IDSE sessions, stages and gates)
globs:
alwaysApply: true
---

"""
"""The beginning of a rules file of Cursor that idse made: the rule is always applied."""


class CommandFolder(NamedTuple):
    """A folder in which an agent looks for commands, and their format: a name of FORMATS."""

    folder: str
    format: str


class HookFile(NamedTuple):
    """Settings in which an agent looks for hooks; `tools` is a pattern of its tools that change files."""

    path: str
    tools: str


class KnownAgent(NamedTuple):
    """One row: the files of the agent called `name`, by repository-relative path; "" and None: there is none.

    `front` is what the file of instructions begins with where we make it. One of `signs` in a work tree says
    that the agent is used there; a `usual` one is told without any.
    """

    name: str
    instructions: str = ""
    commands: tuple[CommandFolder, ...] = ()
    hooks: HookFile | None = None
    front: bytes = b""
    signs: tuple[str, ...] = ()
    usual: bool = False


SHARED_SKILLS = CommandFolder(".agents/skills", "skill")
"""The folder of the open standard (https://agentskills.io/specification), which many agents read."""

KNOWN_AGENTS = (
    # https://code.claude.com/docs/en/skills: .claude/skills/NAME/SKILL.md is /NAME; commands became skills.
    # https://code.claude.com/docs/en/memory: CLAUDE.md is read, AGENTS.md is not.
    # https://code.claude.com/docs/en/hooks
    KnownAgent(
        CLAUDE,
        "CLAUDE.md",
        (CommandFolder(".claude/skills", "skill"),),
        HookFile(".claude/settings.json", "Edit|Write|MultiEdit|NotebookEdit"),
        usual=True,
    ),
    # https://developers.openai.com/codex/skills: .agents/skills from the working folder up; typed as $NAME.
    # Prompts of one's own are deprecated there, and never were kept in a repository.
    # https://developers.openai.com/codex/guides/agents-md and https://developers.openai.com/codex/hooks
    KnownAgent(
        CODEX,
        "AGENTS.md",
        (SHARED_SKILLS,),
        HookFile(".codex/hooks.json", "apply_patch"),
        usual=True,
    ),
    # https://cursor.com/docs/skills: .agents/skills and .cursor/skills; typed as /NAME.
    # https://cursor.com/docs/rules: a rule that is always applied.
    KnownAgent("cursor", ".cursor/rules/idse.mdc", (SHARED_SKILLS,), front=CURSOR_FRONT, usual=True),
    # https://geminicli.com/docs/cli/using-agent-skills: .agents/skills goes before .gemini/skills.
    # https://github.com/google-gemini/gemini-cli/pull/21758: a skill is typed as /NAME. A file of the same
    # name in .gemini/commands (https://geminicli.com/docs/cli/custom-commands) renames both: there is none.
    # https://geminicli.com/docs/cli/gemini-md: GEMINI.md is what it reads unless its settings say otherwise.
    KnownAgent("gemini", "GEMINI.md", (SHARED_SKILLS,), signs=("GEMINI.md", ".gemini")),
    # https://docs.github.com/en/copilot/how-tos/copilot-on-github/customize-copilot/customize-cloud-agent/add-skills
    # and https://code.visualstudio.com/docs/agent-customization/agent-skills: .agents/skills; typed as /NAME.
    # https://code.visualstudio.com/docs/agent-customization/custom-instructions: AGENTS.md is read.
    KnownAgent("copilot", "AGENTS.md", (SHARED_SKILLS,), signs=(".github/copilot-instructions.md",)),
    # https://opencode.ai/docs/skills: .agents/skills, which the agent loads by itself; the terminal does not
    # offer skills as /NAME, so commands stand beside: https://opencode.ai/docs/commands
    # https://opencode.ai/docs/rules: AGENTS.md.
    KnownAgent(
        "opencode",
        "AGENTS.md",
        (SHARED_SKILLS, CommandFolder(".opencode/commands", "markdown")),
        signs=(".opencode", "opencode.json", "opencode.jsonc"),
    ),
    # Windsurf is called Devin Desktop by now, and docs.windsurf.com leads to docs.devin.ai/desktop.
    # https://docs.devin.ai/desktop/cascade/skills: .agents/skills, which is @NAME.
    # https://docs.devin.ai/desktop/cascade/workflows: .windsurf/workflows/NAME.md is /NAME, of at most 12,000
    # characters.
    # https://docs.devin.ai/desktop/cascade/agents-md: AGENTS.md at the top is always applied.
    KnownAgent(
        "windsurf",
        "AGENTS.md",
        (SHARED_SKILLS, CommandFolder(".windsurf/workflows", "markdown")),
        signs=(".windsurf", ".devin"),
    ),
)

BLOCK = "block"
HOOKS = "hooks"
COMMAND = "command"
"""Kinds of files: a text with a block of ours; settings with our hooks; a command, which is all ours."""


class AgentFile(NamedTuple):
    """One file by repository-relative path, and the `agents` that read it.

    `content` is our block, or all of a command; `front` what a text begins with where we make it; `tools` are
    those of a HookFile. Files of one `group` are told in one line.
    """

    agents: tuple[str, ...]
    path: str
    kind: str = BLOCK
    content: bytes = b""
    front: bytes = b""
    tools: str = ""
    group: str = ""

    @property
    def agent(self) -> str:
        """The first agent that reads it: the one that hooks are for."""
        return self.agents[0]

    @property
    def label(self) -> str:
        """How it is told: by its group where it has one."""
        return self.group or self.path

    def at(self, line: int) -> str:
        """Returns its path, with the line if there is one to look at (0: the whole file)."""
        return f"{self.path}:{line}" if line else self.path


def files_of(agents: Sequence[KnownAgent], commands: Sequence[Command]) -> tuple[AgentFile, ...]:
    """Returns the files of `agents`, in order; one that several read is there once."""
    files: dict[str, AgentFile] = {}
    for row in agents:
        for file in _files(row, commands):
            known = files.setdefault(file.path, file)
            if row.name not in known.agents:
                files[file.path] = known._replace(agents=(*known.agents, row.name))
    return tuple(files.values())


def _files(row: KnownAgent, commands: Sequence[Command]) -> Iterator[AgentFile]:
    who = (row.name,)
    if row.instructions:
        yield AgentFile(who, row.instructions, BLOCK, INSTRUCTIONS, row.front)
    if row.hooks:
        yield AgentFile(who, row.hooks.path, HOOKS, tools=row.hooks.tools)
    for place in row.commands:
        form = FORMATS[place.format]
        group = f"{place.folder}/{form.path.format(PREFIX + '*')}"
        for command in commands:
            path = f"{place.folder}/{form.path.format(command.name)}"
            yield AgentFile(who, path, COMMAND, form.write(command), group=group)


def with_agents_of(project: bytes | None) -> tuple[KnownAgent, ...]:
    """Returns KNOWN_AGENTS with those of a project's file; one of the same name takes the place of ours.

    InvalidConfigurationError says file, line, key and item, why, and what to write.
    """
    if project is None:
        return KNOWN_AGENTS
    own = {row.name: row for row in _rows(project)}
    ours = tuple(own.pop(row.name, row) for row in KNOWN_AGENTS)
    return (*ours, *own.values())


_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_PATH = re.compile(r"[A-Za-z0-9._@+-]+(?:/[A-Za-z0-9._@+-]+)*")
_NOT_OURS = (".git", ".idse")
_ROW = ("name", "instructions", "commands", "hooks")


def _rows(data: bytes) -> Iterator[KnownAgent]:
    root = opened(data, KNOWN_AGENTS_PATH, "the table of agents")
    if root is None:
        return
    names: set[str] = set()
    for row in map(_row, _all(root, ("agents",))["agents"].items()):
        if row.name in names:
            root._replace(way="agents").refuse(
                f"agent {row.name!r} is there twice", "each has one row", "take one of them out"
            )
        names.add(row.name)
        yield row


def _all(place: Place, known: Sequence[str]) -> Mapping[str, Place]:
    return place.keys(known, known)


def _row(place: Place) -> KnownAgent:
    keys = place.keys(_ROW, ("name",))
    name = keys["name"].text(_NAME.fullmatch, "lower-case letters, digits and hyphens", "name: example")
    instructions = ""
    if "instructions" in keys:
        instructions = _path(keys["instructions"], (".md", ".mdc"), "instructions: EXAMPLE.md")
    commands = tuple(map(_folder, keys["commands"].items())) if "commands" in keys else ()
    hooks = _hooks(keys["hooks"]) if "hooks" in keys else None
    if not (instructions or commands or hooks):
        place.refuse(
            f"agent {name!r} reads no file",
            "its row names none",
            "write for instance: instructions: AGENTS.md",
        )
    return KnownAgent(name, instructions, commands, hooks, usual=True)


def _folder(place: Place) -> CommandFolder:
    keys = _all(place, CommandFolder._fields)
    folder = _path(keys["folder"], (), "folder: .example/commands")
    form = keys["format"].text(FORMATS.__contains__, f"one of {', '.join(FORMATS)}", "format: skill")
    return CommandFolder(folder, form)


def _hooks(place: Place) -> HookFile:
    keys = _all(place, ("file", "tools"))
    path = _path(keys["file"], (".json",), "file: .example/settings.json")
    return HookFile(path, keys["tools"].text(str.isprintable, "printable text", "tools: Edit|Write"))


def _path(place: Place, endings: tuple[str, ...], example: str) -> str:
    def fits(path: str) -> bool:
        parts = path.split("/")
        return (
            _PATH.fullmatch(path) is not None
            and not {".", ".."} & set(parts)
            and parts[0].lower() not in _NOT_OURS
            and (not endings or path.endswith(endings))
        )

    ending = f" that ends in {' or '.join(endings)}" if endings else ""
    what = f"a path inside of the repository{ending}, outside of {' and '.join(_NOT_OURS)}"
    return place.text(fits, what, example)
