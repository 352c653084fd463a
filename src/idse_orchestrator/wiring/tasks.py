"""The queue of tasks, put together. No command that runs all day comes here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, cast

from idse_orchestrator.tasks.kind import TASK_KINDS

if TYPE_CHECKING:
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import Acting, SessionKey
    from idse_orchestrator.ledger.fsck import FoundRef, FsckReport
    from idse_orchestrator.tasks.state import TaskState
    from idse_orchestrator.tasks.task_queue import TaskQueue
    from idse_orchestrator.wiring.application import Application
    from idse_orchestrator.wiring.stores import StoreApplication


def task_queue(vault: Vault, actor: Acting, clock: Callable[[], float] = time.time) -> TaskQueue:
    """Returns the tasks of a repository, for one actor."""
    from idse_orchestrator.tasks.task_queue import TaskQueue

    return TaskQueue(vault, TASK_KINDS, actor, clock)


def queue_of(app: Application | StoreApplication) -> TaskQueue:
    """Returns the tasks of the repository around. NeedsGitError in a folder without git."""
    return task_queue(cast("Vault", app.vault), app.acting)


def tick_list(app: Application, key: SessionKey, states: Iterable[TaskState]) -> Sequence[str]:
    """Ticks the boxes of done tasks in the tasks.md of this work tree; returns the ids that were open.

    UnknownNameError where this work tree has no such file. Only marks change.
    """
    from idse_orchestrator.base.files import write_atomically
    from idse_orchestrator.documents.project_workspace import artifact_path
    from idse_orchestrator.documents.task_list import boxes_of, with_marks
    from idse_orchestrator.errors import StorageError, UnknownNameError
    from idse_orchestrator.tasks.enqueue import ticks

    place = artifact_path(*key, "tasks")
    path = os.path.join(app.top, place)
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        raise UnknownNameError(
            f"this branch has no tasks.md of {key[0]}/{key[1]}", where=place, fix=("idse restore",)
        ) from None
    if os.path.realpath(path) != os.path.join(os.path.realpath(app.top), place):
        raise StorageError("a link is never written through", where=place, fix=("put a plain file there",))
    marks = ticks(text, states)
    if marks:
        write_atomically(path, with_marks(text, marks).encode("utf-8", "surrogateescape"))
    return [box.task for box in boxes_of(text) if box.place in marks]


def checked_tasks(
    app: Application | StoreApplication, only: Callable[[FoundRef], bool], on_progress: Callable[[str], None]
) -> FsckReport | None:
    """Returns what is wrong with the tasks that `only` chooses; None in a folder without git."""
    if not app.has_git:
        return None
    from idse_orchestrator.ledger.fsck import check_ledgers
    from idse_orchestrator.tasks.check import TaskSource

    with TaskSource(cast("Vault", app.vault), TASK_KINDS) as source:
        return check_ledgers(source, only=only, on_progress=on_progress)
