"""What every agent is told about working here: the body of our block in ``CLAUDE.md`` and its like.

It names no project and no session, so that it is the same in every repository and every branch; what
changes is asked of `idse prime`. Plain ASCII, so that it fits a file in any encoding that extends it.
"""

from __future__ import annotations

from typing import NamedTuple

INSTRUCTIONS = b"""\

## How work is done here (IDSE)

This repository is worked on in sessions of seven stages: intent, context, spec, plan, tasks,
implementation, feedback. Each stage has one document in the session's folder under `.idse/`.

- Begin with `idse prime`: it says where the session stands, what is open and what to do now.
- Work on the stage that is in progress, in its own document. Start a stage with
  `idse stage start STAGE`, end it with `idse stage complete STAGE`; both check the gate.
- A complete stage is a promise. To change its document, first `idse stage reopen STAGE -m "why"`.
- Write no code before `implementation` is started. An agent in planning mode writes under `.idse/` only.
- Never edit `CURRENT_SESSION`, `session_state.json` or `agent_registry.json`: idse writes them.
- Answer every `[REQUIRES INPUT]`. Ask when you do not know; do not make it up.
- Before you stop: `idse validate`. Never commit with `--no-verify`.

`idse next` says what to do when in doubt, and `--json` makes any answer machine-readable.

"""
"""The body of a block, with an empty line on both sides of it."""

CURSOR_FRONT = b"""\
---
description: How work is done in this repository (IDSE sessions, stages and gates)
globs:
alwaysApply: true
---

"""
"""What a rules file of Cursor begins with when idse made it: the rule is always applied."""

CLAUDE = "claude"
CODEX = "codex"
CURSOR = "cursor"
AGENTS = (CLAUDE, CODEX, CURSOR)


class AgentFile(NamedTuple):
    """One file by repository-relative path. `hooks`: settings with hooks; else a text with a block.

    `front` is what the text begins with where we make it.
    """

    agent: str
    path: str
    hooks: bool = False
    front: bytes = b""

    def at(self, line: int) -> str:
        """Its path, with the line if there is one to look at (0: the whole file)."""
        return f"{self.path}:{line}" if line else self.path


AGENT_FILES = (
    AgentFile(CLAUDE, "CLAUDE.md"),
    AgentFile(CLAUDE, ".claude/settings.json", hooks=True),
    AgentFile(CODEX, "AGENTS.md"),
    AgentFile(CODEX, ".codex/hooks.json", hooks=True),
    AgentFile(CURSOR, ".cursor/rules/idse.mdc", front=CURSOR_FRONT),
)
