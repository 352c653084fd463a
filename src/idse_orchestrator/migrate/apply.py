"""Carries out a plan: projects, then ledgers a batch at a time, then the folders of the work tree.

A ledger is begun whole by one move of its ref. So whoever is killed in between leaves sessions that are
there and sessions that are not, and the same command writes the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from idse_orchestrator.agents.registry import registry_of
from idse_orchestrator.base.text import MAX_ARTIFACT_BYTES, encodable
from idse_orchestrator.claims.claim import claims_of
from idse_orchestrator.documents.project_workspace import GITIGNORE, GITIGNORE_PATH, STAGE_OF, session_folder
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.ledger.events import ASSIGNED, CLAIMED, CREATED, MIGRATED, Draft, SessionKey
from idse_orchestrator.migrate.events import late_body, session_events
from idse_orchestrator.migrate.files import Content, content_of, late_place
from idse_orchestrator.migrate.governance import registry_changes
from idse_orchestrator.migrate.paths import Place
from idse_orchestrator.migrate.target import GitLedgerBatch, GitMigrationTarget
from idse_orchestrator.migrate.values import (
    DONE,
    LATE,
    NEW,
    Migrated,
    MigrationPlan,
    MigrationSource,
    Progress,
    RegistryPlan,
    SessionPlan,
)
from idse_orchestrator.pipeline.ports import LedgerReader
from idse_orchestrator.pipeline.values import ProjectTip, SessionTip
from idse_orchestrator.pipeline.writer import LedgerWriter
from idse_orchestrator.sessions.create_session import Folders
from idse_orchestrator.sessions.ports import SessionFolders
from idse_orchestrator.sessions.views import Views

_BATCH_SESSIONS = 64
_BATCH_BLOBS = 8_000
_BATCH_BYTES = 32 << 20
"""Limits of a batch, which holds the folders of its sessions in memory."""


@dataclass(frozen=True, slots=True)
class Applying:
    """The parts that carrying out needs. `place` finds what a path of the source stands for.

    `restore` gives a session's folder what its ledger holds; it says why not where it cannot, as where the
    folder has work that nothing else has.
    `own_views` are projects whose views here are files of the source itself, of which no commit has the text.
    """

    source: MigrationSource
    target: GitMigrationTarget
    ledgers: LedgerReader
    writer: LedgerWriter
    workspace: SessionFolders
    views: Views
    folders: Folders
    place: Callable[[str], Place | None]
    restore: Callable[[SessionPlan], str]
    on_progress: Progress
    own_views: frozenset[str] = frozenset()


def apply_plan(applying: Applying, plan: MigrationPlan) -> Migrated:
    """Writes everything that `plan` has and that is not there yet.

    ConflictError where a file of the source is another one than when it was planned.
    """
    done = Migrated()
    new = [session for session in plan.sessions if session.verdict == NEW]
    if new:
        applying.writer.ready()
        applying.folders.write_new({GITIGNORE_PATH: GITIGNORE})
    for project in plan.projects:
        if any(
            session.key[0] == project and session.verdict in (NEW, DONE, LATE) for session in plan.sessions
        ):
            _begin_project(applying, project, done)
        registry = plan.registries.get(project)
        if registry is not None:
            _take_registry(applying, project, registry, done)
    for batch in _batches(new):
        _write(applying, plan, batch, done)
        applying.on_progress("writing ledgers", len(done.written) + len(done.refused), len(new))
    work = {DONE: _finish, LATE: _complete}
    for session in plan.sessions:
        if session.verdict in work:
            work[session.verdict](applying, session, done)
    _choose_current(applying, plan)
    for project in plan.projects:
        if project not in applying.own_views:
            applying.views.refresh(project)
    return done


def _begin_project(applying: Applying, project: str, done: Migrated) -> None:
    began = False

    def plan(tip: ProjectTip | None) -> Draft | None:
        nonlocal began
        began = tip is None
        return Draft(CREATED, {"project": project, "stack": ""}) if tip is None else None

    applying.writer.append_to_project(project, plan)
    done.projects += [project] if began else []


def _take_registry(applying: Applying, project: str, registry: RegistryPlan, done: Migrated) -> None:
    """Adds the agents and rules that the project does not have; one event for all of them."""
    added = 0

    def plan(tip: ProjectTip | None) -> Draft | None:
        nonlocal added
        changes = registry_changes(registry_of(tip.state), registry.registry) if tip is not None else []
        added = sum(1 for change in changes if "agent" in change)
        reason = f"migrated from {encodable(registry.path)}"
        return Draft(ASSIGNED, {"changes": changes, "reason": reason}) if changes else None

    before = applying.ledgers.project(project)
    after = applying.writer.append_to_project(project, plan)
    if after is not None and (before is None or before.commit != after.commit):
        done.agents += added


def _batches(plans: Sequence[SessionPlan]) -> Iterator[list[SessionPlan]]:
    batch: list[SessionPlan] = []
    blobs = size = 0
    for plan in plans:
        batch.append(plan)
        blobs += len(plan.arranged.files) + len(plan.steps)
        size += sum(content.size for content in plan.contents.values())
        if len(batch) >= _BATCH_SESSIONS or blobs >= _BATCH_BLOBS or size >= _BATCH_BYTES:
            yield batch
            batch, blobs, size = [], 0, 0
    if batch:
        yield batch


def _write(applying: Applying, plan: MigrationPlan, sessions: Sequence[SessionPlan], done: Migrated) -> None:
    batch = applying.target.batch()
    history = _keep_history(applying, batch, sessions)
    folders: dict[SessionKey, Mapping[str, bytes]] = {}
    for session in sessions:
        folders[session.key] = _keep_folder(applying, batch, session)
        events = session_events(session, applying.place, history, plan.constitution)
        batch.ledger(session.key, events, session.template)
        done.events += len(events)
    trees = batch.commit()
    for session in sessions:
        if session.key not in trees:
            done.refused.append(session.key)
            continue
        done.written.append(session.key)
        _check_out(applying, session, folders[session.key], trees[session.key], done)


def _keep_history(
    applying: Applying, batch: GitLedgerBatch, sessions: Sequence[SessionPlan]
) -> dict[str, Content]:
    """Puts the blobs of the sessions' history into the batch; returns their ids by those of the source."""
    ids = dict.fromkeys(
        blob for session in sessions for step in session.steps for blob in step.files.values()
    )
    found = {}
    for name, data in applying.source.blobs(ids):
        batch.blob(data)
        found[name] = content_of(data)
    return found


