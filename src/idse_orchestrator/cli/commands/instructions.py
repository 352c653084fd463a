"""``idse instructions``: tell what a stage's document must hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked
from idse_orchestrator.base.text import printable
from idse_orchestrator.cli.terminal import Answer
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES, artifact_path
from idse_orchestrator.pipeline.stage_state_model import NOT_NEEDED, PENDING, before
from idse_orchestrator.sessions.instructions import Instructions, instructions
from idse_orchestrator.sessions.move_stage import check_stages
from idse_orchestrator.sessions.status import show_status

if TYPE_CHECKING:
    import click

    from idse_orchestrator.cli.terminal import Run
    from idse_orchestrator.ledger.events import SessionKey


def show_instructions(run: Run, *, stage: str | None = None, session: str | None = None) -> Answer:
    """Say what the document of STAGE must hold, what it builds on, and how it is judged.

    Without STAGE, of the one that is next. Made for whoever writes it: a person, or an agent.
    """
    app, key = run.app, run.session(session)
    status = show_status(app.reader, app.workspace, key)
    name = stage or status.next.stage or STAGES[0]
    check_stages("start", [name])
    template = app.templates.template(name).data.decode("utf-8", "replace")
    texts = {each: _text(run, key, each) for each in before(status.state, name)}
    found = instructions(status, name, app.judging.constitution, template, texts)
    path = artifact_path(*key, name)
    return Answer(
        "idse.instructions/1",
        lambda: {
            "project": key[0],
            "session": key[1],
            **picked(found, "stage status"),
            "path": path,
            "sections": [picked(each, "name help") for each in found.sections],
            "rules": [picked(each, "id name words") for each in found.rules],
            "upstream": [
                {
                    **picked(each, "stage status condition"),
                    "path": artifact_path(*key, each.stage),
                    "digest": [{"section": title, "text": text} for title, text in each.digest],
                }
                for each in found.upstream
            ],
            "commands": list(_commands(found)),
        },
        _lines(key, path, found),
    )


def _text(run: Run, key: SessionKey, stage: str) -> str:
    try:
        with open(os.path.join(run.app.top, artifact_path(*key, stage)), "rb") as file:
            return file.read(1 << 20).decode("utf-8", "replace")
    except OSError:
        return ""


def _commands(found: Instructions) -> Iterator[str]:
    """Yields what to type: to begin where that is to be done, and when the document is written."""
    if found.status in (PENDING, NOT_NEEDED):
        yield f"idse stage start {found.stage}"
    if found.status == "complete":
        yield f'idse stage reopen {found.stage} -m "why"'
    yield "idse validate"
    yield f"idse stage complete {found.stage}"


def _lines(key: SessionKey, path: str, found: Instructions) -> Iterator[str]:
    words = found.status.replace("_", " ")
    yield printable(f"# {found.stage} of {'/'.join(key)}: {words}")
    yield ""
    yield printable(f"Write it in {path}")
    yield ""
    yield "## Sections"
    for section in found.sections:
        yield printable(f"- {section.name}" + (f": {section.help}" if section.help else ""))
    yield ""
    yield "## Rules of its gate"
    for rule in found.rules:
        yield printable(f"- {rule.id} {rule.name}: {rule.words}")
    for each in found.upstream:
        state = each.status.replace("_", " ") + ("" if each.condition == "current" else f", {each.condition}")
        yield ""
        yield printable(f"## Builds on {ARTIFACTS[each.stage]} ({state})")
        for title, text in each.digest:
            yield printable(f"- {title}: {text}")
    yield ""
    yield "## Then"
    yield from map(printable, _commands(found))


def instructions_() -> click.Command:
    """Makes the click command."""
    from idse_orchestrator.cli.options import command, session_option, stage_named

    argument = stage_named("stage", required=False, metavar="[STAGE]")
    return command("instructions", argument, session_option, reads=True)(show_instructions)
