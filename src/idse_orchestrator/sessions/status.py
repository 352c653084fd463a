"""What to do now: the first thing in pipeline order that keeps a session from being complete."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import few
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGE_OF
from idse_orchestrator.errors import CorruptLedgerError, UnknownNameError, UsageError
from idse_orchestrator.ledger.commit import UPGRADE
from idse_orchestrator.pipeline.stage_state_model import (
    ARCHIVED,
    CHANGED,
    COMPLETE,
    IN_PROGRESS,
    NOT_NEEDED,
    PENDING,
    STALE,
    SessionState,
    Standing,
    Ticks,
    standings,
)

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import Event, SessionKey, Synced
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import Look
    from idse_orchestrator.sessions.ports import Captured, Documents


class NextAction(NamedTuple):
    """`why` in a sentence, and the `commands` that do it.

    `stage` is what it is about ("" : the whole session), `artifact` what to edit first, relative to the
    session's folder ("" : nothing).
    """

    why: str
    commands: tuple[str, ...]
    stage: str = ""
    artifact: str = ""


def next_action(state: SessionState, stages: Sequence[Standing]) -> NextAction:
    """Returns the next thing to do about a session whose stages stand as `stages` says."""
    if state.is_deleted:
        commands = (f"idse session delete {state.called} --undo", "idse switch NAME")
        return NextAction("the session was deleted: bring it back, or work on another one", commands)
    if state.status == ARCHIVED:
        return NextAction("the session is archived", (f"idse session archive {state.session} --undo",))
    for here in stages:
        action = _about(here)
        if action is not None:
            return action
    needed = [here for here in stages if here.status != NOT_NEEDED]
    count = "all seven" if len(needed) == len(stages) else f"all {len(needed)}"
    return NextAction(f"{count} stages are complete", ("idse spawn NAME",))


def conflict_action(
    found: Mapping[str, int], here: Mapping[str, str], given: Mapping[str, str]
) -> NextAction:
    """Returns what to do about the first conflict that a ledger holds: a text between markers.

    `here` are the blobs of the folder's files in the work tree, `given` those that were given to the ledger
    last or taken from it: a file that is still just that has nothing of the conflict in it.
    """
    artifact, line = next(iter(found.items()))
    place, stage = f"{artifact}, line {line}", STAGE_OF.get(artifact, "")
    if artifact not in here or (artifact in given and here[artifact] == given[artifact]):
        why = f"the ledger has a conflict in {place}: bring it here, and resolve it"
        return NextAction(why, ("idse restore",), stage, artifact)
    return NextAction(f"resolve the conflict of {place} of the ledger", ("idse save",), stage, artifact)


def _about(here: Standing) -> NextAction | None:
    stage, artifact = here.stage, ARTIFACTS[here.stage]
    if here.status == COMPLETE and here.condition == CHANGED:
        return NextAction(
            f"{artifact} changed after {stage} was completed", _look_again(stage), stage, artifact
        )
    if here.status == COMPLETE and here.condition == STALE:
        return NextAction(
            f"{stage} is stale: {few(here.causes)} changed since", _look_again(stage), stage, artifact
        )
    if here.status == IN_PROGRESS:
        return NextAction(f"write {artifact}", (f"idse stage complete {stage}",), stage, artifact)
    if here.status == PENDING:
        return NextAction(f"{stage} is next", (f"idse stage start {stage}",), stage, artifact)
    return None


def _look_again(stage: str) -> tuple[str, ...]:
    return (f'idse stage reopen {stage} -m "why"', f'idse stage confirm {stage} -m "why"')


class SessionStatus(NamedTuple):
    """What the ledger says of a session, its stages as they stand now, and what to do next.

    `blobs` maps a stage to the id of its document in the work tree; `differs` names the stages whose
    document the ledger does not hold as it is; `has_folder` is False where the branch has no folder;
    `synced` is when this clone last synced and what the Agency had then.
    """

    ledger: Look
    stages: tuple[Standing, ...]
    next: NextAction
    blobs: Mapping[str, str]
    differs: tuple[str, ...]
    has_folder: bool
    synced: Synced

    @property
    def state(self) -> SessionState:
        """The session's state."""
        return self.ledger.tip.state

    @property
    def tip(self) -> str:
        """The id of its ledger's newest commit."""
        return self.ledger.tip.commit


def show_status(
    ledgers: LedgerReader, workspace: Documents, key: SessionKey, synced: Synced | None = None
) -> SessionStatus:
    """Returns the status of the session `key`; UnknownNameError where it has no ledger.

    `synced` is what is known of the Agency; the ledgers are asked where it is not given.
    """
    ledger = ledgers.look(*key)
    if ledger is None:
        raise no_ledger(key)
    state, in_ledger = ledger.tip.state, ledger.blobs
    in_folder = workspace.blobs(*key)
    blobs = in_folder or in_ledger
    stages = standings(state, blobs, same_lists(ledgers, workspace, key))
    differs = tuple(stage for stage, blob in in_folder.items() if in_ledger.get(stage) != blob)
    action = next_action(state, stages)
    if ledger.newer:
        action = NextAction("use a newer idse: this one reads the ledger, and does not write on it", UPGRADE)
    elif ledger.conflicts and not state.is_at_rest:
        action = _conflict_action(ledgers, workspace, key, ledger)
    known = ledgers.synced(*key) if synced is None else synced
    return SessionStatus(ledger, stages, action, blobs, differs, bool(in_folder), known)


