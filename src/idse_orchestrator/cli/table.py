"""Every command, its module and its summary, known without importing any of them.

The summaries stand here because a click group asks each command for its help, and that would import
them all.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """Where a command lives, what it is good for, and under which heading the help lists it."""

    module: str
    summary: str
    section: str


WORK = "Work on a session"
LOOK = "Look at history"
SESSIONS = "Sessions"
GOVERN = "Rules and checks"
AGENTS = "Agents"
SHARE = "Work with others"
SETUP = "Set up and keep healthy"

SECTIONS = (WORK, LOOK, SESSIONS, AGENTS, GOVERN, SHARE, SETUP)

_PACKAGE = "idse_orchestrator.cli.commands."

COMMANDS = {
    "status": Entry(_PACKAGE + "status", "Show where the session stands.", WORK),
    "next": Entry(_PACKAGE + "next", "Say what to do now.", WORK),
    "prime": Entry(_PACKAGE + "prime", "Brief an agent: where we stand, the rules, what to do now.", WORK),
    "stage": Entry(_PACKAGE + "stage", "Move a stage through its gate.", WORK),
    "save": Entry(_PACKAGE + "save", "Record the session's folder in its ledger.", WORK),
    "restore": Entry(_PACKAGE + "restore", "Bring the session's folder back from its ledger.", WORK),
    "diff": Entry(
        _PACKAGE + "diff", "Show what changed since the ledger, or since a stage was complete.", LOOK
    ),
    "log": Entry(_PACKAGE + "log", "Show who moved which stage when.", LOOK),
    "show": Entry(_PACKAGE + "show", "Show one event in full.", LOOK),
    "session": Entry(_PACKAGE + "session", "Make, list, describe and archive sessions.", SESSIONS),
    "spawn": Entry(_PACKAGE + "spawn", "Make a session and switch to it.", SESSIONS),
    "switch": Entry(_PACKAGE + "switch", "Work on another session in this work tree.", SESSIONS),
    "agents": Entry(
        _PACKAGE + "agents", "Name the project's agents, and say who handles which stage.", AGENTS
    ),
    "handoff": Entry(_PACKAGE + "handoff", "Pass a stage from one agent to another.", AGENTS),
    "validate": Entry(_PACKAGE + "validate", "Hold documents to the constitution.", GOVERN),
    "rule": Entry(_PACKAGE + "rule", "List and explain rules, waive one for a session.", GOVERN),
    "blueprint": Entry(
        _PACKAGE + "blueprint", "Grow the blueprint by claims that sessions bear out.", GOVERN
    ),
    "compile": Entry(_PACKAGE + "compile", "Compile agent profiles out of specs.", GOVERN),
    "sync": Entry(_PACKAGE + "sync", "Push ledgers to the Agency, pull from it, compare.", SHARE),
    "export": Entry(_PACKAGE + "export", "Copy the ledgers into a folder of plain files.", SHARE),
    "import": Entry(_PACKAGE + "import_", "Take in the ledgers of such a folder.", SHARE),
    "init": Entry(_PACKAGE + "init", "Start or adopt a project in this repository.", SETUP),
    "migrate": Entry(_PACKAGE + "migrate", "Take over sessions of older layouts, with their history.", SETUP),
    "hooks": Entry(_PACKAGE + "hooks", "Install, remove and look at the git hooks.", SETUP),
    "hook": Entry(_PACKAGE + "hook", "What the git hooks call.", ""),
    "config": Entry(_PACKAGE + "config", "Show the configuration and where it comes from.", SETUP),
    "doctor": Entry(
        _PACKAGE + "doctor", "Check the health of this repository, and mend what is safe.", SETUP
    ),
    "fsck": Entry(_PACKAGE + "fsck", "Replay every ledger and compare.", SETUP),
    "demo": Entry(_PACKAGE + "demo", "Run the whole loop in a temporary repository.", SETUP),
    "completion": Entry(_PACKAGE + "completion", "Print the completion script for a shell.", SETUP),
    "uninstall": Entry(_PACKAGE + "uninstall", "Take idse out of this repository again.", SETUP),
    "help": Entry(_PACKAGE + "help", "Explain a command, an error or a topic.", SETUP),
}
