"""Compiling agent profiles: the same of the same, no crash on any bytes, and nothing lost on the way out."""

from __future__ import annotations

import json
import re

import jsonschema
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from idse_orchestrator.profiles.compiler import compile_profile, read_profile
from idse_orchestrator.profiles.spec import (
    FORMATS,
    JSON,
    YAML,
    AgentProfileSpec,
    agent_profile_schema,
    inherit,
    is_as_written,
    profile_file,
    settled,
    with_plain_line_ends,
)

SCHEMA = jsonschema.Draft202012Validator(agent_profile_schema())
LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]
PIECES = [
    "## Agent Profile\n", "## 7. Agent Profile\n", "### Agent Profile\n", "\n", "```yaml\n",
    "```yml\n", "```\n", "~~~yaml\n", "~~~\n", "> ", "- ", "  ", "\t", "    ", "id: a\n", "name: A\n",
    "id:", "name: ", "goals:\n", "goals: [a, b]\n", "- Plan: x.md\n", "memory_policy:\n",
    "  scope: x\n", "runtime_hints: {a: 1:30}\n", "&a ", "*a", "<<: *a\n", "<<: ", "{", "}", "[", "]",
    ": ", "? ", "!!str ", "!x ", "|\n", ">-\n", "'", '"', "\\ud800", "\\e", "null\n", "yes\n",
    "1.10\n", "2024-13-45\n", "---\n", "...\n", "%YAML 1.1\n", "# ", "\r\n", "\r", "\x00", "\ufeff",
    "\u2028", "\x85", "é", "🤖", "\ufffe", "<!--\n", "-->\n",
]  # fmt: skip
DOCUMENTS = st.one_of(
    st.binary(max_size=300),
    st.lists(st.sampled_from(PIECES), max_size=40).map(lambda each: "".join(each).encode()),
    st.lists(st.sampled_from(PIECES), max_size=40).map(
        lambda each: ("## Agent Profile\n\n```yaml\n" + "".join(each) + "\n```\n").encode()
    ),
)

CHARACTERS = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\n\t"
)
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=40),
    st.lists(st.sampled_from(PIECES), max_size=6)
    .map("".join)
    .map(lambda text: text.replace("\r", "").replace("\x00", "").replace("\x85", "").replace("\ufffe", "")),
    st.sampled_from(
        ["yes", "No", "~", "null", "1", "1.0", "0x1f", "1:30", "1e3", ".inf", "=", "<<", "2024-01-01", ""]
    ),
    st.text("ab \n", max_size=12),
)
ITEMS = TEXTS.filter(lambda text: text.strip() != "")
LINES = ITEMS.map(lambda text: text.replace("\n", " ")).filter(lambda text: text.strip() != "")
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(10**15), 10**15), st.floats(-1e12, 1e12), TEXTS)
FREE = st.dictionaries(
    TEXTS,
    st.recursive(
        SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3)
    ),
    max_size=4,
)
LISTS = st.lists(ITEMS, max_size=4)
PROFILES = st.fixed_dictionaries(
    {"id": LINES, "name": LINES, "source_session": st.just("login")},
    optional={
        "description": TEXTS,
        "goals": LISTS,
        "inputs": LISTS,
        "tools": LISTS,
        "constraints": LISTS,
        "memory_policy": FREE.map(settled),
        "runtime_hints": FREE.map(settled),
        "version": LINES,
        "source_blueprint": st.just("base"),
    },
)
SOURCES = {"spec": "a" * 40, "blueprint_spec": "0123456789" * 4}


@settings(max_examples=250)
@given(DOCUMENTS)
def test_reading_survives_any_bytes_and_says_the_same_of_the_same(data):
    found = read_profile(data)
    assert found == read_profile(data)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    for problem in found.problems:
        assert 0 <= problem.line <= lines
        assert problem.column >= 0
        assert problem.what
        assert problem.fix
        assert "\n" not in problem.what + problem.fix
    if found.is_there and not found.problems:
        made = compile_profile(found, None, session="login", blueprint="base")
        if isinstance(made, AgentProfileSpec):
            SCHEMA.validate(json.loads(profile_file(made, SOURCES, "spec.md", JSON)))


NUMBER_OF_YAML_1_2 = re.compile(
    r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
)


@given(st.from_regex(NUMBER_OF_YAML_1_2, fullmatch=True))
@example("1e3")
@example("12e4")
@example("0o17")
@example(".5e3")
def test_a_text_that_a_newer_yaml_takes_for_a_number_is_quoted(text):
    values = {"id": text, "name": "A", "source_session": "login", "runtime_hints": {text: 1.5e20, "n": 17}}
    content = profile_file(AgentProfileSpec.of(values), SOURCES, "spec.md", YAML).decode()
    assert f"\nid: '{text}'\n" in content
    assert f"\n  '{text}': 1.5e+20\n" in content
    assert "\n  n: 17\n" in content


@settings(max_examples=150)
@given(PROFILES)
def test_a_file_holds_the_profile_exactly_in_both_formats_and_satisfies_the_schema(values):
    spec = AgentProfileSpec.of(values)
    for form in FORMATS:
        content = profile_file(spec, SOURCES, "spec.md", form)
        assert content == profile_file(
            AgentProfileSpec.of(dict(reversed(values.items()))), SOURCES, "spec.md", form
        )
        assert b"\r" not in content
        readers = (
            [json.loads]
            if form == JSON
            else [lambda text, each=each: yaml.load(text, each) for each in LOADERS]
        )
        for read in readers:
            data = read(content.decode())
            SCHEMA.validate(data)
            assert {key: data[key] for key in data if key != "compiled"} == spec.as_data()
            assert data["compiled"]["spec"] == SOURCES["spec"]


@settings(max_examples=100)
@given(PROFILES, st.sampled_from(FORMATS), st.data())
def test_a_file_that_anybody_changed_is_seen_to_be_changed(values, form, data):
    content = profile_file(AgentProfileSpec.of(values), SOURCES, "spec.md", form)
    assert is_as_written(content)
    assert is_as_written(content.replace(b"\n", b"\r\n"))
    at = data.draw(st.integers(0, len(content) - 1))
    other = data.draw(st.sampled_from([b"", b"x", b"\n", b"0", b"\xff"]))
    changed = content[:at] + other + content[at + 1 :]
    if with_plain_line_ends(changed) != content:
        assert not is_as_written(changed)


@given(st.binary(max_size=300))
def test_any_other_bytes_are_not_taken_for_a_file_of_ours(data):
    assert not is_as_written(data)


LAYER = st.fixed_dictionaries(
    {},
    optional={
        "id": st.none() | TEXTS,
        "goals": st.none() | LISTS,
        "memory_policy": st.fixed_dictionaries(
            {}, optional={"scope": st.none() | TEXTS, "keep": st.dictionaries(st.sampled_from("ab"), SCALARS)}
        ),
    },
)
"""Layers that agree on which keys are mappings, as fields do: only there can merging be associative."""


@settings(max_examples=150)
@given(LAYER, LAYER, LAYER)
def test_inheriting_is_associative_and_nothing_is_its_neutral_layer(one, two, three):
    assert inherit(inherit(one, two), three) == inherit(one, inherit(two, three))
    assert inherit({}, one) == inherit(one, {}) == inherit(one, one) == one


@settings(max_examples=150)
@given(FREE, FREE)
def test_what_a_layer_says_itself_always_wins(defaults, own):
    merged = inherit(defaults, own)
    assert set(merged) == {*defaults, *own}
    for key, value in own.items():
        if not isinstance(value, dict):
            assert merged[key] is value
            assert value is not None or key not in settled(merged)
