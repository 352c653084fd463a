"""Makes the texts for coding agents: the block in their instructions, and their commands.

The texts name commands of idse and repeat nothing of what those say, so they do not grow old. What a
command is about comes from the stages, their documents and the sections that the constitution asks for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.marked_block import marked_file
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES

INSTRUCTIONS = b"""\

## How work is done here (IDSE)

This repository is worked on in sessions of seven stages: intent, context, spec, plan, tasks,
implementation, feedback. Each stage has one document in the session's folder under `.idse/`.

- Begin with `idse prime`: it says where the session stands, what is open and what to do now.
- Work on the stage that is in progress, in its own document: `idse instructions` says what it must hold.
  End it with `idse stage complete`: it checks the gate, and begins the next stage.
- A complete stage is a promise. To change its document, first `idse stage reopen STAGE -m "why"`.
  Ticking a box of `tasks.md` is no change.
- Write no code before `implementation` is started. An agent in planning mode writes under `.idse/` only.
- Never edit `CURRENT_SESSION`, `session_state.json` or `agent_registry.json`: idse writes them.
- Answer every `[REQUIRES INPUT]`. Ask when you do not know; do not make it up.
- Before you stop: `idse validate`. Never commit with `--no-verify`.

`idse next` says what to do when in doubt, and `--json` makes any answer machine-readable.

"""
"""The body of a block, with an empty line on both sides of it."""

PREFIX = "idse-"
"""How the name of every command begins: by it, and by their mark, files of ours are told from others."""


class Command(NamedTuple):
    """A command for agents: its `name`, what it is for and when it is used, and what the agent has to do."""

    name: str
    description: str
    text: str


def commands_of(sections: Mapping[str, Sequence[str]]) -> tuple[Command, ...]:
    """Returns every command; `sections` are those that the document of each stage must have."""
    return (_NEXT, *(_stage(stage, sections[stage]) for stage in STAGES), _CHECK)


_NEXT = Command(
    f"{PREFIX}next",
    "Find out what this repository's IDSE session needs now, and do it."
    " Use it to go on with the work, or when somebody asks what to do next.",
    """\
# Do what is next

1. Run `idse next`. It says what to do now, and who should do it. If that is somebody else, say so and stop.
2. If a document is to be written, run `idse instructions`. Do what it says, in the file that it names.
3. If a finding is to be mended, mend it where it stands.
4. Run `idse validate` before you stop, and mend what you brought in.
5. Run `idse next` again, and tell the person what you did and what it says now.
""",
)

_CHECK = Command(
    f"{PREFIX}check",
    "Check the documents of this repository's IDSE session, and mend what is found."
    " Use it before a commit, or when somebody asks whether the documents hold.",
    """\
# Check the session

1. Run `idse validate`. Every finding has a place, and a hint or a command that helps.
2. Mend each finding where it stands. If you do not know an answer, ask; do not make it up.
3. Reopen a complete stage only if the person agrees: `idse stage reopen STAGE -m "why"`.
4. Run `idse status`. If a stage is stale or changed, say which, and what it rests on.
5. Run `idse validate` once more, and tell the person what is mended and what is left.
""",
)


def _stage(stage: str, sections: Sequence[str]) -> Command:
    document = ARTIFACTS[stage]
    work = (
        "Do the tasks of `tasks.md` one by one, tick each when its acceptance holds, and write"
        if (stage == "implementation")
        else "Write"
    )
    return Command(
        PREFIX + stage,
        f"Write {document}, the document of the {stage} stage in this repository's IDSE session, and complete"
        f" the stage. It holds: {', '.join(sections)}. Use it when that document is to be written or"
        " changed.",
        f"""\
# Write the {stage} document

1. Run `idse instructions {stage}`. It says where the document stands, which sections and rules it has to
   meet, what the documents before it say, and which commands come then.
2. If the stage is pending, begin it: `idse stage start {stage}`. If it is complete, ask before you reopen it:
   `idse stage reopen {stage} -m "why"`.
3. {work} `{document}` in the session's folder. Answer every `[REQUIRES INPUT]`. If you do not know an answer,
   ask; do not make it up.
4. Run `idse validate`, and mend what it finds in this document.
5. Run `idse stage complete {stage}`. If the gate holds it back, mend what it names, and run it again.
""",
    )


class Format(NamedTuple):
    """How a command is kept as a file: its path in its folder (``{}``: the command's name), and its text."""

    path: str
    write: Callable[[Command], bytes]


def _skill(command: Command) -> bytes:
    head = f"---\nname: {command.name}\ndescription: {json.dumps(command.description)}\n---\n\n"
    return marked_file(head.encode(), f"\n{command.text}".encode())


def _markdown(command: Command) -> bytes:
    head = f"---\ndescription: {json.dumps(command.description)}\n---\n\n"
    return marked_file(head.encode(), f"\n{command.text}".encode())


def _toml(command: Command) -> bytes:
    keys = f"description = {json.dumps(command.description)}\nprompt = '''\n{command.text}'''\n"
    return marked_file(b"", keys.encode(), "# {}")


FORMATS: Mapping[str, Format] = {
    "skill": Format("{}/SKILL.md", _skill),
    "markdown": Format("{}.md", _markdown),
    "toml": Format("{}.toml", _toml),
}
"""Formats by name: a skill of the open standard; Markdown with a description; TOML with a prompt."""
