"""`idse prime` briefs an agent, in prose or as data."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def project(repo, once):
    def make():
        repo.commit(allow_empty=True)
        assert repo.idse("init", "portal").returncode == 0

    once(repo, make)
    return repo


def test_the_briefing_as_json_names_the_stage_and_every_finding_with_its_rule(project):
    done = project.idse("prime", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 0
    assert document["schema"] == "idse.prime/2"
    assert document["data"]["status"]["next"]["stage"] == "intent"
    findings = document["data"]["findings"]
    assert [(finding["rule"], finding["name"]) for finding in findings] == [("IDSE301", "unresolved-input")]


def test_the_briefing_for_an_agent_names_the_folder_what_to_do_now_and_the_findings(project):
    done = project.idse("prime")
    assert done.returncode == 0
    assert ".idse/projects/portal/sessions/__blueprint__/" in done.stdout
    assert "idse stage complete intent" in done.stdout
    assert "warning[IDSE301]" in done.stdout
