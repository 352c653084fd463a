"""The application in a repository: every part that git gives, and what only a repository has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, cast

from idse_orchestrator.documents.project_workspace import IMPLEMENTATION
from idse_orchestrator.errors import IdseError
from idse_orchestrator.pipeline.stage_state_model import COMPLETE
from idse_orchestrator.wiring.use_cases import UseCases
from idse_orchestrator.worktree.work_tree import WorkTree, discover, needs_work_tree

if TYPE_CHECKING:
    from idse_orchestrator.agents.work_tree_files import GitAgentFiles
    from idse_orchestrator.base.checkup import Check
    from idse_orchestrator.claims.session import Blueprint
    from idse_orchestrator.constitution.rules import Layer, Report
    from idse_orchestrator.constitution.validate import Code, Placing
    from idse_orchestrator.documents.project_workspace import ArtifactReader
    from idse_orchestrator.git.configuration import GitConfiguration
    from idse_orchestrator.git.vault import Vault
    from idse_orchestrator.health.footprint import GitFootprint
    from idse_orchestrator.ledger.defects import Defect
    from idse_orchestrator.ledger.entries import LedgerHistory
    from idse_orchestrator.ledger.events import Actor, SessionKey
    from idse_orchestrator.ledger.fsck import FoundRef, LedgerSource
    from idse_orchestrator.ledger.merge.conflicts import ConflictPlace
    from idse_orchestrator.ledger.merge.joiner import GitJoiner
    from idse_orchestrator.ledger.note_tree import GitSettings
    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.pipeline.writer import LedgerWriter
    from idse_orchestrator.sessions.choice import Choice, Source
    from idse_orchestrator.sessions.configuration import Layers
    from idse_orchestrator.sessions.create_session import SessionMaker
    from idse_orchestrator.sessions.ports import SessionFolders
    from idse_orchestrator.sessions.trees import Trees
    from idse_orchestrator.stores.copy_ledgers import CopyOutcome
    from idse_orchestrator.stores.design_store import DesignStore
    from idse_orchestrator.wiring.acting import GitActing, GivenActing
    from idse_orchestrator.wiring.sync import Sync
    from idse_orchestrator.worktree.branches import GitBranches
    from idse_orchestrator.worktree.code_commits import GitCodeCommits, GitMissedCommits, Waiting
    from idse_orchestrator.worktree.code_drift import CodeDrift
    from idse_orchestrator.worktree.hook_files import GitHookFiles
    from idse_orchestrator.worktree.ignore_rules import IgnoreRules
    from idse_orchestrator.worktree.misplaced_code import CodePlaces, NotedCommits
    from idse_orchestrator.worktree.record_commit import Recorder
    from idse_orchestrator.worktree.workspace import GitWorkspace


class Application(UseCases):
    """Everything a command can use in the repository around `folder`, given an `environment`."""

    has_git = True

    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.vault = discover(folder, environment)

    @classmethod
    def around(cls, vault: Vault, environment: Mapping[str, str]) -> Application:
        """Returns the application on a `vault` that was found already."""
        made = cls.__new__(cls)
        made.folder, made.environment, made.vault = vault.git.folder, environment, vault
        return made

    @classmethod
    def serving(cls, vault: Vault, actor: Actor, settings: Mapping[str, str] | None = None) -> Application:
        """The application on `vault` for one of many actors in this process: nothing around it is asked.

        It imports libgit2, which for a moment changes the environment: make one before threads start.
        """
        from idse_orchestrator.git.libgit2 import libgit2
        from idse_orchestrator.wiring.acting import GivenActing, GivenLayers

        libgit2()
        made = cls.around(vault, {})
        made.acting = GivenActing(actor)
        made.layers = GivenLayers({**(settings or {}), "agent": actor.agent})
        return made

    @property
    def work_tree(self) -> WorkTree:
        """The work tree we stand in; UnsupportedRepositoryError in a bare repository."""
        return needs_work_tree(self.vault)

    @property
    def prefix(self) -> str:
        """The folder we stand in, below the top of the work tree: "" or "a/b/"."""
        return self.vault.prefix if isinstance(self.vault, WorkTree) else ""

    @property
    def top(self) -> str:
        """The folder of the work tree; UnsupportedRepositoryError in a bare repository."""
        return self.work_tree.top

    @property
    def private(self) -> str:
        """The folder for idse's own files that no one else reads."""
        return self.vault.private

    @property
    def is_bare(self) -> bool:
        """True if there are ledgers here and no documents beside them."""
        return not isinstance(self.vault, WorkTree)

    @cached_property
    def reader(self) -> LedgerReader:
        """Ledgers, to read."""
        from idse_orchestrator.pipeline.reader import GitLedgerReader

        return GitLedgerReader(self.vault)

    @cached_property
    def writer(self) -> LedgerWriter:
        """Ledgers, to append to; commits that waited for their record or note get it first."""
        self.drain_spool()
        return self._plain_writer

    def writer_as(self, agent: str) -> LedgerWriter:
        """Returns the same, with `agent` acting ("" : a person), whatever is configured."""
        from idse_orchestrator.wiring.ledgers import git_writer

        self.drain_spool()
        return git_writer(self.vault, self.acting.as_agent(agent))

    @cached_property
    def _plain_writer(self) -> LedgerWriter:
        from idse_orchestrator.wiring.ledgers import git_writer

        return git_writer(self.vault, self.acting)

    @cached_property
    def acting(self) -> GitActing | GivenActing:
        """Who acts here."""
        from idse_orchestrator.wiring.acting import GitActing

        return GitActing(self.vault, self.git_configuration, lambda: self.agent)

    @cached_property
    def workspace(self) -> GitWorkspace:
        """The documents of this work tree."""
        if self.is_bare:
            from idse_orchestrator.wiring.bare import NoDocuments

            return cast("GitWorkspace", NoDocuments(self.vault, self.reader))
        from idse_orchestrator.worktree.workspace import GitWorkspace

        return GitWorkspace(self.work_tree)

    @cached_property
    def history(self) -> LedgerHistory:
        """Ledgers, to look back at."""
        from idse_orchestrator.ledger.log import GitLedgerHistory
        from idse_orchestrator.wiring.ledgers import KINDS

        return GitLedgerHistory(self.vault, KINDS.words)

    def conflicts(self, sessions: Sequence[str]) -> Sequence[ConflictPlace]:
        """Returns where ledgers of `sessions` ("project/session") hold conflicts between markers."""
        from idse_orchestrator.ledger.refs import SESSIONS
        from idse_orchestrator.sync.published_refs import PublishedRefs

        return PublishedRefs(self.vault).conflicts(f"{SESSIONS}{name}" for name in sessions)

    def blueprint(self, project: str, on_progress: Callable[[int, int], None] | None = None) -> Blueprint:
        """Returns what the use cases of blueprint claims work with."""
        from idse_orchestrator.claims.ledger_documents import GitLedgerDocuments
        from idse_orchestrator.claims.session import Blueprint, GitBlueprintFile

        documents, file = GitLedgerDocuments(self.vault), GitBlueprintFile(self.top)
        progress = on_progress or (lambda _done, _all: None)
        return Blueprint(project, self.reader, lambda: self.writer, documents, file, progress)

    def documents(self, places: Sequence[str]) -> ArtifactReader:
        """Returns the documents of this work tree in or at `places`, to judge."""
        from idse_orchestrator.worktree.worktree_reader import WorktreeReader

        return WorktreeReader(self.work_tree, places)

    def committed(self, rev: str, places: Sequence[str], *, is_known: bool = False) -> ArtifactReader:
        """Returns the documents of the code commit `rev` in or at `places`, to judge."""
        from idse_orchestrator.constitution.commit_reader import CommitReader

        return CommitReader(self.vault, rev, places, is_known=is_known)

    def code(self, rev: str) -> Code | None:
        """Returns the code at `rev` ("" : what is checked out), for evidence; None in a bare repository."""
        if self.is_bare:
            return None
        from idse_orchestrator.worktree.code_facts import CodeFacts

        return CodeFacts(self.work_tree, self.drain_spool, rev or "HEAD")

    @property
    def drifting(self) -> CodeDrift | None:
        """The code of this work tree beside that of complete implementations; None in a bare repository."""
        if self.is_bare:
            return None
        from idse_orchestrator.worktree.code_drift import CodeDrift

        return CodeDrift(self.work_tree, self.drain_spool)

    def known_drift(self, key: SessionKey, tip: str, state: SessionState) -> int:
        """Returns how many commits drifted from what a session built; see `worktree.kept_drift`.

        0 as well where that cannot be judged, or where the setting says that nobody wants to know.
        """
        if self.is_bare or state.stages[IMPLEMENTATION].status != COMPLETE:
            return 0
        from idse_orchestrator.worktree.kept_drift import KeptDrift

        kept = KeptDrift(self.work_tree, key, tip)
        if kept.count == 0 or self.setting("drift") != "true":
            return 0
        code = self.drifting if kept.count is None else None
        if code is not None:
            try:
                kept.keep(len(code.drift({key: state})[key].commits))
            except IdseError as error:  # where a session stands is told all the same
                self.log(f"drift: {error.message}")
        return kept.count or 0

    def judge_index(self) -> Report:
        """Returns what the ValidationEngine says of the commit that git is about to make."""
        from idse_orchestrator.constitution.scope import Changes, Scope, places
        from idse_orchestrator.constitution.validate import validate
        from idse_orchestrator.worktree.index_reader import IndexReader, compare_index
        from idse_orchestrator.worktree.misplaced_code import judges_code

        found = compare_index(self.work_tree, self.environment)
        scope = Scope(changes=Changes(found.paths, found.sessions))
        reader = IndexReader(self.work_tree, self.environment, places(scope))
        context = self.judging.validation(reader)._replace(edits=True)
        if judges_code(self.private, self.environment):
            context = context._replace(placing=self._staged_code())
        return validate(context, scope)

    def agency_rules(self) -> Sequence[Layer]:
        """See `Parts`. Those of a remote that is gone, or is not the Agency any more, do not count."""
        from idse_orchestrator.constitution.agency_rules import keeps_rules, kept_layers

        if not keeps_rules(self.vault.common_dir):
            return ()
        remote = self.setting("agency.remote") or "agency"
        known = {entry.key for entry in self.git_configuration.entries}
        return kept_layers(self.vault.git, remote) if f"remote.{remote}.url" in known else ()

    def placing(self, choice: Choice) -> Placing | None:
        """Returns the commits that `choice` is about, to find code out of place; None for none."""
        from idse_orchestrator.sessions.choice import COMMIT, INDEX, LEDGER, RANGE
        from idse_orchestrator.worktree.misplaced_code import Asked, NotedCode

        if choice.kind == LEDGER:
            return None
        if choice.kind == INDEX:
            return self._staged_code()
        rev = choice.rev if choice.kind in (COMMIT, RANGE) else ""
        base = choice.base if choice.kind == RANGE else None
        branches = None if self.is_bare else self.branches
        with suppress(IdseError):  # a value that cannot be used is told where it counts
            self.misplaced_code()  # git's file may have been written by hand
        asked = Asked(rev or "HEAD", base, choice.kind == COMMIT, choice.scope.project)
        return NotedCode(self.vault, self.drain_spool, branches, asked)

    def _staged_code(self) -> Placing:
        from idse_orchestrator.worktree.index_reader import index_git
        from idse_orchestrator.worktree.misplaced_code import StagedCode

        return StagedCode(index_git(self.work_tree, self.environment), self.code_places)

    @property
    def code_places(self) -> CodePlaces:
        """What says which session the code of a commit belongs to, and whether it is in place."""
        from idse_orchestrator.worktree.misplaced_code import CodePlaces

        return CodePlaces(self.work_tree, self.branches, self.reader)

    def misplaced_code(self) -> str:
        """Returns the setting that says what is done about code out of place; the hook in sh hears of it."""
        from idse_orchestrator.worktree.misplaced_code import CODE_SETTING, keep_flag

        answer = super().misplaced_code()
        keep_flag(self.private, CODE_SETTING, is_set=answer == "deny")
        return answer

    def keep_code_rule(self, *, is_error: bool) -> None:
        """Keeps for the hook in sh whether the rules here have commits of code judged."""
        from idse_orchestrator.worktree.misplaced_code import CODE_RULE, keep_flag

        keep_flag(self.private, CODE_RULE, is_set=is_error)

    def source(self, choice: Choice) -> Source:
        """Returns the documents that `choice` names, to judge."""
        from idse_orchestrator.worktree.sources import open_source

        return open_source(self.vault, self.environment, choice)

    @cached_property
    def trees(self) -> Trees:
        """Trees of artifacts, to compare."""
        from idse_orchestrator.sessions.trees import GitTrees

        return GitTrees(self.vault)

    @cached_property
    def store(self) -> DesignStore:
        """The ledgers of this repository as a store, to copy from."""
        from idse_orchestrator.stores.git_ledger import GitStore

        return GitStore(self.vault)

    def import_store(self, source: DesignStore, on_progress: Callable[[str], None]) -> CopyOutcome:
        """Takes the ledgers of another store in; views follow."""
        from idse_orchestrator.stores.import_ledgers import import_ledgers
        from idse_orchestrator.wiring.ledgers import KINDS

        on_progress("reading the ledgers")
        outcome = import_ledgers(self.vault, KINDS, source)
        on_progress("")
        self.views.refresh_all()
        self.sync.tidy()
        return outcome

    @cached_property
    def git_configuration(self) -> GitConfiguration:
        """Git's configuration here, asked once."""
        from idse_orchestrator.git.configuration import GitConfiguration

        return GitConfiguration(self.vault.git)

    @cached_property
    def layers(self) -> Layers:
        """Where settings come from."""
        from idse_orchestrator.wiring.acting import GitLayers

        return GitLayers(self.git_configuration, self.environment)

    @property
    def current(self) -> SessionFolders:
        """What says which session is current: in a bare repository one has to be named."""
        if not self.is_bare:
            return self.workspace
        from idse_orchestrator.wiring.bare import NobodyWorks

        return cast("SessionFolders", NobodyWorks(self.vault, self.reader))

    def hook_files(self) -> GitHookFiles:
        """Returns the hook files of this repository."""
        from idse_orchestrator.worktree.hook_files import GitHookFiles

        return GitHookFiles(self.work_tree)

    def session_of_branch(self) -> SessionKey | None:
        """Returns the session that the branch belongs to that is checked out; None for none."""
        return None if self.is_bare else self.branches.session(self.branches.current())

    def code_commits(self, key: SessionKey) -> NotedCommits:
        """Returns the commits of code that notes give to a session."""
        from idse_orchestrator.worktree.misplaced_code import noted_commits

        self.drain_spool()
        return noted_commits(self.vault, key)

    @cached_property
    def branches(self) -> GitBranches:
        """The branches of this work tree, and the sessions that they belong to."""
        from idse_orchestrator.worktree.branches import GitBranches

        return GitBranches(self.work_tree, self.git_configuration)

    @property
    def ignore_rules(self) -> IgnoreRules:
        """What keeps the views out of git on every branch."""
        from idse_orchestrator.worktree.ignore_rules import IgnoreRules

        return IgnoreRules(self.vault)

    @property
    def agent_files(self) -> GitAgentFiles:
        """The files of this work tree that tell coding agents about idse."""
        from idse_orchestrator.agents.work_tree_files import GitAgentFiles

        return GitAgentFiles(self.work_tree.top, self.work_tree.git_dir)

    @property
    def settings(self) -> GitSettings:
        """The git settings that idse makes."""
        from idse_orchestrator.ledger.note_tree import GitSettings

        return GitSettings(self.vault)

    @property
    def session_maker(self) -> SessionMaker:
        """What making sessions needs."""
        from idse_orchestrator.sessions.create_session import SessionMaker
        from idse_orchestrator.worktree.work_files import WorkFiles

        files = WorkFiles(self.top, self.private, self.work_tree.git)
        return SessionMaker(
            self.reader, self.writer, self.workspace, self.views, files, self.templates, self.today
        )

    @cached_property
    def commits(self) -> GitCodeCommits:
        """The commits of the user's branch."""
        from idse_orchestrator.worktree.code_commits import GitCodeCommits

        return GitCodeCommits(self.work_tree)

    @property
    def recorder(self) -> Recorder:
        """What recording a code commit needs."""
        return self._recorder(self.writer)

    def _recorder(self, writer: LedgerWriter) -> Recorder:
        from idse_orchestrator.ledger.note_tree import GitNotes
        from idse_orchestrator.worktree.record_commit import Recorder

        notes = GitNotes(self.vault, self.acting.anybody)
        misplaced = self.code_places.note

        def carry(commit: str, subject: str, is_late: bool) -> Sequence[str]:  # noqa: FBT001 - a port
            from idse_orchestrator.worktree.carried_rules import Carrier, carry_rules

            return carry_rules(Carrier(self.work_tree, self.reader, writer), commit, subject, is_late=is_late)

        return Recorder(
            self.reader, writer, self.workspace, self.commits, notes, self.judging.judge, misplaced, carry
        )

    @cached_property
    def missed(self) -> GitMissedCommits:
        """What this work tree could not record when it happened."""
        from idse_orchestrator.worktree.code_commits import GitMissedCommits

        return GitMissedCommits(self.work_tree)

    def carry_rules(self, *, anew: bool = False) -> Sequence[str]:
        """Records the rules of the branch in the ledgers of its projects, where no hook did.

        With `anew` even if HEAD was looked at before: a ledger is new. Returns the projects that took them.
        """
        if self.is_bare:
            return ()
        from idse_orchestrator.worktree.carried_rules import Carrier, carry_missing_rules, look_again

        here = self.work_tree
        if anew:
            look_again(here)
        return carry_missing_rules(here, lambda: Carrier(here, self.reader, self._plain_writer))

    def drain_spool(self) -> None:
        """Records what was missed, and gives the commits that wait for a note theirs.

        What cannot be done now waits on: nothing about it is a reason for a command to fail.
        """
        if self.is_bare:
            return
        try:
            if self.missed.waiting():
                self.record_missed()
            self.write_waiting_notes()
        except IdseError as error:
            self.log(f"spool: {error.message}")
        except Exception as error:  # noqa: BLE001 - one odd commit must not keep every command from writing
            self.log(f"spool: {type(error).__name__}: {error}")

    def write_waiting_notes(self) -> Sequence[str]:
        """Gives the commits that wait for a note theirs; those whose note became different."""
        from idse_orchestrator.worktree.code_commits import drain

        def settle(waiting: Sequence[Waiting]) -> Mapping[str, str]:
            return self.code_places.settle(waiting)  # made only where something waits

        return drain(self.work_tree, self.acting.anybody, settle)

    def record_missed(self) -> int:
        """Records what was missed; how many. BusyError at once where another process writes now."""
        from idse_orchestrator.git.vault import ledger_lock
        from idse_orchestrator.worktree.record_commit import record_missed

        with ledger_lock(self.vault, timeout=0):
            pass  # free, most likely: the command itself waits longer, but not twice
        return record_missed(self._recorder(self._plain_writer), self.missed, self.log)

    @cached_property
    def ledger_source(self) -> LedgerSource:
        """Everything under ``refs/idse/`` as it is, to check it."""
        from idse_orchestrator.wiring.ledgers import git_source

        return git_source(self.vault)

    def expected_merge(self, ref: str, parents: Sequence[str]) -> str:
        """Returns the id that a merge of two commits of the ledger `ref` must have."""
        return self.joiner.expected(ref, parents)

    def sync_problems(self, refs: Sequence[FoundRef]) -> Iterator[Defect]:
        """Yields what is wrong with the sync points on `refs`; see `ledger.fsck`."""
        from idse_orchestrator.sync.guard_sync_points import sync_problems

        return sync_problems(self.vault, refs)

    @cached_property
    def joiner(self) -> GitJoiner:
        """Merges of ledgers and notes."""
        from idse_orchestrator.wiring.ledgers import git_joiner

        return git_joiner(self.vault)

    def lost_ledgers(self, project: str) -> Sequence[str]:
        """Returns the refs of ledgers of `project` that were here, and whose last commit still is."""
        from idse_orchestrator.health.recovery import lost_ledgers
        from idse_orchestrator.ledger.refs import SESSIONS, project_ref
        from idse_orchestrator.wiring.ledgers import KINDS

        lost = lost_ledgers(self.work_tree, KINDS, self.workspace.session_folders())
        here = (project_ref(project), f"{SESSIONS}{project}/")
        return [each.ref for each in lost if each.ref == here[0] or each.ref.startswith(here[1])]

    def health_checks(self) -> Iterator[Check]:
        """Yields what `idse doctor` looks at, in order."""
        from shutil import which

        from idse_orchestrator.agents.checkup import agent_file_checks
        from idse_orchestrator.health.checks import Patient, checks_of, lost_check
        from idse_orchestrator.health.machine import leftover_checks, machine_checks, task_check
        from idse_orchestrator.tasks.kind import TASK_KINDS
        from idse_orchestrator.wiring.ledgers import KINDS

        patient = Patient(
            self.reader,
            self.workspace,
            self.views,
            self.hook_files(),
            self.work_tree,
            self.templates,
            KINDS,
            self.sync.agency,
            lambda: self.judging.constitution,
            self.branches,
        )
        waiting = self.missed.waiting, self.record_missed, self.write_waiting_notes
        yield from machine_checks(self.work_tree, self.environment)
        yield from leftover_checks(self.work_tree, KINDS, lost_check(patient), *waiting)
        yield task_check(self.work_tree, TASK_KINDS)
        yield from checks_of(patient)
        program = which("idse", path=self.environment.get("PATH")) or ""
        yield from agent_file_checks(self.agent_files, program)

    @cached_property
    def sync(self) -> Sync:
        """What syncs ledgers with an Agency."""
        from idse_orchestrator.wiring.sync import Sync, SyncPlace

        place = SyncPlace(self.vault, self.git_configuration, self.layers, self.folder)
        return Sync(place, self.acting.anybody, lambda: float(self.setting("agency.timeout")))

    @property
    def footprint(self) -> GitFootprint:
        """What idse left in this repository."""
        from idse_orchestrator.health.footprint import GitFootprint

        return GitFootprint(self.work_tree, self.write_waiting_notes)
