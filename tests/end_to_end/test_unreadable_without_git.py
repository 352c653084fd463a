"""A document that nobody may read, in a folder without git: the command names it, and changes nothing."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from idse_orchestrator.errors import InvalidArtifactError
from idse_orchestrator.stores.plain_documents import content_of

SPEC = ".idse/projects/portal/sessions/__blueprint__/spec.md"
IDSE = str(pathlib.Path(sys.executable).parent / "idse")


@pytest.fixture
def folder(tmp_path, sealed):
    done = subprocess.run(
        [IDSE, "--store", "filesystem", "init", "portal"], cwd=tmp_path, check=False, capture_output=True
    )
    assert done.returncode == 0
    return tmp_path


@pytest.mark.parametrize("words", [("status",), ("validate",), ("save",), ("diff",), ("prime",)])
def test_a_document_that_may_not_be_read_is_named(folder, bound_idse, words):
    (folder / SPEC).chmod(0)
    done = subprocess.run([*bound_idse, *words], cwd=folder, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error[IDSE017]: a document cannot be read\n  --> {SPEC}\n")
    assert "Permission denied" in done.stderr


@pytest.mark.parametrize("is_link", [False, True])
def test_a_file_that_is_gone_meanwhile_is_named_too(tmp_path, is_link):
    with pytest.raises(InvalidArtifactError) as told:
        content_of(str(tmp_path), "gone.md", is_link=is_link)
    assert told.value.where == "gone.md"
