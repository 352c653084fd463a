"""What the engine says about documents fresh from their templates."""

from __future__ import annotations

import pytest

from idse_orchestrator.base.files import shipped_folder
from idse_orchestrator.documents.project_workspace import ARTIFACTS, STAGES
from idse_orchestrator.sessions.template_folder import TemplateFolders, TemplateValues, render_artifacts


@pytest.fixture(scope="module", params=["blueprint", "feature", "exploratory"])
def fresh(request):
    values = TemplateValues("portal", "login", "Log in with a passkey", request.param, "2025-11-21")
    return render_artifacts(TemplateFolders(shipped_folder("templates")), values)


@pytest.mark.parametrize("stage", STAGES)
def test_a_fresh_document_has_open_markers_and_nothing_that_is_never_allowed(
    stage, fresh, hits_of, constitution
):
    found = {hit.rule for hit in hits_of(stage, fresh[ARTIFACTS[stage]])}
    assert "IDSE301" in found
    assert "IDSE201" not in found
    for rule in found:
        assert constitution.rule(rule).severity_at("in_progress") != "error"
        assert constitution.rule(rule).severity_at("pending") == "off"


@pytest.mark.parametrize("stage", STAGES)
def test_taking_the_markers_out_does_not_make_a_template_a_document(stage, fresh, hits_of):
    text = fresh[ARTIFACTS[stage]].decode().replace("\n[REQUIRES INPUT]\n", "\n")
    rules = [hit.rule for hit in hits_of(stage, text)]
    assert rules.count("IDSE202") >= 3
