"""Records in the ledgers what a code commit changes in sessions, at once or later, and notes that on it.

An edit that arrives with a code commit is applied as a three-way merge. Its base is the folder in the
commit's parent: a branch that is behind the ledger adds its own lines and takes nobody else's away.
What this work tree saved since that parent is a better base for each file that was committed as it
stands, since otherwise a text that was saved and then edited again would conflict with itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_line
from idse_orchestrator.documents.project_workspace import STAGES, session_folder
from idse_orchestrator.errors import BusyError, IdseError, InvalidArtifactError, StorageError
from idse_orchestrator.ledger.events import EDITED, VALIDATED, Draft, SessionKey
from idse_orchestrator.ledger.merge.conflicts import Conflict, Merged
from idse_orchestrator.ledger.notes import note_text
from idse_orchestrator.pipeline.stage_state_model import FAILING, IN_PROGRESS, PASSING, SessionState
from idse_orchestrator.sessions.ports import Edit
from idse_orchestrator.sessions.views import views_of
from idse_orchestrator.worktree.save import tree_changes

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Report
    from idse_orchestrator.ledger.note_tree import GitNotes
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import SessionTip
    from idse_orchestrator.pipeline.writer import LedgerWriter
    from idse_orchestrator.worktree.code_commits import CodeChange, GitCodeCommits, GitMissedCommits, Missed
    from idse_orchestrator.worktree.workspace import GitWorkspace

Misplaced = Callable[[str], str]
"""What the note on a code commit says where its code is out of place; "" where it is not."""
Judge = Callable[[str, SessionKey], "Report"]
"""What the ValidationEngine says of one session in a code commit."""
Carry = Callable[[str, str, bool], Sequence[str]]
"""Records the rules that a commit with this subject brought, perhaps late; returns the projects' names."""
IsRecorded = Callable[[SessionKey, str], bool]
"""Whether a session's ledger has an edit that came with this code commit."""


class Recorder(NamedTuple):
    """Everything that recording a commit needs."""

    ledgers: LedgerReader
    writer: LedgerWriter
    workspace: GitWorkspace
    commits: GitCodeCommits
    notes: GitNotes
    judge: Judge
    misplaced: Misplaced = lambda _commit: ""
    carry: Carry = lambda _commit, _subject, _is_late: ()


class RecordedSession(NamedTuple):
    """One session of a recorded commit: its ledger's tip now and `before`, and where the two conflict.

    `is_back`: it was deleted, and the commit edits it.
    """

    key: SessionKey
    tip: SessionTip
    verdict: str
    conflicts: tuple[Conflict, ...]
    before: str
    is_back: bool = False


class Recorded(NamedTuple):
    """`sessions` were recorded; `unknown` have a folder in the commit and no ledger here.

    `rules`: the projects whose ledgers carry other rules of their own from now on; `left_out`: why none can.
    """

    commit: str
    sessions: tuple[RecordedSession, ...]
    unknown: tuple[SessionKey, ...]
    rules: tuple[str, ...] = ()
    left_out: str = ""


def record_commit(
    recorder: Recorder, change: CodeChange, *, single: bool = True, is_recorded: IsRecorded | None = None
) -> Recorded:
    """Records `change` in the ledgers of all sessions it touches.

    `single`: it is one commit made in this work tree. A merge or a rebase is not, and then only the
    branch's own history is a base. `is_recorded`: it was made some time ago, and may have been recorded in
    some of its sessions; what the work tree has by now says nothing about it.
    """
    how = _How(single, is_recorded)
    found = recorder.commits.documents_in(change)
    folders = {
        key: tree
        for key in found.sessions
        if (tree := recorder.workspace.resolve_tree(change.after, session_folder(*key)))
    }  # a ledger never drops the folder that a branch dropped
    done = [_record(recorder, change, key, tree, how) for key, tree in folders.items()]
    sessions = tuple(each for each in done if each is not None)
    unknown = tuple(key for key, each in zip(folders, done, strict=True) if each is None)
    if sessions:
        misplaced = recorder.misplaced(change.after) if single else ""
        text = "\n".join(filter(None, (misplaced, *(_note(each) for each in sessions))))
        recorder.notes.write_many({change.after: text}, f"idse: note on {change.after[:7]}")
    rules: Sequence[str] = ()
    left_out = ""
    if found.has_rules:
        try:
            rules = recorder.carry(change.after, change.subject, is_recorded is not None)
        except InvalidArtifactError as error:
            left_out = f"{error.message}: {error.cause}"
    return Recorded(change.after, sessions, unknown, tuple(rules), left_out)


