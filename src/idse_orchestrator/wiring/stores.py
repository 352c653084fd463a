"""Builds the application for a folder without git: the same use cases, on a store and on plain files.

Which store, in this order: ``--store`` or ``IDSE_STORE`` · git, in a repository · the store that stands in
``.idse/store`` of this folder or one above. Nothing of it is looked at where git answers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, NoReturn, cast

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import STORE_FOLDER, WORKSPACE
from idse_orchestrator.errors import UnknownStoreError
from idse_orchestrator.stores.known_stores import FILESYSTEM, open_store
from idse_orchestrator.stores.plain_documents import LOCAL_FOLDER, IgnoringFiles, NoGit, NoSettings, Place
from idse_orchestrator.stores.plain_ledgers import Folders
from idse_orchestrator.wiring.use_cases import UseCases

if TYPE_CHECKING:
    from idse_orchestrator.agents.work_tree_files import GitAgentFiles
    from idse_orchestrator.claims.session import Blueprint
    from idse_orchestrator.documents.project_workspace import ArtifactReader
    from idse_orchestrator.ledger.defects import Defect
    from idse_orchestrator.ledger.entries import LedgerHistory
    from idse_orchestrator.ledger.fsck import FoundRef
    from idse_orchestrator.ledger.merge.conflicts import ConflictPlace
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.writer import LedgerWriter
    from idse_orchestrator.sessions.choice import Choice, Source
    from idse_orchestrator.sessions.configuration import Layers
    from idse_orchestrator.sessions.create_session import SessionMaker
    from idse_orchestrator.sessions.trees import Trees
    from idse_orchestrator.stores.copy_ledgers import CopyOutcome
    from idse_orchestrator.stores.design_store import DesignStore
    from idse_orchestrator.stores.plain_ledger_source import StoreLedgerSource
    from idse_orchestrator.stores.plain_workspace import PlainWorkspace
    from idse_orchestrator.wiring.acting import PlainActing
    from idse_orchestrator.wiring.application import Application


class Chosen(NamedTuple):
    """A store by name, where its ledgers are, and the folder of the project."""

    name: str
    location: str
    root: str


_OF_GIT = frozenset(
    {
        "commits",
        "footprint",
        "git_configuration",
        "joiner",
        "judge_index",
        "missed",
        "record_missed",
        "carry_rules",
        "branches",
        "code_commits",
        "recorder",
        "vault",
        "write_waiting_notes",
    }
)


class NoSync(NoGit):
    """Where there is no git to sync with: ledgers come and go by `idse import` and `idse export`."""

    def ledgers_elsewhere(self) -> None:
        """Nowhere."""

    def tidy(self) -> None:
        """There is nothing to pack."""

    def remembered(self) -> dict[str, str]:
        """Nothing."""
        return {}


class StoreApplication(UseCases):
    """Everything a command can use in a folder without git; what needs git raises NeedsGitError."""

    has_git = False

    def __init__(self, chosen: Chosen, folder: str, environment: Mapping[str, str]) -> None:
        prefix = os.path.relpath(os.path.realpath(folder), os.path.realpath(chosen.root))
        inner = "" if prefix == "." else prefix.replace(os.sep, "/") + "/"
        self.folder = folder
        self.environment = environment
        self.place = Place(chosen.root, inner, chosen.name)
        self._chosen = chosen

    @property
    def top(self) -> str:
        """The folder of the project."""
        return self.place.top

    @property
    def prefix(self) -> str:
        """The folder we stand in, below `top`: "" or "a/b/"."""
        return self.place.prefix

    @property
    def private(self) -> str:
        """The folder for idse's own files that no one else reads."""
        return self.place.private

    @property
    def work_tree(self) -> Place:
        """What has the folders of a work tree, and refuses to be asked for its git."""
        return self.place

    def __getattr__(self, name: str) -> NoGit:
        """Returns what only a repository has."""
        if name not in _OF_GIT:
            raise AttributeError(name)
        return NoGit(self.place)

    def hook_files(self) -> NoGit:
        """There are none."""
        return NoGit(self.place)

    @property
    def agent_files(self) -> GitAgentFiles:
        """The files of this folder that tell coding agents about idse."""
        from idse_orchestrator.agents.work_tree_files import GitAgentFiles

        return GitAgentFiles(self.place.top, self.place.git_dir)

    @cached_property
    def store(self) -> DesignStore:
        """The store."""
        return open_store(self._chosen.name, self._chosen.location)

    @cached_property
    def _folders(self) -> Folders:
        return Folders(self.store)

    @cached_property
    def reader(self) -> LedgerReader:
        """Ledgers, to read."""
        from idse_orchestrator.stores.plain_ledgers import StoreLedgerReader

        return StoreLedgerReader(self.store, self._folders)

    @cached_property
    def writer(self) -> LedgerWriter:
        """Ledgers, to append to."""
        return self._writer(self._who)

    def writer_as(self, agent: str) -> LedgerWriter:
        """Returns the same, with `agent` acting ("" : a person), whatever is configured."""
        return self._writer(self._who.as_agent(agent))

    def _writer(self, actor: PlainActing) -> LedgerWriter:
        from idse_orchestrator.wiring.ledgers import store_writer

        return store_writer(self.private, self.store, self._folders, actor)

    @property
    def _who(self) -> PlainActing:
        from idse_orchestrator.wiring.acting import PlainActing

        return PlainActing(self.place.private, self.environment, lambda: self.agent)

    @cached_property
    def workspace(self) -> PlainWorkspace:
        """The documents of this folder."""
        from idse_orchestrator.stores.plain_workspace import PlainWorkspace

        return PlainWorkspace(self.place, self.store, self._folders)

    @cached_property
    def history(self) -> LedgerHistory:
        """Ledgers, to look back at."""
        from idse_orchestrator.stores.plain_history import StoreHistory
        from idse_orchestrator.wiring.ledgers import KINDS

        return StoreHistory(self.store, self._folders, KINDS.words)

    def conflicts(self, sessions: Sequence[str]) -> Sequence[ConflictPlace]:
        """Returns where ledgers of `sessions` ("project/session") hold conflicts between markers."""
        from idse_orchestrator.ledger.merge.conflicts import ConflictPlace
        from idse_orchestrator.ledger.refs import SESSIONS

        looks = {name: self.reader.look(*name.split("/", 1)) for name in sessions if "/" in name}
        return [
            ConflictPlace(f"{SESSIONS}{name}", path, line)
            for name, look in looks.items()
            if look
            for path, line in look.conflicts.items()
        ]

    @cached_property
    def trees(self) -> Trees:
        """Folders of documents, to compare."""
        from idse_orchestrator.stores.plain_history import StoreTrees

        return StoreTrees(self.store, self._folders)

    @cached_property
    def layers(self) -> Layers:
        """Where settings come from."""
        from idse_orchestrator.wiring.acting import PlainLayers

        return PlainLayers(self.environment)

    @property
    def settings(self) -> NoSettings:
        """There are no git settings to make."""
        return NoSettings()

    @property
    def session_maker(self) -> SessionMaker:
        """What making sessions needs."""
        from idse_orchestrator.sessions.create_session import SessionMaker

        folders = IgnoringFiles(self.top, self.private)
        return SessionMaker(
            self.reader, self.writer, self.workspace, self.views, folders, self.templates, self.today
        )

    def documents(self, places: Sequence[str]) -> ArtifactReader:
        """Returns the documents of this folder, to judge."""
        from idse_orchestrator.stores.plain_documents import FolderDocuments

        return FolderDocuments(self.top, tuple(places))

    def source(self, choice: Choice) -> Source:
        """Returns the documents that `choice` names; NeedsGitError for commits and the index."""
        from idse_orchestrator.stores.plain_documents import open_plain_source

        return open_plain_source(self.place, self.store, choice)

    def blueprint(self, project: str, on_progress: Callable[[int, int], None] | None = None) -> Blueprint:
        """Returns what the use cases of blueprint claims work with."""
        from idse_orchestrator.claims.session import Blueprint, GitBlueprintFile
        from idse_orchestrator.stores.plain_ledgers import StoreLedgerDocuments

        documents, file = StoreLedgerDocuments(self.store), GitBlueprintFile(self.top)
        progress = on_progress or (lambda _done, _all: None)
        return Blueprint(project, self.reader, lambda: self.writer, documents, file, progress)

    @cached_property
    def ledger_source(self) -> StoreLedgerSource:
        """Everything in the store as it is, to check it."""
        from idse_orchestrator.stores.plain_ledger_source import StoreLedgerSource
        from idse_orchestrator.wiring.ledgers import KINDS

        return StoreLedgerSource(self.store, KINDS)

    def expected_merge(self, ref: str, parents: Sequence[str]) -> str:  # noqa: ARG002 - as of a repository
        """Returns the merge that is there.

        That it is the right one is judged when it comes into a repository.
        """
        return self.ledger_source.merge_of(parents)

    def sync_problems(self, refs: Sequence[FoundRef]) -> Iterator[Defect]:  # noqa: ARG002 - the same
        """None: a store has no sync points."""
        return iter(())

    @property
    def sync(self) -> NoSync:
        """What syncs with nobody."""
        return NoSync(self.place)

    def drain_spool(self) -> None:
        """Nothing waits for anything: there are no commits."""

    def health_checks(self) -> NoReturn:
        """None: what `idse doctor` looks after is git's."""
        raise self.place.needs_git()

    def committed(self, rev: str, places: Sequence[str], *, is_known: bool = False) -> NoReturn:  # noqa: ARG002 - a port
        """There are no commits."""
        raise self.place.needs_git()

    def import_store(self, source: DesignStore, on_progress: Callable[[str], None]) -> CopyOutcome:
        """Takes the ledgers of another store in, as far as they only add to those here; views follow."""
        from idse_orchestrator.stores.copy_ledgers import all_keys, copy_ledgers
        from idse_orchestrator.stores.plain_ledger_source import problem_with
        from idse_orchestrator.wiring.ledgers import KINDS

        outcome = copy_ledgers(
            source, self.store, all_keys(source), partial(problem_with, KINDS), on_progress
        )
        self.views.refresh_all()
        return outcome


