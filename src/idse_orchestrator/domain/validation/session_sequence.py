"""What the rules notice when a session's stages are compared with each other and with their documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from idse_orchestrator.domain.checks.options import texts
from idse_orchestrator.domain.constitution.rules import Constitution, Rule
from idse_orchestrator.domain.pipeline_artifacts import STAGES
from idse_orchestrator.domain.stage_state_model import (
    CHANGED,
    COMPLETE,
    IN_PROGRESS,
    PENDING,
    STALE,
    SessionState,
    Standing,
    standings,
)
from idse_orchestrator.domain.validation.hits import Hit

_WORDS = {PENDING: "pending", IN_PROGRESS: "in progress", COMPLETE: "complete"}


def sequence_hits(
    constitution: Constitution, state: SessionState, blobs: Mapping[str, str]
) -> Iterator[tuple[str, Hit]]:
    """Stage and hit, for every rule about sequence and every stage that it applies to.

    `blobs` maps a stage to the id of its artifact, and has no entry where there is no file.
    """
    sequence = _Sequence({each.stage: each for each in standings(state, blobs)}, blobs)
    for rule in constitution.rules:
        check = _CHECKS.get(rule.check)
        for stage in STAGES if check else ():
            if check and stage in rule.applies_to:
                for params in check(sequence, rule, stage):
                    yield stage, Hit(rule.id, params=params)


class _Sequence(NamedTuple):
    standing: Mapping[str, Standing]
    blobs: Mapping[str, str]


def _artifact_exists(sequence: _Sequence, _rule: Rule, stage: str) -> Iterator[dict[str, str]]:
    if stage not in sequence.blobs:
        yield {"status": _WORDS[sequence.standing[stage].status]}


def _in_order(sequence: _Sequence, rule: Rule, stage: str) -> Iterator[dict[str, str]]:
    """The stage before must be complete and current, unless this one may run beside it."""
    here = sequence.standing[stage]
    at = STAGES.index(stage)
    if here.status == PENDING or at == 0:
        return
    before = sequence.standing[STAGES[at - 1]]
    beside = stage in texts(rule.options, "may_start_beside") and here.status == IN_PROGRESS
    if before.holds or (beside and before.status != PENDING):
        return
    yield {
        "status": _WORDS[here.status],
        "before": before.stage,
        "problem": _problem(before),
        "mend": _mend(before),
    }


def _problem(before: Standing) -> str:
    if before.status != COMPLETE:
        return f"is {_WORDS[before.status]}"
    if before.condition == CHANGED:
        return "changed after it was completed"
    return f"is stale: {', '.join(before.causes)} changed since it was completed"


def _mend(before: Standing) -> str:
    """The move that `before` can make from where it stands."""
    stage = before.stage
    if before.status == COMPLETE:
        return f'idse stage confirm {stage} -m "why"; or idse stage reopen {stage} -m "why"'
    return f"idse stage {'start' if before.status == PENDING else 'complete'} {stage}"


def _unchanged(sequence: _Sequence, _rule: Rule, stage: str) -> Iterator[dict[str, str]]:
    """A missing artifact is left to the rule about missing ones."""
    if sequence.standing[stage].condition == CHANGED and stage in sequence.blobs:
        yield {}


def _upstream_unchanged(sequence: _Sequence, _rule: Rule, stage: str) -> Iterator[dict[str, str]]:
    here = sequence.standing[stage]
    if here.condition == STALE:
        yield {"causes": ", ".join(here.causes)}


_Check = Callable[[_Sequence, Rule, str], Iterator[dict[str, str]]]

_CHECKS: Mapping[str, _Check] = MappingProxyType(
    {
        "artifact_exists": _artifact_exists,
        "in_order": _in_order,
        "unchanged": _unchanged,
        "upstream_unchanged": _upstream_unchanged,
    }
)
