"""Builds what the agents of a project and their handoffs work with, from their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from idse_orchestrator.agents.change_registry import RegistryKeeper
    from idse_orchestrator.agents.hand_over import HandoffDesk
    from idse_orchestrator.agents.handoff_document import Judge, Judged
    from idse_orchestrator.ledger.values import SessionKey
    from idse_orchestrator.pipeline.stage_state_model import SessionState
    from idse_orchestrator.wiring.judging import Judging
    from idse_orchestrator.wiring.parts import Parts


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

    def desk(self, agent: str | None = None) -> HandoffDesk:
        """What asking for a handoff and answering works with; `agent` acts instead of the configured one."""
        from idse_orchestrator.agents.hand_over import HandoffDesk
        from idse_orchestrator.base.text import one_line

        parts = self._parts
        acting = one_line(parts.agent if agent is None else agent)
        writer = parts.writer if agent is None else parts.writer_as(acting)
        return HandoffDesk(parts.reader, writer, parts.workspace, acting)

    def judge_ledger(self, key: SessionKey) -> Judge:
        """Judges the documents of the session `key` in a commit of its ledger, by the rules in force here."""
        from idse_orchestrator.agents.handoff_judgement import EntryDocuments, judge_ledger
        from idse_orchestrator.documents.project_workspace import CONSTITUTION_PATH

        parts = self._parts
        examiner = self._judging.examiner(parts.documents((CONSTITUTION_PATH,)))

        def judge(commit: str, state: SessionState) -> Judged:
            reader = EntryDocuments(parts.reader, parts.trees, key, commit)
            return judge_ledger(reader, examiner, state, state.updated_at[:10])

        return judge
