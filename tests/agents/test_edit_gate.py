"""The gate before an edit of an agent."""

from __future__ import annotations

import pytest

from idse_orchestrator.agents.edit_gate import (
    ALLOW,
    ALLOWED,
    ANSWERS,
    DENY,
    WARN,
    Verdict,
    artifact_of,
    judge_artifact,
    judge_code,
    judge_git_directory,
    judge_mode,
    judge_written_by_idse,
    strongest,
)
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES, upstream_of
from idse_orchestrator.pipeline.stage_machine import START, refusal
from idse_orchestrator.pipeline.stage_state_model import (
    ARCHIVED,
    COMPLETE,
    IN_PROGRESS,
    PENDING,
    SessionState,
    StageRecord,
)

FOLDER = ".idse/projects/p/sessions/s"
BLOBS = {stage: str(number) * 40 for number, stage in enumerate(STAGES, 1)}


def by_id(_one, _other):
    return False


def session(**statuses):
    """A session whose complete stages were completed with BLOBS."""
    state = SessionState("p", "s")
    for stage, status in statuses.items():
        upstream = {up: BLOBS[up] for up in upstream_of(stage)}
        done = StageRecord(status, artifact=BLOBS[stage], upstream=upstream)
        state = state.with_stage(stage, done if status == COMPLETE else StageRecord(status))
    return state


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("before", [PENDING, IN_PROGRESS, COMPLETE])
def test_a_document_that_is_not_started_is_refused_exactly_where_starting_it_is(stage, before):
    at = STAGES.index(stage)
    done = dict.fromkeys(STAGES[: max(at - 1, 0)], COMPLETE) | ({STAGES[at - 1]: before} if at else {})
    state = session(**done)
    refused = refusal(state, BLOBS, stage, START, by_id)
    verdict = judge_artifact(state, BLOBS, stage, by_id)
    assert (verdict.answer == DENY) == (refused is not None)
    if refused is not None:
        assert verdict.fix == refused.fix


def test_a_document_in_progress_on_firm_ground_is_edited_freely():
    assert judge_artifact(session(intent=COMPLETE, context=IN_PROGRESS), BLOBS, "context", by_id) == ALLOWED


def test_a_document_in_progress_waits_when_what_it_builds_on_changed():
    state = session(intent=COMPLETE, context=IN_PROGRESS)
    verdict = judge_artifact(state, {**BLOBS, "intent": "f" * 40}, "context", by_id)
    assert verdict.answer == DENY
    assert "idse stage reopen intent" in verdict.fix[0]


def test_a_complete_document_is_reopened_first():
    verdict = judge_artifact(session(intent=COMPLETE), BLOBS, "intent", by_id)
    assert verdict.answer == DENY
    assert verdict.fix == ('idse stage reopen intent -m "why"',)


def test_a_document_that_may_start_is_edited_and_the_agent_told_to_start_it():
    verdict = judge_artifact(session(), BLOBS, "intent", by_id)
    assert verdict.answer == WARN
    assert verdict.fix == ("idse stage start intent",)


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_of_an_archived_session_is_edited(stage):
    state = session(**dict.fromkeys(STAGES, IN_PROGRESS))._replace(status=ARCHIVED)
    verdict = judge_artifact(state, BLOBS, stage, by_id)
    assert verdict.answer == DENY
    assert verdict.fix == ("idse session archive s --undo",)


@pytest.mark.parametrize("name", ["CURRENT_SESSION", "session_state.json", "agent_registry.json"])
def test_views_are_never_edited(name):
    verdict = judge_written_by_idse(f".idse/projects/p/{name}")
    assert verdict.answer == DENY
    assert verdict.fix


@pytest.mark.parametrize(
    "path", ["CURRENT_SESSION", f"{FOLDER}/CURRENT_SESSION", ".idse/CURRENT_SESSION", ".idse/projects/p/x"]
)
def test_a_file_that_only_is_called_like_a_view_is_none(path):
    assert judge_written_by_idse(path) == ALLOWED


@pytest.mark.parametrize("inner", ["refs/idse/sessions/p/s", "idse/log", "logs/refs/idse/x", "idse"])
def test_the_ledgers_in_the_git_directory_are_never_edited(inner):
    assert judge_git_directory(inner).answer == DENY


def test_the_file_in_which_git_packs_refs_holds_ledgers_too():
    verdict = judge_git_directory("packed-refs")
    assert verdict.answer == DENY
    assert "written by git alone" in verdict.why


@pytest.mark.parametrize(
    "inner", ["config", "hooks/pre-commit", "packed-refs.md", "refs/heads/idse", "idsecret"]
)
def test_the_rest_of_the_git_directory_is_not_ours(inner):
    assert judge_git_directory(inner) == ALLOWED


@pytest.mark.parametrize("path", ["src/a.py", "CLAUDE.md", ".idsex/a", ".git/hooks/pre-commit", ".idse"])
def test_an_agent_in_planning_mode_writes_under_idse_only(path):
    verdict = judge_mode("alice", "planning", path)
    assert verdict.answer == DENY
    assert any("set-mode alice" in line for line in verdict.fix)
    assert judge_mode("alice", "implementation", path) == ALLOWED


def test_an_agent_in_planning_mode_writes_what_is_under_idse():
    assert judge_mode("alice", "planning", f"{FOLDER}/spec.md") == ALLOWED


@pytest.mark.parametrize("answer", ANSWERS)
def test_code_before_its_time_is_answered_as_the_setting_says(answer):
    assert judge_code(session(), answer).answer == answer


@pytest.mark.parametrize("status", [IN_PROGRESS, COMPLETE])
def test_code_is_edited_freely_once_implementation_is_started(status):
    assert judge_code(session(implementation=status), DENY) == ALLOWED


def test_documents_are_told_from_other_files_of_a_session():
    assert artifact_of(f"{FOLDER}/{ARTIFACTS['feedback']}") == ("p", "s", "feedback")
    assert artifact_of(f"{FOLDER}/notes.md") is None
    assert artifact_of("spec.md") is None


def test_the_strongest_answer_counts_and_its_reasons_are_told_once():
    verdicts = [
        ALLOWED,
        Verdict(WARN, "w"),
        Verdict(DENY, "a", ("x",)),
        Verdict(DENY, "b", ("x",)),
        Verdict(DENY, "a", ("x",)),
    ]
    assert strongest(verdicts) == Verdict(DENY, "a; b", ("x",))
    assert strongest([]).answer == ALLOW


def test_of_very_many_reasons_the_first_are_told():
    found = strongest([Verdict(DENY, f"not {number}", ("idse next",)) for number in range(3_000)])
    assert found.why == "not 0; not 1; not 2; not 3; not 4; and 2995 more"
    assert found.fix == ("idse next",)
