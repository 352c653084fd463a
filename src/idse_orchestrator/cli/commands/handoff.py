"""``idse handoff``: pass a stage from one agent to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from idse_orchestrator.agents.hand_over import Answer, HandoffWish, answer_handoff, request_handoff
from idse_orchestrator.agents.handoff import ACCEPT, APPROVE, REJECT, handoff_to_dict
from idse_orchestrator.agents.told_handoffs import OPEN, entries_of, told_handoff, told_handoffs
from idse_orchestrator.base.text import one_line
from idse_orchestrator.cli import completion_values
from idse_orchestrator.cli.agents_reading import session_option
from idse_orchestrator.cli.options import command
from idse_orchestrator.cli.render.envelope import envelope
from idse_orchestrator.cli.render.handoffs import handoff_rows, told_data
from idse_orchestrator.cli.render.routing import handoff_words
from idse_orchestrator.cli.render.style import printable
from idse_orchestrator.cli.run import Run
from idse_orchestrator.sessions.status import no_ledger

if TYPE_CHECKING:
    from idse_orchestrator.agents.handoff import Handoff

_id_argument = click.argument(
    "handoff", metavar="[ID]", required=False, default="", shell_complete=completion_values.handoffs
)
_agent_option = click.option(
    "--agent",
    metavar="NAME",
    help="Who acts, instead of IDSE_AGENT.",
    shell_complete=completion_values.agents,
)
_reason_option = click.option("-m", "reason", default="", metavar="WHY", help="Why; part of the history.")


@command("request", reads=True)
@click.option(
    "--to",
    "to_agent",
    metavar="AGENT",
    required=True,
    help="Who shall go on.",
    shell_complete=completion_values.agents,
)
@click.option(
    "--stage",
    default="",
    metavar="STAGE",
    help="With which stage; the one that is next if left out.",
    shell_complete=completion_values.stages,
)
@click.option("-m", "reason", metavar="WHY", required=True, help="What the other one has to know.")
@session_option
@_agent_option
def request(run: Run, to_agent: str, stage: str, reason: str, session: str | None, agent: str | None) -> None:
    """Ask an agent to go on with a stage. Nothing runs, and nothing is assigned before it accepts."""
    key = run.session(session)
    made = request_handoff(run.app.agents.desk(agent), key, HandoffWish(to_agent, stage, reason))
    if run.terminal.as_json:
        run.terminal.data(envelope("idse.handoff/1", handoff_to_dict(made)))
        return
    run.terminal.say(f"{printable(handoff_words(made))}  ({made.id})")


@command("accept", reads=True)
@_id_argument
@_reason_option
@session_option
@_agent_option
def accept(run: Run, handoff: str, reason: str, session: str | None, agent: str | None) -> None:
    """Accept a handoff: its stage is assigned to the agent it was offered to.

    An agent accepts what is offered to it; a person may accept for any agent. Where a rule requires
    approval, a person has to give it first: idse handoff approve. Without ID the only one is meant
    that you can accept.
    """
    _answer(run, Answer(ACCEPT, handoff, reason), session, agent)


@command("reject", reads=True)
@_id_argument
@click.option("-m", "reason", metavar="WHY", required=True, help="Why; part of the history.")
@session_option
@_agent_option
def reject(run: Run, handoff: str, reason: str, session: str | None, agent: str | None) -> None:
    """Reject a handoff, or take one back that you asked for."""
    _answer(run, Answer(REJECT, handoff, reason), session, agent)


@command("approve", reads=True)
@_id_argument
@_reason_option
@session_option
def approve(run: Run, handoff: str, reason: str, session: str | None) -> None:
    """Approve a handoff that a rule requires approval for. Only a person can: IDSE_AGENT must not be set."""
    _answer(run, Answer(APPROVE, handoff, reason), session, None)


def _answer(run: Run, answer: Answer, session: str | None, agent: str | None) -> None:
    from idse_orchestrator.sessions.views import failure_of

    key = run.session(session)
    handoff = answer_handoff(run.app.agents.desk(agent), key, answer)
    problem = failure_of(lambda: run.app.views.refresh(key[0]))
    if run.terminal.as_json:
        data = {"action": answer.action, **handoff_to_dict(handoff)}
        run.terminal.data(envelope("idse.handoff-answer/1", data))
        return
    run.terminal.say(printable(_done(answer.action, handoff)))
    if problem:
        run.terminal.warn(problem)


def _done(action: str, handoff: Handoff) -> str:
    if action == ACCEPT:
        return f"{handoff.stage} is {handoff.to_agent}'s now"
    verb = "approved" if action == APPROVE else "rejected"
    return f"{verb} the handoff of {handoff.stage} to {handoff.to_agent}"


@command("list", reads=True)
@click.option("--all", "everything", is_flag=True, help="Those that were answered, too.")
@session_option
def list_handoffs(run: Run, session: str | None, *, everything: bool) -> None:
    """List the open handoffs of a session."""
    key = run.session(session)
    tip = run.app.reader.session(*key)
    if tip is None:
        raise no_ledger(key)
    told = told_handoffs(entries_of(run.app.history, key), tip.state)
    wanted = [each for each in told if everything or each.result == OPEN]
    if run.terminal.as_json:
        data = {"project": key[0], "session": key[1], "handoffs": [told_data(each) for each in wanted]}
        run.terminal.data(envelope("idse.handoff-list/1", data))
        return
    for line in handoff_rows(wanted):
        run.terminal.data(line)
    if not wanted:
        run.terminal.say("no handoff is open" if told and not everything else "there is no handoff yet")


@command("show", reads=True)
@_id_argument
@session_option
def show_handoff(run: Run, handoff: str, session: str | None) -> None:
    """Print the document of a handoff: what was done, findings, open questions, what to do next.

    It is told by the ledger as it was when the handoff was asked for. A project may have a template of its
    own: .idse/templates/handoff.md.j2. Without ID the open one is meant, for an agent what is offered to it,
    or else the last.
    """
    from idse_orchestrator.agents.handoff_document import (
        TEMPLATE,
        facts_of,
        handoff_document,
        template_values,
    )

    key = run.session(session)
    tip = run.app.reader.session(*key)
    if tip is None:
        raise no_ledger(key)
    entries = entries_of(run.app.history, key)
    told = told_handoff(told_handoffs(entries, tip.state), handoff, one_line(run.app.agent))
    blobs = run.app.reader.artifact_blobs(told.commit)
    facts = facts_of(key, told, entries, blobs, run.app.agents.judge_ledger(key))
    if run.terminal.as_json:
        data = {**told_data(told), "document": template_values(facts)}
        run.terminal.data(envelope("idse.handoff-show/1", data))
        return
    document = handoff_document(run.app.templates.named(TEMPLATE), facts).decode()
    run.terminal.data(printable(document.rstrip("\n"), lines=True))


def build() -> click.Group:
    """The click group."""
    group = click.Group("handoff", help="Pass a stage from one agent to another.")
    for each in (request, accept, reject, approve, list_handoffs, show_handoff):
        group.add_command(each)
    return group
