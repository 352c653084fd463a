"""A box that is ticked is progress: nothing that was completed expires by it, as by everything else."""

from __future__ import annotations

import json

import pytest

TASKS = """\
# Tasks

## Phase 0 – Foundations

- [x] T000 Begin

## Phase 1 – Core Behavior

- [ ] T001 Write the form (Files: form.py)
  - [ ] a step of it
- [ ] T002 Check the form (Deps: T001)

## Phase 2 – NFRs / Hardening

- [ ] T005 Measure the form (Deps: T002)

```text
- [ ] T003 only shown
```
"""


@pytest.fixture
def planned(loop, once):
    """Everything up to `tasks` is complete and committed, with no box ticked; implementation is started."""

    def make():
        loop.finish("intent", "context", "spec", "plan")
        loop.edit("tasks.md", TASKS)
        loop.does("stage", "start", "tasks")
        loop.does("stage", "complete", "tasks")
        loop.does("stage", "start", "implementation")
        loop.commit("plan")

    once(loop, make)
    return loop


def ticked(text, *lines):
    return "".join(
        line.replace("[ ]", "[x]") if line.strip(" -[]\n").startswith(lines) else line
        for line in text.splitlines(keepends=True)
    )


def condition(loop, stage):
    return loop.stage(stage)["condition"]


PROGRESS = {
    "a task": ticked(TASKS, "T001"),
    "a step": ticked(TASKS, "a step"),
    "several": ticked(TASKS, "T001", "T002", "T005"),
    "by a capital": TASKS.replace("[ ] T001", "[X] T001"),
}
CHANGES = {
    "a box in fenced code": ticked(TASKS, "T003"),
    "the text of a ticked task": ticked(TASKS, "T001").replace("the form (F", "a form (F"),
    "[P]": TASKS.replace("T002 Check", "T002 [P] Check"),
    "order": TASKS.replace("T001", "T009").replace("T002", "T001"),
    "a new task": TASKS.replace("\n## Phase 2", "- [x] T004 More\n\n## Phase 2"),
    "a task less": TASKS.replace("- [ ] T002 Check the form (Deps: T001)\n", ""),
    "line ends": TASKS.replace("\n", "\r\n"),
    "a mark that is none": TASKS.replace("[ ] T001", "[-] T001"),
}


@pytest.mark.parametrize("text", PROGRESS.values(), ids=PROGRESS)
def test_a_tick_changes_nothing_that_was_completed(planned, text):
    planned.edit("tasks.md", text)
    assert condition(planned, "tasks") == "current"
    assert planned.status()["next"]["stage"] == "implementation"
    assert planned.idse("validate").returncode == 0
    planned.commit("tick")  # the hook lets it pass
    assert planned.ledger("tasks.md") == text
    assert condition(planned, "tasks") == "current"


@pytest.mark.parametrize("text", CHANGES.values(), ids=CHANGES)
def test_everything_else_still_does(planned, text):
    planned.edit("tasks.md", text)
    assert condition(planned, "tasks") == "changed"
    done = planned.idse("validate")
    assert done.returncode == 1
    assert "IDSE402" in done.stdout + done.stderr


def test_what_was_completed_with_open_boxes_and_what_asks_for_ticked_ones_can_both_be_met(planned):
    planned.write_well("implementation")
    refused = planned.idse("stage", "complete", "implementation")
    assert refused.returncode == 1
    assert "IDSE606" in refused.stdout + refused.stderr
    planned.edit("tasks.md", ticked(TASKS, "T001", "T002", "T005", "a step"))
    planned.does("stage", "complete", "implementation")
    assert {each["condition"] for each in planned.status()["stages"]} == {"current"}
    planned.edit("tasks.md", ticked(TASKS, "T001"))
    assert condition(planned, "implementation") == "current"  # what was upstream of it is the same list
    planned.edit("tasks.md", CHANGES["a new task"])
    assert condition(planned, "implementation") == "stale"


def test_a_tick_by_somebody_else_counts_where_the_filter_changes_the_text(planned):
    planned.write(".gitattributes", "*.md text eol=crlf\n")
    planned.edit("tasks.md", ticked(TASKS, "T001").replace("\n", "\r\n"))
    assert condition(planned, "tasks") == "current"


def test_the_log_says_which_tasks_an_edit_ticked_or_opened(planned):
    planned.edit("tasks.md", ticked(TASKS, "T001", "T002", "a step"))
    planned.commit("tick two")
    planned.edit(
        "tasks.md", ticked(TASKS, "T005", "T001").replace("\n## Phase 2", "- [x] T004 More\n\n## Phase 2")
    )
    planned.does("save", "-m", "one more, one less")
    data = json.loads(planned.does("log", "-n", "4", "--json").stdout)["data"]["entries"]
    marks = [(each["ticked"], each["opened"]) for each in data if each["kind"] == "edited"]
    assert marks[:2] == [(["T005"], ["T002"]), (["T001", "T002"], [])]
    shown = planned.does("log", "-n", "4", "--oneline").stdout
    assert "tasks.md (ticked T005, opened T002)\n" in shown
    assert "(ticked T001, T002)\n" in shown


def edit_of(planned, tool, **asked):
    call = {"cwd": str(planned.path), "tool_name": tool, "tool_input": asked}
    done = planned.repo.idse("hook", "agent-before-edit", stdin=json.dumps(call))
    return json.loads(done.stdout).get("hookSpecificOutput", {}).get("permissionDecision", "allow")


def test_an_agent_may_tick_and_nothing_else(planned):
    path = str(planned.path / planned.FOLDER / "tasks.md")
    one, other = (
        {"old_string": "[ ] T001", "new_string": "[x] T001"},
        {"old_string": "T002", "new_string": "T7"},
    )
    assert edit_of(planned, "Edit", file_path=path, **one) == "allow"
    assert (
        edit_of(planned, "Edit", file_path=path, old_string="[ ]", new_string="[x]", replace_all=True)
        == "deny"
    )
    assert edit_of(planned, "Edit", file_path=path, **other) == "deny"
    assert edit_of(planned, "MultiEdit", file_path=path, edits=[one]) == "allow"
    assert edit_of(planned, "MultiEdit", file_path=path, edits=[one, other]) == "deny"
    assert edit_of(planned, "Write", file_path=path, content=PROGRESS["several"]) == "allow"
    assert edit_of(planned, "Write", file_path=path, content=CHANGES["a task less"]) == "deny"
    assert edit_of(planned, "Write", file_path=path) == "deny"


@pytest.mark.parametrize(
    ("line", "answer"), [("+- [x] T002 Check the form (Deps: T001)", "allow"), ("+- [x] T002 Check", "deny")]
)
def test_a_patch_may_tick_and_nothing_else(planned, line, answer):
    patch = "\n".join(
        [
            "*** Begin Patch",
            f"*** Update File: {planned.FOLDER}/tasks.md",
            "@@",
            "   - [ ] a step of it",
            "-- [ ] T002 Check the form (Deps: T001)",
            line,
            " ",
            "*** End Patch",
        ]
    )
    assert edit_of(planned, "apply_patch", command=patch) == answer