def _keep_folder(applying: Applying, batch: GitLedgerBatch, session: SessionPlan) -> Mapping[str, bytes]:
    """Puts what the folder will hold into the batch; returns its files by path."""
    origins = session.origins()
    held: dict[str, bytes] = {}
    for path, data in applying.source.load(origins.values()):
        if data is None or batch.blob(data) != session.contents[path].blob:
            raise ConflictError(
                "the source changed while it was migrated",
                where=path,
                cause="its bytes are not those that were planned with",
                fix=("run the command again: what is written already stays",),
            )
        held[session.contents[path].blob] = data
    return {path: held[blob] for path, blob in session.arranged.files.items()}


def _check_out(
    applying: Applying, session: SessionPlan, files: Mapping[str, bytes], tree: str, done: Migrated
) -> None:
    """Writes the session's folder where nothing stands, or nothing but a template or its old form."""
    is_there = applying.target.folder_exists(session.key)
    if is_there and (session.template or session.has_own_folder):
        _replace(applying, session, done)
    elif is_there:
        done.kept_folders.append(session.key)
    elif files:
        applying.target.check_out(session.key, files, tree)
        done.folders.append(session.key)


def _replace(applying: Applying, session: SessionPlan, done: Migrated) -> None:
    problem = applying.restore(session)
    if problem:
        done.kept_folders.append(session.key)
        done.problems[session.key] = problem
    elif session.has_own_folder:
        done.new_forms.append(session.key)
    else:
        done.folders.append(session.key)


def _finish(applying: Applying, session: SessionPlan, done: Migrated) -> None:
    """Writes the folder of a session whose ledger an earlier run wrote before it was killed."""
    target = applying.target
    if session.has_own_folder:
        _replace(applying, session, done)
        return
    if target.folder_exists(session.key) or target.was_given(session.key):
        return
    tip = applying.ledgers.session(*session.key)
    if tip is None or dict(applying.ledgers.tree_files(tip.artifacts)) != dict(session.arranged.files):
        return
    origins = session.origins()
    loaded = {session.contents[path].blob: data for path, data in applying.source.load(origins.values())}
    files = {path: loaded[blob] or b"" for path, blob in session.arranged.files.items()}
    target.check_out(session.key, files, tip.artifacts)
    done.folders.append(session.key)


def _complete(applying: Applying, session: SessionPlan, done: Migrated) -> None:
    """Adds what its database has to a session that an earlier run wrote without it; nothing is replaced.

    It is work in progress by now, so no document gets another text, and no stage moves.
    """
    paths = {path: target for path, place in session.places.items() if (target := late_place(place))}
    texts = {paths[path]: data for path, data in applying.source.load(paths) if data is not None}
    texts = {target: data for target, data in texts.items() if len(data) <= MAX_ARTIFACT_BYTES}

    def plan(tip: SessionTip | None) -> Sequence[Draft]:
        if tip is None:
            return ()
        batch = applying.target.batch()
        held = dict(applying.ledgers.tree_files(tip.artifacts))
        added = {target: batch.blob(data) for target, data in texts.items() if target not in held}
        tree = batch.folder(held | added)
        batch.install()
        known = claims_of(tip.state)
        bodies = [body for claim in session.claims if claim.id not in known for body, _ in claim.bodies()]
        return (
            Draft(MIGRATED, late_body(added, session.fingerprint), tree),
            *(Draft(CLAIMED, body) for body in bodies),
        )

    applying.writer.append_all(*session.key, plan)
    done.completed.append(session.key)
    if applying.target.folder_exists(session.key) and applying.target.was_given(session.key):
        folder = session_folder(*session.key)
        applying.folders.write_new({f"{folder}/{target}": data for target, data in texts.items()})


def _choose_current(applying: Applying, plan: MigrationPlan) -> None:
    """Makes the source's current session ours, if there is none here."""
    before = applying.workspace.current()
    first: SessionKey | None = None
    for project in plan.projects:
        here = [session for session in plan.sessions if session.key[0] == project]
        here.sort(key=lambda session: STAGE_OF.keys().isdisjoint(session.arranged.files))
        own = [session.key for session in here]  # those without a document come last
        known = set(applying.ledgers.sessions(project))
        preferred = plan.current_of.get(project)
        wanted = [key for key in (preferred, *own) if key is not None and key in known]
        if not wanted:
            continue
        first = wanted[0] if first is None or (plan.current and plan.current[0] == project) else first
        if applying.workspace.current(project) is None:
            applying.workspace.set_current(*wanted[0])
    now = before or first  # a project that was given its session became that of the work tree, too
    if now is not None and applying.workspace.current() != now:
        applying.workspace.set_current(*now)
