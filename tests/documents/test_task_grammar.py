"""The list of tasks as people and tools write it: what is read, what is doubtful, what stays as it was."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.documents.task_doubts import task_list_of
from idse_orchestrator.documents.task_graph import Needs, Range, cycles, edges_of, waits_for
from idse_orchestrator.documents.task_list import FORMAT_3, boxes_of, is_same_list, ticked_since

BEFORE = "- [ ] T001 a\n- [ ] T002 b\n- [ ] T003 c\n- [ ] 1.1 d\n- [ ] 1.2 e\n- [ ] 1.3 f\n- [ ] TASK-7 g\n"
"""Tasks that others wait for."""


def read(text):
    return task_list_of(text.split("\n"), (), ())


def last(line):
    """The task that `line` makes, after those of BEFORE; nothing about it may be a flaw."""
    found = read(BEFORE + line)
    assert found.flaws == ()
    return found.tasks[-1]


def before(text, task):
    """All that a task waits for."""
    tasks = read(text).tasks
    return waits_for(edges_of((each.id, each.needs) for each in tasks), task)


def doubts(text):
    return [each.problem for each in read(text).doubts]


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ("- [ ] 2.1 text", "2.1", "text"),
        ("- [ ] 2.1. text", "2.1", "text"),
        ("- [ ] 2.1: text", "2.1", "text"),
        ("- [ ] 2.1) text", "2.1", "text"),
        ("- [ ] **2.1** text", "2.1", "text"),
        ("- [ ] **2.1:** text", "2.1", "text"),
        ("- [ ] 2.1 – text", "2.1", "text"),
        ("- [x] 2.1.3 text", "2.1.3", "text"),
        ("* [ ] 4. text", "4", "text"),
        ("- [ ] 4) text", "4", "text"),
        ("- [ ] TASK-8 text", "TASK-8", "text"),
        ("- [ ] task-8: text", "TASK-8", "text"),
        ("- [ ] task-8.1 – text", "TASK-8.1", "text"),
        ("- [ ] T1.5 text", "T1.5", "text"),
        ("- [ ] **T1.5**: text", "T1.5", "text"),
        ("- [ ] T012 [P] [US1] Create it in src/a.py", "T012", "Create it in src/a.py"),
        ("- [ ] [US1] T012 text", "T012", "text"),
        ("- [ ] Task 0.1 – text", "0.1", "text"),
        ("- [ ] Task #7 text", "7", "text"),
        ("- [ ] T12 text", "T12", "text"),
    ],
)
def test_an_id_is_read_as_tools_write_it(line, name, text):
    task = last(line)
    assert (task.id, task.text) == (name, text)


@pytest.mark.parametrize(
    "line",
    [
        "- [ ] 3 services restart",
        "- [ ] 2.5GB are free",
        "- [ ] 1.2-beta is out",
        "- [ ] 1.1/2 done",
        "- [ ] 10:30 call",
        "- [ ] TASK-7b2 x",
        "- [ ] T1.5rc2 x",
    ],
)
def test_a_number_that_begins_a_text_is_no_id(line):
    assert [flaw.problem for flaw in read(line).flaws] == [f'"{line.removeprefix("- [ ] ")}" has no id']


@pytest.mark.parametrize(
    ("line", "labels", "parallel", "text"),
    [
        ("- [ ] T9 [US1] text", ("US1",), False, "text"),
        ("- [ ] T9 [P] [US1] text", ("US1",), True, "text"),
        ("- [ ] T9 [US1] [P] text", ("US1",), True, "text"),
        ("- [ ] [P] [US1] T9 [BE] text", ("US1", "BE"), True, "text"),
        ("- [ ] T9 [US-2][NFR_1.2][P] text", ("US-2", "NFR_1.2"), True, "text"),
        ("- [ ] T9 [US1]", ("US1",), False, "[US1]"),
        ("- [ ] T9 [US1](us.md) text", (), False, "[US1](us.md) text"),
        ("- [ ] T9 [US1]: text", (), False, "[US1]: text"),
        ("- [ ] T9 [see below] text", (), False, "[see below] text"),
        ("- [ ] T9 text [US1] more", (), False, "text [US1] more"),
    ],
)
def test_labels_stand_beside_the_id(line, labels, parallel, text):
    task = last(line)
    assert (task.labels, task.parallel, task.text) == (labels, parallel, text)


ONE_TO_THREE = Needs(ranges=(Range("T001", "T003"),))


@pytest.mark.parametrize(
    ("said", "needs"),
    [
        ("T001-T003", ONE_TO_THREE),
        ("T001 - T003", ONE_TO_THREE),
        ("T001–T003", ONE_TO_THREE),
        ("T001—T003", ONE_TO_THREE),
        ("T001..T003", ONE_TO_THREE),
        ("T001...T003", ONE_TO_THREE),
        ("T001…T003", ONE_TO_THREE),
        ("T001 to T003", ONE_TO_THREE),
        ("tasks T001 through T003", ONE_TO_THREE),
        ("T001-003", ONE_TO_THREE),
        ("`T001`-`T003`", ONE_TO_THREE),
        ("1.1-1.3", Needs(ranges=(Range("1.1", "1.3"),))),
        ("Tasks 1.1 to 1.3", Needs(ranges=(Range("1.1", "1.3"),))),
        ("Task 1.1 to Task 1.3", Needs(ranges=(Range("1.1", "1.3"),))),
        ("TASK-7..TASK-9", Needs(ranges=(Range("TASK-7", "TASK-9"),))),
        ("TASK-7-9", Needs(ranges=(Range("TASK-7", "TASK-9"),))),
        ("Tasks 1.1, 1.2 and 1.3", Needs(("1.1", "1.2", "1.3"))),
        ("T001 & T002", Needs(("T001", "T002"))),
        ("T001-T003, 1.1, T001-T003", Needs(("1.1",), (Range("T001", "T003"),))),
        ("TASK-7", Needs(("TASK-7",))),
        ("T-1", Needs(("T-1",))),
        ("T001-US3", Needs(("T001-US3",))),
        ("2024-01-02", Needs(("2024-01-02",))),
        ("ALL", Needs(above=True)),
        ("all", Needs(above=True)),
        ("all previous", Needs(above=True)),
        ("all of the previous tasks", Needs(above=True)),
        ("all tasks above, TASK-7", Needs(("TASK-7",), above=True)),
        ("all others", Needs(("ALL OTHERS",))),
        ("none", Needs()),
    ],
)
def test_what_a_task_waits_for_may_be_a_range_or_all(said, needs):
    assert last(f"- [ ] T9 text (Deps: {said})").needs == needs


@pytest.mark.parametrize(
    ("line", "needs", "text"),
    [
        ("text (depends on T001, T002)", Needs(("T001", "T002")), "text"),
        ("text (Depends on T001 and T002).", Needs(("T001", "T002")), "text."),
        ("text (depends on T001-T003) (2h)", ONE_TO_THREE, "text (2h)"),
        ("text (depends on T001) (Files: a.py) [P]", Needs(("T001",)), "text"),
        ("text (depends on all previous tasks)", Needs(above=True), "text"),
        ("text (depends on T001, T099)", Needs(("T001", "T099")), "text"),
        ("text (after 1.1) (requires T001)", Needs(("T001", "1.1")), "text"),
        ("text (Needs: T001)", Needs(("T001",)), "text"),
        ("text (Blocked by: TASK-7) (Deps: 1.1)", Needs(("1.1", "TASK-7")), "text"),
        ("(depends on T001)", Needs(("T001",)), "(depends on T001)"),
        ("text (depends on the API)", Needs(), "text (depends on the API)"),
        ("text (after all)", Needs(), "text (after all)"),
        ("text (Requires: Python 3.11)", Needs(), "text"),
        ("text (requires 3.11)", Needs(), "text (requires 3.11)"),
        ("text (depends on none)", Needs(), "text (depends on none)"),
    ],
)
def test_a_parenthesis_at_the_end_needs_no_colon(line, needs, text):
    task = last(f"- [ ] T9 {line}")
    assert (task.needs, task.text) == (needs, text)
    assert doubts(f"{BEFORE}- [ ] T9 {line}") == []


@pytest.mark.parametrize(
    ("line", "doubt"),
    [
        ("- [ ] T9 It depends on T001 a bit", 'task T9: "depends on T001" in its text orders nothing'),
        (
            "- [ ] T9 depends on `T001` and **T002**",
            'task T9: "depends on `T001` and **T002**" in its text orders nothing',
        ),
        (
            "- [ ] T9 text\n  - **Depends on**: T001",
            'task T9: "Depends on**: T001" in its text orders nothing',
        ),
        ("- [ ] T9 text (depends on T001) in a.py", 'task T9: "depends on T001" in its text orders nothing'),
        ("- [ ] T9 run after T001 and T002", 'task T9: "after T001 and T002" in its text orders nothing'),
        ("- [ ] T9 text\n  blocked by task 1.1", 'task T9: "blocked by task 1.1" in its text orders nothing'),
        ("- [ ] T9 text\n  - Dependencies: T001", 'task T9: "Dependencies: T001" in its text orders nothing'),
        ("- [ ] T9 text\n  - [ ] needs TASK-7", 'task T9: "needs TASK-7" in its text orders nothing'),
        ("- [ ] T9 text\n  - (Deps: 1.1)", 'task T9: "Deps: 1.1" in its text orders nothing'),
        ("- [ ] T9 text (depends on T001 or so)", 'task T9: "depends on T001" in its text orders nothing'),
        ("- [ ] T9 text (Requires: T001 or so)", 'task T9: "(Requires: T001 or so)" orders nothing'),
        ("- [ ] T9 text (depends on T099)", 'task T9: "(depends on T099)" names no task of this list'),
        ("- [ ] T9 x (Deps: T003-T001)", "task T9: T003 to T001 runs backwards, and is read as T001 to T003"),
        ("- [ ] T005 x\n- [ ] T9 x (Deps: T001-T005)", "task T9: T001 to T005 has a gap, T004 is not there"),
        ("- [ ] T9 x\n  - [ ] T9.1 y", "T9.1 is read as a step of task T9, since it stands below it"),
        ("- [ ] T9 x\n  - [ ] Task 9.1 – y", "9.1 is read as a step of task T9, since it stands below it"),
        ("- [ ] T9 after T10 (Deps: ALL)\n- [ ] T10 x", 'task T9: "after T10" in its text orders nothing'),
        ("- T1.5: x", '"T1.5: x" is no task, since it has no box [ ] before it'),
        ("- TASK-8 – x", '"TASK-8 – x" is no task, since it has no box [ ] before it'),
        ("\n1. [ ] T9 x", '"1. [ ] T9 x" is no task, since a number stands before its box, not -'),
    ],
)
def test_what_looks_like_an_order_or_a_task_and_is_none_is_told(line, doubt):
    assert doubts(BEFORE + line) == [doubt]


@pytest.mark.parametrize(
    "line",
    [
        "- [ ] T9 waits for T001 (Deps: T001)",
        "- [ ] T9 depends on T002 (Deps: T001-T003)",
        "- [ ] T9 after T002 (Deps: ALL)",
        "- [ ] T9 depends on T9 itself",
        "- [ ] T9 depends on T099, which is elsewhere",
        "- [ ] 7. x\n- [ ] T9 needs 7 days after #7 weeks",
        "- [ ] T9 see T001 and 1.1",
        "- [ ] T9 text\n  - [ ] 1. a step that is counted",
        "- [ ] T9 text\n  1. [ ] a step that is counted",
        "- TASK-8 was merged",
        "- 1.4 of the guide",
    ],
)
def test_what_is_ordered_anyway_or_only_told_is_no_doubt(line):
    assert doubts(BEFORE + line) == []


def test_all_stands_for_the_tasks_above_and_never_leads_to_a_cycle():
    text = "- [ ] T3 a\n- [ ] T1 b (Deps: ALL)\n- [ ] T2 c (Deps: ALL)\n- [ ] T4 d\n"
    assert before(text, "T1") == {"T3"}
    assert before(text, "T2") == {"T3", "T1"}
    assert before(text, "T4") == set()
    assert list(cycles(edges_of((each.id, each.needs) for each in read(text).tasks))) == []
    assert doubts(text) == []
    assert doubts("- [ ] T1 a (Deps: ALL)\n- [ ] T2 b") == [
        "task T1: ALL stands for the tasks above it, and there are none"
    ]


def test_a_task_above_that_waits_for_one_that_waits_for_all_is_a_cycle():
    tasks = read("- [ ] T1 a (Deps: T2)\n- [ ] T2 b (Deps: ALL)\n").tasks
    assert list(cycles(edges_of((each.id, each.needs) for each in tasks))) == [("T1", "T2", "T1")]


def test_a_range_is_what_stands_between_as_people_count():
    text = "".join(f"- [ ] {name} a\n" for name in ("1.10", "1.2", "1.2.1", "2.1", "1.9", "T1", "1.11"))
    assert before(text + "- [ ] T9 b (Deps: 1.2-1.10)", "T9") == {"1.2", "1.2.1", "1.9", "1.10"}
    assert before(text + "- [ ] T9 b (Deps: 1.11-2.1)", "T9") == {"1.11", "2.1"}
    assert before(text + "- [ ] T9 b (Deps: 1.10-1.2)", "T9") == {"1.2", "1.2.1", "1.9", "1.10"}


def test_a_range_that_holds_its_own_task_is_a_cycle():
    tasks = read("- [ ] T1 a\n- [ ] T2 b (Deps: T1-T3)\n- [ ] T3 c\n").tasks
    assert list(cycles(edges_of((each.id, each.needs) for each in tasks))) == [("T2", "T2")]


IDS = st.sampled_from([f"T{number}" for number in range(1, 12)] + ["1.1", "1.2", "1.3", "2.1"])
LISTS = st.lists(
    st.tuples(IDS, st.lists(IDS, max_size=2), st.lists(st.tuples(IDS, IDS), max_size=2), st.booleans()),
    max_size=12,
    unique_by=lambda each: each[0],
)


def counted(name):
    return name[:1] == "T", [int(part) for part in name.strip("T").split(".")]


@given(LISTS)
def test_groups_mean_the_same_as_edges_one_by_one(tasks):
    plain = {}
    needs = []
    for place, (name, ids, pairs, above) in enumerate(tasks):
        ranges = [pair for pair in pairs if counted(pair[0])[0] == counted(pair[1])[0]]
        within = [
            each[0]
            for pair in ranges
            for each in tasks
            if min(map(counted, pair)) <= counted(each[0]) <= max(map(counted, pair))
        ]
        plain[name] = [*ids, *within, *(each[0] for each in tasks[:place] if above)]
        needs.append((name, Needs(tuple(ids), tuple(Range(*pair) for pair in ranges), above)))
    edges = edges_of(needs)
    assert all(waits_for(edges, name) == waits_for(plain, name) for name in plain)
    assert bool(list(cycles(edges))) == bool(list(cycles(plain)))
    for cycle in cycles(edges):
        assert cycle[0] == cycle[-1]
        assert all(after in plain[one] for one, after in itertools.pairwise(cycle))


MANY = 10_000
HUGE = {
    "all": [f"- [ ] T{number} a (Deps: ALL)" for number in range(MANY)],
    "ranges": [f"- [ ] T{number} a (Deps: T0-T{number - 1})" for number in range(1, MANY)],
    "a range far beyond": ["- [ ] 1.1 a", "- [ ] T2 b (Deps: 0.1-9.999999999)"],
}


@pytest.mark.parametrize("lines", HUGE.values(), ids=HUGE)
def test_edges_grow_with_the_list_and_not_with_its_square(lines):
    tasks = read("\n".join(lines)).tasks
    edges = edges_of((each.id, each.needs) for each in tasks)
    assert sum(map(len, edges.values())) < 30 * len(tasks) + 100
    assert list(cycles(edges)) == []
    assert len(waits_for(edges, tasks[-1].id)) == len(tasks) - 1


BOMBS = {
    "parentheses": "(after T1)",
    "parentheses about nothing": "(depends on T9)",
    "mentions": "after T1, ",
    "brackets": "[US1] [P]",
    "words": "depends on   ",
    "open": "(depends on ",
}


@pytest.mark.parametrize("piece", BOMBS.values(), ids=BOMBS)
def test_time_grows_with_a_line_and_not_with_its_square(piece):
    def seconds(times):
        lines = ["- [ ] T1 x", f"- [ ] T2 {piece * times}"]
        began = time.process_time()
        task_list_of(lines, (), ())
        return time.process_time() - began

    assert seconds(40_000) < 40 * max(seconds(4_000), 0.002)


# --- what was recorded ---

NEW = "- [ ] 1.1 one\n- [ ] 1.2 two\n  - [ ] a step\n- [ ] TASK-7 three\n"


def test_ticks_of_all_ids_are_progress():
    ticked = NEW.replace("[ ] 1.1", "[x] 1.1").replace("[ ] TASK", "[x] TASK").replace("[ ] a", "[x] a")
    assert is_same_list(NEW, ticked)
    assert ticked_since(NEW, ticked).done == ("1.1", "TASK-7")


def test_merges_see_the_boxes_of_before():
    old = "- [ ] T1 one\n  - [ ] a step\n- [x] **Task 0.1** – two\n"
    assert list(boxes_of(old, FORMAT_3)) == list(boxes_of(old))
    assert [box.task for box in boxes_of(NEW + old)] == ["1.1", "1.2", "1.2", "TASK-7", "T1", "T1", "0.1"]
    assert [box.task for box in boxes_of(NEW + old, FORMAT_3)] == ["T1", "T1", "0.1"]
    labelled = "- [ ] [US1] T1 one\n"
    assert [box.task for box in boxes_of(labelled)] == ["T1"]
    assert list(boxes_of(labelled, FORMAT_3)) == []
