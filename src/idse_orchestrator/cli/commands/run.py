"""``idse run``: work off the tasks of a session; ``idse run report`` tells what came of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import counted, few, one_line, printable
from idse_orchestrator.cli.layout import Style, fitted
from idse_orchestrator.cli.live import Live, counts, duration
from idse_orchestrator.cli.streams import cannot_write
from idse_orchestrator.cli.terminal import Answer, Said
from idse_orchestrator.errors import (
    EXIT_BUSY,
    EXIT_CHECK_FAILED,
    EXIT_CONFLICT,
    EXIT_INTERRUPTED,
    EXIT_OK,
    UsageError,
)

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.terminal import Run, Terminal
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.runner.multi_agent_orchestrator import Happened, MultiAgentOrchestrator
    from idse_orchestrator.runner.report import Row
    from idse_orchestrator.wiring.running import Prepared

SCHEMA = "idse.run/1"
REPORT = "report"
_MOST_LEFT = 20
"""Tasks that are not done, and that are told when a run is over."""


def work_off(  # noqa: PLR0913 - each option is one
    run: Run,
    *,
    words: tuple[str, ...],
    write: bool,
    dry_run: bool,
    slots: int,
    command: str | None,
    agents: str | None,
    only: tuple[str, ...],
    check: str | None,
    network: bool,
    sandbox: str,
    reads: tuple[str, ...],
    no_merge: bool,
    trust_project: bool,
    budget: float | None,
) -> Answer | int:
    """Work off the tasks of a session with agents, side by side, and merge what they leave.

    A run starts when the stage tasks is complete. Each attempt works in a private repository of its own, in a
    sandbox where there is one; what it leaves is taken when its evidence is whole, and is merged onto the
    branch idse/PROJECT/SESSION. Nothing is pushed, and your branch and work tree stay as they are. Ctrl-C
    lets what runs come to its end; a second one ends it.

    `idse run report` tells for each task who did it, how often, how long, at what cost, and with which
    evidence.

    Exit codes: 0 all is done, 1 something failed or waits for a person, 2 refused before it began,
    3 results conflict, 75 a limit or a budget, 130 drained.
    """
    if words[:1] == (REPORT,):
        return _report(run, words[1:], write=write)
    if write or len(words) > 1:
        raise UsageError("idse run takes one session", fix=("idse run report --write", "idse run --help"))
    from idse_orchestrator.wiring.running import Asked, prepare

    key = run.session(words[0] if words else None)
    if command and agents:
        raise UsageError("--agent and --agents are two ways to say it", fix=("idse run --help",))
    names = tuple(name.strip() for name in (agents or "").split(",") if name.strip())
    if budget is not None and not isfinite(budget):
        raise UsageError("--budget is a number of US dollars", fix=("idse run --budget 20",))
    if command and budget is not None:
        raise UsageError(
            "--budget cannot hold what a command spends: it tells no cost",
            cause="a budget counts what agents report, or their tokens by the prices",
            fix=("idse run --agents claude --budget 20", "idse run --agent 'make $IDSE_TASK'"),
        )
    if not command and not names and not dry_run:
        raise UsageError(
            "nobody is named who works",
            fix=("idse run --agent 'make $IDSE_TASK'  # a command", "idse run --agents claude,codex"),
        )
    asked = Asked(
        slots,
        command or "",
        names,
        tuple(task for each in only for task in each.replace(",", " ").split()),
        check or "",
        check_network=network,
        sandbox=sandbox,
        merges=not no_merge,
        reads=tuple(map(os.path.abspath, reads)),
        trust_project=trust_project,
        budget_usd=budget,
    )
    prepared = prepare(run.app, key, asked)
    return _planned(prepared) if dry_run else _run(run, prepared)


# --- before it begins


def _planned(prepared: Prepared) -> Answer:
    from idse_orchestrator.tasks.graph import Graph, Standing

    board = prepared.queue.board(*prepared.key)
    new = prepared.wants.new
    standings = [Standing(task.task, task.needs, task.position, task.phase) for task in new]
    graph = Graph([*board.states, *standings])
    met = {**dict.fromkeys((task.task for task in new), False), **board.met}
    unmet = graph.unmet(met)
    first = [task.task for task in new if task.task not in unmet]
    first += [each.task for each in board.ready()]
    sandbox = prepared.sandbox

    def lines() -> Iterator[str]:
        queued = counts(board.counts) or "none queued"
        yield f"{'/'.join(prepared.key)}: {counted(len(new), 'new task')}, {queued}"
        for task in new:
            waits = graph.blockers(task.task, met)
            after = f"  after {', '.join(waits)}" if waits else ""
            yield printable(f"  {task.task}  {fitted(one_line(task.text), 60)}{after}")
        yield printable(f"first: {', '.join(first[:12]) or 'nothing'}")
        yield f"agents: {', '.join(prepared.adapters) or 'none named'}"
        yield f"sandbox: {sandbox.name}{_passed(sandbox.passed)}"
        yield f"branch: idse/{'/'.join(prepared.key)} on {prepared.head[:7]}"
        if prepared.starts:
            yield "starts: implementation"

    return Answer(
        SCHEMA,
        lambda: {
            "what": "plan",
            "project": prepared.key[0],
            "session": prepared.key[1],
            "new": [{"task": task.task, "text": task.text, "needs": list(task.needs)} for task in new],
            "counts": dict(board.counts),
            "first": first,
            "agents": list(prepared.adapters),
            "sandbox": sandbox.name,
            "starts": prepared.starts,
        },
        lines(),
    )


def _passed(reasons: Sequence[str]) -> str:
    return f" ({'; '.join(reasons)})" if reasons else ""


# --- the run


def _doubt(prepared: Prepared) -> str:
    """Returns what is weak about the sandbox, "" for nothing that was not asked for."""
    from idse_orchestrator.runner.work.sandbox import NONE, UNSHARE

    reasons = _passed(prepared.sandbox.passed)
    if prepared.sandbox.name == NONE and prepared.asked.sandbox != NONE:
        return (
            "there is no sandbox here, so what agents do is not contained"
            f"{reasons}; --sandbox required refuses to run so"
        )
    if prepared.sandbox.name == UNSHARE:
        return f"this sandbox hides your home alone: agents can write what else you can{reasons}"
    return ""


def _run(run: Run, prepared: Prepared) -> int:
    from idse_orchestrator.wiring.running import begin, not_taken_in

    terminal = run.terminal
    doubt = _doubt(prepared)
    if doubt:
        terminal.warn(doubt)
    view = _Watched(_view(terminal, prepared.key))
    orchestrator = begin(run.app, prepared, view.happened, view.show)
    try:
        orchestrator.run()
    finally:
        view.close()
        orchestrator.release()
    code = exit_code(orchestrator)
    view.over(orchestrator, code)
    strayed = not_taken_in(run.app, prepared.key, orchestrator.board.states)
    if strayed:
        terminal.warn(_strayed(strayed, prepared.key))
    if orchestrator.refused is not None:
        raise orchestrator.refused
    return code


def _strayed(tasks: Sequence[str], key: SessionKey) -> str:
    return (
        f"done, and neither on idse/{'/'.join(key)} nor on HEAD any more: {few(tasks)}; "
        f"idse task reopen {tasks[0]} has it done again"
    )


def exit_code(orchestrator: MultiAgentOrchestrator) -> int:
    """Returns the exit code of a run that is over."""
    if orchestrator.refused is not None:
        return orchestrator.refused.exit_code
    if orchestrator.signals:
        return EXIT_INTERRUPTED
    left = [*orchestrator.left()]
    if orchestrator.conflicts:
        return EXIT_CONFLICT
    if orchestrator.is_out_of_budget:
        return EXIT_BUSY
    return EXIT_CHECK_FAILED if left or orchestrator.trouble else EXIT_OK


class View(NamedTuple):
    """How a run is shown: what happens, how it stands, and its end."""

    happened: Callable[[Happened], None]
    show: Callable[[MultiAgentOrchestrator], None]
    close: Callable[[], None]
    over: Callable[[MultiAgentOrchestrator, int], None]


class _Watched:
    """A view whose reader may leave, or whose terminal may be closed: then the run drains, as by Ctrl-C."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._is_gone = False

    def happened(self, event: Happened) -> None:
        self._write(lambda: self._view.happened(event))

    def show(self, orchestrator: MultiAgentOrchestrator) -> None:
        self._write(lambda: self._view.show(orchestrator))
        if self._is_gone and not orchestrator.signals:
            orchestrator.ask_to_stop()

    def close(self) -> None:
        self._write(self._view.close)

    def over(self, orchestrator: MultiAgentOrchestrator, code: int) -> None:
        self._write(lambda: self._view.over(orchestrator, code))

    def _write(self, write: Callable[[], None]) -> None:
        if self._is_gone:
            return
        try:
            write()
        except OSError as error:
            if not isinstance(error, BrokenPipeError) and not cannot_write(error):
                raise
            self._is_gone = True


