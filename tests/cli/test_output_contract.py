"""What every command owes its reader: one JSON document, quiet and colour as asked, the right exit code."""

from __future__ import annotations

import json
import re

import pytest

from idse_orchestrator.cli.group import COMMANDS

READING = [
    ("status",),
    ("status", "--all"),
    ("next",),
    ("prime",),
    ("session", "list"),
    ("session", "show"),
    ("report",),
    ("save",),
    ("restore",),
    ("validate",),
    ("rule", "list"),
    ("rule", "show", "IDSE301"),
    ("blueprint", "claims"),
    ("blueprint", "candidates"),
    ("blueprint", "verify"),
    ("blueprint", "declare", "Amounts are whole cents"),
    ("log",),
    ("diff",),
    ("show",),
    ("init", "portal"),
    ("spawn", "login"),
    ("session", "new", "search"),
    ("hooks", "status"),
    ("fsck",),
    ("doctor",),
]

FAILING = [
    (("status", "nobody"), 2, "IDSE006"),
    (("status", "--project", "nobody"), 2, "IDSE006"),
    (("next", "--project", "-x"), 2, "IDSE004"),
    (("prime", "nobody"), 2, "IDSE006"),
    (("session", "show", "nobody"), 2, "IDSE006"),
    (("save", "nobody"), 2, "IDSE006"),
    (("restore", "--at", "ffffffff"), 2, "IDSE006"),
    (("stage", "start", "spec"), 1, "IDSE401"),
    (("stage", "complete", "intent"), 1, "IDSE010"),
    (("stage", "reopen", "intent"), 2, "IDSE001"),
    (("spawn", "a/b"), 2, "IDSE004"),
    (("spawn", "__blueprint__"), 3, "IDSE005"),
    (("blueprint", "promote", "c-0123456789"), 2, "IDSE006"),
    (("init", "a b"), 2, "IDSE004"),
    (("status", "--no-such-option"), 2, "IDSE001"),
    (("no-such-command",), 2, "IDSE001"),
    (("switch", "__blueprint__"), 2, "IDSE001"),
]


