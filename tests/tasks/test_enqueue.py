"""A list of tasks becomes the queue, and later the queue follows the list."""

from __future__ import annotations

import pytest

from idse_orchestrator.errors import TaskListError
from idse_orchestrator.tasks.enqueue import Change, read_list, wanted
from idse_orchestrator.tasks.graph import Graph
from idse_orchestrator.tasks.state import TaskState


def listed(text):
    return read_list(text.encode(), "tasks/tasks.md")


def asked(text):
    return {task.task: task for task in listed(text).tasks}


def state(task, **more):
    """The state of a task as it stands after it was queued."""
    fields = {key: value for key, value in task._asdict().items() if key != "approve"}
    return TaskState("p", "s", **{**fields, "state": "ready", **more})


PLAN = """# Tasks
## Phase 1
- [ ] T001 write (Files: src/a.py) (Agent: claude) (Retries: 1) (Timeout: 20) (Budget: 0.50)
- [ ] T002 [P] test
- [ ] T003 read
## Phase 2
- [ ] T004 ship (Deps: T002)
- [ ] T005 tell
- [x] T006 done before
- [ ] T007 after it
"""


def test_a_task_carries_what_the_list_says_of_it():
    tasks = asked(PLAN)
    first = tasks["T001"]
    assert (first.text, first.paths, first.agent) == ("write", ("src/a.py",), "claude")
    assert first.caps == {"attempts": 2, "timeout_s": 1200, "budget_usd": 0.5}
    assert (first.position, first.phase, len(first.list)) == (1, 1, 40)


def test_a_task_waits_for_what_it_declares_or_else_for_its_place():
    needs = {name: task.needs for name, task in asked(PLAN).items()}
    assert needs == {
        "T001": (),
        "T002": (),
        "T003": ("T002",),
        "T004": ("T002",),
        "T005": ("^2", "T004"),
        "T007": ("^2",),
    }


@pytest.mark.parametrize(
    ("deps", "needs"),
    [
        ("T001-T002", ("T001..T002",)),
        ("all above", ("^",)),
        ("T001, T006", ("T001",)),
        ("T006", ()),
    ],
)
def test_needs_of_every_form_are_kept_short_and_what_is_ticked_is_met(deps, needs):
    tasks = asked(PLAN + f"- [ ] T008 more (Deps: {deps})\n")
    assert tasks["T008"].needs == needs


def waiting(tasks, *done):
    return Graph(list(tasks.values())).unmet({name: name in done for name in tasks})


def test_groups_are_met_when_all_in_them_are():
    tasks = asked(PLAN + "- [ ] T008 more (Deps: T001-T003)\n- [ ] T009 last (Deps: all above)\n")
    assert waiting(tasks) == {"T003", "T004", "T005", "T007", "T008", "T009"}
    assert waiting(tasks, "T001", "T002") == {"T005", "T007", "T008", "T009"}
    assert waiting(tasks, "T001", "T002", "T003") == {"T005", "T009"}
    assert "T009" not in waiting(tasks, *(name for name in tasks if name != "T009"))


def test_who_has_the_longest_path_ahead_comes_first():
    tasks = asked(
        "- [ ] T001 [P] a\n- [ ] T002 [P] b\n- [ ] T003 c (Deps: T002)\n- [ ] T004 d (Deps: T003)\n"
    )
    ahead = Graph(list(tasks.values())).ahead
    assert ahead == {"T001": 0, "T002": 2, "T003": 1, "T004": 0}