def _view(terminal: Terminal, key: SessionKey) -> View:
    if terminal.as_json:
        return _json_view(terminal)
    name = key[1]
    live = Live(terminal, name) if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb" else None

    def happened(event: Happened) -> None:
        line = event_line(event, terminal.style)
        if live is not None:
            live.line(line)
        else:
            terminal.data(line)
            sys.stdout.flush()

    def over(orchestrator: MultiAgentOrchestrator, _code: int) -> None:
        left = sorted(
            orchestrator.left(), key=lambda row: row[0].state == "ready"
        )  # who needs a person first
        for state, why in left[:_MOST_LEFT]:
            terminal.data(printable(f"{state.task}  {state.state}: {one_line(why)}"))
        if left[_MOST_LEFT:]:
            terminal.data(f"and {len(left) - _MOST_LEFT:,} more: idse task list")
        terminal.say(f"{name}: {counts(orchestrator.totals()) or 'no task'}")
        failed = next((state.task for state, _ in left if state.state == "failed"), "")
        review = next((state.task for state, _ in left if state.state == "review"), "")
        if failed:
            terminal.say(f"next: idse logs {failed}")
        elif review:
            terminal.say(f"next: idse task show {review}")
        elif orchestrator.branch.tip():
            terminal.say(f"next: git diff HEAD...{orchestrator.branch.branch}")

    return View(happened, live.show if live else lambda _run: None, live.close if live else _nothing, over)


