"""Builds what migrating works with, from the parts of an `Application`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.migrate.apply import Applying
    from idse_orchestrator.migrate.archive import Archive
    from idse_orchestrator.migrate.plan import Planning
    from idse_orchestrator.migrate.sources import FolderSource
    from idse_orchestrator.migrate.survey import Survey
    from idse_orchestrator.migrate.values import Progress
    from idse_orchestrator.wiring.application import Application


class Migration:
    """The half of the wiring that only `idse migrate` pays for: from the source at `path`."""

    def __init__(
        self, app: Application, path: str, on_progress: Progress, *, with_history: bool = True
    ) -> None:
        from idse_orchestrator.migrate.sources import open_migration_source
        from idse_orchestrator.migrate.target import GitMigrationTarget
        from idse_orchestrator.wiring.ledgers import KINDS

        self._app = app
        self._on_progress = on_progress
        self.source: FolderSource = open_migration_source(path, app.vault.git, with_history=with_history)
        self._target = GitMigrationTarget(app.work_tree, KINDS, app.acting)

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
            app.workspace.current,
            Judge(app.judging.examiner(rules), app.today),
            self._on_progress,
        )

    def _ledger_files(self, key: tuple[str, str]) -> dict[str, str]:
        tip = self._app.reader.session(*key)
        return dict(self._app.reader.tree_files(tip.artifacts)) if tip else {}

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
            self._on_progress,
            self._own_views(),
        )

    def _own_views(self) -> frozenset[str]:
        """Projects whose views here stand in the source: older tools wrote files of those names."""
        import os

        from idse_orchestrator.documents.project_workspace import PROJECTS_FOLDER, VIEWS

        top = os.path.realpath(self._app.work_tree.top)
        found = set()
        for entry in _scan(os.path.join(top, PROJECTS_FOLDER)):
            views = [os.path.join(top, PROJECTS_FOLDER, entry, name) for name in VIEWS]
            present = [view for view in views if os.path.lexists(view)]
            if any(os.path.commonpath([view, self.source.root]) == self.source.root for view in present):
                found.add(entry)
        return frozenset(found)

    def archive(self, name: str) -> Archive:
        """Returns where notices for the old place go."""
        from idse_orchestrator.migrate.archive import Archive

        return Archive(self.source, name)


def _scan(folder: str) -> list[str]:
    import os

    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