class NoFolders:
    """The documents of a place that has none: there each session is judged as its ledger has it."""

    def blobs(self, project: str, session: str, files: Mapping[str, str] = ARTIFACTS) -> Mapping[str, str]:  # noqa: ARG002 - a port
        """There are none."""
        return {}

    def content(self, project: str, session: str, path: str, blob: str) -> bytes | None:  # noqa: ARG002 - a port
        """There is none."""
        return None

    def given(self, project: str, session: str) -> str:  # noqa: ARG002 - a port
        """Nothing was."""
        return ""

    def capture(self, project: str, session: str) -> Captured | None:  # noqa: ARG002 - a port
        """There is no folder."""
        return None


CONFLICTED = "conflicted"
UNREADABLE = "unreadable"
_URGENCY = (UNREADABLE, CONFLICTED, CHANGED, STALE)


class Surveyed(NamedTuple):
    """One session among all: its status, or the `damage` that keeps it from being read.

    `conditions` maps a stage to one word: its status, or what is wrong with it, the worst first: CONFLICTED
    (its document in the ledger carries conflict markers), CHANGED, STALE. `needs` are the words that ask for
    a look, worst first; an archived session needs none. `last` is what happened last; None for a merge.
    """

    key: SessionKey
    status: SessionStatus | None
    damage: CorruptLedgerError | None = None
    conditions: Mapping[str, str] = {}
    needs: tuple[str, ...] = ()
    last: Event | None = None


def survey(
    ledgers: LedgerReader,
    workspace: Documents,
    keys: Iterable[SessionKey],
    carried: Collection[SessionKey],
) -> tuple[Surveyed, ...]:
    """Returns how the sessions `keys` stand, those that need a look first and those of the archive last.

    Those in `carried` have documents in `workspace`: asking for them costs a process each.
    """
    nowhere = NoFolders()
    found = [_surveyed(ledgers, workspace if key in carried else nowhere, key) for key in keys]
    return tuple(sorted(found, key=lambda each: (_rank(each), each.key)))


def _surveyed(ledgers: LedgerReader, workspace: Documents, key: SessionKey) -> Surveyed:
    from idse_orchestrator.ledger.events import Synced

    try:
        status = show_status(ledgers, workspace, key, Synced("", ""))
    except CorruptLedgerError as error:
        return Surveyed(key, None, error, needs=(UNREADABLE,))
    marked = {STAGE_OF.get(path) for path in status.ledger.conflicts}
    conditions = {each.stage: CONFLICTED if each.stage in marked else _word(each) for each in status.stages}
    found = {*conditions.values(), *((CONFLICTED,) if marked else ())}
    needs = tuple(word for word in _URGENCY if word in found and not status.state.is_at_rest)
    return Surveyed(key, status, None, conditions, needs, _last(status.ledger))


def _word(here: Standing) -> str:
    return here.condition if here.status == COMPLETE and here.condition in (CHANGED, STALE) else here.status


def _last(ledger: Look) -> Event | None:
    from idse_orchestrator.ledger.entries import read_event

    try:
        return read_event(ledger.event) if ledger.event else None
    except ValueError:
        return None  # a report is no check of ledgers: idse fsck says what is wrong


def _rank(each: Surveyed) -> int:
    if each.needs:
        return min(_URGENCY.index(each.needs[0]), _URGENCY.index(CHANGED))
    is_archived = each.status is not None and each.status.state.is_at_rest
    return len(_URGENCY) + is_archived


def same_lists(ledgers: LedgerReader, workspace: Documents, key: SessionKey) -> Ticks:
    """Returns what compares versions of a session's ``tasks.md``, in its ledger and in the work tree."""
    return Ticks(ledgers.blob, lambda blob: workspace.content(*key, ARTIFACTS["tasks"], blob))


def _conflict_action(
    ledgers: LedgerReader, workspace: Documents, key: SessionKey, ledger: Look
) -> NextAction:
    here = workspace.blobs(*key, {path: path for path in ledger.conflicts})
    there = ledgers.tree_files(ledger.tip.artifacts)
    is_here = all(here.get(path) == there.get(path) for path in ledger.conflicts)
    tree = "" if is_here else workspace.given(*key)
    return conflict_action(ledger.conflicts, here, ledgers.tree_files(tree) if tree else {})


def refuse_deleted(state: SessionState) -> None:
    """Raises UsageError for a session that was deleted."""
    if state.is_deleted:
        from idse_orchestrator.pipeline.stage_machine import deleted_words

        what, why, fix = deleted_words(state)
        raise UsageError(what, cause=why, fix=fix)


def no_ledger(key: SessionKey) -> UnknownNameError:
    """Returns the error for a session that has no ledger here."""
    project, session = key
    return UnknownNameError(
        f"session {session!r} of project {project!r} has no ledger yet",
        cause="it was never made here, or its refs were not fetched",
        fix=("idse session list", f"idse init {project}  # adopts folders that have no ledger"),
    )
