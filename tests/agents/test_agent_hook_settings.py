"""Our hooks in the settings of somebody's agent."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.agents.hook_settings import (
    EVENTS,
    SettingsTrouble,
    is_bare,
    snippet,
    standing_hooks,
    wanted,
    with_hooks,
    without_hooks,
)
from idse_orchestrator.agents.known_agents import KNOWN_AGENTS

ASKED = {row.name: (row.name, row.hooks.tools) for row in KNOWN_AGENTS if row.hooks}
THEIRS = {"hooks": [{"type": "command", "command": "make lint"}], "matcher": "Bash"}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
GROUPS = st.lists(st.just(THEIRS), min_size=1, max_size=2)
HOOKS = st.dictionaries(st.sampled_from(["PreToolUse", "Stop", "PostToolUse"]), GROUPS, min_size=1)
SETTINGS = st.builds(
    lambda before, hooks, after: {**before, **({"hooks": hooks} if hooks else {}), **after},
    st.dictionaries(st.text().filter(lambda key: key != "hooks"), VALUES, min_size=1, max_size=3),
    st.none() | HOOKS,
    st.dictionaries(st.text().filter(lambda key: key != "hooks"), VALUES, max_size=2),
)
INDENTS = st.sampled_from([None, 0, 1, 2, 4, 8, "\t"])


def laid_out(value, indent, *, ascii_only, line_break, end):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    return text.replace("\n", line_break) + end


@given(
    SETTINGS, INDENTS, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\n", " \n\n"])
)
def test_hooks_go_in_and_come_out_without_a_byte_of_difference(value, indent, ascii_only, line_break, end):
    text = laid_out(value, indent, ascii_only=ascii_only, line_break=line_break, end=end)
    for agent in ("claude", "codex"):
        merged = with_hooks(text, *ASKED[agent])
        assert set(standing_hooks(merged, *ASKED[agent]).values()) == {"current"}
        assert without_hooks(merged) == text
        assert with_hooks(merged, *ASKED[agent]) == merged


@given(SETTINGS, INDENTS)
def test_nothing_but_our_groups_is_new(value, indent):
    merged = json.loads(with_hooks(json.dumps(value, indent=indent), *ASKED["claude"]))
    assert {key: merged[key] for key in value if key != "hooks"} == {
        k: v for k, v in value.items() if k != "hooks"
    }
    assert list(merged)[: len(value)] == list(value)
    for event in EVENTS:
        assert merged["hooks"][event] == [
            *value.get("hooks", {}).get(event, []),
            wanted(*ASKED["claude"])[event],
        ]


@pytest.mark.parametrize("indent", [2, 4, "\t"])
def test_the_indentation_of_the_file_is_kept(indent):
    value = {"model": "best", "hooks": {"Stop": [THEIRS]}}
    merged = with_hooks(json.dumps(value, indent=indent), *ASKED["claude"])
    assert merged == json.dumps(json.loads(merged), indent=indent)


def test_a_file_on_one_line_stays_on_one_line():
    assert "\n" not in with_hooks('{"model": "best"}', *ASKED["claude"])


def test_odd_spelling_of_the_rest_is_kept():
    text = '{\n   "big" : 1.0e5 , "u":"\\u00e4\\/" ,\n\n "e": [ ]\n}\n'
    merged = with_hooks(text, *ASKED["claude"])
    assert merged.startswith('{\n   "big" : 1.0e5 , "u":"\\u00e4\\/" ,\n\n "e": [ ]')
    assert without_hooks(merged) == text


@pytest.mark.parametrize("text", ["{}", "{ }", "{\n}", '{"hooks": {}}', '{"hooks": {"Stop": []}}'])
def test_empty_settings_are_filled_and_emptied(text):
    merged = with_hooks(text, *ASKED["claude"])
    assert set(standing_hooks(merged, *ASKED["claude"]).values()) == {"current"}
    assert is_bare(without_hooks(merged))


def test_a_hook_that_somebody_changed_is_told_and_kept():
    merged = with_hooks("{}", *ASKED["claude"]).replace('"timeout": 15', '"timeout": 99')
    assert standing_hooks(merged, *ASKED["claude"])["PreToolUse"] == "edited"
    assert with_hooks(merged, *ASKED["claude"]) == merged
    assert is_bare(without_hooks(merged))


def test_a_missing_hook_is_added_beside_those_that_are_there():
    merged = json.loads(with_hooks("{}", *ASKED["claude"]))
    del merged["hooks"]["Stop"]
    again = with_hooks(json.dumps(merged, indent=2), *ASKED["claude"])
    assert json.loads(again)["hooks"]["Stop"] == [wanted(*ASKED["claude"])["Stop"]]
    assert json.loads(again)["hooks"]["PreToolUse"] == merged["hooks"]["PreToolUse"]


def test_settings_of_very_many_keys_are_served():
    text = json.dumps({"env": 1, **{f"key {number}": number for number in range(100_000)}}, indent=2)
    merged = with_hooks(text, *ASKED["claude"])
    assert without_hooks(merged) == text


def test_our_handler_goes_out_of_a_group_of_somebody_elses():
    ours = wanted(*ASKED["claude"])["Stop"]["hooks"][0]
    text = json.dumps({"hooks": {"Stop": [{"hooks": [THEIRS["hooks"][0], ours, THEIRS["hooks"][0]]}]}})
    rest = json.loads(without_hooks(text))
    assert rest == {"hooks": {"Stop": [{"hooks": [THEIRS["hooks"][0], THEIRS["hooks"][0]]}]}}


def test_a_hook_of_ours_that_stands_twice_is_told_and_goes_twice():
    group = wanted(*ASKED["claude"])["Stop"]
    text = json.dumps({"hooks": {"Stop": [group, group]}})
    assert standing_hooks(text, *ASKED["claude"])["Stop"] == "edited"
    assert is_bare(without_hooks(text))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ('{"a": 1,}', "not valid JSON"),
        ('{"a": 1} // why', "not valid JSON"),
        ("{'a': 1}", "not valid JSON"),
        ('{"a": NaN}', "not valid JSON"),
        ('{"a": 1}{}', "not valid JSON"),
        ('{"a": "\x01"}', "not valid JSON"),
        ("[" * 200_000, "not valid JSON"),
        ("[]", "not an object"),
        ("null", "not an object"),
        ('{"hooks": []}', "not an object"),
        ('{"hooks": null}', "not an object"),
        ('{"hooks": {"Stop": {}}}', "not a list of groups"),
        ('{"hooks": {"Stop": [1]}}', "not a list of groups"),
        ('{"hooks": {"Stop": [{"hooks": {}}]}}', "not a list of groups"),
        ('{"hooks": {"Stop": [{"matcher": "x"}]}}', "not a list of groups"),
        ('{"hooks": {}, "hooks": {}}', "twice"),
        ('{"hooks": {"Stop": [], "Stop": []}}', "twice"),
        ('{"hooks": {"Stop": [{"hooks": [], "hooks": []}]}}', "twice"),
    ],
)
def test_settings_that_cannot_be_served_are_refused_with_the_reason(text, word):
    for use in (lambda: with_hooks(text, *ASKED["claude"]), lambda: without_hooks(text)):
        with pytest.raises(SettingsTrouble, match=word):
            use()


@given(st.text())
def test_no_text_is_too_odd_to_be_looked_at(text):
    try:
        standing_hooks(text, *ASKED["codex"])
    except SettingsTrouble:
        return


@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_what_is_to_be_pasted_is_what_would_be_written(agent):
    assert json.loads(snippet(*ASKED[agent])) == json.loads(with_hooks("{}", *ASKED[agent]))
