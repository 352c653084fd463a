"""Builds what judges documents: the ValidationEngine over the work tree, the index or any commit.

It is the half of the wiring that only judging commands pay for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.constitution.examination import Examiner, Progress
    from idse_orchestrator.constitution.findings import Report
    from idse_orchestrator.constitution.in_force import InstalledChecks
    from idse_orchestrator.constitution.rules import Constitution
    from idse_orchestrator.constitution.scope import Scope
    from idse_orchestrator.constitution.validate import Validation
    from idse_orchestrator.documents.artifact_reader import ArtifactReader
    from idse_orchestrator.ledger.values import SessionKey
    from idse_orchestrator.sessions.choice import Choice
    from idse_orchestrator.sessions.verdicts import Waivers
    from idse_orchestrator.wiring.application import Application


class Judging:
    """What judging needs, from the parts of an `Application`."""

    def __init__(self, app: Application) -> None:
        self._app = app

    def examiner(self, reader: ArtifactReader, on_progress: Progress | None = None) -> Examiner:
        """The ValidationEngine with the constitution that `reader` sees."""
        from idse_orchestrator.constitution.examination import Examiner, quiet
        from idse_orchestrator.constitution.in_force import constitution_in
        from idse_orchestrator.constitution.verdict_cache import verdict_cache_of

        cache = verdict_cache_of(self._app.vault)
        extra = self._extra_checks(reader)
        rules = constitution_in(reader, cache, extra.checks, extra.id)
        return Examiner(rules, cache, extra.checks, on_progress or quiet)

    def _extra_checks(self, reader: ArtifactReader) -> InstalledChecks:
        """Check verbs of installed packages. Only a project's own rules can name them, so most never ask."""
        from idse_orchestrator.constitution.in_force import installed_checks
        from idse_orchestrator.documents.project_workspace import CONSTITUTION_PATH

        if CONSTITUTION_PATH not in reader.paths():
            return installed_checks(())
        return installed_checks(self._app.setting("checks").replace(",", " ").split())

    def validation(
        self,
        reader: ArtifactReader,
        *,
        views: Mapping[str, bytes] | None = None,
        on_progress: Progress | None = None,
    ) -> Validation:
        """What `constitution.validate` needs to judge the documents of `reader`."""
        from idse_orchestrator.constitution.validate import Validation

        return Validation(
            reader, self.examiner(reader, on_progress), self._app.reader, self._app.today, views
        )

    def validation_of(self, choice: Choice, on_progress: Progress | None = None) -> tuple[Validation, Scope]:
        """What judging the documents that `choice` names needs, and which of them it is about."""
        from idse_orchestrator.constitution.validate import Validation
        from idse_orchestrator.sessions.choice import WORKTREE

        source = self._app.source(choice)
        views = self._app.views.contents() if choice.kind == WORKTREE else None
        examiner = self.examiner(source.rules, on_progress)
        return Validation(source.reader, examiner, self._app.reader, self._app.today, views), source.scope

    @cached_property
    def constitution(self) -> Constitution:
        """The rules in force in this work tree."""
        from idse_orchestrator.documents.project_workspace import CONSTITUTION_PATH

        return self.examiner(self._app.documents((CONSTITUTION_PATH,))).constitution

    @property
    def waivers(self) -> Waivers:
        """What `sessions.verdicts` works with."""
        from idse_orchestrator.sessions.verdicts import Waivers

        return Waivers(
            self.constitution, self._app.reader, self._app.writer, self._app.views, self._app.today
        )

    def gate(self, key: SessionKey, stage: str) -> Report:
        """What would be wrong if `stage` were complete with the documents of this work tree."""
        from idse_orchestrator.constitution.scope import Scope, places
        from idse_orchestrator.constitution.validate import gate

        return gate(self.validation(self._app.documents(places(Scope(*key)))), *key, stage)

    def judge(self, commit: str, key: SessionKey) -> Report:
        """What the ValidationEngine says of one session in a code commit."""
        from idse_orchestrator.constitution.commit_reader import CommitReader
        from idse_orchestrator.constitution.scope import Scope, places
        from idse_orchestrator.constitution.validate import validate

        scope = Scope(*key)
        return validate(
            self.validation(CommitReader(self._app.vault, commit, places(scope), is_known=True)), scope
        )

    def judge_index(self) -> Report:
        """What the ValidationEngine says of the commit that git is about to make."""
        from idse_orchestrator.constitution.scope import Changes, Scope, places
        from idse_orchestrator.constitution.validate import validate
        from idse_orchestrator.worktree.readers.index import IndexReader, compare_index

        found = compare_index(self._app.work_tree, self._app.environment)
        scope = Scope(changes=Changes(found.paths, found.sessions))
        reader = IndexReader(self._app.work_tree, self._app.environment, places(scope))
        return validate(self.validation(reader), scope)
