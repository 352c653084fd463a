"""``idse mcp``: the commands that an agent needs, as tools of a local MCP server.

Each tool is a command line, and answers with its JSON document. Documents have no tool: agents edit files.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from idse_orchestrator.agents.tool_schemas import COUNT, HANDOFF, MOVE, STAGE, TEXT, TEXTS, one_of, whole
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.cli.envelope import envelope, error_envelope
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.terminal import Answer, Run, Terminal
from idse_orchestrator.errors import EXIT_OK, IdseError, UsageError

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp_types import CallToolRequestParams, CallToolResult, ListToolsResult, PaginatedRequestParams


class Tool(NamedTuple):
    """A command as a tool: `words` begin its line, `arguments` are its options by name.

    Those in `places` are handed over as words of their own, in that order, the others as ``--name value``.
    `needed` must be given.
    """

    description: str
    words: tuple[str, ...]
    arguments: Mapping[str, Mapping[str, object]] = {}
    places: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()

    def line(self, given: Mapping[str, object]) -> list[str]:
        """Returns the command line for the arguments `given`; UsageError for one that is not known."""
        unknown = sorted(set(given) - set(self.arguments))
        missing = [name for name in self.needed if not given.get(name)]
        if unknown or missing:
            what = f"there is no argument {unknown[0]!r}" if unknown else f"{missing[0]!r} is needed"
            raise UsageError(what, cause="arguments: " + (", ".join(self.arguments) or "none"))
        words = [word for name in self.places for word in _words(given.get(name))]
        options = [name for name in given if name not in self.places]
        return [*self.words, *words, *(part for name in options for part in _option(name, given[name]))]


def _words(value: object) -> list[str]:
    """Returns a value as words; none begins an option."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    for each in values:
        if not isinstance(each, str) or each.startswith("-"):
            raise UsageError(f"{each!r} is no name")
    return [str(each) for each in values]


def _option(name: str, value: object) -> list[str]:
    """Returns an option in one word, so that no value can be taken for another option."""
    if value is None:
        return []
    return [f"-m{value}"] if name == "reason" else [f"--{name}={value}"]


TOOLS: Mapping[str, Tool] = {
    "status": Tool("Where the session stands: its stages, what changed since, what is next.", ("status",)),
    "next": Tool("What to do now, and who should.", ("next",)),
    "instructions": Tool(
        "What the document of a stage (the next one if left out) must hold, builds on and is judged by.",
        ("instructions",),
        STAGE,
        ("stage",),
    ),
    "validate": Tool(
        "Every finding about the session's documents, with its place and what helps.", ("validate",)
    ),
    "move_stage": Tool(
        "Complete a stage (the open one if none is named; the next one begins), start, reopen or confirm.",
        ("stage",),
        {"action": MOVE, "stages": TEXTS, "reason": TEXT},
        ("action", "stages"),
        ("action",),
    ),
    "log": Tool(
        "The history of the session, newest first.",
        ("log",),
        {"max-count": COUNT, **STAGE},
    ),
    "handoff": Tool(
        "Ask another agent to go on (request: to, stage, reason), or accept or reject what is offered.",
        ("handoff",),
        {"action": one_of("request", "accept", "reject", "list"), **HANDOFF},
        ("action",),
        ("action",),
    ),
    "sync": Tool(
        "Push ledgers to the Agency, pull them, or compare.",
        ("sync",),
        {"direction": one_of("push", "pull", "status")},
        ("direction",),
        ("direction",),
    ),
}


def answer_to(line: Sequence[str]) -> Answer:
    """Returns the answer of a command line; IdseError where it has none."""
    from idse_orchestrator.cli.group import root

    found: click.Command = root()
    context, words = click.Context(found, info_name="idse"), list(line)
    while isinstance(found, click.Group):
        inner = found.get_command(context, words.pop(0)) if words else None
        if inner is None:
            raise UsageError("there is no such command", where="idse " + " ".join(line))
        found = inner
    try:
        options = dict(found.make_context(found.name, words).params)
    except click.UsageError as error:
        raise UsageError(error.format_message(), where="idse " + " ".join(line)) from error
    for name in ("color", "quiet", "verbose", "as_json"):
        options.pop(name, None)
    run = Run(Terminal(as_json=True), options.pop("project", None))
    answer = inspect.unwrap(found.callback)(run, **options) if found.callback else None
    if not isinstance(answer, Answer):
        raise UsageError("this command has no answer for a tool", where="idse " + " ".join(line))
    return answer


@command("mcp", project=False)
def mcp(run: Run) -> Answer | int:
    """Serve the commands that an agent needs over MCP, on standard input and output.

    Eight tools, for the work tree in which it is started. Needs the extra: pip install
    'idse-orchestrator[mcp]'
    """
    del run
    try:
        import anyio
        from mcp.server import Server, stdio
    except ImportError as error:
        raise UsageError(
            "the MCP server is not installed",
            cause=f"{error.name} is missing",
            fix=("pip install 'idse-orchestrator[mcp]'",),
        ) from error
    from idse_orchestrator import __version__

    server: Server[Any] = Server("idse", version=__version__, on_list_tools=_listed, on_call_tool=_called)

    async def serve() -> None:
        async with stdio.stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    door = sys.stdout
    sys.stdout = getattr(door, "wall", door)  # what the protocol sends is escaped already
    try:
        anyio.run(serve)
    finally:
        sys.stdout = door
    return EXIT_OK


async def _listed(
    _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
) -> ListToolsResult:
    from mcp_types import ListToolsResult
    from mcp_types import Tool as Listed

    return ListToolsResult(
        tools=[
            Listed(name=name, description=tool.description, input_schema=whole(tool.arguments, tool.needed))
            for name, tool in TOOLS.items()
        ]
    )


async def _called(_context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
    from mcp_types import CallToolResult, TextContent

    tool = TOOLS.get(params.name)
    try:
        if tool is None:
            raise UsageError(f"there is no tool {params.name!r}", cause="tools: " + ", ".join(TOOLS))
        answer = answer_to(tool.line(params.arguments or {}))
        text, refused = envelope(answer.schema, answer.data(), answer.diagnostics), False
    except IdseError as error:
        text, refused = error_envelope(error), True
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=refused)