def test_what_blocks_a_task_is_named_through_groups():
    tasks = asked(PLAN)
    graph = Graph(list(tasks.values()))
    met = {name: name == "T001" for name in tasks}
    assert set(graph.blockers("T005", met)) == {"T002", "T003", "T004"}
    assert graph.chain("T007", met)[-1] == "T002"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nothing here\n", "there is no task in it"),
        ("- [ ] T001 a (Deps: T002)\n- [ ] T002 b (Deps: T001)\n", "wait for each other: T001 → T002 → T001"),
        ("- [ ] T001 a (Deps: T001)\n", "wait for each other: T001 → T001"),
        ("- [ ] T001 a\n- [ ] T001 b\n", "T001 stands there twice, in line 1 and in line 2"),
        ("- [ ] T001 a\n- [ ] t001 b\n", "stands there twice"),
        ("- [ ] T001 a (Deps: T009)\n", "T001 needs T009, and there is no such task"),
        ("- [ ] T001 a (Check: rm -rf /)\n", "T001 asks for check 'rm -rf /'"),
        ("- [ ] T001 a (Sandbox: off)\n", "asks for sandbox"),
        ("- [ ] no id\n", "has no id"),
        ("- [?] T001 a\n", "the box is [?]"),
    ],
)
def test_a_list_that_cannot_be_worked_off_is_named(text, told):
    with pytest.raises(TaskListError) as caught:
        wanted(listed(text), (), "tasks/tasks.md")
    assert told in caught.value.explanation
    assert caught.value.where.startswith("tasks/tasks.md")


def test_a_list_that_is_too_long_is_refused():
    with pytest.raises(TaskListError) as caught:
        listed("".join(f"- [ ] T{number} a\n" for number in range(20_001)))
    assert "20,001 tasks" in caught.value.cause


def test_what_is_there_already_and_says_the_same_is_kept():
    tasks = asked(PLAN)
    again = wanted(listed(PLAN), [state(task) for task in tasks.values()], "l")
    assert (again.new, again.changes, again.kept, again.stale) == ((), (), 6, ())


def test_a_line_that_comes_in_between_changes_no_other():
    tasks = asked(PLAN)
    more = PLAN.replace("## Phase 2", "- [ ] T010 [P] new\n## Phase 2")
    found = wanted(listed(more), [state(task) for task in tasks.values()], "l")
    assert ([task.task for task in found.new], found.changes) == (["T010"], ())


def after(text, **more):
    """What a changed list wants, where T001 was queued with PLAN and stands as `more` says."""
    first = state(asked(PLAN)["T001"], **more)
    found = wanted(listed(text), [first], "l")
    mine = [change for change in found.changes if change.task == "T001"]
    return mine, [(each.state.task, each.action) for each in found.stale]


OTHER = PLAN.replace("T001 write", "T001 write it well")
GONE = PLAN.replace("- [ ] T001", "- [ ] T011")
TICKED = PLAN.replace("- [ ] T001", "- [x] T001")


def test_other_words_change_what_nobody_holds():
    changed, _ = after(OTHER)
    assert [(change.action, change.fields["text"]) for change in changed] == [("change", "write it well")]
    assert after(OTHER, state="held") == ([], [])


@pytest.mark.parametrize(
    ("standing", "action"),
    [("done", "reopen"), ("failed", "retry"), ("cancelled", "retry"), ("review", "reject")],
)
def test_what_came_to_an_end_with_other_words_is_told_and_not_touched(standing, action):
    assert after(OTHER, state=standing) == ([], [("T001", action)])
    assert after(PLAN, state=standing) == ([], [])


def test_a_line_that_is_gone_cancels_its_task_and_a_tick_ends_it():
    assert after(GONE) == ([Change("T001", "cancel", {"why": "gone"})], [])
    assert after(GONE, state="held") == ([Change("T001", "cancel", {"why": "gone"})], [])
    assert after(GONE, state="done") == ([], [])
    assert after(TICKED) == ([Change("T001", "cancel", {"why": "ticked"})], [])
    assert after(TICKED, state="held") == ([], [])


def test_a_line_that_came_back_is_told_and_what_a_person_cancelled_stays_so():
    assert after(PLAN, state="cancelled", why="gone") == ([], [("T001", "retry")])
    assert after(PLAN, state="cancelled") == ([], [])


def test_a_task_of_ones_own_stays_when_the_list_does_not_know_it():
    own = TaskState("p", "s", "mine", state="ready")
    assert wanted(listed(PLAN), [own], "l").changes == ()


def test_a_ticked_task_is_met_for_what_needs_it():
    ticked = state(asked(PLAN)["T002"], state="cancelled", why="ticked")
    assert ticked.is_met
    assert not state(asked(PLAN)["T002"], state="cancelled").is_met
