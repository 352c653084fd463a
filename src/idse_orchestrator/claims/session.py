"""The parts that the use cases of claims need: the ledger of a blueprint, and its ``blueprint.md``."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from idse_orchestrator.base.files import storage_error, write_atomically
from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_line
from idse_orchestrator.claims.block import written
from idse_orchestrator.claims.claim import Claim
from idse_orchestrator.claims.gate import Version
from idse_orchestrator.documents.marked_block import BlockTrouble
from idse_orchestrator.documents.project_workspace import session_folder
from idse_orchestrator.errors import (
    AmbiguousError,
    ClaimsBlockError,
    ConflictError,
    UnknownNameError,
    UsageError,
)
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.pipeline.ports import LedgerReader
from idse_orchestrator.pipeline.stage_state_model import ARCHIVED
from idse_orchestrator.pipeline.values import SessionTip
from idse_orchestrator.pipeline.writer import LedgerWriter
from idse_orchestrator.sessions.status import refuse_deleted
from idse_orchestrator.worktree.capture import MAX_FILE_BYTES


class LedgerDocuments(Protocol):
    """The artifacts that ledgers hold, now and earlier. What is damaged is left out, never an error."""

    def tips(self, project: str) -> Mapping[str, Version]:
        """Returns the newest ledger commit of every session that has a ledger here, by session."""

    def history(self, tips: Iterable[str]) -> Mapping[str, Version]:
        """Returns every ledger commit that these lead to, by id."""

    def contents(self, blobs: Iterable[str]) -> Mapping[str, bytes]:
        """Returns the bytes of each blob that is here and whose bytes have its id."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The parts that the use cases need, on the blueprint of `project`.

    `writer` is asked for when there is something to write; `on_progress` is told (documents done, all).
    """

    project: str
    ledgers: LedgerReader
    writer: Callable[[], LedgerWriter]
    documents: LedgerDocuments
    file: GitBlueprintFile
    on_progress: Callable[[int, int], None]


_PREFIX = re.compile(r"(?:c-)?([0-9a-f]{4,10})", re.IGNORECASE)
_SHOWN = 60


def blueprint_tip(blueprint: Blueprint) -> SessionTip:
    """Returns the blueprint session as its ledger tells it; UnknownNameError where it has none."""
    return _existing(blueprint, blueprint.ledgers.session(blueprint.project, BLUEPRINT))


def writable(blueprint: Blueprint, tip: SessionTip | None) -> SessionTip:
    """Returns `tip`, if claims can be written there: UsageError for a blueprint that is archived."""
    known = _existing(blueprint, tip)
    refuse_deleted(known.state)
    if known.state.status == ARCHIVED:
        raise UsageError(
            f"the blueprint of {blueprint.project} is archived",
            cause="nothing is written to a session in the archive",
            fix=(f"idse session archive {BLUEPRINT} --undo",),
        )
    return known


def append(blueprint: Blueprint, plan: Callable[[SessionTip], Draft | None], *, dry_run: bool) -> SessionTip:
    """Appends the planned event to the blueprint's ledger; with `dry_run` only plans it."""
    tip = writable(blueprint, blueprint_tip(blueprint))
    if dry_run:
        plan(tip)
        return tip
    after = blueprint.writer().append(
        blueprint.project, BLUEPRINT, lambda now: plan(writable(blueprint, now))
    )
    return _existing(blueprint, after)


def known_claim(claims: Mapping[str, Claim], name: str) -> Claim:
    """Returns the claim whose id, or the beginning of it, is `name`. UnknownNameError, AmbiguousError."""
    found = _PREFIX.fullmatch(name.strip())
    fitting = [claim for claim in claims.values() if found and claim.id.startswith("c-" + found[1].lower())]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise AmbiguousError(
            f"{name!r} fits {len(fitting)} claims",
            cause="\n".join(f"{claim.id}  {shortened(claim.text)}" for claim in fitting[:6]),
            fix=("type more of it",),
        )
    why = None if found else "a claim is named by its id, or by four or more characters of it"
    raise UnknownNameError(
        f"there is no claim {shortened(one_line(name))!r}", cause=why, fix=("idse blueprint claims --all",)
    )