class _How(NamedTuple):
    single: bool
    is_recorded: IsRecorded | None


def _record(
    recorder: Recorder, change: CodeChange, key: SessionKey, theirs: str, how: _How
) -> RecordedSession | None:
    """None where there is no ledger."""
    is_known = how.is_recorded is not None and recorder.workspace.given_after(*key, change.after)
    given = None if is_known else _given(recorder, change, key, theirs, how)
    conflicts: tuple[Conflict, ...] = ()
    before, was_deleted = "", False

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal conflicts, before, was_deleted
        if tip is None or (how.is_recorded and how.is_recorded(key, change.after)):
            return None
        merged = _applied(recorder, change, key, given.edit if given else None, tip.artifacts)
        conflicts, before, was_deleted = merged.conflicts, tip.commit, tip.state.is_deleted
        if was_deleted and merged.tree == tip.artifacts:
            return None  # an older edit that arrives now is no work on it
        return Draft(EDITED, _body(recorder.ledgers, change, tip, merged), merged.tree)

    tip = recorder.writer.append(*key, plan)
    if tip is None:
        return None
    if given is not None:
        recorder.workspace.agree(*key, given.kept, (change.after,))
    tip, verdict = _judged(recorder, change, key, tip, is_news=not is_known)
    if recorder.workspace.current(key[0]) == key:
        recorder.workspace.write_views(views_of(tip.state, recorder.ledgers.last_sync()))
    return RecordedSession(key, tip, verdict, conflicts, before, was_deleted and not tip.state.is_deleted)


class _Given(NamedTuple):
    """An edit to apply, and the tree this work tree has then given to the ledger."""

    edit: Edit
    kept: str


def _given(recorder: Recorder, change: CodeChange, key: SessionKey, theirs: str, how: _How) -> _Given:
    workspace, folder = recorder.workspace, session_folder(*key)
    parent = (workspace.resolve_tree(change.before, folder) if change.before else None) or ""
    standing = workspace.standing(*key, change.previous)
    last = standing.tree
    if last in (None, parent):
        return _Given(Edit(theirs, (parent,), standing.own), theirs)
    if (
        standing.is_here and not how.single
    ):  # a merge or a rebase leaves alone what was saved and not committed
        kept = workspace.carried(folder, last, change.before, change.after)
        return _Given(Edit(theirs, (parent,)), kept)
    # not in the commit as they were given; nobody knows that of one that was made some time ago
    left_out = () if how.is_recorded else recorder.commits.unclean(folder)
    base, kept = workspace.mixed(last, parent, left_out), workspace.mixed(theirs, last, left_out)
    return _Given(Edit(theirs, (base, parent), standing.own), kept)


def _applied(recorder: Recorder, change: CodeChange, key: SessionKey, edit: Edit | None, ours: str) -> Merged:
    if edit is None:  # the ledger has it, with what this work tree gave to it since
        return Merged(ours, ())
    merged = recorder.workspace.apply(edit, ours)
    if merged.conflicts and (known := _without_known(recorder, change, key)) is not None:
        merged = recorder.workspace.apply(edit._replace(bases=(known,)), ours)
    return _as_resolved(recorder.workspace, edit, merged) if change.is_merge else merged


