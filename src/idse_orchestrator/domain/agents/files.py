"""Which files tell which agent about idse, and what of ours stands in them.

============  ===========================  ====================================================
agent         file                         what of it is ours
============  ===========================  ====================================================
claude        ``CLAUDE.md``                a marked block
claude        ``.claude/settings.json``    three hooks
codex         ``AGENTS.md``                a marked block
codex         ``.codex/hooks.json``        three hooks
cursor        ``.cursor/rules/idse.mdc``   a marked block; the whole file where we made it
============  ===========================  ====================================================
"""

from __future__ import annotations

from typing import NamedTuple

from idse_orchestrator.domain.agents.instructions import CURSOR_FRONT

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
