"""The click tree: a table of all commands, which are imported when they are called; errors are idse's own.

The summaries stand in the table because a click group asks each command for its help, and that would import
them all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import click

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import near
from idse_orchestrator.cli.options import Group
from idse_orchestrator.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


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
    "instructions": Entry(
        "instructions:instructions_", "Say what a stage's document must hold, and how it is judged.", WORK
    ),
    "stage": Entry("stage:stage", "Move stages through their gates.", WORK),
    "edit": Entry("edit:edit", "Write the open stage's document in your editor.", WORK),
    "save": Entry("save:save", "Record the session's folder in its ledger.", WORK),
    "restore": Entry("save:restore", "Bring the session's folder back from its ledger.", WORK),
    "run": Entry("run:run_", "Work off the tasks of a session with agents, side by side.", WORK),
    "logs": Entry("logs:logs", "Show what an attempt on a task printed.", WORK),
    "cost": Entry("cost:cost", "Show what agents cost, and by which prices.", LOOK),
    "limits": Entry("limits:limits", "Show what providers and budgets leave.", LOOK),
    "metrics": Entry("metrics:metrics", "Print figures of tasks for Prometheus.", LOOK),
    "task": Entry("task:task", "Queue the tasks of a session, and decide about single ones.", WORK),
    "report": Entry("report:report", "Show all sessions of all projects, also as a page.", LOOK),
    "diff": Entry("show:diff", "Show what changed since the ledger, or since a stage was complete.", LOOK),
    "dashboard": Entry("dashboard:dashboard", "Show all sessions in a browser, as pages.", LOOK),
    "log": Entry("log:log", "Show who moved which stage when.", LOOK),
    "show": Entry("show:show", "Show one event in full.", LOOK),
    "session": Entry("session:session", "Make, list, rename, archive and delete sessions.", SESSIONS),
    "spawn": Entry("session:spawn", "Make a session and switch to it.", SESSIONS),
    "switch": Entry("session:switch", "Work on another session in this work tree.", SESSIONS),
    "agents": Entry("agents:agents", "Name the project's agents, and say who handles which stage.", AGENTS),
    "agent-files": Entry(
        "agents:agent_files_", "Write, check and take away the files that tell coding agents of idse.", AGENTS
    ),
    "handoff": Entry("handoff:handoff", "Pass a stage from one agent to another.", AGENTS),
    "mcp": Entry("mcp:mcp", "Serve these commands to an agent over MCP.", AGENTS),
    "validate": Entry("validate:validate", "Hold documents to the constitution.", GOVERN),
    "rule": Entry("rule:rule", "List and explain rules, waive one for a session.", GOVERN),
    "blueprint": Entry("blueprint:blueprint", "Grow the blueprint by claims that sessions bear out.", GOVERN),
    "trace": Entry(
        "trace:trace",
        "Show what leads from success criteria to code and checks, and what is missing.",
        GOVERN,
    ),
    "drift": Entry("drift:drift", "Show which later changes made something else of what was built.", GOVERN),
    "compile": Entry("compile:compile_", "Compile agent profiles out of specs.", GOVERN),
    "sync": Entry("sync:sync", "Push ledgers to the Agency, pull from it, compare.", SHARE),
    "agency": Entry("agency:agency", "Run the Agency: its clients, repositories, keys and backups.", SHARE),
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
    "completion": Entry("help:completion", "Print the completion script for a shell.", SETUP),
    "uninstall": Entry("health:uninstall", "Take idse out of this repository again.", SETUP),
    "help": Entry("help:help_", "Explain a command, an error or a topic.", SETUP),
}


class LazyGroup(Group):
    """Lists all commands of the table, and imports the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names the commands in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the same
        """Imports the command of that name; None where there is none."""
        entry = COMMANDS.get(cmd_name)
        return None if entry is None else _command(entry.place)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Does what click does, with a hint at the nearest command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise unknown_command(args[0])
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Suggests commands of the table, none of them imported; options where one is begun."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        return [
            CompletionItem(name, help=entry.summary)
            for name, entry in COMMANDS.items()
            if entry.section and name.startswith(incomplete)
        ]

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - the same
        formatter: click.HelpFormatter,
    ) -> None:
        """Lists the commands by section, with the summaries of the table, and what else there is help on."""
        from idse_orchestrator.cli.help_topics import TOPICS

        for section in SECTIONS:
            rows = [(name, entry.summary) for name, entry in COMMANDS.items() if entry.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)
        with formatter.section("Topics of idse help"):
            topics = [(name, topic.summary) for name, topic in TOPICS.items()]
            formatter.write_dl([*topics, ("IDSE301", "Any code: of a rule, or of an error.")])


