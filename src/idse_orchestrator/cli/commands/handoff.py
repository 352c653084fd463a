"""``idse handoff``: pass a stage from one agent to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from idse_orchestrator.agents import handoff as handoffs
from idse_orchestrator.agents import handoff_document
from idse_orchestrator.agents.hand_over import answer_handoff, request_handoff
from idse_orchestrator.agents.registry import AgentRegistry, registry_of
from idse_orchestrator.agents.registry_changes import known_agent
from idse_orchestrator.base.text import one_line, printable
from idse_orchestrator.cli import options
from idse_orchestrator.cli.layout import WIDTH, fitted, headed
from idse_orchestrator.cli.render.status import handoff_words
from idse_orchestrator.cli.terminal import Answer, Said, Warned
from idse_orchestrator.errors import EXIT_OK, UnknownNameError, UsageError
from idse_orchestrator.pipeline.stage_state_model import Ticks
from idse_orchestrator.sessions.status import no_ledger

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.values import SessionTip

_id_argument = click.argument(
    "handoff", metavar="[ID]", required=False, default="", shell_complete=options.handoffs
)
_agent_option = options.naming_agent("--agent", metavar="NAME", help="Who acts, instead of IDSE_AGENT.")


_from_option = options.naming_agent("--from", "giver", help="Who hands it over, instead of IDSE_AGENT.")
_stage_option = options.naming_stage(
    "--stage", default="", help="With which stage; the one that is next if left out."
)


@options.command("request", reads=True)
@options.naming_agent("--to", "to_agent", required=True, help="Who shall go on.")
@_from_option
@_stage_option
@options.required_reason("What the other one has to know.")
@options.session_option
@_agent_option
def request(run: Run, to_agent: str, agent: str | None, **asked: str | None) -> Answer:
    """Ask an agent to go on with a stage. Nothing runs, and nothing is assigned before it accepts."""
    giver = asked["giver"]
    if None not in (giver, agent) and giver != agent:
        raise UsageError(f"two agents hand over: {giver} and {agent}", fix=("leave out --agent",))
    return _requested(run, agent, to_agent, asked)


def _requested(run: Run, agent: str | None, to_agent: str, asked: Mapping[str, str | None]) -> Answer:
    key, giver = run.session(asked["session"]), asked["giver"]
    if giver is not None:
        project = run.app.reader.project(key[0])
        known_agent(registry_of(project.state) if project else AgentRegistry(), giver)
    context = run.app.agents.handing_over(agent if giver is None else giver)
    made = request_handoff(context, key, to_agent, asked["stage"] or "", asked["reason"])
    lines = [Said(f"{printable(handoff_words(made))}  ({made.id})")]
    return Answer("idse.handoff/1", lambda: handoffs.handoff_to_dict(made), lines)


@options.command("accept", reads=True)
@_id_argument
@options.reason_option
@options.session_option
@_agent_option
def accept(run: Run, handoff: str, reason: str, session: str | None, agent: str | None) -> Answer:
    """Accept a handoff: its stage is assigned to the agent it was offered to.

    An agent accepts what is offered to it; a person may accept for any agent. Where a rule requires
    approval, a person has to give it first: idse handoff approve. Without ID the only one is meant
    that you can accept.
    """
    return _answer(run, handoffs.ACCEPT, handoff, reason, session, agent)


@options.command("reject", reads=True)
@_id_argument
@options.required_reason("Why; part of the history.")
@options.session_option
@_agent_option
def reject(run: Run, handoff: str, reason: str, session: str | None, agent: str | None) -> Answer:
    """Reject a handoff, or take one back that you asked for."""
    return _answer(run, handoffs.REJECT, handoff, reason, session, agent)


@options.command("approve", reads=True)
@_id_argument
@options.reason_option
@options.session_option
def approve(run: Run, handoff: str, reason: str, session: str | None) -> Answer:
    """Approve a handoff that a rule requires approval for. Only a person can: IDSE_AGENT must not be set."""
    return _answer(run, handoffs.APPROVE, handoff, reason, session)


def _answer(
    run: Run, action: str, name: str, reason: str, session: str | None, agent: str | None = None
) -> Answer:
    from idse_orchestrator.sessions.views import failure_of

    key = run.session(session)
    handoff = answer_handoff(run.app.agents.handing_over(agent), key, action, name, reason)
    problem = failure_of(lambda: run.app.views.refresh(key[0]))
    lines = [Said(printable(_done(action, handoff)))]
    return Answer(
        "idse.handoff-answer/1",
        lambda: {"action": action, **handoffs.handoff_to_dict(handoff)},
        [*lines, *([Warned(problem)] if problem else [])],
    )


def _done(action: str, handoff: handoffs.Handoff) -> str:
    if action == handoffs.ACCEPT:
        return f"{handoff.stage} is {handoff.to_agent}'s now"
    verb = "approved" if action == handoffs.APPROVE else "rejected"
    return f"{verb} the handoff of {handoff.stage} to {handoff.to_agent}"


def _ledger(run: Run, session: str | None) -> tuple[SessionKey, SessionTip]:
    key = run.session(session)
    tip = run.app.reader.session(*key)
    if tip is None:
        raise no_ledger(key)
    return key, tip


@options.command("list", reads=True)
@options.flag("--all", "everything", help="Those that were answered or migrated, too.")
@options.session_option
def list_handoffs(run: Run, session: str | None, *, everything: bool) -> Answer:
    """List the open handoffs of a session."""
    key, tip = _ledger(run, session)
    records = handoffs.handoff_records(handoffs.entries_of(run.app.history, key), tip.state)
    wanted = [each for each in records if everything or each.result == handoffs.OPEN]

    def lines() -> Iterator[str]:
        yield from _rows(wanted)
        if not wanted:
            yield Said("no handoff is open" if records and not everything else "there is no handoff yet")

    return Answer(
        "idse.handoff-list/1",
        lambda: {"project": key[0], "session": key[1], "handoffs": [_record_data(each) for each in wanted]},
        lines(),
    )


@options.command("show", reads=True)
@_id_argument
@options.session_option
def show_handoff(run: Run, handoff: str, session: str | None) -> Answer:
    """Print the document of a handoff: what was done, findings, open questions, what to do next.

    It is told by the ledger as it was when the handoff was asked for. A project may have a template of its
    own: .idse/templates/handoff.md.j2. Without ID the open one is meant, for an agent what is offered to it,
    or else the last.
    """
    key, tip = _ledger(run, session)
    entries = handoffs.entries_of(run.app.history, key)
    record = handoffs.handoff_record(
        handoffs.handoff_records(entries, tip.state), handoff, one_line(run.app.agent)
    )
    if record.result == handoffs.MIGRATED:
        return _document_of(run, record)
    blobs = run.app.reader.artifact_blobs(record.commit)
    same, judge = Ticks(run.app.reader.blob), run.app.agents.judge_ledger(key)
    facts = handoff_document.facts_of(key, record, entries, blobs, same, judge)

    def lines() -> Iterator[str]:
        document = handoff_document.handoff_document(
            run.app.templates.named(handoff_document.TEMPLATE), facts
        ).decode()
        yield printable(document.rstrip("\n"), lines=True)

    return Answer(
        "idse.handoff-show/1",
        lambda: {**_record_data(record), "document": handoff_document.template_values(facts)},
        lines(),
    )


def _document_of(run: Run, record: handoffs.HandoffRecord) -> Answer:
    """Prints the document of an older tool as it was."""
    data = run.app.reader.blob(record.document) if record.document else None
    if data is None:
        raise UnknownNameError(
            "the document of this handoff is not in its ledger",
            where=record.handoff.reason,
            cause="it tells of a handoff of another session, or was too large for a ledger",
            fix=(f"idse show {record.handoff.id}",),
        )
    text = data.decode("utf-8", "replace")
    return Answer(
        "idse.handoff-show/1",
        lambda: {**_record_data(record), "document": {"text": text}},
        [printable(text.rstrip("\n"), lines=True)],
    )


def _rows(records: Sequence[handoffs.HandoffRecord]) -> list[str]:
    """Returns two lines for each: what is handed over and how that stands; and why, cut where it is long."""
    above, heads = headed(
        ("handoff", "stage", "from → to", "result"),
        [
            (
                each.handoff.id,
                each.handoff.stage,
                printable(f"{each.handoff.from_agent or each.handoff.by} → {each.handoff.to_agent}"),
                printable(handoff_document.result_words(each)),
            )
            for each in records
        ],
    )
    lines = above
    for head, each in zip(heads, records, strict=True):
        lines.append(head)
        lines += [f"    {fitted(one_line(each.handoff.reason), WIDTH - 4)}"] if each.handoff.reason else []
    return lines


def _record_data(record: handoffs.HandoffRecord) -> dict[str, object]:
    return {
        **handoffs.handoff_to_dict(record.handoff),
        "ledger": record.commit,
        "result": record.result,
        "answered_by": record.by or None,
        "answered_at": record.at or None,
        "answer": record.answer or None,
    }


@options.command("handoff", reads=True)
@options.naming_agent("--to", "to_agent", help="Who shall go on.")
@_from_option
@_stage_option
@click.option("-m", "reason", metavar="WHY", help="What the other one has to know.")
@options.session_option
def _short(run: Run, to_agent: str | None, **asked: str | None) -> Answer:
    """Pass a stage from one agent to another.

    With --to and no command it asks for a handoff, as request does: idse handoff --from claude --to codex
    --stage plan. There the reason may be left out.
    """
    if to_agent is None:
        raise UsageError("--to is missing", fix=("idse handoff --to AGENT --stage STAGE",))
    return _requested(run, None, to_agent, asked)


@click.pass_context
def _short_or_command(context: click.Context, /, **values: object) -> int:
    """Asks for a handoff where no command follows; refuses options that stand before one."""
    name = context.invoked_subcommand
    if name is None:
        assert _short.callback is not None  # noqa: S101 - it was made with one
        code: int = _short.callback(**values)
        return code
    for option in _short.params:
        if context.get_parameter_source(option.name or "") == click.core.ParameterSource.COMMANDLINE:
            raise UsageError(
                f"{option.opts[0]} goes with the short form, not with {name}",
                fix=(f"idse handoff {name} --help",),
            )
    return EXIT_OK


handoff = options.Group(
    "handoff",
    commands=[request, accept, reject, approve, list_handoffs, show_handoff],
    params=_short.params,
    callback=_short_or_command,
    invoke_without_command=True,
    no_args_is_help=True,
    help=_short.help,
)
