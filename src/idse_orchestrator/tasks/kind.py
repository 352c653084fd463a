"""The kind of ledger that a task is: one line that nobody merges, and that never leaves this repository.

To publish tasks is to take `is_local` away here, and to put the kind into the table of `wiring.ledgers`.
"""

from __future__ import annotations

from idse_orchestrator.base.names import is_name
from idse_orchestrator.ledger.events import CREATED
from idse_orchestrator.ledger.kinds import EventKind, Kind, Kinds
from idse_orchestrator.ledger.refs import LOCAL

TASK = "task"
"""The name of the kind, and of the events that move a task."""
LOCK = "tasks.lock"
"""A lock of its own: a `git commit` never waits behind a burst of takes."""
RESULTS = f"{LOCAL}results/"
"""Code that attempts made: ``<project>/<session>/<task>/<attempt>``."""
OUTPUTS = f"{LOCAL}outputs/"
"""What they put out beside code, in the same way."""
OF_TASKS = (f"{LOCAL}tasks/", RESULTS, OUTPUTS)
"""Where refs stand that hold history, though they never leave this repository."""

_HERE = "idse_orchestrator.tasks."
_MACHINE = _HERE + "machine:"
_SHAPES = _HERE + "shapes:"

TASKS = Kind(
    TASK,
    "tasks",
    {"project": is_name, "session": is_name, "task": is_name},
    _HERE + "state:TASK_STATES",
    {
        CREATED: EventKind(_MACHINE + "begun", _SHAPES + "CREATED", _MACHINE + "say_created"),
        TASK: EventKind(_MACHINE + "moved", _SHAPES + "acted", _MACHINE + "say_moved"),
    },
    merges=False,
    is_local=True,
)


TASK_KINDS = Kinds((TASKS,), found_at=f"{__name__}:TASK_KINDS")
"""The kinds that never leave this repository. Those that may be published are in `wiring.ledgers`."""


def result_ref(project: str, session: str, task: str, attempt: int) -> str:
    """Returns where the code of an attempt is kept."""
    return f"{RESULTS}{project}/{session}/{task}/{attempt}"


def output_ref(project: str, session: str, task: str, attempt: int) -> str:
    """Returns where the files are kept that an attempt put out beside code."""
    return f"{OUTPUTS}{project}/{session}/{task}/{attempt}"
