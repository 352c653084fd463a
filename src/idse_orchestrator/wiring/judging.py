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
    from idse_orchestrator.wiring.parts import Parts


class Judging:
    """What judging needs, from its parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def examiner(self, reader: ArtifactReader, on_progress: Progress | None = None) -> Examiner:
        """The ValidationEngine with the constitution that `reader` sees."""
        from idse_orchestrator.constitution.examination import Examiner, quiet
        from idse_orchestrator.constitution.in_force import constitution_in
        from idse_orchestrator.constitution.verdict_cache import verdict_cache_in

        cache = verdict_cache_in(self._parts.private)
        extra = self._extra_checks(reader)
        rules = constitution_in(reader, cache, extra.checks, extra.id)
        return Examiner(rules, cache, extra.checks, on_progress or quiet)

    def _extra_checks(self, reader: ArtifactReader) -> InstalledChecks:
        """Check verbs of installed packages. Only a project's own rules can name them, so most never ask."""
        from idse_orchestrator.constitution.in_force import installed_checks
        from idse_orchestrator.documents.project_workspace import CONSTITUTION_PATH

        if CONSTITUTION_PATH not in reader.paths():
            return installed_checks(())
        return installed_checks(self._parts.setting("checks").replace(",", " ").split())

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
            reader, self.examiner(reader, on_progress), self._parts.reader, self._parts.today, views
        )

    def validation_of(self, choice: Choice, on_progress: Progress | None = None) -> tuple[Validation, Scope]:
        """What judging the documents that `choice` names needs, and which of them it is about."""
        from idse_orchestrator.constitution.validate import Validation
        from idse_orchestrator.sessions.choice import WORKTREE

        source = self._parts.source(choice)
        views = self._parts.views.contents() if choice.kind == WORKTREE else None
        examiner = self.examiner(source.rules, on_progress)
        return Validation(source.reader, examiner, self._parts.reader, self._parts.today, views), source.scope

    @cached_property
    def constitution(self) -> Constitution:
        """The rules in force in this work tree."""
        from idse_orchestrator.documents.project_workspace import CONSTITUTION_PATH

        return self.examiner(self._parts.documents((CONSTITUTION_PATH,))).constitution

    @property
    def waivers(self) -> Waivers:
        """What `sessions.verdicts` works with."""
        from idse_orchestrator.sessions.verdicts import Waivers

        return Waivers(
            self.constitution,
            self._parts.reader,
            self._parts.writer,
            self._parts.views,
            self._parts.today,
        )

    def gate(self, key: SessionKey, stage: str) -> Report:
        """What would be wrong if `stage` were complete with the documents of this work tree."""
        from idse_orchestrator.constitution.scope import Scope, places
        from idse_orchestrator.constitution.validate import gate

        return gate(self.validation(self._parts.documents(places(Scope(*key)))), *key, stage)

    def judge(self, commit: str, key: SessionKey) -> Report:
        """What the ValidationEngine says of one session in a code commit."""
        from idse_orchestrator.constitution.scope import Scope, places
        from idse_orchestrator.constitution.validate import validate

        scope = Scope(*key)
        return validate(self.validation(self._parts.committed(commit, places(scope), is_known=True)), scope)
