"""The sync points that stand in this repository, judged as those that come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.domain.ledger.defects import Defect
from idse_orchestrator.domain.sync.sync_point import RefMove
from idse_orchestrator.git.sync.guard_objects import GuardObjects
from idse_orchestrator.git.sync.guard_plan import plan_of
from idse_orchestrator.git.sync.guard_sync_points import judge_sync_points, sync_line_defects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from idse_orchestrator.app.fsck import FoundRef
    from idse_orchestrator.git.repository import Repository


def sync_problems(repository: Repository, refs: Sequence[FoundRef]) -> Iterator[Defect]:
    """What is wrong with the sync points on `refs`, which point at commits: all that is reachable there."""
    with GuardObjects(repository, None) as objects:
        plan = plan_of(objects.own_git, [RefMove(ref.name, "", ref.target) for ref in refs])
        for name, words in plan.unreadable.items():
            yield Defect(name, "", "missing-object", words)
        yield from sync_line_defects(objects, plan.stretches, {ref.name: ref.replica for ref in refs})


def sound_tips(repository: Repository, refs: Sequence[FoundRef]) -> frozenset[str]:
    """Names of those `refs` whose tip is a sync point of the clone they belong to; a quick look."""
    wanted = [ref for ref in refs if ref.replica and ref.target]
    if not wanted:
        return frozenset()
    with GuardObjects(repository, None) as objects:
        verdicts = judge_sync_points(objects, (ref.target for ref in wanted))
    return frozenset(ref.name for ref in wanted if verdicts[ref.target] == (ref.replica, None))
