"""Builds what judges documents, compiles profiles and hands stages over, from an application's parts.

Only commands that need one of these pay for its imports.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.agents.change_registry import RegistryKeeper
    from idse_orchestrator.agents.hand_over import HandoffContext
    from idse_orchestrator.agents.handoff_document import Judge, Judged
    from idse_orchestrator.constitution.in_force import InstalledChecks
    from idse_orchestrator.constitution.rules import Constitution, Finding, Report
    from idse_orchestrator.constitution.scope import Scope
    from idse_orchestrator.constitution.trace import Trace
    from idse_orchestrator.constitution.validate import Code, Examiner, Placing, Progress, Validation
    from idse_orchestrator.documents.project_workspace import ArtifactReader
    from idse_orchestrator.ledger.events import SessionKey
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.profiles.folder import ProfileFolder
    from idse_orchestrator.profiles.project_profiles import CompileRequest
    from idse_orchestrator.sessions.choice import Choice
    from idse_orchestrator.sessions.resolve import Asking
    from idse_orchestrator.sessions.verdicts import Waivers
    from idse_orchestrator.wiring.parts import Parts


_OF_WORK_TREE = ("worktree", "index")
"""Readers whose rules are those of the next commit."""


class Judging:
    """What judging needs, from its parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def examiner(self, reader: ArtifactReader, on_progress: Progress | None = None) -> Examiner:
        """Returns the ValidationEngine with the constitution that `reader` sees."""
        from idse_orchestrator.constitution.in_force import constitution_in, verdict_cache_in
        from idse_orchestrator.constitution.rules import is_raised
        from idse_orchestrator.constitution.validate import Examiner, quiet

        cache = verdict_cache_in(self._parts.private)
        extra = self._extra_checks(reader)
        rules = constitution_in(reader, cache, extra.checks, extra.id, self._parts.agency_rules())
        if reader.description in _OF_WORK_TREE:
            self._parts.keep_code_rule(is_error=is_raised(rules))
        return Examiner(rules, cache, extra.checks, on_progress or quiet)

    def _extra_checks(self, reader: ArtifactReader) -> InstalledChecks:
        """Checks verbs of installed packages. Only a project's own rules can name them, so most never ask."""
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
        code: Code | None = None,
        placing: Placing | None = None,
    ) -> Validation:
        """Returns what `constitution.validate` needs to judge the documents of `reader`, and their `code`."""
        examiner = self.examiner(reader, on_progress)
        return self._validation(reader, examiner, views, code, placing)

    def _validation(
        self,
        reader: ArtifactReader,
        examiner: Examiner,
        views: Mapping[str, bytes] | None,
        code: Code | None,
        placing: Placing | None,
    ) -> Validation:
        from idse_orchestrator.constitution.validate import Validation

        parts = self._parts
        return Validation(
            reader, examiner, parts.reader, parts.today, views, code, placing, parts.misplaced_code
        )

    def validation_of(self, choice: Choice, on_progress: Progress | None = None) -> tuple[Validation, Scope]:
        """Returns what judging the documents that `choice` names needs, and which of them it is about."""
        from idse_orchestrator.sessions.choice import COMMIT, INDEX, RANGE, WORKTREE

        source = self._parts.source(choice)
        views = self._parts.views.contents() if choice.kind == WORKTREE else None
        examiner = self.examiner(source.rules, on_progress)
        code = self._parts.code(choice.rev) if choice.kind in (WORKTREE, COMMIT, RANGE) else None
        placing = self._parts.placing(choice)
        context = self._validation(source.reader, examiner, views, code, placing)
        return context._replace(edits=choice.kind == INDEX), source.scope

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
            self.findings,
            self.constitution,
            self._parts.reader,
            self._parts.writer,
            self._parts.views,
            self._parts.today,
        )

    def findings(self, key: SessionKey) -> list[Finding]:
        """Returns all that the rules say of a session here, what its gates would say with it."""
        from idse_orchestrator.constitution.scope import Scope, places
        from idse_orchestrator.constitution.validate import validate
        from idse_orchestrator.documents.project_workspace import STAGES
        from idse_orchestrator.pipeline.stage_state_model import PENDING
        from idse_orchestrator.sessions.choice import Choice

        scope = Scope(*key)
        documents, code = self._parts.documents(places(scope)), self._parts.code("")
        placing = self._parts.placing(Choice())
        found = list(validate(self.validation(documents, code=code, placing=placing), scope).findings)
        state = self._parts.reader.states([key]).get(key)
        for stage in STAGES if state else ():
            if state and state.stages[stage].status != PENDING:
                found += self.gate(key, stage, state, code).findings
        return found

    def gate(self, key: SessionKey, stage: str, state: SessionState, code: Code | None = None) -> Report:
        """Returns what would be wrong if `stage` of a session of that `state` were complete here.

        `code` is what was looked at already.
        """
        from idse_orchestrator.constitution.scope import Scope, places
        from idse_orchestrator.constitution.validate import gate
        from idse_orchestrator.documents.project_workspace import IMPLEMENTATION

        documents = self._parts.documents(places(Scope(*key)))
        if code is None and stage == IMPLEMENTATION:
            code = self._parts.code("")
        return gate(self.validation(documents, code=code), key, stage, state)

    def trace(self, key: SessionKey, state: SessionState) -> Trace:
        """Returns what leads from the success criteria of a session here to its code and checks."""
        code = self._parts.code("")
        if code is not None:
            code.begin(key, state)  # git reads commits while we load what reads documents
        from idse_orchestrator.constitution.account import account_of
        from idse_orchestrator.constitution.evidence import Facts, unseen_of
        from idse_orchestrator.constitution.scope import Scope, in_scope, places
        from idse_orchestrator.constitution.trace import traced
        from idse_orchestrator.constitution.validate import NO_CODE, documents_of, keep_outlines

        scope = Scope(*key)
        reader = self._parts.documents(places(scope))
        examiner = self.examiner(reader)
        constitution = examiner.constitution
        documents = documents_of(reader, key, in_scope(reader, scope).sessions[key], state.stages_needed)
        keep_outlines(documents.values(), examiner.cache)
        account = account_of(documents, constitution)
        facts = code.facts(key, state, account) if code else Facts(unseen=NO_CODE)
        facts = facts._replace(unseen=unseen_of(account, facts))
        return traced(documents, constitution, account, facts)

    def judge(self, commit: str, key: SessionKey) -> Report:
        """Returns what the ValidationEngine says of one session in a code commit."""
        from idse_orchestrator.constitution.scope import Scope, places
        from idse_orchestrator.constitution.validate import validate

        scope = Scope(*key)
        return validate(self.validation(self._parts.committed(commit, places(scope), is_known=True)), scope)


