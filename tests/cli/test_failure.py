"""What a program reads when a command fails: the same envelope, with everything a person is told."""

from __future__ import annotations

import json
import os

import pytest

from idse_orchestrator.cli.failure import report_bug


@pytest.fixture
def project(repo, once):
    def make():
        repo.commit(allow_empty=True)
        assert repo.idse("init", "portal").returncode == 0

    once(repo, make)
    return repo


def test_a_gate_that_says_no_names_every_finding_in_json(project):
    done = project.idse("stage", "complete", "intent", "--json")
    document = json.loads(done.stdout)
    first, *findings = document["diagnostics"]
    assert done.returncode == 1
    assert (document["schema"], document["data"]) == ("idse.error/2", None)
    assert (first["code"], first["exit_code"]) == ("IDSE010", 1)
    assert [finding["code"] for finding in findings] == ["IDSE301"]
    assert findings[0]["where"].startswith(".idse/projects/portal/sessions/__blueprint__/intent.md:")
    assert "[REQUIRES INPUT]" in findings[0]["message"]
    assert findings[0]["severity"] == "error"
    assert findings[0]["cause"] == "Answer it"
    assert findings[0]["fix"] == []


def test_a_defect_of_idse_tells_the_exit_code_that_the_process_has(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = report_bug(RuntimeError("boom"), ["status", "--json"])
    told = json.loads(capsys.readouterr().out)["diagnostics"][0]
    assert code == told["exit_code"] == 70
    assert "RuntimeError: boom" in told["message"]
    assert [name for name in os.listdir(tmp_path) if name in told["cause"]]