@cache
def _command(place: str) -> click.Command:
    """Imports the command at `place` of the table; one is made once, as options pile up on its function."""
    module, _, name = place.partition(":")
    found = getattr(import_module(f"idse_orchestrator.cli.commands.{module}"), name)
    command: click.Command = found if isinstance(found, click.Command) else found()
    return command


def unknown_command(name: str) -> UsageError:
    """Returns the error for a command that does not exist, with those that look like it."""
    known = [known for known, entry in COMMANDS.items() if entry.section]
    return UsageError(
        f"there is no command {name!r}",
        fix=tuple(map(_typed, near(name, known, 3))) or ("idse --help  # lists all commands",),
    )


def _typed(name: str) -> str:
    """Returns what can be typed of a command: one that has commands of its own is nothing by itself."""
    return f"idse {name}{' --help' if isinstance(_command(COMMANDS[name].place), click.Group) else ''}"


def root() -> click.Group:
    """Builds the whole command line as a click group."""
    from idse_orchestrator import __version__

    group = LazyGroup(
        "idse",
        help="Hold a piece of work to its pipeline, with git as the only memory.\n\n"
        "A session passes seven stages: intent, context, spec, plan, tasks, implementation, feedback. "
        "Its state, its history and who moved what are git commits under refs/idse/.",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        no_args_is_help=False,
        invoke_without_command=True,
        callback=_without_command,
    )
    version = click.version_option(
        __version__, "-V", "--version", prog_name="idse", message="%(prog)s %(version)s"
    )
    return version(_store_option(group))


def _choose_store(_context: click.Context, _option: click.Parameter, name: str | None) -> None:
    """Sets the variable that the option stands for, for this run and for whatever processes it starts."""
    if name is not None:
        os.environ["IDSE_STORE"] = name


_store_option = click.option(
    "--store",
    metavar="NAME[:PLACE]",
    expose_value=False,
    callback=_choose_store,
    help="Where ledgers are: git, filesystem, or a store that a package offers.  [env: IDSE_STORE]",
)


@click.pass_context
def _without_command(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def run_with_click(argv: Sequence[str]) -> int:
    """Runs `argv` through click; usage errors become idse's own."""
    try:
        # complete_var: a shell that asks for completion is answered before, in cli.main, and in silence.
        code = root().main(list(argv), prog_name="idse", standalone_mode=False, complete_var="")
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.exceptions.Abort:
        return EXIT_INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())  # a group that was called without its command
        return EXIT_USAGE
    except click.UsageError as error:
        raise _as_ours(error, argv) from error
    except click.ClickException as error:
        raise UsageError(error.format_message()) from error
    return code if isinstance(code, int) else EXIT_OK


def _context_of(argv: Sequence[str]) -> click.Context:
    """Returns the context of the command that `argv` names: click forgets it where an option has no value."""
    context = click.Context(root(), info_name="idse")
    for word in argv:
        group = context.command
        found = (
            group.get_command(context, word) if isinstance(group, click.Group) and word[:1] != "-" else None
        )
        if found is None:
            break
        context = click.Context(found, info_name=word, parent=context)
    return context


def _as_ours(error: click.UsageError, argv: Sequence[str]) -> UsageError:
    context = error.ctx or _context_of(argv)
    path = context.command_path
    usage = context.get_usage().removeprefix("Usage: ")
    message = error.format_message().rstrip(".")
    return UsageError(
        message[:1].lower() + message[1:], cause=f"usage: {usage}" if usage else None, fix=(f"{path} --help",)
    )
