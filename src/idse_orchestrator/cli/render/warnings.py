"""Warnings that several commands give: conflicts, hooks in the work tree, a project's own templates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import picked
from idse_orchestrator.base.text import one_word, printable
from idse_orchestrator.cli.terminal import Warned, remark
from idse_orchestrator.documents.project_workspace import CONSTITUTION_PATH
from idse_orchestrator.errors import ConflictError, InvalidConfigurationError
from idse_orchestrator.ledger.refs import parse_project_ref, parse_session_ref

if TYPE_CHECKING:
    from idse_orchestrator.ledger.merge.conflicts import Conflict, ConflictPlace
    from idse_orchestrator.sessions.template_folder import TemplateDoubt
    from idse_orchestrator.worktree.hook import HooksReport

_SHORT = 10
_MOST_DOUBTS = 3


def conflict_words(conflict: Conflict, before: str) -> str:
    """Returns one sentence on a conflict: what the ledger holds now, and how to see the other side.

    `before` is the ledger commit that has what the other side made of it.
    """
    from idse_orchestrator.ledger.merge.conflicts import CASE, FOLDER, NO_TEXT, REMOVED_HERE, REMOVED_THERE

    path = conflict.path
    two = f"{conflict.original} is a file on one side and a folder on the other"
    words = {
        NO_TEXT: f"{path} is no text, and both sides changed it: what was saved here stands; "
        f"the other is git show {one_word(f'{before[:_SHORT]}:artifacts/{path}')}",
        REMOVED_HERE: f"{path} was removed here, but somebody edited it: "
        "the ledger keeps the edited text; idse restore brings it here",
        REMOVED_THERE: f"{path} was edited here, but somebody removed it: "
        "it is back in the ledger; idse log says who removed it",
        FOLDER: f"{two}: the file is {path} in the ledger; idse restore brings both here",
        CASE: f"{conflict.original} and another name differ only in case: it is {path} in the ledger",
    }
    markers = f"{path} has conflict markers in the ledger: idse restore, resolve them, idse save"
    return words.get(conflict.kind, markers)


def markers_warning(name: str, place: ConflictPlace | None = None) -> Warned:
    """Returns the warning that the ledger of the session `name` ("project/session") has a conflict."""
    if place and parse_project_ref(place.ref):
        return Warned(
            f"the rules that the ledger of {name} carries have conflict markers, line {place.line}: "
            f"bring both together in {CONSTITUTION_PATH}, commit it, idse sync push"
        )
    where = f" in {printable(place.path)}, line {place.line}" if place else ""
    return Warned(f"{name} has conflict markers{where}: idse restore {name}, resolve them, idse save {name}")


def session_name(place: ConflictPlace) -> str:
    """Returns ``project/session`` of the ledger that has a conflict."""
    return "/".join(parse_session_ref(place.ref) or (place.ref,))


def conflict_remark(place: ConflictPlace) -> dict[str, object]:
    """Returns a conflict in a ledger as an entry of ``diagnostics``."""
    name = session_name(place)
    fix = [f"idse restore {name}", f"idse save {name}"]
    where = f"{name}:{place.path}:{place.line}"
    return remark("warning", f"the ledger of {name} has a conflict", ConflictError.code, where=where, fix=fix)


def place_data(place: ConflictPlace) -> dict[str, object]:
    """Returns a conflict in a ledger as JSON values."""
    return picked(place, "ref path line")


def worktree_notice(report: HooksReport) -> Iterator[Warned]:
    """Yields a warning where hooks became files of the work tree, with what to do about it."""
    if report.in_worktree:
        yield Warned(
            "core.hooksPath leads into the work tree, so these are files of it now: "
            f"{', '.join(report.in_worktree)}\n"
            "         commit them, or have git ignore them"
        )


def doubt_warnings(doubts: Sequence[TemplateDoubt]) -> Iterator[Warned]:
    """Yields a warning for each of the first few doubts about templates, and how many more there are."""
    for doubt in doubts[:_MOST_DOUBTS]:
        yield Warned(f"{doubt.where} {doubt.what}: {doubt.fix}")
    if len(doubts) > _MOST_DOUBTS:
        yield Warned(f"{len(doubts) - _MOST_DOUBTS} more in .idse/templates: idse doctor")


def doubt_diagnostics(doubts: Sequence[TemplateDoubt]) -> Iterator[dict[str, object]]:
    """Yields all of `doubts` as entries of ``diagnostics``."""
    for doubt in doubts:
        code = InvalidConfigurationError.code
        yield remark("warning", doubt.what, code, where=doubt.where, fix=[doubt.fix])
