"""What tests of governance share: the shipped constitution, and documents that satisfy it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution.file import load_constitution
from idse_orchestrator.constitution.rules import Constitution
from idse_orchestrator.constitution.validation_engine import examine
from idse_orchestrator.documents.project_workspace import ARTIFACTS, REGULAR, FileEntry

if TYPE_CHECKING:
    from idse_orchestrator.constitution.hits import Hit

GOOD = {
    "intent": {
        "Goal": "People see who moved a stage.",
        "Problem / Opportunity": "Nobody knows who did.",
        "Stakeholders / Users": "Developers.",
        "Success Criteria (measurable)": "- every move has a name",
        "Constraints / Assumptions / Risks": "git only",
        "Scope": "The log.",
        "Time / Priority": "This month.",
    },
    "context": {
        "Environment": "Laptops.",
        "Stack": "Python.",
        "Constraints": "None.",
        "Risks & Unknowns": "None.",
    },
    "spec": {
        "Overview": "A log.",
        "User Stories": "As a developer I want a log.",
        "Functional Requirements": "- FR-1: it must log",
        "Non-Functional Requirements": "- NFR-1: in 50 ms",
        "Acceptance Criteria": "- a move shows in the log",
        "Assumptions / Constraints / Dependencies": "git 2.39",
        "Open Questions": "None.",
    },
    "plan": {
        "Product Overview": "A log.",
        "Architecture Summary": "One command.",
        "Components": "- log",
        "Data Model": "Commits.",
        "API Contracts": "None.",
        "Test Strategy": "Real repositories.",
        "Phases": "One.",
    },
    "tasks": {
        "Phase 0 – Foundations": "- [x] Task 0.1 – Test it (Owner: ana) (Deps: none) (Acceptance: they fail)",
        "Phase 1 – Core Behavior": "- [x] Task 1.1 [P] – Write it (Deps: 0.1) (Files: src/log.py)",
        "Phase 2 – NFRs / Hardening": "- [x] T201 [P] Measure it (Deps: Task 1.1)",
    },
    "implementation": {
        "Architecture": "One file.",
        "What Was Built": "The log.",
        "Validation Reports": "All pass.",
        "Deviations from Plan": "None.",
        "Component Impact Report": "None.",
    },
    "feedback": {
        "External / Internal Feedback": "They like it.",
        "Impacted Artifacts": "spec.md: one more story.",
        "Risks / Issues Raised": "None.",
        "Actions / Follow-ups": "None.",
        "Decision Log": "Kept it.",
    },
}


@pytest.fixture(scope="session")
def constitution() -> Constitution:
    """The shipped constitution as a hook sees it: compiled to JSON and back."""
    return Constitution.from_json(load_constitution(constitution_bytes()).to_json())


@pytest.fixture(scope="session")
def document() -> Callable[..., str]:
    """``document(stage, {heading: text})``: a complete document, with some sections said otherwise.

    A text of None leaves the section out; a heading that is not there yet is added.
    """

    def write(stage: str, sections: Mapping[str, str | None] | None = None) -> str:
        all_sections = {**GOOD[stage], **(sections or {})}
        said = (f"## {heading}\n\n{text}\n" for heading, text in all_sections.items() if text is not None)
        return "\n".join([f"# {stage.title()}: a log\n", *said])

    return write


@pytest.fixture(scope="session")
def hits_of(constitution: Constitution) -> Callable[..., tuple[Hit, ...]]:
    """``hits_of(path or stage, content, mode=REGULAR)``: what `examine` notices."""

    def look(path: str, content: str | bytes, mode: int = REGULAR) -> tuple[Hit, ...]:
        data = content.encode() if isinstance(content, str) else content
        return examine(ARTIFACTS.get(path, path), FileEntry(mode, "0" * 40, len(data)), data, constitution)

    return look


@pytest.fixture(scope="session")
def places_of(hits_of: Callable[..., tuple[Hit, ...]]) -> Callable[..., list[tuple[int, int]]]:
    """``places_of(rule, path or stage, content)``: line and column of each hit of one rule."""

    def look(rule: str, path: str, content: str | bytes, mode: int = REGULAR) -> list[tuple[int, int]]:
        return [(hit.line, hit.column) for hit in hits_of(path, content, mode) if hit.rule == rule]

    return look
