"""Make a session: its folder from the templates, then its ledger.

The order is: folder, ledger, current session. The folder appears whole or not at all. A process killed
in between leaves a folder without a ledger, which the same command takes up again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from idse_orchestrator.base.names import BLUEPRINT, check_known, check_name, check_new_name
from idse_orchestrator.base.text import encodable, label, one_line
from idse_orchestrator.documents.project_workspace import (
    ARTIFACTS,
    STAGE_OF,
    STAGES,
    artifact_path,
    session_folder,
)
from idse_orchestrator.errors import NameTakenError, UnknownNameError, UsageError
from idse_orchestrator.ledger.events import ARCHIVED, CREATED, DESCRIBED, STAGE, Draft, SessionKey
from idse_orchestrator.pipeline.ports import BLUEPRINT_TYPE, FEATURE, type_fits
from idse_orchestrator.pipeline.stage_machine import START, TARGET
from idse_orchestrator.pipeline.stage_state_model import ARCHIVED as ARCHIVED_STATUS
from idse_orchestrator.pipeline.stage_state_model import PENDING
from idse_orchestrator.sessions.rename_session import refuse_taken
from idse_orchestrator.sessions.resolve import without_ledgers
from idse_orchestrator.sessions.status import no_ledger, refuse_deleted
from idse_orchestrator.sessions.template_folder import TemplateValues, render_artifacts

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import SessionTip
    from idse_orchestrator.pipeline.writer import LedgerWriter
    from idse_orchestrator.sessions.ports import SessionFolders, Workspace
    from idse_orchestrator.sessions.template_folder import TemplateFolders
    from idse_orchestrator.sessions.views import Views

_NOT_NEEDED = b"Not needed: the type of this session leaves this document out.\n"
"""The document of a stage that the type of a session leaves out."""
_STARTED = {"stage": STAGES[0], "action": START, "from": PENDING, "to": TARGET[START]}


class Folders(Protocol):
    """Writing new files into the work tree."""

    def write_new(self, files: Mapping[str, bytes]) -> tuple[str, ...]:
        """Writes `files` (by repository-relative path) that do not exist yet; the paths written.

        A file that exists is never touched.
        """

    def replace_known(self, path: str, known: bytes, content: bytes) -> bool:
        """Writes `content` into a file that holds just `known`; False, and nothing written, for any other."""

    def check_new(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Raises InvalidArtifactError where `files` (by path in `folder`) could not be recorded."""

    def make_folder(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Makes `folder` with `files` (by path in it): all of them or, whatever happens, none.

        A folder that exists already gets those that it lacks, as by `write_new`.
        """


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What the new session should be; `stages` are those of its type."""

    name: str
    type: str = FEATURE
    stages: tuple[str, ...] = STAGES
    title: str = ""
    parents: tuple[str, ...] = ()
    owner: str = ""


@dataclass(frozen=True, slots=True)
class SessionMaker:
    """Everything that making sessions needs. `today` is an ISO date."""

    ledgers: LedgerReader
    writer: LedgerWriter
    workspace: Workspace
    views: Views
    folders: Folders
    templates: TemplateFolders
    today: str


def create_session(maker: SessionMaker, project: str, request: SessionRequest) -> SessionTip:
    """Makes the session `request` in `project`, with its first stage in progress.

    NameTakenError, InvalidNameError for the name; UnknownNameError for a parent that does not exist;
    NoProjectError where the branch carries documents of that name, whose ledger is somewhere else.
    """
    known = [session for _, session in maker.ledgers.sessions(project)]
    refuse_taken(maker.ledgers, project, check_name("session", request.name))
    check_new_name("session", request.name, known)
    folders = [session for owner, session in maker.workspace.session_folders() if owner == project]
    check_new_name("session", request.name, [name for name in folders if name != request.name])
    _check_request(request, known)
    key = (project, request.name)
    if maker.workspace.is_carried(*key):
        raise without_ledgers(
            ["/".join(key)],
            [
                "idse sync pull  # brings it from the Agency",
                f"idse init {project} --new-ledger  # begins a new history for its documents",
            ],
        )
    documents = session_documents(maker, key, request)
    maker.folders.check_new(session_folder(*key), documents)
    maker.writer.ready()
    maker.folders.make_folder(session_folder(*key), documents)
    return record_session(maker, key, request)


def record_session(maker: SessionMaker, key: SessionKey, request: SessionRequest) -> SessionTip:
    """Begins the ledger of a session whose folder stands.

    Created, and its first stage started, or neither.
    """
    captured = maker.workspace.capture(*key)
    tree = captured.tree if captured else ""
    body, head = _created_body(key, request), maker.workspace.head()
    if head is not None:
        body["head"] = head  # what was done since is this session's work

    def begun(tip: SessionTip | None) -> tuple[Draft, Draft]:
        if tip is not None:
            raise NameTakenError(f"session {key[1]!r} exists already", fix=(f"idse switch {key[1]}",))
        return Draft(CREATED, body, tree), Draft(STAGE, _STARTED)

    tip = maker.writer.append_all(*key, begun)[-1]
    if tree:
        maker.workspace.agree(*key, tree)
    return tip


def _created_body(key: SessionKey, request: SessionRequest) -> dict[str, object]:
    return {
        "project": key[0],
        "session": key[1],
        "type": request.type,
        "title": one_line(request.title),
        "owner": one_line(request.owner),
        "parents": list(request.parents),
        **({"stages": list(request.stages)} if request.stages != STAGES else {}),
    }


def stages_of(types: Mapping[str, tuple[str, ...]], kind: str) -> tuple[str, ...]:
    """Returns the stages of a type of sessions. UnknownNameError, with all `types`, where there is none."""
    return types[check_known("session type", kind, tuple(types))]


def session_documents(maker: SessionMaker, key: SessionKey, request: SessionRequest) -> Mapping[str, bytes]:
    """Returns what a new session begins with, by path in its folder.

    InvalidConfigurationError for a bad template.
    """
    project = maker.ledgers.project(key[0])
    values = TemplateValues(
        project=key[0],
        session=key[1],
        title=request.title or _title(request.name),
        type=request.type,
        date=maker.today,
        stack=project.state.stack if project else "",
        parents=request.parents,
    )
    documents = render_artifacts(maker.templates, values)
    return {
        path: text if STAGE_OF[path] in request.stages else _NOT_NEEDED for path, text in documents.items()
    }


def change_type(
    maker: SessionMaker, key: SessionKey, kind: str, stages: tuple[str, ...], reason: str
) -> tuple[str, ...] | None:
    """Gives a session another type; None where it has that already.

    Returns the paths of documents that were one line, and are to be written now. Stages that were moved stay,
    and so does every text.
    """
    tip = maker.ledgers.session(*key)
    if tip is None:
        raise no_ledger(key)
    refuse_deleted(tip.state)
    if not type_fits(key[1], kind) or tip.state.type == BLUEPRINT_TYPE:
        raise UsageError(f"{key[1]} is the blueprint session, which has a type of its own")
    if (tip.state.type, tip.state.needed) == (kind, stages):
        return None
    if not reason.strip():
        raise UsageError(
            "to change the type of a session needs a reason",
            cause="whoever reads the history will want to know why stages came or went",
            fix=(f'idse session set --type {kind} -m "why"',),
        )
    body = {"type": kind, "stages": list(stages), "reason": encodable(reason).strip()}
    after = maker.writer.append(*key, lambda _: Draft(DESCRIBED, body)) or tip
    there = maker.workspace.blobs(*key)
    wanted = [each for each in stages if each in there and each not in tip.state.stages_needed]
    return tuple(artifact_path(*key, stage) for stage in wanted if leave_document(maker, after, stage))


TEMPLATE = "template"
IN_LEDGER = "ledger"
INSTEAD = "instead"


def leave_document(maker: SessionMaker, tip: SessionTip, stage: str) -> str:
    """Writes the document of a stage into the session's folder where there is none to write yet.

    It is what the ledger has (IN_LEDGER), else the TEMPLATE; or that INSTEAD of the line that it is not
    needed. Returns which; "" where a document was there.
    """
    state = tip.state
    key = (state.project, state.session)
    path = artifact_path(*key, stage)
    request = SessionRequest(state.session, state.type, STAGES, state.title, state.parents, state.owner)
    template = session_documents(maker, key, request)[ARTIFACTS[stage]]
    blob = maker.ledgers.artifact_blobs(tip.commit).get(stage, "")
    data = maker.ledgers.blob(blob) if blob else None
    is_kept = data not in (None, _NOT_NEEDED)
    if maker.folders.write_new({path: data if data and is_kept else template}):
        return IN_LEDGER if is_kept else TEMPLATE
    return INSTEAD if maker.folders.replace_known(path, _NOT_NEEDED, template) else ""


def _check_request(request: SessionRequest, known: list[str]) -> None:
    label("the title", request.title)
    label("the owner", request.owner)
    if not type_fits(request.name, request.type):
        raise UsageError(f"the blueprint session, and no other, is called {BLUEPRINT}")
    for parent in request.parents:
        if parent not in known:
            raise UnknownNameError(
                f"there is no session {parent!r} to be a parent", fix=("idse session list",)
            )


def _title(name: str) -> str:
    if name == BLUEPRINT:
        return "Blueprint"
    words = name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:] or name


