"""A session of a type passes the stages of that type; the event that sets it says which, once and for all."""

from __future__ import annotations

import json

import pytest

from greeting import CODE, DOCUMENTS

FOLDER = ".idse/projects/portal/sessions"
TYPES = """session_types:
  chore: [tasks, intent, implementation]
"""
LINE = "Not needed: the type of this session leaves this document out.\n"
REPORT = "| SC-1 | asked ten new users | none had asked |"


def does(repo, *args, ends=0):
    done = repo.idse(*args)
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout + done.stderr


def statuses(repo, session="typo"):
    data = json.loads(does(repo, "status", "--json", "--session", session))["data"]
    return {each["stage"]: each["status"] for each in data["stages"]}


def state(repo, session="typo"):
    return json.loads(repo.git("show", f"refs/idse/sessions/portal/{session}:state.json"))


def read(repo, name, session="typo"):
    return repo.read(f"{FOLDER}/{session}/{name}").decode()


def written(repo, *names, session="typo"):
    for name in names:
        text = DOCUMENTS[name]
        if name == "implementation/README.md":
            text = text.replace("| AC-1 | tests/test_greet.py::test_name | passed |", REPORT)
        repo.write(f"{FOLDER}/{session}/{name}", text)


@pytest.fixture
def fix(begun):
    """The repository, with a session of the type fix."""
    does(begun, "spawn", "typo", "--type", "fix")
    return begun


def test_all_seven_documents_exist_and_those_left_out_are_one_line(fix):
    lines = {path: read(fix, path) == LINE for path in DOCUMENTS}
    assert lines == {
        "intent.md": False,
        "context.md": True,
        "spec.md": True,
        "plan.md": True,
        "tasks.md": False,
        "implementation/README.md": False,
        "feedback/feedback.md": True,
    }
    assert statuses(fix)["context"] == "not_needed"
    assert "▶---··-" in does(fix, "session", "list")
    view = json.loads(fix.read(".idse/projects/portal/session_state.json"))
    assert view["stages"]["spec"] == "not_needed"
    assert state(fix)["stages"]["spec"]["status"] == "pending"  # it is computed, and not stored


def test_a_fix_goes_from_its_intent_to_its_tasks_to_its_code_and_is_complete(fix):
    written(fix, "intent.md", "tasks.md", "implementation/README.md")
    assert "idse stage complete tasks" in does(fix, "stage", "complete", "intent")
    told = does(fix, "stage", "start", "implementation", ends=1)
    assert "`tasks` is in_progress" in told
    assert "idse stage complete tasks" in told
    does(fix, "stage", "complete")
    for path, text in CODE.items():
        fix.write(path, text)
    fix.git("add", "-A")
    fix.git("commit", "-q", "-m", "typo")
    told = does(fix, "stage", "complete", "--json")
    assert json.loads(told)["data"]["next"]["why"] == "all 3 stages are complete"
    assert json.loads(does(fix, "status", "--json"))["data"]["status"] == "complete"
    does(fix, "save")
    assert "no findings" in does(fix, "validate", "--strict", "--session", "typo")
    does(fix, "fsck")


def test_criteria_are_those_of_the_intent_where_there_is_no_spec(fix):
    written(fix, "intent.md", "tasks.md", "implementation/README.md")
    fix.write(f"{FOLDER}/typo/spec.md", DOCUMENTS["spec.md"])  # nobody has to write one; nobody asks for it
    does(fix, "stage", "complete", "intent", "tasks")
    assert "AC-1" not in does(fix, "validate", "--session", "typo")
    traced = json.loads(does(fix, "trace", "--json"))["data"]
    assert "SC-1" in json.dumps(traced)
    assert "AC-1" not in json.dumps(traced)


def test_a_document_that_is_not_needed_makes_nothing_stale(fix):
    written(fix, "intent.md", "tasks.md")
    does(fix, "stage", "complete", "intent", "tasks")
    fix.write(f"{FOLDER}/typo/context.md", "Something to know.\n")
    assert "stale" not in does(fix, "status")
    fix.write(f"{FOLDER}/typo/intent.md", DOCUMENTS["intent.md"] + "\nMore.\n")
    assert "stale: intent changed" in does(fix, "status")


def test_a_stage_that_was_moved_stays_and_has_a_document_to_write(fix):
    written(fix, "intent.md", "tasks.md")
    does(fix, "stage", "complete", "intent", "--no-start")
    does(fix, "stage", "start", "spec")
    assert read(fix, "spec.md").startswith("# Spec")
    assert statuses(fix) | {"spec": "in_progress", "plan": "not_needed"} == statuses(fix)
    assert "`spec` is in_progress" in does(fix, "stage", "start", "tasks", ends=1)
    does(fix, "session", "set", "--type", "spike", "-m", "no cause is known")
    assert statuses(fix) == {
        "intent": "complete",
        "context": "pending",
        "spec": "in_progress",
        "plan": "not_needed",
        "tasks": "not_needed",
        "implementation": "not_needed",
        "feedback": "pending",
    }


