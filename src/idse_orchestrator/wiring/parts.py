"""The parts that use cases are made of, wherever the ledgers are: in git, or in a store without it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Layer
    from idse_orchestrator.constitution.validate import Code, Placing
    from idse_orchestrator.documents.project_workspace import ArtifactReader
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.pipeline.writer import LedgerWriter
    from idse_orchestrator.sessions.choice import Choice, Source
    from idse_orchestrator.sessions.configuration import Layers
    from idse_orchestrator.sessions.ports import SessionFolders
    from idse_orchestrator.sessions.resolve import Asking
    from idse_orchestrator.sessions.trees import Trees
    from idse_orchestrator.sessions.views import Views
    from idse_orchestrator.stores.plain_workspace import PlainWorkspace
    from idse_orchestrator.worktree.code_drift import CodeDrift
    from idse_orchestrator.worktree.workspace import GitWorkspace


class Parts(ABC):
    """Parts are made when they are first asked for, so a status pays for reading only.

    `folder` is where we stand, and `environment` what surrounds the process.
    """

    folder: str
    environment: Mapping[str, str]

    @property
    @abstractmethod
    def top(self) -> str:
        """The folder of the documents; UnsupportedRepositoryError in a bare repository."""

    @property
    @abstractmethod
    def prefix(self) -> str:
        """The folder we stand in, below `top`: "" or "a/b/"."""

    @property
    @abstractmethod
    def private(self) -> str:
        """The folder for idse's own files that no one else reads: locks, caches, spool, log."""

    @property
    @abstractmethod
    def reader(self) -> LedgerReader:
        """Ledgers, to read."""

    @property
    @abstractmethod
    def writer(self) -> LedgerWriter:
        """Ledgers, to append to."""

    @abstractmethod
    def writer_as(self, agent: str) -> LedgerWriter:
        """Returns the same, with `agent` acting ("" : a person), whatever is configured."""

    @property
    @abstractmethod
    def workspace(self) -> GitWorkspace | PlainWorkspace:
        """The documents, to edit."""

    @property
    @abstractmethod
    def trees(self) -> Trees:
        """Folders of documents in ledgers, to compare."""

    @property
    @abstractmethod
    def layers(self) -> Layers:
        """Where settings come from."""

    @abstractmethod
    def documents(self, places: Sequence[str]) -> ArtifactReader:
        """Returns the documents in or at `places`, to judge."""

    @abstractmethod
    def source(self, choice: Choice) -> Source:
        """Returns the documents that `choice` names, to judge."""

    @abstractmethod
    def committed(self, rev: str, places: Sequence[str], *, is_known: bool = False) -> ArtifactReader:
        """Returns the documents of the code commit `rev` in or at `places`.

        NeedsGitError where there is no git.
        """

    def code(self, rev: str) -> Code | None:  # noqa: ARG002 - there is none without git
        """Returns the code at `rev` ("" : what is checked out), for evidence; None where there is none."""
        return None

    def placing(self, choice: Choice) -> Placing | None:  # noqa: ARG002 - the same
        """Returns the commits that `choice` is about, to find code out of place; None for none."""
        return None

    def misplaced_code(self) -> str:
        """Returns the setting that says what is done about code out of place."""
        return self.setting("misplaced-code")

    def keep_code_rule(self, *, is_error: bool) -> None:  # noqa: B027 - no hook, nothing to keep
        """Keeps for the hook in sh whether the rules here have commits of code judged."""

    def agency_rules(self) -> Sequence[Layer]:
        """Returns the rules of the Agency that are kept here, as layers over the project's own."""
        return ()

    @property
    def drifting(self) -> CodeDrift | None:
        """The code here beside that of complete implementations; None where there is none."""
        return None

    def known_drift(self, key: SessionKey, tip: str, state: SessionState) -> int:  # noqa: ARG002 - the same
        """Returns how many commits drifted from what a session built, as far as that is quickly told."""
        return 0

    @property
    def current(self) -> SessionFolders:
        """What says which session is current."""
        return self.workspace

    @cached_property
    def views(self) -> Views:
        """Files for people and agents to read, made from the refs."""
        from idse_orchestrator.agents.registry import refresh_registry_view
        from idse_orchestrator.sessions.views import Views

        others = partial(refresh_registry_view, self.reader, self.workspace)
        return Views(self.reader, self.workspace, others)

    def setting(self, key: str) -> str:
        """Returns the value of a setting in force here; "" where nobody set it."""
        from idse_orchestrator.sessions.configuration import get_setting

        return get_setting(self.layers, key).value

    @property
    def agent(self) -> str:
        """The agent that acts for the person; "" when a person does."""
        return self.environment.get("IDSE_AGENT") or self.setting("agent")

    @property
    def today(self) -> str:
        """The date in UTC as ISO text."""
        return time.strftime("%Y-%m-%d", time.gmtime())

    @property
    def asking(self) -> Asking:
        """Who asks: names, the folder we stand in and IDSE_PROJECT."""
        from idse_orchestrator.sessions.resolve import Asking

        project = self.environment.get("IDSE_PROJECT", "")
        default = partial(self.setting, "project")
        return Asking(
            self.reader,
            self.current,
            self.prefix,
            project,
            default,
            self.known_states,
            self.session_of_branch,
        )

    def known_states(self, project: str) -> Mapping[SessionKey, SessionState]:
        """Returns the states of the sessions of `project` that can be read."""
        from idse_orchestrator.sessions.resolve import sound_states

        return sound_states(self.reader, project)

    def session_of_branch(self) -> SessionKey | None:
        """Returns the session that the branch belongs to that is checked out; None for none."""
        return None

    def resolve_project(self, option: str | None) -> str:
        """See `sessions.resolve.resolve_project`."""
        from idse_orchestrator.sessions import resolve

        return resolve.resolve_project(self.asking, option)

    def resolve_session(self, option: str | None, name: str | None = None) -> SessionKey:
        """See `sessions.resolve.resolve_session`."""
        from idse_orchestrator.sessions import resolve

        return resolve.resolve_session(self.asking, option, name)
