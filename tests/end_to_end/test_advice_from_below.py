"""A command that is advised names files as they are from where the reader stands."""

from __future__ import annotations

import json

import pytest

VIEW = ".idse/projects/portal/agent_registry.json"
BELOW = {"src/deep": "../../", ".idse/projects/portal": "../../../", ".": ""}


@pytest.fixture(params=BELOW)
def place(loop, request):
    """A folder of the work tree, and the steps from there to the top."""
    folder = loop.path / request.param
    folder.mkdir(parents=True, exist_ok=True)
    return folder, BELOW[request.param]


def test_of_an_edited_view(loop, place):
    folder, up = place
    loop.does("agents", "add", "ann")
    loop.write(VIEW, loop.read(VIEW).replace(b"ann", b"bob"))
    told = loop.repo.idse("doctor", cwd=folder)
    assert f"fix:  rm {up}{VIEW}\n" in told.stdout
    checks = json.loads(loop.repo.idse("doctor", "--json", cwd=folder).stdout)["data"]["checks"]
    (agents,) = [each for each in checks if each["name"] == "agents"]
    assert agents["fix"] == [f"idse agents import {up}{VIEW}", f"rm {up}{VIEW}"]
    assert f"idse agents import {up}{VIEW}" in loop.repo.idse("agents", "list", cwd=folder).stderr
    refused = loop.repo.idse("agents", "add", "eve", cwd=folder)
    assert f"rm {up}{VIEW}  # drops it" in refused.stderr
    assert loop.repo.run("sh", "-c", agents["fix"][1], cwd=folder).returncode == 0
    assert loop.repo.idse("agents", "add", "eve", cwd=folder).returncode == 0


def test_of_a_document_that_no_ledger_takes(loop, place):
    folder, up = place
    document = loop.path / loop.FOLDER / "spec.md"
    document.chmod(0o755)
    refused = loop.repo.idse("save", cwd=folder)
    fix = f"chmod -x {up}{loop.FOLDER}/spec.md"
    assert f"fix:   {fix}\n" in refused.stderr
    found = json.loads(loop.repo.idse("save", "--json", cwd=folder).stdout)["diagnostics"][0]
    assert found["fix"] == [fix]
    assert loop.repo.run("sh", "-c", fix, cwd=folder).returncode == 0
    assert loop.repo.idse("save", cwd=folder).returncode == 0