def test_a_wider_type_brings_documents_to_write_and_leaves_every_text(fix):
    fix.write(f"{FOLDER}/typo/plan.md", "A plan all the same.\n")
    told = does(fix, "session", "set", "--type", "feature", "-m", "it grew")
    assert f"to write: {FOLDER}/typo/spec.md" in told
    assert read(fix, "spec.md").startswith("# Spec")
    assert read(fix, "plan.md") == "A plan all the same.\n"
    assert set(statuses(fix).values()) == {"in_progress", "pending"}
    assert "needed" not in state(fix)
    assert "described: type 'feature'" in does(fix, "log")
    assert "it grew" in does(fix, "log")
    assert "is a feature already" in does(fix, "session", "set", "--type", "feature")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("spawn", "x", "--type", "fixx"), "did you mean fix?"),
        (("spawn", "x", "--type", "blueprint"), "there is no session type 'blueprint'"),
        (("session", "set", "--type", "spike"), "needs a reason"),
        (("session", "set", "--type", "nope", "-m", "x"), "session types: feature, exploratory, fix, spike"),
        (("session", "set", "__blueprint__", "--type", "fix", "-m", "x"), "has a type of its own"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(fix, args, told):
    before = fix.git("for-each-ref", "refs/idse")
    assert told in " ".join(does(fix, *args, ends=2).split())
    assert fix.git("for-each-ref", "refs/idse") == before


def test_a_deleted_session_keeps_its_type_until_it_is_back(fix):
    does(fix, "session", "delete", "typo", "-m", "no")
    told = does(fix, "session", "set", "typo", "--type", "spike", "-m", "why", ends=2)
    assert "idse session delete typo --undo" in told
    assert state(fix)["type"] == "fix"


def test_a_project_adds_types_and_a_session_keeps_the_stages_it_began_with(begun):
    begun.write(".idse/constitution.yaml", TYPES)
    does(begun, "spawn", "typo", "--type", "chore")
    stages = ["intent", "tasks", "implementation"]
    assert state(begun)["needed"] == stages
    begun.write(".idse/constitution.yaml", TYPES.replace("[tasks, intent, implementation]", "[intent]"))
    assert [s for s, status in statuses(begun).items() if status != "not_needed"] == stages
    begun.write(".idse/constitution.yaml", "rules: []\n")
    assert [s for s, status in statuses(begun).items() if status != "not_needed"] == stages
    does(begun, "fsck")
    does(begun, "validate")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{feature: [intent, tasks]}", "the session type feature cannot be replaced"),
        ("{blueprint: [intent]}", "the session type blueprint cannot be replaced"),
        ("{chore: [tasks, feedback]}", "the session type chore has no intent"),
        ("{chore: [intent, task]}", "did you mean tasks?"),
        ("{chore: []}", "session_types → chore"),
        ("{'a b': [intent]}", "session_types → a b"),
        ("[chore]", "session_types"),
    ],
)
def test_a_type_that_cannot_be_is_named_with_its_place(begun, text, told):
    begun.write(".idse/constitution.yaml", f"session_types: {text}\n")
    said = " ".join(does(begun, "validate", ends=2).split())
    assert told in said
    assert ".idse/constitution.yaml → session_types" in said


def test_of_two_types_set_at_once_one_counts_in_both_clones(fix, bare_remote):
    does(fix, "sync", "setup", bare_remote.path)
    fix.git("add", "-A")
    fix.git("commit", "-q", "-m", "begin")
    does(fix, "sync", "push")
    other = fix.clone("other")
    does(other, "init", "--agency", bare_remote.path)
    does(fix, "session", "set", "typo", "--type", "spike", "-m", "here")
    does(other, "session", "set", "typo", "--type", "feature", "-m", "there")
    does(other, "session", "set", "typo", "--title", "later")
    does(fix, "stage", "start", "context", "--session", "typo", ends=1)
    for repo in (fix, other, fix):
        does(repo, "sync", "push")
    assert state(fix) == state(other)
    # The lamport numbers of both are equal, so the ids of the events decide, and both clones know them.
    assert (state(fix)["type"], state(fix).get("needed")) in [
        ("spike", ["intent", "context", "feedback"]),
        ("feature", None),
    ]
    for repo in (fix, other):
        does(repo, "fsck")


@pytest.mark.parametrize(("kind", "form"), [("feature", 1), ("exploratory", 1), ("fix", 3), ("spike", 3)])
def test_only_a_type_that_leaves_a_stage_out_needs_a_newer_idse(begun, kind, form):
    does(begun, "spawn", "typo", "--type", kind)
    assert state(begun)["format"] == form


def test_instructions_build_on_what_the_session_has(fix):
    told = does(fix, "instructions", "tasks")
    assert "Builds on intent.md" in told
    assert "spec.md" not in told.partition("## Builds on")[2]
    assert "not needed" in does(fix, "instructions", "spec")
