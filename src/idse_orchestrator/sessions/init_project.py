"""Start a project in a repository, or adopt one that its branch already carries.

Everything is done in an order in which a second run takes up where a first one stopped, and only what
is missing is done: running it twice changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from idse_orchestrator.base.names import BLUEPRINT, check_name, check_new_name
from idse_orchestrator.base.text import few, label, one_line
from idse_orchestrator.documents.project_workspace import (
    ARTIFACTS,
    GITIGNORE,
    GITIGNORE_PATH,
    OLD_FORM,
    STAGES,
    artifact_path,
    session_folder,
)
from idse_orchestrator.errors import ConflictError
from idse_orchestrator.ledger.events import CREATED, Draft
from idse_orchestrator.pipeline.ports import BLUEPRINT_TYPE, FEATURE
from idse_orchestrator.sessions.create_session import (
    SessionMaker,
    SessionRequest,
    create_session,
    record_session,
    session_documents,
)
from idse_orchestrator.sessions.resolve import without_ledgers

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.values import ProjectTip

_BLUEPRINT = SessionRequest(BLUEPRINT, BLUEPRINT_TYPE)


class Settings(Protocol):
    """Settings of this repository that init makes."""

    def show_notes(self) -> bool:
        """Has plain `git log` show idse's notes; True if a setting was added."""


@dataclass(frozen=True, slots=True)
class InitRequest:
    """What ``idse init`` was asked for."""

    project: str
    stack: str = ""
    new_ledger: bool = False
    """Whether documents that the branch carries may begin a new history."""
    missing: str = ""
    """Why their ledgers could not be brought, as a cause."""


@dataclass(frozen=True, slots=True)
class Initialized:
    """What was done.

    `created`: the project is new; `made` and `adopted` name sessions; `written` are files; `settings`: a
    git setting was added.
    """

    project: str
    created: bool
    made: tuple[str, ...]
    adopted: tuple[str, ...]
    written: tuple[str, ...]
    settings: bool

    @property
    def changed(self) -> bool:
        """True if anything was done at all."""
        return self.created or bool(self.made or self.adopted or self.written) or self.settings


def init_project(maker: SessionMaker, settings: Settings, request: InitRequest) -> Initialized:
    """Brings the project `request` to life here: ledgers, folders, settings, views.

    NoProjectError where the branch carries documents whose ledgers are not here, ConflictError where an older
    tool left them.
    """
    check_name("project", request.project)
    label("the stack", request.stack)
    known = maker.ledgers.projects()
    folders = {project for project, _ in maker.workspace.session_folders()}
    check_new_name(
        "project", request.project, [name for name in {*known, *folders} if name != request.project]
    )
    _refuse_old_forms(maker, request.project)
    if not request.new_ledger:
        _refuse_new_beginning(maker, request)
    if request.project not in known:
        _refuse_in_time(maker, request.project)
    written = maker.folders.write_new({GITIGNORE_PATH: GITIGNORE})
    created = _begin_ledger(maker, request) if request.project not in known else False
    adopted = _adopt(maker, request.project)
    made = _make_blueprint(maker, request.project)
    _choose_current(maker, request.project, (*made, *adopted))
    for key in maker.ledgers.sessions(request.project):
        maker.workspace.start_from_branch(*key)
    added = settings.show_notes()
    maker.views.refresh(request.project)
    return Initialized(request.project, created, made, adopted, written, added)


def _refuse_new_beginning(maker: SessionMaker, request: InitRequest) -> None:
    project = request.project
    carried = [f"{project}/{key[1]}" for key in _strays(maker, project) if maker.workspace.is_carried(*key)]
    if not carried:
        return
    raise without_ledgers(
        [project] if project not in maker.ledgers.projects() else carried,
        [
            f"idse init {project} --agency URL  # fetches them from the Agency",
            f"idse init {project} --remote origin  # fetches them from a git remote",
            f"idse init {project} --new-ledger  # begins a new history, in which nothing is finished",
        ],
        request.missing,
    )


def _refuse_old_forms(maker: SessionMaker, project: str) -> None:
    """Refuses folders as an older tool left them: a template would stand beside each of their texts."""
    moved = {stage: ARTIFACTS[stage] for stage in OLD_FORM}
    old = [
        f"{project}/{key[1]}"
        for key in _strays(maker, project)
        if maker.workspace.blobs(*key, OLD_FORM) and not maker.workspace.blobs(*key, moved)
    ]
    if old:
        raise ConflictError(
            f"{few(old)} {'stands' if len(old) == 1 else 'stand'} here as an older tool left it",
            where=session_folder(*old[0].split("/")),
            cause="each document is in a folder of its stage",
            fix=(
                "idse migrate . --dry-run  # what would become of it",
                "idse migrate .  # takes it over whole",
            ),
        )


def _strays(maker: SessionMaker, project: str) -> list[SessionKey]:
    """Returns the sessions with a folder and no ledger."""
    known = set(maker.ledgers.sessions(project))
    return [key for key in maker.workspace.session_folders() if key[0] == project and key not in known]


def _refuse_in_time(maker: SessionMaker, project: str) -> None:
    """Raises what would stop the work half way, before anything is changed."""
    if not any(owner == project for owner, _ in maker.workspace.session_folders()):
        documents = session_documents(maker, (project, BLUEPRINT), _BLUEPRINT)
        maker.folders.check_new(session_folder(project, BLUEPRINT), documents)
    maker.writer.ready()


def _choose_current(maker: SessionMaker, project: str, new: tuple[str, ...]) -> None:
    """Work on something: in this project, and in this work tree."""
    current = maker.workspace.current(project)
    if current is None:
        names = [session for _, session in maker.ledgers.sessions(project)]
        maker.workspace.set_current(project, BLUEPRINT if BLUEPRINT in names else (*new, *names)[0])
    elif maker.workspace.current() is None:
        maker.workspace.set_current(*current)  # a run that was killed came only half way


def _begin_ledger(maker: SessionMaker, request: InitRequest) -> bool:
    def plan(tip: ProjectTip | None) -> Draft | None:
        if tip is not None:
            return None
        return Draft(CREATED, {"project": request.project, "stack": one_line(request.stack)})

    maker.writer.append_to_project(request.project, plan)
    return True


def _adopt(maker: SessionMaker, project: str) -> tuple[str, ...]:
    """Begins ledgers for session folders that have none, as in a fresh clone."""
    strays = _strays(maker, project)
    for key in strays:
        kind = BLUEPRINT_TYPE if key[1] == BLUEPRINT else FEATURE
        request = SessionRequest(key[1], kind)
        path = artifact_path(*key, STAGES[0])
        if STAGES[0] not in maker.workspace.blobs(*key):
            first = session_documents(maker, key, request)[ARTIFACTS[STAGES[0]]]
            maker.folders.write_new({path: first})
        record_session(maker, key, request)
    return tuple(session for _, session in strays)


def _make_blueprint(maker: SessionMaker, project: str) -> tuple[str, ...]:
    if maker.ledgers.sessions(project):
        return ()
    create_session(maker, project, _BLUEPRINT)
    return (BLUEPRINT,)
