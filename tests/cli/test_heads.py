"""Columns have heads on a terminal; what reads a pipe sees rows alone, as ever."""

from __future__ import annotations

import re

import pytest

from on_a_terminal import on_terminal


@pytest.fixture
def team(loop, once, bare_remote):
    """Sessions, agents and a handoff."""

    def make():
        loop.does("agents", "add", "claude", "--role", "architect", "--stage", "spec")
        loop.does("agents", "add", "codex", "--stage", "tasks")
        loop.does("session", "new", "login", "--title", "Log in by mail")
        loop.does("agent-files", "install", "claude")
        loop.does("sync", "setup", bare_remote.path)
        loop.does("handoff", "--from", "claude", "--to", "codex", "--stage", "spec")

    once(loop, make)
    return loop


HEADS = {
    ("session", "list"): ["session", "stages", "status", "open, title"],
    ("status", "--all"): ["session", "stages", "status", "open, title"],
    ("report",): ["session", "stages", "condition", "last", "by", "title"],
    ("agents", "list"): ["agent", "mode", "stages", "role"],
    ("agents", "suggest"): ["stage", "agent", "why"],
    ("handoff", "list"): ["handoff", "stage", "from → to", "result"],
    ("hooks", "status"): ["hook", "condition"],
    ("agents", "route", "spec"): ["agent", "role, mode, why"],
    ("agent-files", "status"): ["agents", "file", "condition"],
    ("log",): ["entry", "what", "when", "by"],
    ("log", "--all", "--format", "short"): ["entry", "what", "when", "by"],
    ("log", "--oneline"): ["entry", "what"],
    ("sync", "status"): ["standing", "ledger"],
    ("rule", "list"): ["rule", "name", "pending", "in progress", "complete", "gate", "from"],
}


def split(line):
    return [word.strip() for word in line.split("  ") if word.strip()]


@pytest.mark.parametrize("args", HEADS, ids=" ".join)
def test_on_a_terminal_columns_have_heads(team, args):
    shown, _ = on_terminal(team, *args, COLUMNS="120")
    lines = shown.splitlines()
    assert HEADS[args] in [split(line) for line in lines]
    number = next(number for number, line in enumerate(lines) if split(line) == HEADS[args])
    first = lines[number + 1]
    starts = [lines[number].index(word) for word in HEADS[args][:2]]
    assert all(start == 0 or (first[start - 1] == " " and first[start] != " ") for start in starts), lines


@pytest.mark.parametrize("args", [args for args in HEADS if args != ("rule", "list")], ids=" ".join)
def test_into_a_pipe_rows_come_alone(team, args):
    assert HEADS[args] not in [split(line) for line in team.idse(*args).stdout.splitlines()]


def test_nothing_has_no_heads(loop):
    shown, _ = on_terminal(loop, "agents", "list")
    assert "mode" not in shown


def test_dates_and_people_stand_below_their_heads(team):
    head, first, *_ = on_terminal(team, "log", "--date", "iso", COLUMNS="120")[0].splitlines()
    assert re.match(r"\d{4}-\d\d-\d\dT", first[head.index("when") :])
    assert first[head.index("by") - 2 :].startswith("  ")
    assert first[head.index("by")] != " "


def test_a_drawing_and_whole_entries_have_no_heads(team):
    for words in (("--graph",), ("--format", "full"), ("--format", "%h %s")):
        assert "what" not in on_terminal(team, "log", *words, COLUMNS="120")[0].splitlines()[0].split()
    assert "when" not in on_terminal(team, "log", COLUMNS="50")[0].splitlines()[0].split()
