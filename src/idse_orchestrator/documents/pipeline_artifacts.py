"""The seven stages in their order, and the document each of them writes."""

from __future__ import annotations

STAGES = ("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")

ARTIFACTS = {
    "intent": "intent.md",
    "context": "context.md",
    "spec": "spec.md",
    "plan": "plan.md",
    "tasks": "tasks.md",
    "implementation": "implementation/README.md",
    "feedback": "feedback/feedback.md",
}
"""Stage to the path of its artifact, relative to the session's folder."""

MAY_START_BESIDE = ("feedback",)
"""Stages that may start while the one before them is still in progress."""

STAGE_OF = {path: stage for stage, path in ARTIFACTS.items()}

WORKSPACE = ".idse"


def upstream_of(stage: str) -> tuple[str, ...]:
    """The stages whose documents `stage` builds on, in pipeline order."""
    return STAGES[: STAGES.index(stage)]


def downstream_of(stage: str) -> tuple[str, ...]:
    """The stages that build on `stage`, in pipeline order."""
    return STAGES[STAGES.index(stage) + 1 :]


def project_folder(project: str) -> str:
    """Repository-relative folder of a project."""
    return f"{WORKSPACE}/projects/{project}"


def session_folder(project: str, session: str) -> str:
    """Repository-relative folder of a session: what its ledger holds under ``artifacts/``."""
    return f"{WORKSPACE}/projects/{project}/sessions/{session}"


def artifact_path(project: str, session: str, stage: str) -> str:
    """Repository-relative path of a stage's artifact."""
    return f"{session_folder(project, session)}/{ARTIFACTS[stage]}"


def split_session_path(path: str) -> tuple[str, str, str] | None:
    """``.idse/projects/P/sessions/S/rest`` as (P, S, rest); None for any other path."""
    parts = path.split("/", 5)
    if len(parts) == 6 and parts[:2] == [WORKSPACE, "projects"] and parts[3] == "sessions":
        return parts[2], parts[4], parts[5]
    return None
