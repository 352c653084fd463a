"""Brings the list of a session into its queue, once its stage `tasks` is complete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.errors import TaskListError
from idse_orchestrator.pipeline.stage_state_model import CHANGED, COMPLETE, PENDING
from idse_orchestrator.sessions.status import refuse_deleted, show_status
from idse_orchestrator.tasks.enqueue import Wanted, read_list, wanted
from idse_orchestrator.tasks.state import TaskState

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import Standing
    from idse_orchestrator.sessions.ports import Documents
    from idse_orchestrator.tasks.task_queue import TaskQueue

_STAGE = "tasks"
_LIST = ARTIFACTS[_STAGE]


class Queued(NamedTuple):
    """What became of a list: what it wanted, and the tasks that moved for it."""

    wanted: Wanted
    moved: tuple[TaskState, ...]


def queue_list(ledgers: LedgerReader, documents: Documents, queue: TaskQueue, key: SessionKey) -> Queued:
    """Queues what is new in the list of a session, and has the others follow it, in one step.

    TaskListError where the stage is not complete or the list cannot be worked off; UnknownNameError where the
    session has no ledger.
    """
    asked = wanted(read_list(promised_list(ledgers, documents, key), _LIST), queue.board(*key).states, _LIST)
    return Queued(asked, tuple(queue.apply(*key, asked.new, asked.changes)))


def dry_list(ledgers: LedgerReader, documents: Documents, queue: TaskQueue, key: SessionKey) -> Wanted:
    """Returns what `queue_list` would do, and does nothing."""
    return wanted(read_list(promised_list(ledgers, documents, key), _LIST), queue.board(*key).states, _LIST)


def promised_list(ledgers: LedgerReader, documents: Documents, key: SessionKey) -> bytes:
    """Returns the bytes of a session's tasks.md, whose stage is complete and as it was completed.

    Ticks may have come since. TaskListError where it is not so.
    """
    status = show_status(ledgers, documents, key)
    refuse_deleted(status.state)
    stage = next(each for each in status.stages if each.stage == _STAGE)
    if not stage.holds:
        raise _not_promised(key, stage, status.state.called)
    blob = status.blobs.get(_STAGE, "")
    found = documents.content(*key, _LIST, blob) if blob else None
    data = found if found is not None else ledgers.blob(blob) if blob else None
    if data is None:
        raise TaskListError(
            f"{key[0]}/{key[1]} has no {_LIST} that can be read",
            where=_LIST,
            cause="its ledger names one, and no copy of it is here",
            fix=("idse restore", "idse fsck"),
        )
    return data


def _not_promised(key: SessionKey, stage: Standing, called: str) -> TaskListError:
    fix: tuple[str, ...] = (f'idse stage reopen {_STAGE} -m "why"', f'idse stage confirm {_STAGE} -m "why"')
    if stage.status != COMPLETE:
        cause = f"its stage {_STAGE} is {stage.status.replace('_', ' ')}"
        fix = (f"idse stage {'start' if stage.status == PENDING else 'complete'} {_STAGE}",)
    elif stage.condition == CHANGED:
        cause = f"{_LIST} changed after {_STAGE} was completed"
    else:
        cause = f"{', '.join(stage.causes)} changed after {_STAGE} was completed"
    return TaskListError(
        f"the list of {key[0]}/{called} is no promise yet, so none of it is queued",
        where=_LIST,
        cause=cause,
        fix=fix,
    )


def stale_words(asked: Wanted) -> Sequence[str]:
    """Returns a sentence for each task that only a person can bring back in line with its list."""
    return [
        f"{stale.state.task} is {stale.state.state}, and the list has it otherwise: "
        f"idse task {stale.action} {stale.state.task}"
        for stale in asked.stale
    ]
