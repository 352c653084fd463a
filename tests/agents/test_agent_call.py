"""What agents tell their hooks, and how they are answered."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.agents.edit_gate import (
    ALLOWED,
    ASK,
    DENY,
    WARN,
    AgentCall,
    Verdict,
    answer_edit,
    read_call,
)

PATCH = """\
*** Begin Patch
*** Update File: src/a.py
@@
-*** Add File: not/this.py
+*** Delete File: nor/this.py
*** Add File: notes/new one.md
+hello
*** Delete File: old.txt
*** Update File: before.py
*** Move to: after.py
*** End Patch
"""


def call(**raw):
    return read_call(json.dumps(raw).encode())


@pytest.mark.parametrize("key", ["file_path", "notebook_path"])
def test_an_editing_tool_names_its_file(key):
    assert call(tool_name="Edit", tool_input={key: "/r/a.py"}).paths == ("/r/a.py",)


def test_a_patch_names_every_file_it_touches_and_none_that_its_text_mentions():
    paths = call(tool_name="apply_patch", tool_input={"command": PATCH}).paths
    assert paths == ("src/a.py", "notes/new one.md", "old.txt", "before.py", "after.py")


@pytest.mark.parametrize("head", ["Add File", "Update File", "Delete File"])
def test_a_patch_names_files_behind_blanks_as_codex_reads_it(head):
    patch = f"*** Begin Patch\n*** Add File: a.py\n+x\n \t*** {head}: src/b.py \n*** End Patch"
    assert call(tool_name="apply_patch", tool_input={"command": patch}).paths == ("a.py", "src/b.py")


def test_blanks_in_a_path_of_a_patch_stay_and_those_behind_it_go():
    patch = f"*** Add File: a{' ' * 200_000}b{' ' * 200_000}\n+x\n"
    (path,) = call(tool_name="apply_patch", tool_input={"command": patch}).paths
    assert (path[0], path[-1], len(path)) == ("a", "b", 200_002)


def test_a_shell_command_is_no_patch():
    assert call(tool_name="Bash", tool_input={"command": PATCH}).paths == ()


def test_the_rest_of_a_call_is_where_who_and_whether_again():
    assert call(cwd="/r", session_id="s1", stop_hook_active=True) == AgentCall("/r", (), "s1", again=True)


@given(st.binary())
def test_no_bytes_are_too_odd_to_be_a_call(data):
    assert isinstance(read_call(data), AgentCall)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x, max_size=2), max_leaves=3
)


@given(
    st.dictionaries(
        st.sampled_from(["cwd", "session_id", "tool_name", "tool_input", "stop_hook_active"]), JSON
    )
)
def test_values_of_a_wrong_type_are_left_out(raw):
    found = read_call(json.dumps(raw).encode())
    assert found.paths == ()
    assert isinstance(found.folder, str)


@pytest.mark.parametrize(
    "data", [b"", b"null", b"[]", b"{", b"[" * 200_000, b"\xff\xfe", b'{"tool_input": "x"}']
)
def test_garbage_is_an_empty_call(data):
    assert read_call(data) == AgentCall()


def test_a_path_with_a_zero_byte_is_no_path():
    assert call(tool_input={"file_path": "a\0b"}).paths == ()


def test_to_allow_is_to_say_nothing_so_that_the_agents_own_permissions_count():
    assert answer_edit("claude", ALLOWED) == {}


def test_a_refusal_says_why_and_what_to_type():
    answer = answer_edit("claude", Verdict(DENY, "it is too early", ("idse next",)))["hookSpecificOutput"]
    assert answer["permissionDecision"] == "deny"
    assert "it is too early" in answer["permissionDecisionReason"]
    assert "idse next" in answer["permissionDecisionReason"]


def test_a_warning_decides_nothing_and_reaches_agent_and_person():
    answer = answer_edit("codex", Verdict(WARN, "it is early"))
    assert "permissionDecision" not in answer["hookSpecificOutput"]
    assert "it is early" in answer["hookSpecificOutput"]["additionalContext"]
    assert "it is early" in answer["systemMessage"]


@pytest.mark.parametrize(("agent", "decision"), [("claude", "ask"), ("codex", "deny")])
def test_who_cannot_ask_refuses(agent, decision):
    answer = answer_edit(agent, Verdict(ASK, "a person decides"))
    assert answer["hookSpecificOutput"]["permissionDecision"] == decision
