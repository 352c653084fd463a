"""How the user has set an agent up: which program it is, what it asks, and who pays for it.

Nothing in here comes from a document or a branch. A task may name a model, by a name that stands here.
"""

from __future__ import annotations

from collections.abc import Mapping

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import did_you_mean, few
from idse_orchestrator.errors import UnknownNameError


class AgentSettings(NamedTuple):
    """One agent.

    `name` is what tasks, `--agents` and reports call it, `adapter` how it is spoken to. `program` is a name
    or a path, `arguments` are added to its own. `env` is set for it. `keys` are variables of the user's
    environment one of which logs it in; `credential` is a command that prints the first of them where there
    is none. It gets them, and those of `passes`, if they are there. `model` is what it asks where a task
    names none, `models` are what a task may name. `account` is who is billed and limited. `argv` and `format`
    are those of a generic agent. `reads` are folders that the program is installed in.
    """

    name: str
    adapter: str
    program: str = ""
    arguments: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    keys: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()
    credential: tuple[str, ...] = ()
    model: str = ""
    models: Mapping[str, str] = {}
    account: str = ""
    argv: tuple[str, ...] = ()
    format: str = ""
    reads: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the user's environment that it gets."""
        return (*self.keys, *self.passes)

    def model_for(self, wanted: str) -> str:
        """Returns the model that `wanted`, the name of a task, stands for; UnknownNameError for no such name.

        A task never says what is put on a command line: it chooses among what the user wrote down.
        """
        if not wanted or wanted == "default":
            return self.model
        if wanted in self.models:
            return self.models[wanted]
        known = ("default", *self.models)
        raise UnknownNameError(
            f"agent {self.name} has no model {wanted!r}",
            cause=f"a task may name: {few(known)}",
            fix=(
                *did_you_mean(wanted, known),
                f"add it below agents → {self.name} → models in ~/.config/idse/agents.yaml",
            ),
        )


KNOWN: Mapping[str, AgentSettings] = {
    "claude": AgentSettings(
        "claude",
        "claude",
        program="claude",
        keys=("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"),
        passes=("ANTHROPIC_BASE_URL",),
        # Its own aliases for the latest model of each size.
        models={name: name for name in ("opus", "sonnet", "haiku")},
        account="anthropic",
    ),
    "codex": AgentSettings(
        "codex", "codex", program="codex", keys=("CODEX_API_KEY", "OPENAI_API_KEY"), account="openai"
    ),
    "gemini": AgentSettings(
        "gemini",
        "gemini",
        program="gemini",
        keys=("GEMINI_API_KEY",),
        passes=("GOOGLE_GEMINI_BASE_URL",),
        models={name: name for name in ("pro", "flash", "flash-lite")},
        account="google",
    ),
}
"""Agents that need no line of configuration, by name."""

INSTALL: Mapping[str, str] = {
    "claude": "npm install -g @anthropic-ai/claude-code",
    "codex": "npm install -g @openai/codex",
    "gemini": "npm install -g @google/gemini-cli",
}
LOGIN: Mapping[str, str] = {
    "claude": "claude setup-token",
    "codex": "codex login",
    "gemini": "gemini",
}
"""What a person types where one is not installed, or not logged in."""