@pytest.mark.parametrize("args", READING, ids=" ".join)
def test_json_is_one_document_with_the_envelope_and_no_prose(loop, args):
    done = loop.idse(*args, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert list(document) == ["schema", "data", "diagnostics"]
    assert re.fullmatch(r"idse\.[a-z-]+/[1-9]", document["schema"])
    assert document["data"] is not None


def test_a_failure_as_json_has_the_envelope_and_the_exit_code_of_the_run(loop):
    for args, code, name in FAILING:
        done = loop.idse(*args, "--json")
        assert (args, done.returncode, done.stderr) == (args, code, "")
        document = json.loads(done.stdout)
        assert (document["schema"], document["data"]) == ("idse.error/2", None)
        first = document["diagnostics"][0]
        assert (args, first["code"], first["exit_code"]) == (args, name, code)


def test_a_refused_gate_as_json_carries_its_findings(loop):
    document = json.loads(loop.idse("stage", "complete", "intent", "--json").stdout)
    assert [entry["code"] for entry in document["diagnostics"]] == ["IDSE010", "IDSE301"]
    assert document["diagnostics"][1]["where"].endswith("intent.md:13:1")


@pytest.mark.parametrize(
    "args",
    [("status",), ("next",), ("status", "--json"), ("next", "--json"), ("status", "--all")],
    ids=" ".join,
)
def test_the_path_without_click_says_the_same_as_the_one_with_it(loop, args):
    loop.does("spawn", "login", "--title", "Log in")
    hot, click = loop.idse(*args), loop.idse(*args, "-v")
    assert hot.stdout == click.stdout != ""
    assert (hot.returncode, hot.stderr) == (click.returncode, click.stderr) == (0, "")


@pytest.mark.parametrize(
    "args",
    [("status", "--project", "nobody"), ("next", "--project", ""), ("status", "--json", "--project", "x")],
)
def test_the_path_without_click_fails_the_same_as_the_one_with_it(loop, args):
    hot, click = loop.idse(*args), loop.idse(*args, "-v")
    assert (hot.stdout, hot.stderr, hot.returncode) == (click.stdout, click.stderr, click.returncode)
    assert hot.returncode == 2


def test_options_that_the_fast_path_does_not_know_are_refused_by_click(loop):
    assert loop.idse("next", "--all").returncode == 2
    assert loop.idse("status", "--color", "pink").returncode == 2
    assert loop.idse("status", "--project").returncode == 2


@pytest.mark.parametrize("args", [("save", "-q"), ("spawn", "login", "-q"), ("init", "portal", "--quiet")])
def test_quiet_says_nothing_but_data_and_errors(loop, args):
    done = loop.does(*args)
    assert (done.stdout, done.stderr) == ("", "")


def test_quiet_keeps_data_and_errors(loop):
    assert loop.idse("status", "-q").stdout == loop.idse("status").stdout
    assert loop.idse("stage", "start", "spec", "-q").stderr != ""


def test_colour_is_for_terminals_or_for_who_asks(loop):
    assert "\x1b[" not in loop.idse("status").stdout
    assert "\x1b[" in loop.idse("status", "--color", "always").stdout
    assert "\x1b[" in loop.idse("status", "--color=always").stdout
    assert "\x1b[" not in loop.idse("status", "--color", "never").stdout
    assert "\x1b[" in loop.idse("status", "nobody", "--color", "always").stderr
    assert "\x1b[" in loop.idse("status", "nobody", "--color=always").stderr
    assert "\x1b[" not in loop.idse("status", "nobody").stderr


def test_a_traceback_is_for_who_asks_for_one(loop):
    assert "Traceback" not in loop.idse("status", "nobody", "-v").stderr
    assert "Traceback" in loop.idse("status", "nobody", "-vv").stderr


def test_an_unknown_command_suggests_the_nearest(repo):
    done = repo.idse("sttatus")
    assert done.returncode == 2
    assert "   = fix:   idse status\n" in done.stderr


@pytest.mark.parametrize("name", [name for name, entry in COMMANDS.items() if entry.section])
def test_every_command_has_help_anywhere(repo, tmp_path, name):
    done = repo.idse(name, "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: idse {name}")


class TestStatusPage:
    """Eighty columns, twenty-four rows."""

    def fits(self, done):
        lines = done.stdout.splitlines()
        assert len(lines) <= 23
        assert [line for line in lines if len(line) > 80] == []

    def test_a_fresh_session(self, loop):
        done = loop.idse("status")
        self.fits(done)
        date = loop.stage("intent")["at"][:10]
        assert done.stdout == (
            "portal/__blueprint__  blueprint, active\n"
            "\n"
            f"  ▶ intent         in progress  {date}  Test Author\n"
            "  · context        pending\n"
            "  · spec           pending\n"
            "  · plan           pending\n"
            "  · tasks          pending\n"
            "  · implementation pending\n"
            "  · feedback       pending\n"
            "\n"
            "next: write intent.md\n"
            "      idse stage complete intent\n"
        )

    def test_everything_that_can_be_remarked_at_once(self, loop):
        loop.finish("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")
        loop.commit("all")
        loop.does("session", "set", "--title", "A title that goes on and on " * 20, "--owner", "x" * 200)
        for path in ("intent.md", "context.md", "spec.md", "plan.md", "tasks.md", "implementation/README.md"):
            loop.edit(path, "# Lost\n\n[REQUIRES INPUT]\n")
        for rule in ("IDSE301", "IDSE201", "IDSE402", "IDSE403", "IDSE607"):
            loop.idse("rule", "waive", rule, "-m", "because of a reason that is long, " * 5)
        loop.git("commit", "-qam", "break all", "--no-verify")
        loop.edit("feedback/feedback.md", loop.text("feedback/feedback.md") + "\nmore\n")
        loop.edit("plan.md", loop.text("plan.md") + "\nmore\n")
        done = loop.idse("status")
        assert "the last validation failed" in done.stdout
        assert "waived: " in done.stdout
        self.fits(done)

    def test_a_stage_that_is_stale_for_many_reasons(self, loop):
        loop.finish("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")
        for path in ("intent.md", "context.md", "spec.md", "plan.md", "tasks.md", "implementation/README.md"):
            loop.edit(path, loop.text(path) + "\nmore\n")
            if path != "intent.md":
                loop.does("save")
        done = loop.idse("status")
        assert "stale: intent, context and 4 more changed" in done.stdout
        self.fits(done)


def test_the_briefing_of_an_agent_fits_1500_tokens_whatever_is_wrong(loop):
    loop.finish("intent", "context", "spec", "plan", "tasks", "implementation", "feedback")
    loop.does("session", "set", "--title", "A title that goes on and on " * 200)
    bad = "\n".join(f"- [ ] Task 1.{number} – [REQUIRES INPUT] (Deps: 9.{number})" for number in range(60))
    for path in ("intent.md", "context.md", "spec.md", "plan.md", "tasks.md", "implementation/README.md"):
        loop.edit(path, f"# {'x' * 3000}\n\n[REQUIRES INPUT] {'y' * 3000}\n\n{bad}\n")
    done = loop.idse("prime")
    assert done.returncode == 0
    assert "more: idse validate" in done.stdout
    assert len(done.stdout) <= 4 * 1500


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (("log", "-n"), "idse log"),
        (("session", "list", "--project"), "idse session list"),
        (("stage", "complete", "intent", "-m"), "idse stage complete"),
        (("--store",), "idse"),
    ],
)
def test_an_option_without_its_value_leads_to_the_help_of_its_command(loop, args, command):
    done = loop.idse(*args)
    assert done.returncode == 2
    assert f"   = fix:   {command} --help\n" in done.stderr
