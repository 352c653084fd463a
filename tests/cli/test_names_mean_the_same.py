"""A session and a stage are named in the same ways wherever they are named."""

from __future__ import annotations

import json

import click
import pytest

from idse_orchestrator.cli.main import cli

OTHERS = {
    "agents assign": ("spec", "claude"),
    "agents route": ("spec",),
    "blueprint reinforce": ("c-0123456789",),
    "drift accept": ("-m", "why"),
    "handoff request": ("--to", "claude", "-m", "why"),
    "handoff reject": ("-m", "why"),
    "rule unwaive": ("IDSE301", "-m", "why"),
    "rule waive": ("IDSE301", "-m", "why"),
    "session rename": ("entry",),
    "stage reopen": ("intent", "-m", "why"),
    "logs": ("T001",),
    **dict.fromkeys(
        (f"task {verb}" for verb in ("accept", "approve", "log", "output", "retry", "show")), ("T001",)
    ),
    **dict.fromkeys(
        (f"task {verb}" for verb in ("cancel", "refuse", "reject", "reopen")), ("T001", "-m", "why")
    ),
}
"""What such a command needs besides."""
MAKERS = ("spawn", "session new")
"""They name a session that is not there yet."""


def walk(command, words=()):
    """All commands that the help lists, with the words that name them."""
    if command.hidden:
        return
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from walk(command.get_command(context, name), (*words, name))


def takers(name):
    """The commands that have an argument or option of that name, and which of both."""
    for words, command in walk(cli()):
        params = [param for param in command.params if param.name in name]
        if params and " ".join(words) not in MAKERS:
            yield " ".join(words), params


SESSIONS = sorted(name for name, _ in takers(("session",)))
ARGUMENTS = sorted(
    name
    for name, params in takers(("session",))
    if any(isinstance(param, click.Argument) for param in params)
)
STAGES = sorted(
    (name, param.name)
    for name, params in takers(("stage", "stages", "from_stage", "to_stage"))
    for param in params
)


@pytest.fixture
def portal(loop, once):
    """Two projects: the one that is worked on, and another that has a session login."""

    def make():
        loop.does("init", "shop")
        loop.does("session", "new", "login", "--project", "portal")
        loop.does("agents", "add", "claude", "--project", "portal", "--stage", "spec")

    once(loop, make)
    return loop


def error(loop, *args):
    """The first words of the error that a run ends with."""
    done = loop.idse(*args)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stderr.partition("\n")[0]


def test_there_is_something_to_look_at():
    assert len(SESSIONS) > 20
    assert len(STAGES) > 10


@pytest.mark.parametrize("name", SESSIONS)
def test_every_command_that_is_about_a_session_knows_the_option(portal, name):
    words = (*name.split(), *OTHERS.get(name, ()))
    said = error(portal, *words, "--session", "portal/nobody")
    assert said == "error[IDSE006]: there is no session 'nobody' in project 'portal'"
    said = error(portal, *words, "--session", "nobody", "--project", "portal")
    assert said == "error[IDSE006]: there is no session 'nobody' in project 'portal'"


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_argument_and_the_option_are_one(portal, name):
    words = (*name.split(), *OTHERS.get(name, ()))
    said = error(portal, *words, "portal/nobody")
    assert said == "error[IDSE006]: there is no session 'nobody' in project 'portal'"
    said = error(portal, *words, "portal/login", "--session", "login")
    assert said == "error[IDSE001]: two sessions are named: portal/login and login"


def test_the_option_chooses_what_the_argument_chooses(portal):
    for command in ("status", "next", "prime", "session show"):
        by_argument = portal.does(*command.split(), "portal/login", "--json").stdout
        assert portal.does(*command.split(), "--session", "portal/login", "--json").stdout == by_argument


def test_a_parent_is_a_session_too(portal):
    portal.does("spawn", "search", "--parent", "portal/login", "--project", "portal")
    assert portal.status("portal/search")["parents"] == ["login"]
    said = error(portal, "spawn", "more", "--parent", "shop/__blueprint__", "--project", "portal")
    assert said == "error[IDSE001]: a parent is of the same project: shop/__blueprint__ is not of portal"
    said = error(portal, "spawn", "more", "--parent", "nobody", "--project", "portal")
    assert said == "error[IDSE006]: there is no session 'nobody' in project 'portal'"


STAGE_OTHERS = {
    "agents add": ("new",),
    "agents set": ("claude",),
    "drift accept": ("-m", "why"),
    "handoff request": ("--to", "claude", "-m", "why"),
    "stage reopen": ("-m", "why"),
    "stage confirm": ("-m", "why"),
}


@pytest.mark.parametrize(("name", "param"), STAGES)
@pytest.mark.parametrize("typed", ["spce", ""], ids=["mistyped", "empty"])
def test_what_is_no_stage_is_told_in_the_same_words_and_never_passed_by(portal, name, param, typed):
    command = next(command for words, command in walk(cli()) if " ".join(words) == name)
    (found,) = [each for each in command.params if each.name == param]
    words = [*name.split(), *STAGE_OTHERS.get(name, ())]
    if isinstance(found, click.Option):
        words += [found.opts[0], typed]
    elif name.startswith("agents rule"):
        ends = {"from_stage": "spec", "to_stage": "plan", param: typed}
        words += [ends["from_stage"], "claude", ends["to_stage"], "claude"]
    elif name == "agents assign":
        words += [typed, "claude"]
    else:
        words.append(typed)
    assert error(portal, *words) == f"error[IDSE006]: there is no stage {typed!r}"


class TestTheList:
    def test_it_shows_all_projects(self, portal):
        lines = portal.does("session", "list").stdout.splitlines()
        assert [line.removeprefix("* ").split()[0] for line in lines] == [
            "portal/__blueprint__",
            "portal/login",
            "shop/__blueprint__",
        ]
        assert [line[:2] for line in lines] == ["  ", "  ", "* "]

    def test_it_shows_one_where_one_is_named(self, portal):
        lines = portal.does("session", "list", "--project", "portal").stdout.splitlines()
        assert [line.removeprefix("* ").split()[0] for line in lines] == ["__blueprint__", "login"]
        by_variable = portal.does("session", "list", env={"IDSE_PROJECT": "portal"}).stdout.splitlines()
        assert by_variable == lines

    def test_as_json_each_says_its_project(self, portal):
        told = json.loads(portal.does("session", "list", "--json").stdout)
        assert told["schema"] == "idse.sessions/2"
        assert told["data"]["projects"] == ["portal", "shop"]
        rows = [(row["project"], row["session"], row["current"]) for row in told["data"]["sessions"]]
        assert rows == [
            ("portal", "__blueprint__", False),
            ("portal", "login", False),
            ("shop", "__blueprint__", True),
        ]

    def test_status_with_all_stays_with_the_project_that_is_worked_on(self, portal):
        told = json.loads(portal.does("status", "--all", "--json").stdout)
        assert told["data"]["projects"] == ["shop"]
        assert portal.does("status", "--all").stdout.startswith("* __blueprint__  ")

    def test_a_damaged_ledger_hides_no_other(self, portal):
        portal.git("update-ref", "refs/idse/sessions/portal/evil", "HEAD")
        done = portal.idse("session", "list")
        assert done.returncode == 1
        assert len(done.stdout.splitlines()) == 3
