"""Builds what migrating works with, from the parts of an `Application`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.migrate.apply import Applying
    from idse_orchestrator.migrate.archive import Archive
    from idse_orchestrator.migrate.plan import Planning
    from idse_orchestrator.migrate.sources import FolderSource
    from idse_orchestrator.migrate.survey import Survey
    from idse_orchestrator.migrate.values import Progress, SessionPlan
    from idse_orchestrator.wiring.application import Application


class Migration:
    """The half of the wiring that only `idse migrate` pays for: from the source at `path`."""

    def __init__(
        self, app: Application, path: str, on_progress: Progress, *, with_history: bool = True
    ) -> None:
        from idse_orchestrator.migrate.in_place import InPlace
        from idse_orchestrator.migrate.sources import open_migration_source
        from idse_orchestrator.migrate.target import GitMigrationTarget
        from idse_orchestrator.wiring.ledgers import KINDS

        self._app = app
        self._on_progress = on_progress
        self.source: FolderSource = open_migration_source(path, app.vault.git, with_history=with_history)
        self._target = GitMigrationTarget(app.work_tree, KINDS, app.acting)
        self.in_place = InPlace(app.work_tree, self.source.root, app.views.contents)

    @property
    def planning(self) -> Planning:
        """What planning works with."""
        from idse_orchestrator.documents.project_workspace import CONSTITUTION_PATH
        from idse_orchestrator.migrate.judging import Judge
        from idse_orchestrator.migrate.plan import Planning
        from idse_orchestrator.worktree.worktree_reader import WorktreeReader

        app = self._app
        rules = WorktreeReader(app.work_tree, (CONSTITUTION_PATH,))
        return Planning(
            self.source,
            self._target,
            app.reader.projects(),
            self._ledger_files,
            self._untouched,
            self.in_place,
            app.workspace.current,
            Judge(app.judging.examiner(rules), app.today),
            self._on_progress,
        )

    def _ledger_files(self, key: tuple[str, str]) -> dict[str, str]:
        tip = self._app.reader.session(*key)
        return dict(self._app.reader.tree_files(tip.artifacts)) if tip else {}

    def _untouched(self, key: SessionKey) -> str:
        """Returns the tip of a ledger that has only a template, which nobody edits in the folder either."""
        from idse_orchestrator.errors import InvalidArtifactError

        untouched = self._target.untouched(key)
        tip = self._app.reader.session(*key) if untouched else None
        try:
            captured = self._app.workspace.capture(*key) if tip else None
        except InvalidArtifactError:
            return ""
        return untouched if tip and captured and captured.tree == tip.artifacts else ""

    def _restore(self, session: SessionPlan) -> str:
        """Gives a session's folder what its ledger holds; returns why not where that cannot be."""
        from idse_orchestrator.errors import IdseError
        from idse_orchestrator.worktree.save import restore_session

        app = self._app
        try:
            restore_session(app.reader, app.writer, app.workspace, session.key)
        except IdseError as error:
            return f"{error.message} ({error.where})" if error.where else error.message
        return ""

    def applying(self, found: Survey) -> Applying:
        """Returns what carrying out works with."""
        from idse_orchestrator.migrate.apply import Applying

        app = self._app
        return Applying(
            self.source,
            self._target,
            app.reader,
            app.writer,
            app.workspace,
            app.views,
            app.session_maker.folders,
            found.place,
            self._restore,
            self._on_progress,
            self._own_views(),
        )

    def _own_views(self) -> frozenset[str]:
        """Projects with a view that stands in the source, and of whose text no commit has a copy."""
        return frozenset(view.split("/")[2] for view in self.in_place.views_without_copy)

    def archive(self, name: str) -> Archive:
        """Returns where notices for the old place go."""
        from idse_orchestrator.migrate.archive import Archive

        return Archive(self.source, name)