def shortened(text: str) -> str:
    """Returns `text`, cut where it is long."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _existing(blueprint: Blueprint, tip: SessionTip | None) -> SessionTip:
    if tip is not None:
        return tip
    raise UnknownNameError(
        f"project {blueprint.project!r} has no blueprint session here",
        cause=f"claims are kept in the ledger of {BLUEPRINT}, and this clone has none",
        fix=(
            "idse sync pull  # where another clone has it",
            f"idse init {blueprint.project}  # adopts or makes it",
        ),
    )


class GitBlueprintFile:
    """``blueprint.md`` in the folder of the blueprint session of a work tree."""

    def __init__(self, top: str) -> None:
        self._toplevel = top

    def has_folder(self, project: str) -> bool:
        """Tests whether the branch carries the folder of the blueprint session."""
        return os.path.isdir(os.path.join(self._toplevel, session_folder(project, BLUEPRINT)))

    def read(self, project: str) -> bytes | None:
        """Returns its bytes; None where there is none. ConflictError where something else stands there."""
        relative = _path(project)
        path = os.path.join(self._toplevel, relative)
        self._refuse_link(relative)
        try:
            info = os.lstat(path)
            if not stat.S_ISREG(info.st_mode):  # reading a pipe would wait for ever
                raise _in_the_way(relative, "it is not a regular file")
            if info.st_size > MAX_FILE_BYTES:
                raise _in_the_way(relative, f"it has {info.st_size:,} bytes, so it is no document")
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, relative) from error

    def write(self, project: str, before: bytes | None, after: bytes) -> None:
        """Makes it `after`, if it is `before` still; ConflictError if it is not."""
        if self.read(project) != before:
            raise ConflictError(
                "blueprint.md changed while its claims were written",
                where=_path(project),
                fix=("idse blueprint claims --write",),
            )
        write_atomically(os.path.join(self._toplevel, _path(project)), after)

    def _refuse_link(self, relative: str) -> None:
        parts = relative.split("/")
        for count in range(1, len(parts)):
            place = os.path.join(self._toplevel, *parts[:count])
            if os.path.islink(place):
                raise _in_the_way("/".join(parts[:count]), "a symbolic link could lead out of this work tree")


def _path(project: str) -> str:
    return f"{session_folder(project, BLUEPRINT)}/blueprint.md"


def _in_the_way(where: str, cause: str) -> ConflictError:
    return ConflictError(
        "the claims cannot be written into blueprint.md",
        where=where,
        cause=cause,
        fix=("put a plain file or folder there, then write them again",),
    )


SAME = "same"
WRITTEN = "written"
LEFT = "left"


class BlockOutcome(NamedTuple):
    """The outcome for the block: SAME, WRITTEN, or LEFT as it is and then `why` and `path:line`."""

    status: str
    path: str
    why: str = ""


def show_claims_in_file(
    blueprint: Blueprint, claims: Mapping[str, Claim], *, force: bool = False, dry_run: bool = False
) -> BlockOutcome:
    """Brings the block up to date; a block that was edited by hand is left, unless `force`."""
    path = _path(blueprint.project)
    if not blueprint.file.has_folder(blueprint.project):
        return BlockOutcome(LEFT, path, "this branch does not carry the folder of the blueprint")
    content = blueprint.file.read(blueprint.project)
    after = written(content, claims, force=force)
    if isinstance(after, BlockTrouble):
        return BlockOutcome(LEFT, f"{path}:{after.line}", after.what)
    if isinstance(after, str):
        return BlockOutcome(LEFT, path, "its block of claims was edited by hand")
    if after == (content or b""):
        return BlockOutcome(SAME, path)
    if not dry_run:
        blueprint.file.write(blueprint.project, content, after)
    return BlockOutcome(WRITTEN, path)


def write_claims(
    blueprint: Blueprint, claims: Mapping[str, Claim], *, force: bool, dry_run: bool
) -> BlockOutcome:
    """Does as `show_claims_in_file`, and raises ClaimsBlockError where the block is left as it is."""
    outcome = show_claims_in_file(blueprint, claims, force=force, dry_run=dry_run)
    if outcome.status != LEFT:
        return outcome
    edited = "edited by hand" in outcome.why
    raise ClaimsBlockError(
        "the claims were not written",
        where=outcome.path,
        cause=outcome.why,
        fix=(
            ("idse blueprint claims --write --force  # your edits inside the markers are lost",)
            if edited
            else ("mend it there, then write them again",)
        ),
    )
