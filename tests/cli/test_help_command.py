"""`idse help`: a command, an error, a rule or a topic, each explained where it is asked for."""

from __future__ import annotations

import click
import pytest

from advice import problem_with
from idse_orchestrator import errors
from idse_orchestrator.cli.help_topics import EXAMPLES, EXIT_CODES, TOPICS, error_classes
from idse_orchestrator.cli.main import cli


def test_without_a_word_it_is_the_help_of_idse(repo):
    done = repo.idse("help")
    assert done.returncode == 0
    assert done.stdout == repo.idse("--help").stdout
    for topic in TOPICS:
        assert f"\n  {topic} " in done.stdout


@pytest.mark.parametrize(
    "words", [("validate",), ("rule",), ("rule", "waive"), ("hooks", "install"), ("help",)], ids=" ".join
)
def test_a_command_is_explained_as_by_its_own_option(repo, words):
    assert repo.idse("help", *words).stdout == repo.idse(*words, "--help").stdout


def test_every_exit_code_is_explained(repo):
    done = repo.idse("help", "exit-codes")
    numbers = [line.split()[0] for line in done.stdout.splitlines()[:-2]]
    constants = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert numbers == [str(number) for number in sorted(constants)]
    assert {kind.exit_code for kind in error_classes()} <= set(EXIT_CODES)
    assert done.stdout.endswith("\n\n`idse hook …`, which git calls, uses only 0 and 1.\n")


def test_an_error_is_explained_by_its_code_in_any_case(repo):
    expected = (
        "IDSE004  Invalid name\n"
        "\n"
        "A project, session or stage name breaks the naming rules, or differs from\n"
        "another only in case.\n"
        "\n"
        "Exit code 2, usage or configuration: The command, a setting or the place it ran in does not fit.\n"
        "\n"
        "What to type now stands after fix: in the message.\n"
    )
    assert repo.idse("help", "IDSE004").stdout == expected
    assert repo.idse("help", "idse004").stdout == expected


def test_every_code_an_error_can_show_has_a_page(repo):
    for code in ["IDSE000", *(kind.code for kind in error_classes()[::5])]:
        done = repo.idse("help", code)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"{code}  ")


def test_a_rule_is_explained_as_by_rule_show(repo):
    assert repo.idse("help", "idse301").stdout == repo.idse("rule", "show", "IDSE301").stdout


def test_stages_and_refs_are_explained(repo):
    assert "\n  implementation  implementation/README.md\n" in repo.idse("help", "stages").stdout
    assert "\n  git log refs/idse/sessions/<project>/<session>\n" in repo.idse("help", "refs").stdout


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["exitcodes"], "idse help exit-codes"),
        (["validat"], "idse help validate"),
        (["rule", "shw"], "idse help rule show"),
        (["IDSE399"], "did you mean IDSE30"),
        (["IDSE099"], "idse help IDSE001"),
        (["validate", "x"], "idse help validate"),
        (["zzz"], "idse help\n"),
    ],
)
def test_what_is_unknown_gets_the_nearest(repo, words, fix):
    done = repo.idse("help", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "IDSE006" in done.stderr
    assert fix in done.stderr


def walk(command, words=()):
    """All commands and groups that the help lists, with the words that name them."""
    if command.hidden:
        return
    yield " ".join(words), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), (*words, name))


TREE = dict(walk(cli()))


class TestExamples:
    def test_every_command_has_some_and_no_other_has(self):
        assert set(EXAMPLES) == set(TREE)

    @pytest.mark.parametrize("name", TREE)
    def test_they_can_be_typed_and_are_of_this_command(self, name):
        first, second = EXAMPLES[name]
        assert first[0] != second[0]
        for typed, why in (first, second):
            command = typed.partition(" > ")[0]
            assert problem_with(command) == ""
            assert command.split()[: len(name.split()) + 1] == ["idse", *name.split()]
            assert why
            assert why[0].islower()
            assert "#" not in typed

    @pytest.mark.parametrize(
        "words", [(), ("stage",), ("stage", "start"), ("status",), ("agents", "rule", "add")]
    )
    def test_the_help_opens_with_them(self, repo, words):
        lines = repo.idse(*words, "--help").stdout.splitlines()
        shown = [line for line in lines if line.startswith("  idse ")]
        assert lines[0].startswith("Usage: ")
        assert lines[1] == ""
        assert lines[2:4] == shown[:2]
        assert [line.split("  # ")[0].strip() for line in lines[2:4]] == [
            typed for typed, _ in EXAMPLES[" ".join(words)]
        ]

    def test_a_mistyped_example_would_be_seen(self):
        assert problem_with("idse stage strat") != ""
        assert problem_with("idse status --al") != ""
