"""Write the claims into ``blueprint.md``: one marked block, and nothing around it is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.domain.claims.block import EDITED, written
from idse_orchestrator.domain.marked_block import BlockTrouble
from idse_orchestrator.domain.names import BLUEPRINT
from idse_orchestrator.domain.pipeline_artifacts import session_folder
from idse_orchestrator.errors import ClaimsBlockError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idse_orchestrator.app.blueprint.ports import Blueprint
    from idse_orchestrator.domain.claims.claim import Claim

SAME = "same"
WRITTEN = "written"
LEFT = "left"


class BlockOutcome(NamedTuple):
    """What became of the block: SAME, WRITTEN, or LEFT as it is and then `why` and `path:line`."""

    status: str
    path: str
    why: str = ""


def show_claims_in_file(
    blueprint: Blueprint, claims: Mapping[str, Claim], *, force: bool = False, dry_run: bool = False
) -> BlockOutcome:
    """Bring the block up to date; a block that was edited by hand is left, unless `force`."""
    path = f"{session_folder(blueprint.project, BLUEPRINT)}/blueprint.md"
    if not blueprint.file.has_folder(blueprint.project):
        return BlockOutcome(LEFT, path, "this branch does not carry the folder of the blueprint")
    content = blueprint.file.read(blueprint.project)
    after = written(content, claims, force=force)
    if isinstance(after, BlockTrouble):
        return BlockOutcome(LEFT, f"{path}:{after.line}", after.what)
    if after == EDITED or isinstance(after, str):
        return BlockOutcome(LEFT, path, "its block of claims was edited by hand")
    if after == (content or b""):
        return BlockOutcome(SAME, path)
    if not dry_run:
        blueprint.file.write(blueprint.project, content, after)
    return BlockOutcome(WRITTEN, path)


def write_claims(
    blueprint: Blueprint, claims: Mapping[str, Claim], *, force: bool, dry_run: bool
) -> BlockOutcome:
    """The same for whoever asked for just that: ClaimsBlockError where it could not be done."""
    outcome = show_claims_in_file(blueprint, claims, force=force, dry_run=dry_run)
    if outcome.status != LEFT:
        return outcome
    edited = "edited by hand" in outcome.why
    raise ClaimsBlockError(
        "the claims were not written",
        where=outcome.path,
        cause=outcome.why,
        fix=(
            ("idse blueprint claims --write --force    (your edits inside the markers are lost)",)
            if edited
            else ("mend it there, then: idse blueprint claims --write",)
        ),
    )
