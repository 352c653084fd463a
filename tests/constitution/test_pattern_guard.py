"""Which regular expressions a project may bring, that what was accepted runs, and what it may cost."""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution.file import load_constitution, project_layer
from idse_orchestrator.constitution.patterns import pattern_of, problem_with
from idse_orchestrator.constitution.validation_engine import examine
from idse_orchestrator.documents.project_workspace import REGULAR, FileEntry
from idse_orchestrator.errors import InvalidConfigurationError

ACCEPTED = {
    "acme-[a-z]{8}": "acme-abcdefgh",
    "(?:a|b)c?": "bc",
    "acme_[A-Za-z0-9]{16,250}": "acme_0123456789abcdefg",
    "^TBD$": "TBD",
    "(?i)tbd": "TBD",
    "(?im)^todo": "ToDo",
    "(?s)one.two": "one\ntwo",
    "(?x) q u i c k  # and dirty": "quick",
    "(?P<what>later)": "later",
    "(?P<what>soon)": "soon",
    "(?<!x)a": "a",
    "(?<=x{2})z": "xxz",
    "(?i:never) say": "NEVER say",
    "(?:ab){4}": "abababab",
    "one|two": "two",
    r"\{\{[a-z]{1,9}\}\}": "{{name}}",
    "TBD-[0-9]{1,4}": "TBD-12",
}


def rule(number, check, options, **words):
    return {
        "id": f"ACME{number:03}",
        "name": "own",
        "applies_to": ["spec"],
        "check": check,
        "with": options,
        "message": "m",
        "hint": "h",
        **words,
    }


def shapes(*patterns):
    return {"shapes": [{"kind": "key", "starts": "a", "pattern": each} for each in patterns], "distinct": 1}


def hits(rules, text):
    data = text.encode()
    constitution = load_constitution(
        constitution_bytes(), [project_layer(json.dumps({"rules": rules}).encode())]
    )
    found = examine("spec.md", FileEntry(REGULAR, "0" * 40, len(data)), data, constitution)
    return [hit for hit in found if hit.rule.startswith("ACME") or hit.rule == "IDSE108"]


@pytest.mark.parametrize("pattern", [*ACCEPTED, ""])
def test_a_pattern_of_bounded_cost_may_be_used(pattern):
    assert problem_with(pattern) is None


@pytest.mark.parametrize("beside", [[], ["(?P<what>other)"], ["(?i)unheard of", "[0-9]{9}"]])
@pytest.mark.parametrize(("pattern", "text"), ACCEPTED.items())
def test_what_was_accepted_runs_alone_and_beside_others(pattern, text, beside):
    (hit,) = hits([rule(1, "no_placeholder", {"patterns": [*beside, pattern]})], f"# Spec\n\n{text}\n")
    assert (hit.rule, hit.line) == ("ACME001", 3)


@pytest.mark.parametrize(("pattern", "text"), ACCEPTED.items())
def test_what_was_accepted_as_a_secret_runs_too(pattern, text):
    secret = f"a {text}\n"
    found = hits([rule(1, "no_secrets", shapes(pattern))], secret)
    assert {hit.rule for hit in found} <= {"ACME001"}
    assert bool(found) == bool(pattern_of(pattern, whole_word=True).matcher.search(secret))


def test_no_secret_begins_inside_of_a_word_whichever_of_its_forms_it_has():
    assert (
        hits([rule(1, "no_secrets", shapes("one-[a-z]{4}|two-[a-z]{4}"))], "a phone-abcd network-abcd\n")
        == []
    )


def test_matches_of_several_patterns_come_in_their_order_and_apart():
    patterns = ["b{1,3}", "[a-c]{2}"]
    found = hits([rule(1, "no_placeholder", {"patterns": patterns})], "abb bbb cc\n")
    assert [(hit.column, hit.params["placeholder"]) for hit in found] == [
        (1, "ab"),
        (5, "bbb"),
        (9, "cc"),
    ]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("a*", "without a bound"),
        ("(a+)+$", "without a bound"),
        (".{0,9000}x", "without a bound"),
        ("(?:a{1,9}){1,9}", "repeats something that repeats"),
        ("(?:a|a){30}", "too many ways"),
        ("a{0,99}a{0,99}", "too many ways"),
        (r"(a)\1", "refers back"),
        ("[a", "no regular expression"),
        ("(" * 5000, "no regular expression"),
        ("(?:(?:(?:(?=a)){4000}){4000}){4000}b", "too many steps"),
        ("(?:(?:ab){400}){400}", "too many steps"),
        ("(?:(?:(?:aa|b){2}c){60}){60}d", "too many ways"),
        ("(?<=a{1,3})b", "no regular expression: look-behind requires fixed-width"),
        ("a(?i)b", "no regular expression: global flags not at the start"),
        ("(?i)[\\0-\U0010ffff]", "its ranges hold too many characters"),
    ],
)
def test_a_pattern_that_could_run_for_hours_is_refused(pattern, why):
    assert why in problem_with(pattern)


LONG = "a" * 200_000
OTHER = rule(99, "has_text", {"texts": ["never said"]})


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ([rule(1, "no_placeholder", {"patterns": [f"a{{0,4000}}{each}" for each in range(10, 60)]})], 0),
        ([rule(1, "no_placeholder", {"patterns": [f"a{{0,4000}}[{each}b]" for each in range(10, 60)]})], 1),
        ([rule(each, "no_placeholder", {"patterns": [f"(?i)a{{0,60}}{each}"]}) for each in range(50)], 50),
        ([rule(1, "no_secrets", shapes(*(f"[a-z]{{1,200}}[{each}b]" for each in range(10, 60))))], 1),
        ([rule(each, "no_text", {"texts": [f"{each} {n}" for n in range(99)]}) for each in range(40)], 30),
        ([rule(each, "no_text", {"texts": ["a" * n for n in range(1, 60)]}) for each in range(20)], 20),
        ([rule(each, "no_marker", {"marker": "a"}, message=f"{each}") for each in range(50)], 50),
    ],
)
def test_what_would_cost_too_much_is_cut_off_and_named_and_the_rest_runs(rules, named):
    found = hits([OTHER, *rules], LONG)
    cut = [hit.params["about"] for hit in found if hit.rule == "IDSE108"]
    assert len(cut) >= named
    assert (named > 0) == bool(cut)
    assert set(cut) <= {each["id"] for each in rules}
    assert [hit.rule for hit in found if hit.rule != "IDSE108"] == ["ACME099"]
    for hit in found:
        if hit.rule != "IDSE108":
            continue
        assert hit.params["why"] == "it would take too long here"
        assert hit.params["fix"].startswith(f"Make spec.md smaller, or rule {hit.params['about']} simpler")


def test_the_cost_of_a_pattern_is_that_of_the_places_where_it_can_begin():
    pattern = pattern_of('"[^"\n]{0,4000}"')
    said = 'He said "yes" and went.\n' * 1000
    assert pattern.units(said, 30) < 200 * len(said)
    assert pattern.units('"' * len(said), len(said)) > 200 * len(said)


def test_a_project_may_bring_so_many_patterns_and_no_more():
    rules = [
        rule(each, "no_placeholder", {"patterns": [f"a{each}b{n}" for n in range(100)]}) for each in range(6)
    ]
    hits(rules[:5], "text\n")
    with pytest.raises(InvalidConfigurationError) as caught:
        hits(rules, "text\n")
    assert caught.value.message == "the rules up to here hold 600 patterns"
    assert caught.value.where.endswith("6 (ACME005) → with")
