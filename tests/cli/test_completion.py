"""Completion as shells do it: the question in the environment, the answer on standard output."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from idse_orchestrator.cli.group import COMMANDS
from idse_orchestrator.documents.project_workspace import STAGES


@pytest.fixture
def portal(repo, once):
    def make():
        assert repo.idse("init", "portal", "--no-hooks").returncode == 0
        assert repo.idse("spawn", "login").returncode == 0

    once(repo, make)
    return repo


def ask(repo, line, **more):
    """What bash is told when tab is pressed at the end of `line`."""
    words = line.split(" ")
    asked = {"_IDSE_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = repo.idse(env=asked, **more)
    assert (done.returncode, done.stderr) == (0, "")
    return [answer.removeprefix("plain,") for answer in done.stdout.splitlines()]


def test_commands_complete_without_the_hidden_one(repo):
    assert ask(repo, "idse ") == [name for name in COMMANDS if name != "hook"]
    assert ask(repo, "idse va") == ["validate"]
    assert ask(repo, "idse rule ") == ["list", "show", "unwaive", "waive"]


def test_options_and_their_choices_complete(repo):
    assert ask(repo, "idse validate --fo") == ["--format"]
    assert ask(repo, "idse validate --format s") == ["sarif"]
    assert ask(repo, "idse completion ") == ["bash", "zsh", "fish"]


def test_stages_and_families_complete(repo):
    assert ask(repo, "idse rule list --stage ") == list(STAGES)
    assert ask(repo, "idse rule list --family s") == ["structure", "sections", "sequence", "spec", "safety"]


def test_sessions_and_projects_complete(portal):
    assert ask(portal, "idse validate ") == ["__blueprint__", "login"]
    assert ask(portal, "idse validate lo") == ["login"]
    assert ask(portal, "idse validate portal/l") == ["portal/login"]
    assert ask(portal, "idse rule waive IDSE301 --session l") == ["login"]
    assert ask(portal, "idse validate --project ") == ["portal"]


def test_sessions_are_those_of_the_project_that_was_typed(portal):
    assert portal.idse("init", "shop", "--no-hooks").returncode == 0
    assert portal.idse("spawn", "cart", "--project", "shop").returncode == 0
    assert ask(portal, "idse validate --project shop ") == ["__blueprint__", "cart"]


def test_claims_complete_by_their_ids(portal):
    assert ask(portal, "idse blueprint promote ") == []
    assert portal.idse("blueprint", "declare", "Amounts of money are kept as whole cents").returncode == 0
    assert ask(portal, "idse blueprint promote c-8") == ["c-8ae381618e"]


def test_rules_complete_in_the_case_that_is_typed_with_those_of_the_project(repo):
    assert ask(repo, "idse rule show IDSE3") == ["IDSE301", "IDSE302"]
    assert ask(repo, "idse rule show idse3") == ["idse301", "idse302"]
    repo.write(
        ".idse/constitution.yaml",
        "rules: [{id: ACME001, name: own, applies_to: [spec], check: has_text, with: {texts: [x]}, "
        "message: m, hint: h}]",
    )
    assert ask(repo, "idse rule show AC") == ["ACME001"]


def test_help_completes_commands_topics_codes_and_what_is_below_a_command(repo):
    assert ask(repo, "idse help ex") == ["export", "exit-codes"]
    assert ask(repo, "idse help sta") == ["status", "stage", "stages"]
    assert ask(repo, "idse help IDSE00") == [f"IDSE00{digit}" for digit in range(1, 10)]
    assert ask(repo, "idse help IDSE30") == ["IDSE301", "IDSE302"]
    assert ask(repo, "idse help hooks ") == ["install", "status", "uninstall"]


@pytest.mark.parametrize(
    "line", ["idse nonsense ", "idse rule nonsense ", "idse validate a b c ", "idse 'validate ", "idse \x01"]
)
def test_a_line_that_makes_no_sense_is_no_error(repo, line):
    assert "Traceback" not in "".join(ask(repo, line))


def test_nothing_is_said_outside_of_a_repository_or_about_broken_rules(repo, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    assert ask(repo, "idse validate ", cwd=outside) == []
    assert ask(repo, "idse rule show IDSE30", cwd=outside) == ["IDSE301", "IDSE302"]
    repo.write(".idse/constitution.yaml", "rules: [")
    assert ask(repo, "idse rule show IDSE30") == []


@pytest.mark.parametrize(
    "value", ["nonsense", "bash_complete", "tcsh_complete", "bash_nonsense", "_", "fish_"]
)
def test_a_question_that_makes_no_sense_is_no_error(repo, value):
    done = repo.idse(env={"_IDSE_COMPLETE": value})
    assert (done.returncode, done.stderr) == (0, "")


def test_the_variable_does_not_disturb_a_command(repo):
    done = repo.idse("help", "exit-codes", env={"_IDSE_COMPLETE": "bash_complete"})
    assert "usage or configuration" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_printed_for_each_shell(repo, shell):
    done = repo.idse("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_IDSE_COMPLETE={shell}_complete" in done.stdout
    program = shutil.which(shell)
    if program is not None:
        checked = subprocess.run(
            [program, "-n"], input=done.stdout, text=True, capture_output=True, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_with_the_script(repo):
    script = (
        "source <(idse completion bash); COMP_WORDS=(idse rule sh); COMP_CWORD=2; "
        '_idse_completion idse; echo "${COMPREPLY[@]}"'
    )
    assert repo.run("bash", "-c", script).stdout == "show\n"


def test_an_unknown_shell_is_refused_with_the_choices(repo):
    done = repo.idse("completion", "tcsh")
    assert done.returncode == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr


def test_names_complete_in_the_commands_of_every_day(portal):
    assert ask(portal, "idse switch l") == ["login"]
    assert ask(portal, "idse session switch l") == ["login"]
    assert ask(portal, "idse stage start --session l") == ["login"]
    assert ask(portal, "idse stage complete imp") == ["implementation"]
    assert ask(portal, "idse log l") == ["login"]
    assert ask(portal, "idse log --stage imp") == ["implementation"]
    assert ask(portal, "idse log --kind cr") == ["created"]
    assert ask(portal, "idse diff imp") == ["implementation"]
