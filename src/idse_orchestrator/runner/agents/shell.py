"""The agent that is a command of the shell: its exit code is its last word, its evidence is the tree.

The command is the user's own, from the command line or from their configuration. It is told the task in
variables: IDSE_TASK, IDSE_TEXT, IDSE_PATHS, IDSE_PROMPT (a file), IDSE_TASK_FILE, IDSE_OUT, IDSE_ATTEMPT.
"""

from __future__ import annotations

from idse_orchestrator.runner.agents.adapter import (
    DONE,
    FAILED,
    LIMITED,
    NEEDS_REVIEW,
    Ended,
    Order,
    Outcome,
    Plan,
    Seen,
    ended_from_outside,
)

REVIEW_CODE = 64
LIMIT_CODE = 75
"""Exit codes with a meaning of their own: a person has to look, and (as in sysexits.h) try again later."""

_SIGNALLED = range(129, 160)
"""What a shell exits with where a signal ended the program that it ran."""


class ShellAgent:
    """Runs `command` by ``sh -c``."""

    def __init__(self, command: str, name: str = "shell") -> None:
        self.name = name
        self.command = command

    def plan(self, order: Order) -> Plan:  # noqa: ARG002 - of the Protocol
        """See `Adapter`."""
        return Plan(("sh", "-c", self.command))

    def parse(self, line: bytes) -> None:
        """Returns None: nothing that a command prints counts."""

    def finish(self, seen: Seen, ended: Ended) -> Outcome:  # noqa: ARG002 - of the Protocol
        """See `Adapter`."""
        found = ended_from_outside(ended)
        if found is not None:
            return found
        if ended.code == 0:
            return Outcome(DONE)
        if ended.code == REVIEW_CODE:
            return Outcome(NEEDS_REVIEW, "the command asks for a person")
        if ended.code == LIMIT_CODE:
            return Outcome(LIMITED, "the command asks to be tried again later")
        if ended.code in _SIGNALLED:
            return Outcome(FAILED, f"signal {ended.code - 128} ended what the command ran")
        return Outcome(FAILED, f"exit code {ended.code}")
