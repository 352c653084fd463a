"""What the compiler reads in documents of all kinds, and what profiles come of it.

`tests/corpus/agent_profiles` holds documents that say in their first line what is expected of them::

    <!-- expects profile {"id": "a", "name": "A"} -->       these values, and no problem
    <!-- expects none -->                                   no profile
    <!-- expects none, elsewhere 5 -->                      none, but a heading of its name in line 5
    <!-- expects problem 7:3 what it says | how to mend it; problem 9:1 … -->
"""

from __future__ import annotations

import json
import pathlib
import re

import pytest

from idse_orchestrator.profiles.compiler import compile_profile, missing_keys, read_profile
from idse_orchestrator.profiles.spec import AgentProfileSpec, inherit, settled

CORPUS = sorted((pathlib.Path(__file__).parents[1] / "corpus" / "agent_profiles").glob("*.md"))
EXPECTS = re.compile(r"<!-- expects (profile|none|problem)(?:, elsewhere)? ?(.*) -->")


def reading(yaml):
    """The reading of a document with these lines in its block, which must have no problem."""
    found = read_profile(f"## Agent Profile\n\n```yaml\n{yaml}\n```\n".encode())
    assert not found.problems
    return found


def expected(path):
    text = path.read_text(encoding="utf-8")
    found = EXPECTS.match(text)
    assert found, f"{path.name} does not say what it expects"
    return text, found[1], found[2]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["unix", "windows", "mac"])
def test_a_document_of_the_corpus_reads_as_it_says(path, ends):
    text, kind, words = expected(path)
    found = read_profile(text.replace("\n", ends).encode())
    if kind == "problem":
        told = [f"problem {p.line}:{p.column} {p.what} | {p.fix}" for p in found.problems]
        wanted = words.removeprefix("problem ").split("; problem ")
        assert len(told) == len(wanted), told
        for line, start in zip(told, wanted, strict=True):
            what, _, fix = start.partition(" | ")
            assert line.startswith(f"problem {what}"), told
            assert f" | {fix}" in line
    else:
        assert found.problems == ()
        assert found.is_there == (kind == "profile")
        assert found.values == (json.loads(words) if kind == "profile" else {})
        assert found.elsewhere == (tuple(map(int, words.split())) if kind == "none" else ())


def test_the_corpus_is_there():
    assert len(CORPUS) > 70


# --- bytes ---


@pytest.mark.parametrize(
    ("data", "place", "what"),
    [
        (b"# Spec\n\n## Agent Profile\n\ncaf\xe9\n", (5, 4), "the document is not UTF-8 text"),
        (b"# Spec\nAgent\0 Profile\n", (2, 6), "the document holds a NUL byte"),
        (b"x" * (1024 * 1024 + 1), (0, 0), "the document has 1,048,577 bytes, at most 1,048,576 are read"),
        (b"## Agent Profile\n\n```yaml\n" + b"a" * 300_000 + b"\n```\n", (3, 1), "it has 300001 bytes"),
    ],
)
def test_bytes_that_are_no_document_are_told(data, place, what):
    (problem,) = read_profile(data).problems
    assert (problem.line, problem.column) == place
    assert problem.what.startswith(what)


def test_a_byte_order_mark_is_passed_over():
    assert read_profile(b"\xef\xbb\xbf## Agent Profile\n\n```yaml\nid: a\n```\n").values == {"id": "a"}


BOMBS = {
    "wide": "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)),
    "deep": "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 200)),
    "merged": "a0: &a0 {x: 1}\n"
    + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 60)),
    "nested": "id: " + "[" * 5_000 + "]" * 5_000 + "\n",
    "open": "id: " + "{" * 20_000 + "\n",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_what_would_grow_without_bound_is_one_problem(bomb):
    found = read_profile(f"## Agent Profile\n\n```yaml\n{bomb}```\n".encode())
    (problem,) = found.problems
    assert re.search("it stands for more than|nested too deeply", problem.what)


def test_only_the_first_of_very_many_problems_are_told():
    lines = "".join(f"key{number}: 1\n" for number in range(5_000))
    found = read_profile(f"## Agent Profile\n\n```yaml\n{lines}```\n".encode())
    assert len(found.problems) == 50
    assert found.problems[49].line == 53


def test_very_many_profiles_are_one_problem():
    (problem,) = read_profile(b"## Agent Profile\n\n```yaml\nid: a\n```\n\n" * 25_000).problems
    assert problem.what == 'there are two sections "Agent Profile", in lines 1 and 7'


def test_a_long_value_is_told_in_short():
    (problem,) = read_profile(f"## Agent Profile\n\n```yaml\n? {'k' * 5_000}\n: 1\n```\n".encode()).problems
    assert len(problem.what) < 150


# --- profiles ---


@pytest.mark.parametrize("written", ["|\n  A", '" A "', ">-\n  A\n"])
def test_one_line_is_kept_without_the_blanks_around_it(written):
    assert reading(f"id: {written}\nname: {written}\nversion: {written}").values == dict.fromkeys(
        ("id", "name", "version"), "A"
    )


def test_a_profile_holds_what_its_document_says_and_where_it_is_from():
    own = reading("id: a\nname: A\ngoals: [b, c]\nruntime_hints: {z: 1, a: 2}")
    spec = compile_profile(own, None, session="login", blueprint="__blueprint__")
    assert isinstance(spec, AgentProfileSpec)
    assert spec.goals == ("b", "c")
    assert spec.source_blueprint is None
    assert json.dumps(spec.as_data()) == (
        '{"id": "a", "name": "A", "goals": ["b", "c"], "runtime_hints": {"a": 2, "z": 1}, '
        '"source_session": "login"}'
    )


def test_defaults_are_inherited_mappings_merge_the_rest_replaces_and_null_clears():
    defaults = reading(
        "id: base\nname: Base\ngoals: [x]\ntools: [git]\nversion: 1\n"
        "memory_policy: {scope: project, keep: {days: 30, size: 5}, log: true}\nruntime_hints: {a: 1}"
    )
    own = reading(
        "id: own\ngoals: [y, z]\nversion: null\n"
        "memory_policy: {scope: session, keep: {days: 7}, log: null}\nruntime_hints: null"
    )
    spec = compile_profile(own, defaults, session="login", blueprint="base")
    assert isinstance(spec, AgentProfileSpec)
    assert spec.as_data() == {
        "id": "own",
        "name": "Base",
        "goals": ["y", "z"],
        "tools": ["git"],
        "memory_policy": {"keep": {"days": 7, "size": 5}, "scope": "session"},
        "source_session": "login",
        "source_blueprint": "base",
    }


def test_what_neither_document_says_is_told_at_the_heading():
    own, defaults = reading("tools: [git]"), reading("name: A")
    assert missing_keys(own) == ("id", "name")
    assert missing_keys(own, defaults) == ("id",)
    (problem,) = compile_profile(own, defaults, session="login", blueprint="base")
    assert problem == (1, 1, "it has no id, and that of base has none either", "add a line  id: …")


def test_a_list_replaces_even_where_it_is_empty():
    assert settled(inherit({"goals": ["x"]}, {"goals": []})) == {"goals": []}


def test_a_null_in_a_list_is_an_item():
    assert settled({"runtime_hints": {"l": [None], "n": None}}) == {"runtime_hints": {"l": [None]}}
