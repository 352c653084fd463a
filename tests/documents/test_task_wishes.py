"""How a task wants to be worked on: names and numbers, and never a command."""

from __future__ import annotations

import pytest

from idse_orchestrator.documents.task_list import Task, read_items
from idse_orchestrator.documents.task_wishes import Wishes, wishes_of


def task(line):
    found = [read for _, read in read_items([line], ()) if isinstance(read, Task)]
    assert len(found) == 1
    return found[0]


def test_all_that_a_task_can_ask_for():
    line = (
        "- [ ] T001 Write it (Agent: claude) (Model: claude-sonnet-4.5) (Retries: 1) (Timeout: 20m) "
        "(Budget: $2.50) (Check: tests) (Sandbox: required) "
        "(Output: `report.md`) (Needs: T000) (Files: src/a.py)"
    )
    found = task(line)
    assert found.text == "Write it"
    assert wishes_of(found.wishes) == (
        Wishes("claude", "claude-sonnet-4.5", 1, 1200, 2.5, "tests", "required", "report.md"),
        (),
    )


def test_a_task_that_asks_for_nothing():
    assert wishes_of(task("- [ ] T001 Write it (Owner: ana)").wishes) == (Wishes(), ())


@pytest.mark.parametrize(
    ("note", "value"),
    [("90s", 90), ("20", 1200), ("2 hours", 7200), ("0", None), ("soon", None), ("9999 h", None)],
)
def test_durations(note, value):
    wishes, odd = wishes_of([("timeout", note)])
    assert wishes.timeout_s == value
    assert bool(odd) == (value is None)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("check", "pytest -q"),
        ("check", "rm -rf ~"),
        ("agent", "sh -c id"),
        ("model", "a b"),
        ("retries", "-1"),
        ("retries", "1000000000000"),
        ("budget", "all of it"),
        ("sandbox", "off"),
        ("output", "../../x"),
        ("output", "/etc/passwd"),
        ("output", "~/.ssh/id"),
    ],
)
def test_what_is_no_name_is_told_and_nothing_is_made_of_it(key, value):
    wishes, odd = wishes_of([(key, value)])
    assert wishes == Wishes()
    assert [(each.key, each.value) for each in odd] == [(key, value)]