def application_on(asked: str, folder: str, environment: Mapping[str, str]) -> Application:
    """Returns the application on the store `asked`: a name, or ``NAME:PLACE``. UnknownStoreError.

    To commands it is an `Application`, which refuses what only a repository has when it is used.
    """
    name, _, place = asked.partition(":")
    root = _above(folder, WORKSPACE) or folder
    location = os.path.abspath(os.path.join(root, place or STORE_FOLDER))
    return cast("Application", StoreApplication(Chosen(name, location, root), folder, environment))


def application_found(folder: str, environment: Mapping[str, str]) -> Application | None:
    """Returns the application on the store that stands in `folder` or above; None where none does.

    One that stands in a repository is passed by: a branch may have carried it there.
    """
    from idse_orchestrator.stores.entry_files import MARKER

    root = _above(folder, f"{STORE_FOLDER}/{MARKER}")
    if root is None or _above(root, ".git") is not None:
        return None
    location = os.path.join(root, *STORE_FOLDER.split("/"))
    return cast("Application", StoreApplication(Chosen(FILESYSTEM, location, root), folder, environment))


def refuse_unnamed_store(folder: str) -> None:
    """Raises UnknownStoreError where `folder` is in a project whose ledgers are in a store somewhere else.

    Whoever forgot its name would otherwise be told to begin a repository, and have two histories.
    """
    root = _above(folder, LOCAL_FOLDER)
    if root is None or _above(root, ".git") is not None:
        return
    raise UnknownStoreError(
        "the ledgers of this project are in a store that was not named",
        where=root,
        cause="it was begun without git, and there is no store in .idse/store",
        fix=("export IDSE_STORE=NAME:PLACE", "idse --store NAME:PLACE status"),
    )


def _above(folder: str, path: str) -> str | None:
    """Returns the nearest folder, `folder` or one above, in which `path` stands."""
    place = os.path.abspath(folder)
    while not os.path.exists(os.path.join(place, *path.split("/"))):
        above = os.path.dirname(place)
        if above == place:
            return None
        place = above
    return place
