"""Judges a part of the refs for a guard in another process; see `base.workers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from idse_orchestrator.base.workers import answer
from idse_orchestrator.git.program import Git
from idse_orchestrator.git.vault import Vault
from idse_orchestrator.ledger.kinds import loaded
from idse_orchestrator.ledger.merge.joiner import GitJoiner
from idse_orchestrator.ledger.sync_point import RefMove
from idse_orchestrator.sync.guard import Part, judge_part

if TYPE_CHECKING:
    from collections.abc import Sequence


def _judged(question: Any) -> Sequence[Sequence[str]]:  # noqa: ANN401 - whatever JSON holds
    (common_dir, folder, environment, found_at), (moves, objects, is_leaving) = question
    vault = Vault(common_dir, Git(folder, environment))
    part = Part(tuple(RefMove(*move) for move in moves), objects, is_leaving)
    kinds = loaded(found_at)
    return judge_part(vault, kinds, part, lambda folder: GitJoiner(vault, kinds, folder))


if __name__ == "__main__":
    answer(_judged)
