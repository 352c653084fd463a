"""Findings about where files stand: family 7xx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from idse_orchestrator.domain.artifact_reader import FileEntry
from idse_orchestrator.domain.constitution_rules import Constitution
from idse_orchestrator.domain.findings import Finding


def judge_placement(
    constitution: Constitution,
    paths: Mapping[str, FileEntry],
    legacy_paths: Sequence[str],
    known_sessions: AbstractSet[tuple[str, str]] | None,
    expected_views: Mapping[str, bytes] | None,
    view_contents: Mapping[str, bytes],
) -> tuple[Finding, ...]:
    """What the rules say about `paths` (repository-relative) and `legacy_paths`, ordered by place.

    `known_sessions` holds (project, session) of every ledger here; None means there are no ledgers
    at all (a fresh clone in CI), so nothing can be unknown. `expected_views` is None for an index
    or a commit, where a view must not be; for a worktree it maps each view's path to the bytes it
    should have, and `view_contents` to those it has.
    """
    raise NotImplementedError
