"""Completion expires by content: a stage holds as long as the documents are what was completed."""

from __future__ import annotations

import pytest

from idse_orchestrator.documents.project_workspace import STAGES, downstream_of, upstream_of
from idse_orchestrator.pipeline.stage_state_model import SessionState, StageRecord, standing, standings

BLOBS = {stage: f"{stage}-blob" for stage in STAGES}


def by_id(_one, _other):
    return False


def completed(*stages):
    state = SessionState("portal", "login")
    for stage in stages:
        upstream = {up: BLOBS[up] for up in upstream_of(stage)}
        state = state.with_stage(stage, StageRecord("complete", artifact=BLOBS[stage], upstream=upstream))
    return state


def test_a_stage_whose_documents_are_those_that_were_completed_holds():
    for one in standings(completed(*STAGES), BLOBS, by_id):
        assert one.holds
        assert one.condition == "current"


def test_an_edited_artifact_makes_its_own_stage_changed_and_those_after_it_stale():
    found = {one.stage: one for one in standings(completed(*STAGES), {**BLOBS, "spec": "edited"}, by_id)}
    assert found["spec"].condition == "changed"
    assert (found["spec"].recorded, found["spec"].actual) == ("spec-blob", "edited")
    for stage in upstream_of("spec"):
        assert found[stage].condition == "current"
    for stage in downstream_of("spec"):
        assert found[stage].condition == "stale"
        assert found[stage].causes == ("spec",)


def test_putting_the_document_back_makes_everything_hold_again():
    state = completed(*STAGES)
    assert not all(one.holds for one in standings(state, {**BLOBS, "intent": "edited"}, by_id))
    assert all(one.holds for one in standings(state, BLOBS, by_id))


@pytest.mark.parametrize("stage", STAGES)
def test_a_deleted_artifact_is_a_change(stage):
    blobs = {name: blob for name, blob in BLOBS.items() if name != stage}
    assert standing(completed(*STAGES), stage, blobs, by_id).condition == "changed"


def test_changed_says_more_than_stale_and_names_the_causes_too():
    found = standing(completed("plan"), "plan", {**BLOBS, "plan": "x", "spec": "y", "intent": "z"}, by_id)
    assert found.condition == "changed"
    assert found.causes == ("intent", "spec")


@pytest.mark.parametrize("status", ["pending", "in_progress"])
def test_a_stage_that_is_not_complete_cannot_expire(status):
    state = SessionState("p", "s").with_stage("spec", StageRecord(status, artifact="old"))
    found = standing(state, "spec", {"spec": "new"}, by_id)
    assert (found.status, found.condition, found.holds) == (status, "current", False)


def test_stages_come_in_pipeline_order():
    assert [one.stage for one in standings(SessionState("p", "s"), {}, by_id)] == list(STAGES)


def test_a_session_set_to_draft_is_not_called_complete():

    assert completed(*STAGES).effective_status == "complete"
    assert completed(*STAGES)._replace(status="draft").effective_status == "draft"
