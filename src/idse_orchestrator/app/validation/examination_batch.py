"""A batch of files to examine: what travels to a worker, and what is done with it there or here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.app.validation.verdicts import DocumentKey
from idse_orchestrator.domain.artifact_reader import FileEntry
from idse_orchestrator.domain.validation.validation_engine import examine, hits_to_json

if TYPE_CHECKING:
    from idse_orchestrator.domain.checks.document import Check
    from idse_orchestrator.domain.constitution.rules import Constitution


class Job(NamedTuple):
    """A file to examine; `size` is known even where `data` was not loaded."""

    key: DocumentKey
    size: int
    data: bytes


def examine_batch(
    jobs: Iterable[Job], constitution: Constitution, extra_checks: Mapping[str, Check]
) -> list[str]:
    """The verdict on each job, in order."""
    return [
        hits_to_json(
            examine(
                job.key.path,
                FileEntry(job.key.mode, job.key.blob, job.size),
                job.data,
                constitution,
                extra_checks,
            )
        )
        for job in jobs
    ]