def _without_known(recorder: Recorder, change: CodeChange, key: SessionKey) -> str | None:
    """Returns a base that leaves out what came from others and is in the ledger already; None for nothing.

    Their ledger may be ahead of their code: what it had before is no edit of what it has now.
    """
    workspace, folder = recorder.workspace, session_folder(*key)
    known = recorder.commits.newest_known(key, change)
    if not known:
        return None
    parted = recorder.commits.merge_base(change.before, known)
    base, own, others = (
        (workspace.resolve_tree(commit, folder) if commit else None) or ""
        for commit in (parted, change.before, known)
    )
    brought_together = workspace.apply(Edit(others, (base,)), own)
    return None if brought_together.conflicts else brought_together.tree


def _as_resolved(workspace: GitWorkspace, edit: Edit, merged: Merged) -> Merged:
    """Takes the text of the merge where it conflicts: that was decided in it, and history keeps the other.

    A file that had to take another name was not decided on, and stays.
    """
    decided = [conflict.path for conflict in merged.conflicts if conflict.path == conflict.original]
    return Merged(workspace.mixed(merged.tree, edit.theirs, decided), ())


def _body(ledgers: LedgerReader, change: CodeChange, tip: SessionTip, merged: Merged) -> dict[str, object]:
    changed = tree_changes(ledgers, tip.artifacts, merged.tree)
    body: dict[str, object] = {"changed": changed, "source": "commit", "code": change.after}
    if change.subject:
        body["reason"] = one_line(change.subject)
    if merged.conflicts:
        body["conflicts"] = list(merged.paths)
    return body


def _judged(
    recorder: Recorder, change: CodeChange, key: SessionKey, tip: SessionTip, *, is_news: bool
) -> tuple[SessionTip, str]:
    """Returns the tip and the verdict on the session in the commit; an event says so if it is another now."""
    report = recorder.judge(change.after, key)
    verdict = FAILING if report.blocks() else PASSING
    body = {
        "status": verdict,
        "constitution": report.constitution,
        "errors": report.errors,
        "warnings": report.warnings,
        "code": change.after,
    }

    def plan(now: SessionTip | None) -> Draft | None:
        known = now.state.validation if now else None
        if known is None or known.status == verdict:
            return None
        return Draft(VALIDATED, body)

    known = tip.state.validation
    if not is_news or tip.state.is_deleted or known.status == verdict:
        return tip, verdict
    return recorder.writer.append(*key, plan) or tip, verdict


def _note(each: RecordedSession) -> str:
    return note_text("/".join(each.key), _stage(each.tip.state), each.verdict, each.tip.commit)


def _stage(state: SessionState) -> str | None:
    """Returns the stage somebody works on, else the last one that is complete."""
    working: Sequence[str] = [stage for stage in STAGES if state.stages[stage].status == IN_PROGRESS]
    begun: Sequence[str] = [stage for stage in STAGES if state.stages[stage].status != "pending"]
    return working[0] if working else begun[-1] if begun else None


_ENOUGH = 5
"""After so many failures the rest waits for the next command."""


def record_missed(recorder: Recorder, missed: GitMissedCommits, tell: Callable[[str], None]) -> int:
    """Records what waits, in order, and has `tell` say so; returns how many wait no longer.

    A ledger that is busy, or a disk that is full, leaves it and all after it waiting. What fails for another
    reason waits behind the others, so that a command never tries many in vain.
    """
    done = failures = 0
    for each in missed.waiting():
        try:
            tell(_record_later(recorder, missed, each))
        except IdseError as error:
            tell(f"still not recorded {each.after[:7]}: {error.message}")
            failures += 1
            if isinstance(error, BusyError | StorageError) or failures == _ENOUGH:
                break
            missed.postpone(each)
            continue
        missed.forget(each)
        done += 1
    return done


def _record_later(recorder: Recorder, missed: GitMissedCommits, each: Missed) -> str:
    change = missed.change(each)
    if change is None:
        return f"never recorded {each.after[:7]}: git does not have it any more"
    recorded = record_commit(recorder, change, single=not each.before, is_recorded=missed.is_recorded)
    rules = [f"project {name}" for name in recorded.rules]
    names = ", ".join([*("/".join(session.key) for session in recorded.sessions), *rules]) or "no session"
    return f"recorded {each.after[:7]} later in {names}"
