"""Builds the application from its parts: the one file that knows every adapter.

Parts are made when they are first asked for, so a status pays for reading only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from idse_orchestrator.app import resolve
from idse_orchestrator.errors import IdseError
from idse_orchestrator.git.ledger.reader import GitLedgerReader
from idse_orchestrator.git.repository import Repository, discover
from idse_orchestrator.git.worktree.workspace import GitWorkspace

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from idse_orchestrator.app.configuration import Layers
    from idse_orchestrator.app.create_session import SessionMaker
    from idse_orchestrator.app.doctor import Check
    from idse_orchestrator.app.examination import Examiner, Progress
    from idse_orchestrator.app.fsck import LedgerSource
    from idse_orchestrator.app.history import LedgerHistory, Trees
    from idse_orchestrator.app.hooks import HookFiles
    from idse_orchestrator.app.ports import CodeCommits, LedgerReader, LedgerWriter, SessionKey, Workspace
    from idse_orchestrator.app.record_commit import Recorder
    from idse_orchestrator.app.render_artifacts import TemplateSource
    from idse_orchestrator.app.scope import Scope
    from idse_orchestrator.app.uninstall import Footprint
    from idse_orchestrator.app.validate import Validation
    from idse_orchestrator.app.validation_choice import Choice
    from idse_orchestrator.app.waive_rule import Waivers
    from idse_orchestrator.domain.artifact_reader import ArtifactReader
    from idse_orchestrator.domain.constitution_rules import Constitution
    from idse_orchestrator.domain.findings import Report
    from idse_orchestrator.git.settings import GitSettings
    from idse_orchestrator.stores.installed_checks import InstalledChecks


class Application:
    """Everything a command can use in the repository around `folder`, given an `environment`."""

    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.repository: Repository = discover(folder)

    @cached_property
    def reader(self) -> LedgerReader:
        """Ledgers, to read."""
        return GitLedgerReader(self.repository)

    @cached_property
    def writer(self) -> LedgerWriter:
        """Ledgers, to append to; commits that waited for their notes get them first."""
        from idse_orchestrator.git.ledger.writer import GitLedgerWriter

        self.drain_spool()
        return GitLedgerWriter(self.repository, self.agent)

    @cached_property
    def workspace(self) -> Workspace:
        """The documents of this work tree."""
        return GitWorkspace(self.repository)

    @cached_property
    def history(self) -> LedgerHistory:
        """Ledgers, to look back at."""
        from idse_orchestrator.git.ledger.entries import GitLedgerHistory

        return GitLedgerHistory(self.repository)

    @cached_property
    def trees(self) -> Trees:
        """Trees of artifacts, to compare."""
        from idse_orchestrator.git.worktree.tree_diff import GitTrees

        return GitTrees(self.repository)

    @property
    def agent(self) -> str:
        """The agent that acts for the git identity; "" when a person does."""
        return self.environment.get("IDSE_AGENT") or self._configured("agent")

    @cached_property
    def layers(self) -> Layers:
        """Where settings come from."""
        from idse_orchestrator.git.layers import GitLayers

        return GitLayers(self.repository.git, self.environment)

    def _configured(self, key: str) -> str:
        from idse_orchestrator.app.configuration import get_setting

        return get_setting(self.layers, key).value

    @property
    def today(self) -> str:
        """The date in UTC as ISO text."""
        import time

        return time.strftime("%Y-%m-%d", time.gmtime())

    def resolve_project(self, option: str | None) -> str:
        """See `app.resolve.resolve_project`."""
        return resolve.resolve_project(self.asking, option)

    def resolve_session(self, option: str | None, name: str | None = None) -> SessionKey:
        """See `app.resolve.resolve_session`."""
        return resolve.resolve_session(self.asking, option, name)

    @property
    def asking(self) -> resolve.Asking:
        """Who asks: names, the folder we stand in and IDSE_PROJECT."""
        return resolve.Asking(
            self.reader,
            self.workspace,
            self.repository.prefix,
            self.environment.get("IDSE_PROJECT", ""),
            lambda: self._configured("project"),
        )

    def examiner(self, reader: ArtifactReader, on_progress: Progress | None = None) -> Examiner:
        """The ValidationEngine with the constitution that `reader` sees."""
        from idse_orchestrator.app.constitution_source import constitution_in
        from idse_orchestrator.app.examination import Examiner, quiet
        from idse_orchestrator.git.verdict_cache import verdict_cache_of

        cache = verdict_cache_of(self.repository)
        extra = self._extra_checks(reader)
        rules = constitution_in(reader, cache, extra.checks, extra.id)
        return Examiner(rules, cache, extra.checks, on_progress or quiet)

    def _extra_checks(self, reader: ArtifactReader) -> InstalledChecks:
        """Check verbs of installed packages. Only a project's own rules can name them, so most never ask."""
        from idse_orchestrator.domain.project_workspace import CONSTITUTION_PATH
        from idse_orchestrator.stores.installed_checks import installed_checks

        if CONSTITUTION_PATH not in reader.paths():
            return installed_checks(())
        return installed_checks(self._configured("checks").replace(",", " ").split())

    def validation(
        self,
        reader: ArtifactReader,
        *,
        views: Mapping[str, bytes] | None = None,
        on_progress: Progress | None = None,
    ) -> Validation:
        """What `app.validate` needs to judge the documents of `reader`."""
        from idse_orchestrator.app.validate import Validation

        return Validation(reader, self.examiner(reader, on_progress), self.reader, self.today, views)

    def validation_of(self, choice: Choice, on_progress: Progress | None = None) -> tuple[Validation, Scope]:
        """What `app.validate` needs to judge the documents that `choice` names, and which of them."""
        from idse_orchestrator.app.validate import Validation
        from idse_orchestrator.app.validation_choice import WORKTREE
        from idse_orchestrator.app.views import expected_views
        from idse_orchestrator.git.sources import open_source

        source = open_source(self.repository, self.environment, choice)
        views = expected_views(self.reader, self.workspace) if choice.kind == WORKTREE else None
        examiner = self.examiner(source.rules, on_progress)
        return Validation(source.reader, examiner, self.reader, self.today, views), source.scope

    @cached_property
    def constitution(self) -> Constitution:
        """The rules in force in this work tree."""
        from idse_orchestrator.domain.project_workspace import CONSTITUTION_PATH
        from idse_orchestrator.git.readers.worktree import WorktreeReader

        return self.examiner(WorktreeReader(self.repository, (CONSTITUTION_PATH,))).constitution

    @property
    def waivers(self) -> Waivers:
        """What `app.waive_rule` works with."""
        from idse_orchestrator.app.waive_rule import Waivers

        return Waivers(self.constitution, self.reader, self.writer, self.workspace, self.today)

    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes that begin a project or adopt one waiting until the block ends."""
        from idse_orchestrator.git.ledger.lock import ledger_lock

        return ledger_lock(self.repository, name="init.lock")

    def hook_files(self) -> HookFiles:
        """The hook files of this repository."""
        from idse_orchestrator.git.hooks.files import GitHookFiles

        return GitHookFiles(self.repository)

    @property
    def settings(self) -> GitSettings:
        """The git settings that idse makes."""
        from idse_orchestrator.git.settings import GitSettings

        return GitSettings(self.repository)

    @property
    def session_maker(self) -> SessionMaker:
        """What making sessions needs."""
        from idse_orchestrator.app.create_session import SessionMaker
        from idse_orchestrator.git.worktree.work_files import WorkFiles

        files = WorkFiles(self.repository)
        return SessionMaker(self.reader, self.writer, self.workspace, files, self.templates, self.today)

    @property
    def templates(self) -> TemplateSource:
        """The shipped templates, and the project's own before them."""
        import os

        from idse_orchestrator.domain.project_workspace import TEMPLATES_FOLDER
        from idse_orchestrator.resources import shipped_folder
        from idse_orchestrator.stores.template_folder import TemplateFolders

        own = os.path.join(self.repository.toplevel, TEMPLATES_FOLDER)
        return TemplateFolders(shipped_folder("templates"), own)

    def gate(self, key: SessionKey, stage: str) -> Report:
        """What would be wrong if `stage` were complete with the documents of this work tree."""
        from idse_orchestrator.app.scope import Scope, places
        from idse_orchestrator.app.validate import gate
        from idse_orchestrator.git.readers.worktree import WorktreeReader

        reader = WorktreeReader(self.repository, places(Scope(*key)))
        return gate(self.validation(reader), *key, stage)

    def judge(self, commit: str, key: SessionKey) -> Report:
        """What the ValidationEngine says of one session in a code commit."""
        from idse_orchestrator.app.scope import Scope, places
        from idse_orchestrator.app.validate import validate
        from idse_orchestrator.git.readers.commit import CommitReader

        scope = Scope(*key)
        return validate(
            self.validation(CommitReader(self.repository, commit, places(scope), is_known=True)), scope
        )

    def judge_index(self) -> Report:
        """What the ValidationEngine says of the commit that git is about to make."""
        from idse_orchestrator.app.scope import Changes, Scope, places
        from idse_orchestrator.app.validate import validate
        from idse_orchestrator.git.readers.comparison import compare_index
        from idse_orchestrator.git.readers.index import IndexReader

        found = compare_index(self.repository, self.environment)
        scope = Scope(changes=Changes(found.paths, found.sessions))
        reader = IndexReader(self.repository, self.environment, places(scope))
        return validate(self.validation(reader), scope)

    @cached_property
    def commits(self) -> CodeCommits:
        """The commits of the user's branch."""
        from idse_orchestrator.git.code_commits import GitCodeCommits

        return GitCodeCommits(self.repository)

    @property
    def recorder(self) -> Recorder:
        """What recording a code commit needs."""
        from idse_orchestrator.app.record_commit import Recorder
        from idse_orchestrator.git.notes import GitNotes

        notes = GitNotes(self.repository)
        return Recorder(self.reader, self.writer, self.workspace, self.commits, notes, self.judge)

    def drain_spool(self) -> None:
        """Give the commits that wait for a note theirs. A spool that cannot be drained now waits on."""
        from idse_orchestrator.git.spool import drain

        try:
            drain(self.repository)
        except IdseError as error:
            self.log(f"spool: {error.message}")

    @cached_property
    def ledger_source(self) -> LedgerSource:
        """Everything under ``refs/idse/`` as it is, to check it."""
        from idse_orchestrator.git.replay.source import GitLedgerSource

        return GitLedgerSource(self.repository)

    def health_checks(self) -> Iterator[Check]:
        """What `idse doctor` looks at, in order."""
        from idse_orchestrator.app.health import Patient, checks_of
        from idse_orchestrator.git.health.checks import leftover_checks, machine_checks
        from idse_orchestrator.git.health.current_refs import GitWorkTree

        yield from machine_checks(self.repository, self.environment)
        yield from leftover_checks(self.repository)
        work_tree = GitWorkTree(self.repository)
        yield from checks_of(
            Patient(self.reader, self.workspace, self.hook_files(), work_tree, self.templates)
        )

    @property
    def footprint(self) -> Footprint:
        """What idse left in this repository."""
        from idse_orchestrator.git.health.footprint import GitFootprint

        return GitFootprint(self.repository)

    def log(self, text: str) -> None:
        """Add a line to the log in the git directory; a log that cannot be written stops nothing."""
        from idse_orchestrator.git.private_log import write_log

        write_log(self.repository, text)