class Compiling:
    """What compiling needs, from its parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def key(self, option: str | None, name: str | None, rev: str | None = None) -> SessionKey:
        """Returns the session called `name`, with a ledger or a folder; the current one without a name.

        In the code revision `rev` it may be the only place that has it.
        """
        if name is None:
            from idse_orchestrator.sessions.resolve import resolve_session

            return resolve_session(self._asking, option, None)
        if rev is None and (folder := self._folder_of(option, name)):
            return folder
        from idse_orchestrator.sessions.choice import COMMIT, WORKTREE, named_scope

        scope = named_scope(self._asking, COMMIT if rev else WORKTREE, option, name)
        return scope.project or "", scope.session or ""

    def _folder_of(self, option: str | None, name: str) -> SessionKey | None:
        """Returns the session whose folder stands in this work tree: then no ledger has to be asked for."""
        from idse_orchestrator.base.names import check_name
        from idse_orchestrator.documents.project_workspace import session_folder

        project, slash, session = name.rpartition("/")
        key = (project if slash else self.project(option), check_name("session", session))
        check_name("project", key[0])
        path = os.path.join(self._parts.top, session_folder(*key))
        return key if os.path.isdir(path) else None

    def project(self, option: str | None) -> str:
        """Returns the project we are about, with a ledger or a folder."""
        from idse_orchestrator.sessions.resolve import resolve_project

        return resolve_project(self._asking, option)

    @property
    def _asking(self) -> Asking:
        """A clone in CI has the folders alone."""
        from idse_orchestrator.sessions.choice import KnownHere

        asking = self._parts.asking
        return asking._replace(ledgers=KnownHere(asking.ledgers, asking.workspace))

    def source(self, request: CompileRequest, rev: str | None) -> ArtifactReader:
        """Returns the specs that `request` is about: of this work tree, or of the code revision `rev`."""
        from idse_orchestrator.profiles.project_profiles import places_of

        places = places_of(request)
        if rev is not None:
            return self._parts.committed(rev, places)
        return self._parts.documents(places)

    def folder(self, project: str, out: str | None) -> ProfileFolder:
        """Returns where the profiles of `project` go.

        `out`, or the project's build folder in this work tree.
        """
        from idse_orchestrator.documents.project_workspace import build_folder
        from idse_orchestrator.profiles.folder import ProfileFolder

        if out is not None:
            return ProfileFolder(os.path.abspath(out))
        top = self._parts.top
        return ProfileFolder(os.path.join(top, *build_folder(project).split("/"), "agents"), top)


class Agents:
    """The half of the wiring that only commands about agents pay for."""

    def __init__(self, parts: Parts, judging: Judging) -> None:
        self._parts = parts
        self._judging = judging

    @property
    def keeper(self) -> RegistryKeeper:
        """What changing the registry works with."""
        from idse_orchestrator.agents.change_registry import RegistryKeeper

        return RegistryKeeper(self._parts.reader, self._parts.writer, self._parts.workspace)

    def handing_over(self, agent: str | None = None) -> HandoffContext:
        """Returns what handing over needs; `agent` acts instead of the configured one."""
        from idse_orchestrator.agents.hand_over import HandoffContext
        from idse_orchestrator.base.text import one_line

        parts = self._parts
        acting = one_line(parts.agent if agent is None else agent)
        writer = parts.writer if agent is None else parts.writer_as(acting)
        return HandoffContext(parts.reader, writer, parts.workspace, acting)

    def judge_ledger(self, key: SessionKey) -> Judge:
        """Judges the documents of the session `key` in a commit of its ledger, by the rules in force here."""
        from idse_orchestrator.agents.handoff_document import EntryDocuments, judge_ledger
        from idse_orchestrator.documents.project_workspace import CONSTITUTION_PATH

        parts = self._parts
        examiner = self._judging.examiner(parts.documents((CONSTITUTION_PATH,)))

        def judge(commit: str, state: SessionState) -> Judged:
            reader = EntryDocuments(parts.reader, parts.trees, key, commit)
            return judge_ledger(reader, examiner, state, state.updated_at[:10])

        return judge