SETTABLE_STATUSES = ("draft", "active", "review")


def describe_session(writer: LedgerWriter, key: SessionKey, values: Mapping[str, object]) -> bool:
    """Sets `title`, `owner`, `tags` (a list) or `status` of a session; False when all stood so already."""
    if not values:
        raise UsageError("nothing to set", fix=("idse session set --help",))
    appended = False

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal appended
        if tip is None:
            raise no_ledger(key)
        refuse_deleted(tip.state)
        if tip.state.status == ARCHIVED_STATUS and "status" in values:
            raise UsageError(
                f"session {key[1]!r} is archived", fix=(f"idse session archive {key[1]} --undo",)
            )
        body = {name: _clean(name, value) for name, value in values.items()}
        new = {name: value for name, value in body.items() if _now(tip, name) != value}
        appended = bool(new)
        return Draft(DESCRIBED, new) if new else None

    writer.append(*key, plan)
    return appended


def archive_session(writer: LedgerWriter, key: SessionKey, reason: str, *, undo: bool) -> bool:
    """Archives a session, or brings it back with `undo`; False when it stood so already."""
    appended = False

    def plan(tip: SessionTip | None) -> Draft | None:
        nonlocal appended
        if tip is None:
            raise no_ledger(key)
        refuse_deleted(tip.state)
        appended = (tip.state.status == ARCHIVED_STATUS) == undo
        body = {**({"restored": True} if undo else {}), **({"reason": encodable(reason)} if reason else {})}
        return Draft(ARCHIVED, body) if appended else None

    writer.append(*key, plan)
    return appended


def _now(tip: SessionTip, name: str) -> object:
    value = getattr(tip.state, name)
    return list(value) if isinstance(value, tuple) else value


def _clean(name: str, value: object) -> object:
    if isinstance(value, list | tuple):
        return [label("a tag", str(item)) for item in value]
    return label(f"the {name}", str(value))


def switch_session(workspace: SessionFolders, views: Views, key: SessionKey) -> bool:
    """Makes `key` the current session here and rewrites the views; False if it was current already."""
    changed = workspace.current() != key
    if changed or workspace.current(key[0]) != key:
        workspace.set_current(*key)
    views.write(key)
    return changed
