"""What an agent is told to do, in words. Pure."""

from __future__ import annotations

from idse_orchestrator.base.records import NamedTuple


class Told(NamedTuple):
    """What a prompt is made of. `documents` is the folder of the session's documents in the workspace."""

    project: str
    session: str
    task: str
    text: str
    documents: str
    paths: tuple[str, ...] = ()
    output: str = ""
    before: str = ""


def prompt(told: Told) -> str:
    """Returns the prompt of one task; `told.before` says how the attempt before it ended."""
    lines = [f"# Task {told.task} of {told.project}/{told.session}", "", told.text, ""]
    if told.paths:
        lines += ["It declares these files. Change them, and beside them tests and documentation only:", ""]
        lines += [*(f"- {path}" for path in told.paths), ""]
    if told.output:
        lines += [f"Put its result into the file $IDSE_OUT/{told.output}.", ""]
    lines += [
        f"The documents of this piece of work are in {told.documents}: read spec.md and plan.md there first.",
        "Do not change anything below .idse/. Do not commit: what you leave in this folder is the result.",
        "Work on this task alone; others are worked on beside it. Say at the end what you did.",
    ]
    if told.before:
        lines += ["", f"An attempt before this one was not taken: {told.before}."]
    return "\n".join(lines) + "\n"