def _nothing() -> None:
    return


def _json_view(terminal: Terminal) -> View:
    from idse_orchestrator.cli.envelope import envelope

    def write(data: object) -> None:
        terminal.data(envelope(SCHEMA, data))
        sys.stdout.flush()

    def over(orchestrator: MultiAgentOrchestrator, code: int) -> None:
        left = [{"task": state.task, "state": state.state, "why": why} for state, why in orchestrator.left()]
        tip = orchestrator.branch.tip() or None
        write(
            {"what": "over", "totals": dict(orchestrator.totals()), "left": left, "branch": tip, "exit": code}
        )

    return View(lambda event: write(event._asdict()), lambda _run: None, _nothing, over)


_FAILED = {"ready": "failed, again"}


def event_line(event: Happened, style: Style) -> str:
    """Returns what happened, on one line."""
    who = f"{event.agent} attempt {event.attempt}" if event.agent else ""
    words = {
        "took": "begins",
        "settled": {"finish": "review", "fail": _FAILED.get(event.state, event.state)}.get(
            event.action, event.action
        ),
        "merge": {"merged": "done", "again": "conflict", "left": "conflict"}.get(event.action, event.action),
        "expired": "expired",
        "stopping": "stops",
    }.get(event.what, event.what)
    took = f" in {duration(event.seconds)}" if event.seconds else ""
    commit = f"  {event.commit[:7]}" if event.commit else ""
    shown = {"done": style.green, "failed": style.red, "conflict": style.yellow}.get(words, str)(words)
    why = f": {one_line(event.why)}" if event.why else ""
    return f"{printable(event.task or 'run')}  {shown}{took}{commit}{_comma(who)}{printable(why)}"


def _comma(text: str) -> str:
    return f"  {text}" if text else ""


# --- what came of it


def _report(run: Run, words: Sequence[str], *, write: bool) -> Answer:
    from idse_orchestrator.wiring.running import report_rows, write_report

    key = run.session(words[0] if words else None)
    rows = report_rows(run.app, key)
    written = write_report(run.app, key, rows) if write else ""
    return Answer(
        "idse.run-report/1",
        lambda: {"project": key[0], "session": key[1], "tasks": [row._asdict() for row in rows]},
        _report_lines(rows, written),
    )


def _report_lines(rows: Sequence[Row], written: str) -> Iterator[str]:
    from idse_orchestrator.runner.report import table_of

    yield from table_of(rows)
    if written:
        yield Said(f"wrote it into {written}")


def run_() -> click.Command:
    """Makes the click command."""
    import click

    from idse_orchestrator.cli.options import command, flag, sessions

    options = (
        click.argument("words", nargs=-1, metavar="[SESSION]", shell_complete=sessions),
        click.option("-j", "slots", metavar="N", type=click.IntRange(1, 256), default=1, show_default=True,
                     help="How many tasks are worked on side by side."),
        click.option("--agent", "command", metavar="CMD",
                     help="A command of the shell does every task; it finds the task in $IDSE_TASK."),
        click.option("--agents", metavar="A,B", help="Agents that you have set up take turns."),
        click.option("--only", metavar="IDS", multiple=True, help="Only these tasks, by id."),
        click.option("--check", metavar="CMD",
                     help="A command that must end well on each result, in a fresh workspace without keys."),
        flag("--check-network", "network", help="Let the check use the network."),
        click.option("--sandbox", type=click.Choice(["auto", "required", "none"]), default="auto",
                     show_default=True, help="Contain agents: as well as it goes here, or else not run."),
        click.option("--read", "reads", metavar="DIR", multiple=True,
                     help="A folder that the sandbox shows, to read: of a program that is installed there."),
        flag("--no-merge", help="Leave results for a person to accept."),
        flag("--trust-project",
             help="Let agents load hooks, settings and servers that the branch brings, and git run filters."),
        click.option("--budget", metavar="USD", type=click.FloatRange(min=0),
                     help="What agents of this run may spend: no task begins that does not fit."),
        flag("--dry-run", help="Show what would be done, and what keeps it from being done."),
        flag("--write", help="With report: put it under What Was Built in implementation/README.md."),
    )  # fmt: skip
    return command("run", *options, reads=True)(work_off)
