"""Check verbs of other packages: loaded where the configuration of the user names them, nowhere else."""

from __future__ import annotations

import pytest

CONSTITUTION = """\
rules:
  - id: ACME001
    article: VI
    name: no-shouting
    applies_to: [intent]
    check: acme_no_shouting
    severity: {pending: off, in_progress: error, complete: error}
    message: "{count} words in capitals"
    hint: "Lower your voice"
"""

MODULE = """\
from idse_orchestrator.constitution.checks.document import Notice

def no_shouting(document, options):
    words = [word for word in document.text.split() if word.isupper() and len(word) > 6]
    if words:
        yield Notice(1, 1, {"count": len(words)})
"""


@pytest.fixture
def plugin(tmp_path):
    """A folder for PYTHONPATH that holds an installed package with one check."""
    folder = tmp_path / "packages"
    info = folder / "acme_checks-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "acme_checks.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-checks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[idse_orchestrator.checks]\nacme_no_shouting = acme_checks:no_shouting\n"
    )
    return folder


@pytest.fixture
def project(repo):
    assert repo.idse("init", "portal").returncode == 0
    repo.write(".idse/constitution.yaml", CONSTITUTION)
    intent = ".idse/projects/portal/sessions/__blueprint__/intent.md"
    repo.write(intent, repo.read(intent) + b"\nABSOLUTELY NEEDED YESTERDAY\n")
    return repo


def test_a_rule_may_use_a_check_that_the_configuration_names(project, plugin):
    project.git("config", "idse.checks", "acme_no_shouting")
    done = project.idse("validate", "--format", "concise", env={"PYTHONPATH": str(plugin)})
    assert done.returncode == 1, done.stderr
    assert "error[ACME001]" in done.stdout


def test_an_installed_check_that_nobody_named_is_unknown(project, plugin):
    done = project.idse("validate", env={"PYTHONPATH": str(plugin)})
    assert done.returncode == 2
    assert "acme_no_shouting" in done.stderr


def test_a_named_check_that_is_not_installed_says_what_to_do(project):
    project.git("config", "idse.checks", "acme_no_shouting")
    done = project.idse("validate")
    assert done.returncode == 2
    assert "no installed package offers a check called 'acme_no_shouting'" in done.stderr
    assert "install the package that offers it" in done.stderr


def test_a_branch_cannot_name_checks(project, plugin):
    project.write(".idseconfig.json", '{"checks": "acme_no_shouting"}')
    project.write(".idse/config.json", '{"checks": "acme_no_shouting"}')
    assert project.idse("validate", env={"PYTHONPATH": str(plugin)}).returncode == 2


def test_a_check_that_cannot_be_loaded_is_told(project, plugin):
    (plugin / "acme_checks.py").write_text("import no_such_module\n")
    project.git("config", "idse.checks", "acme_no_shouting")
    done = project.idse("validate", env={"PYTHONPATH": str(plugin)})
    assert done.returncode == 2
    assert "No module named 'no_such_module'" in done.stderr
    assert "Traceback" not in done.stderr
