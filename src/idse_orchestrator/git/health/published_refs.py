"""What the refs under ``refs/idse/`` hold, by one quick look at each tip; `idse fsck` looks at everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.app.fsck import NOTES, FoundRef
from idse_orchestrator.domain.ledger.commit import EVENT, STATE
from idse_orchestrator.git.object_finder import ObjectFinder
from idse_orchestrator.git.replay.source import GitLedgerSource
from idse_orchestrator.git.sync.stored_points import sound_tips

if TYPE_CHECKING:
    from idse_orchestrator.git.repository import Repository


class PublishedRefs(NamedTuple):
    """Names of refs, in order: ours, those that hold something else than they should, and of unknown kind."""

    ours: Sequence[str]
    foreign: Sequence[str]
    unknown: Sequence[str]


def published_refs(repository: Repository) -> PublishedRefs:
    """Every ref under ``refs/idse/``, once."""
    source = GitLedgerSource(repository)
    refs = source.refs()
    known = [ref for ref in refs if ref.is_known]
    ours = {*_ledgers(repository, known), *_notes(source, known), *sound_tips(repository, known)}
    return PublishedRefs(
        sorted(ours),
        [ref.name for ref in known if ref.name not in ours],
        [ref.name for ref in refs if not ref.is_known],
    )


def _ledgers(repository: Repository, refs: Sequence[FoundRef]) -> Iterator[str]:
    """Those whose tip carries what only a ledger commit has; a merge has no event."""
    objects = ObjectFinder(repository.git.with_environment({"GIT_NO_REPLACE_OBJECTS": "1"}))
    for ref in refs:
        names = (f"{ref.target}:{name}" for name in (STATE, EVENT))
        if ref.project and ref.target and any(objects.find(name) for name in names):
            yield ref.name
    objects.close()


def _notes(source: GitLedgerSource, refs: Sequence[FoundRef]) -> Iterator[str]:
    for ref in refs:
        if ref.family == NOTES and ref.target and not any(source.notes_problems(ref.target)):
            yield ref.name
