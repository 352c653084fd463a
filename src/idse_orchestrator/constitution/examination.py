"""Hits of many files: kept ones from the cache, the others examined in batches, on all cores if it pays."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.constitution.hits import hits_from_json

if TYPE_CHECKING:
    from idse_orchestrator.constitution.checks.document import Check
    from idse_orchestrator.constitution.hits import DocumentKey, Hit, VerdictCache
    from idse_orchestrator.constitution.rules import Constitution
    from idse_orchestrator.constitution.validation_engine import Job
    from idse_orchestrator.documents.project_workspace import ArtifactReader, FileEntry

Progress = Callable[[int, int], None]
"""Called with how many files are done, and of how many."""

BATCH_BYTES = 512 * 1024
BATCH_FILES = 128
POOL_PAYS = 500
"""From this many files on, starting more processes costs less than it saves."""
_KEPT_AT_ONCE = 2048


def quiet(done: int, total: int) -> None:
    """A Progress that shows nothing."""


class Examiner(NamedTuple):
    """Everything that examining needs besides the files."""

    constitution: Constitution
    cache: VerdictCache
    extra_checks: Mapping[str, Check] = {}
    on_progress: Progress = quiet

    def hits(
        self, reader: ArtifactReader, files: Mapping[DocumentKey, tuple[str, FileEntry]]
    ) -> dict[DocumentKey, tuple[Hit, ...]]:
        """Returns the hits of `files`, each given by the path and entry it has in `reader`."""
        found = self._kept(files)
        missing = {key: place for key, place in files.items() if key not in found}
        self.on_progress(len(found), len(files))
        if missing:
            self._examine(reader, missing, found)
        return found

    def _examine(
        self,
        reader: ArtifactReader,
        missing: Mapping[DocumentKey, tuple[str, FileEntry]],
        found: dict[DocumentKey, tuple[Hit, ...]],
    ) -> None:
        """Adds the hits of `missing` to `found`, and keeps them."""
        total = len(found) + len(missing)
        fresh: dict[DocumentKey, str] = {}
        with closing(self._examined(_batches(reader, missing), len(missing))) as examined:
            for jobs, verdicts in examined:
                for job, verdict in zip(jobs, verdicts, strict=True):
                    fresh[job.key] = verdict
                    found[job.key] = hits_from_json(verdict)
                self.on_progress(len(found), total)
                if len(fresh) >= _KEPT_AT_ONCE:
                    self.cache.put_many(self.constitution.id, fresh)
                    fresh = {}
        if fresh:
            self.cache.put_many(self.constitution.id, fresh)

    def _kept(self, keys: Iterable[DocumentKey]) -> dict[DocumentKey, tuple[Hit, ...]]:
        """Hits from the cache; equal verdicts share one value, since most of them are equal."""
        known: dict[str, tuple[Hit, ...] | None] = {}
        found = {}
        for key, verdict in self.cache.get_many(self.constitution.id, keys).items():
            if verdict not in known:
                known[verdict] = _hits(verdict)
            hits = known[verdict]
            if hits is not None:
                found[key] = hits
        return found

    def _examined(self, batches: Iterable[list[Job]], total: int) -> Generator[tuple[list[Job], list[str]]]:
        from idse_orchestrator.constitution.validation_engine import examine_batch

        if total < POOL_PAYS or self.extra_checks:
            return ((jobs, examine_batch(jobs, self.constitution, self.extra_checks)) for jobs in batches)
        from idse_orchestrator.constitution.examination_pool import examine_on_all_cores

        return examine_on_all_cores(batches, self.constitution)


def _hits(verdict: str) -> tuple[Hit, ...] | None:
    try:
        return hits_from_json(verdict)
    except ValueError:
        return None


def _batches(
    reader: ArtifactReader, files: Mapping[DocumentKey, tuple[str, FileEntry]]
) -> Iterator[list[Job]]:
    """Jobs with their bytes, read a batch at a time so that memory stays bounded."""
    from idse_orchestrator.constitution.validation_engine import Job  # only new files pay for the checks

    for keys in _portions(files):
        contents = reader.read_many([files[key][0] for key in keys])
        yield [Job(key, files[key][1].size, contents[files[key][0]]) for key in keys]


def _portions(files: Mapping[DocumentKey, tuple[str, FileEntry]]) -> Iterator[list[DocumentKey]]:
    portion: list[DocumentKey] = []
    size = 0
    for key, (_, entry) in files.items():
        if portion and (len(portion) >= BATCH_FILES or size + entry.size > BATCH_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(key)
        size += entry.size
    if portion:
        yield portion
