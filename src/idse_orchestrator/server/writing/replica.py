"""What the server writes into ledgers: each use case makes events, as a clone would, for one who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from idse_orchestrator.agents.hand_over import HandoffContext, answer_handoff, request_handoff
from idse_orchestrator.agents.ide_agent_routing import additions
from idse_orchestrator.agents.registry import registry_of
from idse_orchestrator.base.files import shipped_folder
from idse_orchestrator.base.names import check_name, check_new_name
from idse_orchestrator.base.text import encodable, label, one_line
from idse_orchestrator.documents.project_workspace import session_folder
from idse_orchestrator.errors import GateError, InvalidArtifactError, NameTakenError, UnknownNameError
from idse_orchestrator.ledger.events import CREATED, EDITED, Draft
from idse_orchestrator.pipeline.reader import GitLedgerReader
from idse_orchestrator.server.model.examination import report_of
from idse_orchestrator.server.writing.documents import NewFolder, TipDocuments, check_documents
from idse_orchestrator.server.writing.private_objects import PrivateBackend, PrivateWriter
from idse_orchestrator.sessions.create_session import (
    SessionMaker,
    SessionRequest,
    create_session,
    stages_of,
)
from idse_orchestrator.sessions.move_stage import Moving, move_stages
from idse_orchestrator.sessions.status import no_ledger, refuse_deleted, same_lists
from idse_orchestrator.sessions.template_folder import TemplateFolders
from idse_orchestrator.sessions.views import Views

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Report
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.ledger.kinds import Kinds
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.pipeline.values import Look, ProjectTip, SessionTip
    from idse_orchestrator.server.model.examination import Examined
    from idse_orchestrator.sessions.ports import Move

SOURCE = "agency"
"""What an edit of the server says of itself."""
Examine = Callable[[str, str, str, str], "Examined"]
"""Asks the judge about project, session, tip and stage."""


class Replica:
    """A repository for one write: it reads the store, and what it makes goes to the private `folder`."""

    def __init__(
        self, vault: Vault, kinds: Kinds, backend: PrivateBackend, folder: str, examine: Examine, today: str
    ) -> None:
        self._examine = examine
        self._today = today
        self.backend = backend
        self.reader = GitLedgerReader(vault)
        self.writer = PrivateWriter(folder, kinds, backend)

    def look(self, key: SessionKey) -> Look:
        """Looks once at a session's ledger; UnknownNameError where it has none."""
        look = self.reader.look(*key)
        if look is None:
            raise no_ledger(key)
        return look

    def edit(self, key: SessionKey, documents: Mapping[str, bytes], reason: str = "") -> None:
        """Writes `documents`, by path in the session's folder; nothing where they stand so already."""
        tip = self.look(key).tip
        refuse_deleted(tip.state)
        known = self.reader.tree_files(tip.artifacts)
        check_documents(session_folder(*key), documents, known)
        try:
            tree, files = self.backend.folder_of(documents, known)
        except ValueError as error:
            raise InvalidArtifactError(
                "this document cannot enter a ledger", where=session_folder(*key), cause=str(error)
            ) from error
        changed = {path: blob for path, blob in files.items() if known.get(path) != blob}
        if not changed:
            return
        body: dict[str, object] = {"changed": changed, "source": SOURCE}
        if reason.strip():
            body["reason"] = encodable(reason).strip()

        def plan(_tip: SessionTip | None) -> Draft:
            return Draft(EDITED, body, tree)

        self.writer.append(*key, plan)

    def move(self, key: SessionKey, move: Move) -> None:
        """Moves a stage, if its gate holds. GateError, ConflictError, UsageError, UnknownNameError."""
        look = self.look(key)
        documents = TipDocuments(self.reader, look.tip)

        told: Mapping[str, Any] = {}

        def gate(key: SessionKey, stage: str, _state: SessionState) -> Report:
            nonlocal told
            told = self._examine(*key, look.tip.commit, stage).report
            return report_of(told)

        moving = Moving(
            key,
            look,
            same_lists(self.reader, documents, key),
            self.writer,
            documents,
            gate,
            partial(additions, registry_of(look)),
        )
        try:
            move_stages(moving, (move,))
        except GateError as error:
            error.findings = told.get("findings", ())
            raise

    def request_handoff(self, key: SessionKey, to_agent: str, stage: str, reason: str, agent: str) -> None:
        """Asks an agent to go on; `agent` asks ("" : a person). See `agents.hand_over.request_handoff`."""
        request_handoff(self._handing_over(key, agent), key, to_agent, stage, reason)

    def answer_handoff(self, key: SessionKey, action: str, name: str, reason: str, agent: str) -> None:
        """Answers a handoff; see `agents.hand_over.answer_handoff`."""
        answer_handoff(self._handing_over(key, agent), key, action, name, reason)

    def _handing_over(self, key: SessionKey, agent: str) -> HandoffContext:
        return HandoffContext(self.reader, self.writer, TipDocuments(self.reader, self.look(key).tip), agent)

    def make_session(self, project: str, request: SessionRequest, kind: str) -> None:
        """Makes a session of a type, with documents from the templates that are shipped.

        UnknownNameError for a project, a parent or a type that is not there; NameTakenError and
        InvalidNameError for the name.
        """
        if self.reader.project(project) is None:
            raise UnknownNameError(f"there is no project {project!r}")
        types = {name: tuple(stages) for name, stages in self._examine(project, "", "", "").types.items()}
        folder = NewFolder(self.backend)
        maker = SessionMaker(
            self.reader,
            self.writer,
            folder,
            Views(self.reader, folder),
            folder,
            TemplateFolders(shipped_folder("templates")),
            self._today,
        )
        request = SessionRequest(
            request.name, kind, stages_of(types, kind), request.title, request.parents, request.owner
        )
        if (project, request.name) in self.reader.sessions(project):
            raise NameTakenError(f"session {request.name!r} exists already")
        create_session(maker, project, request)

    def make_project(self, name: str, stack: str) -> None:
        """Begins the ledger of a project. NameTakenError, InvalidNameError."""
        known = self.reader.projects()
        check_name("project", name)
        if name in known:
            raise NameTakenError(f"project {name!r} exists already")
        check_new_name("project", name, known)
        said = one_line(label("the stack", stack))

        def plan(_tip: ProjectTip | None) -> Draft:
            return Draft(CREATED, {"project": name, "stack": said})

        self.writer.append_to_project(name, plan)
