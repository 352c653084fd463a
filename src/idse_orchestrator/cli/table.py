"""Every command, where it lives and its summary, known without importing any of them.

The summaries stand here because a click group asks each command for its help, and that would import
them all.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """A command's place, its summary, and the heading under which the help lists it.

    `place` is a module of `cli.commands` and what in it is the click command, or makes it: ``save:restore``.
    """

    place: str
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

COMMANDS = {
    "status": Entry("status:status", "Show where the session stands.", WORK),
    "next": Entry("status:next_", "Say what to do now.", WORK),
    "prime": Entry("status:prime", "Brief an agent: where we stand, the rules, what to do now.", WORK),
    "stage": Entry("stage:stage", "Move a stage through its gate.", WORK),
    "save": Entry("save:save", "Record the session's folder in its ledger.", WORK),
    "restore": Entry("save:restore", "Bring the session's folder back from its ledger.", WORK),
    "diff": Entry("show:diff", "Show what changed since the ledger, or since a stage was complete.", LOOK),
    "log": Entry("log:log", "Show who moved which stage when.", LOOK),
    "show": Entry("show:show", "Show one event in full.", LOOK),
    "session": Entry("session:session", "Make, list, describe and archive sessions.", SESSIONS),
    "spawn": Entry("session:spawn", "Make a session and switch to it.", SESSIONS),
    "switch": Entry("session:switch", "Work on another session in this work tree.", SESSIONS),
    "agents": Entry("agents:agents", "Name the project's agents, and say who handles which stage.", AGENTS),
    "handoff": Entry("handoff:handoff", "Pass a stage from one agent to another.", AGENTS),
    "validate": Entry("validate:validate", "Hold documents to the constitution.", GOVERN),
    "rule": Entry("rule:rule", "List and explain rules, waive one for a session.", GOVERN),
    "blueprint": Entry("blueprint:blueprint", "Grow the blueprint by claims that sessions bear out.", GOVERN),
    "compile": Entry("compile:compile_", "Compile agent profiles out of specs.", GOVERN),
    "sync": Entry("sync:sync", "Push ledgers to the Agency, pull from it, compare.", SHARE),
    "export": Entry("copying:export", "Copy the ledgers into a folder of plain files.", SHARE),
    "import": Entry("copying:import_", "Take in the ledgers of such a folder.", SHARE),
    "init": Entry("init:init", "Start or adopt a project in this repository.", SETUP),
    "migrate": Entry("migrate:migrate", "Take over sessions of older layouts, with their history.", SETUP),
    "hooks": Entry("hooks:hooks", "Install, remove and look at the git hooks.", SETUP),
    "hook": Entry("hook:hook", "What the git hooks call.", ""),
    "config": Entry("config:config", "Show the configuration and where it comes from.", SETUP),
    "doctor": Entry("health:doctor", "Check the health of this repository, and mend what is safe.", SETUP),
    "fsck": Entry("health:fsck", "Replay every ledger and compare.", SETUP),
    "demo": Entry("demo:demo", "Run the whole loop in a temporary repository.", SETUP),
    "completion": Entry("completion:completion", "Print the completion script for a shell.", SETUP),
    "uninstall": Entry("health:uninstall", "Take idse out of this repository again.", SETUP),
    "help": Entry("help:help_", "Explain a command, an error or a topic.", SETUP),
}
