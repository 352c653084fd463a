"""What changed: the session's folder against its ledger, or against what a stage was completed with.

The cases, in the order of the code: since the completion of one stage (with what it builds on)
or of all (each its own document) · at another entry of the ledger · at a code revision · the newest
entry (what is not saved yet).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES, session_folder
from idse_orchestrator.errors import UnknownNameError, UsageError
from idse_orchestrator.sessions.show_event import Difference, Finder

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import SessionTip
    from idse_orchestrator.sessions.ports import Captured, Documents

FOLDER = "the folder"


@dataclass(frozen=True, slots=True)
class DiffWish:
    """What to compare the folder with: a stage ("" for all), its completion, an entry or revision `at`."""

    stage: str = ""
    since_complete: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True)
class Comparing:
    """What a comparison needs; `finder` finds the entries that `DiffWish.at` may name."""

    ledgers: LedgerReader
    workspace: Documents
    finder: Finder


def diff(comparing: Comparing, key: SessionKey, wish: DiffWish) -> Difference:
    """The difference `wish` asks for, the folder being the new side. Nothing but objects is written."""
    _check(wish)
    folder = comparing.workspace.capture(*key)
    if wish.since_complete:
        return _since_complete(comparing, _tip(comparing, key), folder, wish.stage)
    old, name = _old_side(comparing, key, wish.at)
    trees = comparing.finder.trees
    new = folder.tree if folder else trees.of_files({})
    paths = (ARTIFACTS[wish.stage],) if wish.stage else ()
    return Difference(trees, old, new, paths, name, FOLDER)


def _since_complete(comparing: Comparing, tip: SessionTip, folder: Captured | None, stage: str) -> Difference:
    stages = [name for name in ([stage] if stage else STAGES) if tip.state.stages[name].artifact]
    if stage and not stages:
        raise UnknownNameError(
            f"stage `{stage}` was never completed, so there is nothing to compare with",
            fix=(f"idse log --stage {stage}", f"idse diff {stage}"),
        )
    then = {ARTIFACTS[name]: tip.state.stages[name].artifact for name in stages}
    if stage:
        then |= {ARTIFACTS[up]: blob for up, blob in tip.state.stages[stage].upstream.items() if blob}
    now = {path: folder.files[path] for path in then if folder and path in folder.files}
    trees = comparing.finder.trees
    return Difference(trees, trees.of_files(then), trees.of_files(now), (), "the last completion", FOLDER)


def _old_side(comparing: Comparing, key: SessionKey, at: str) -> tuple[str, str]:
    if not at:
        tip = _tip(comparing, key)
        return tip.artifacts or comparing.finder.trees.of_files({}), f"ledger entry {tip.commit[:7]}"
    try:
        entry = comparing.finder.entry(at)
    except (UnknownNameError, UsageError) as unknown:
        return _code_revision(comparing, key, at, unknown), at
    if (entry.project, entry.session) != key:
        raise UsageError(
            f"entry {entry.short} is of session {entry.project}/{entry.session}, not of {key[0]}/{key[1]}",
            fix=(f"idse diff --session {entry.project}/{entry.session} --at {at}",),
        )
    return comparing.finder.trees.of_entry(entry.commit), f"ledger entry {entry.short}"


def _code_revision(
    comparing: Comparing, key: SessionKey, revision: str, unknown: UnknownNameError | UsageError
) -> str:
    trees = comparing.finder.trees
    tree = trees.of_folder(revision, session_folder(*key))
    if tree is None:
        raise UnknownNameError(
            f"{revision!r} is neither an entry of the ledger nor a revision of the code",
            cause=unknown.message,
            fix=("idse log", "git log"),
        )
    return tree or trees.of_files({})


def _tip(comparing: Comparing, key: SessionKey) -> SessionTip:
    tip = comparing.ledgers.session(*key)
    if tip is None:
        raise UnknownNameError(
            f"session {key[1]!r} of project {key[0]!r} has no ledger yet",
            fix=("idse save    (records the session's folder)", "idse session list"),
        )
    return tip


def _check(wish: DiffWish) -> None:
    if wish.stage and wish.stage not in STAGES:
        raise UnknownNameError(
            f"there is no stage {wish.stage!r}",
            cause="stages: " + ", ".join(STAGES),
            fix=did_you_mean(wish.stage, STAGES),
        )
    if wish.since_complete and wish.at:
        raise UsageError("--since-complete and --at exclude each other", fix=("leave out one of them",))
