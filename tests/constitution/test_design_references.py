"""References to an Agency's designs in a plan: their grammar, and whether there is what they mean."""

from __future__ import annotations

import json

import pytest

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution.checks.document import Document
from idse_orchestrator.constitution.checks.stages import design_references, designs_known
from idse_orchestrator.constitution.file import load_constitution
from idse_orchestrator.constitution.rules import AGENCY, DESIGNS, Constitution, Layer, constitution_id
from idse_orchestrator.documents.design_reference import (
    catalogue_bytes,
    catalogue_of,
    newest,
    reference_of,
)
from idse_orchestrator.documents.project_workspace import REGULAR, FileEntry
from idse_orchestrator.errors import InvalidConfigurationError

KNOWN = {"kit": {"1.9": ["button"], "1.10": ["button", "card"], "2.0-beta": ["button"]}, "new": {}}


def noticed(check, text, **options):
    data = text.encode()
    found = check(Document("plan.md", FileEntry(REGULAR, "", len(data)), data), options)
    return [(each.line, each.column, each.params) for each in found]


@pytest.mark.parametrize(
    "words",
    [
        "agency://kit/button",
        "agency://kit/button@1.10",
        "agency://kit/button@2.0-beta+x",
        "agency://0kit/b-2",
    ],
)
def test_a_whole_reference_is_one(words):
    assert str(reference_of(words)) == words
    assert noticed(design_references, f"See {words}, or `{words}`; [{words}]({words}). **{words}**!\n") == []


@pytest.mark.parametrize(
    "words",
    [
        "agency://",
        "agency://kit",
        "agency://kit/",
        "agency://Kit/button",
        "agency://kit/button/x",
        "agency://kit/button@",
        "agency://kit/../button",
        "agency://kit/button@1.0@2",
        "agency://kit/but\u0442on",
        f"agency://kit/{'b' * 65}",
    ],
)
def test_half_a_reference_is_told_with_its_place(words):
    assert reference_of(words) is None
    assert [(line, column) for line, column, _ in noticed(design_references, f"# Plan\n\nUse {words}\n")] == [
        (3, 5)
    ]


def test_code_and_comments_refer_to_nothing():
    text = "```\nagency://x\n```\n\n<!-- agency://x -->\n\n    agency://x\n\nand agency://y\n"
    assert [line for line, _, _ in noticed(design_references, text)] == [9]


@pytest.mark.parametrize(
    ("words", "problem", "guess"),
    [
        ("agency://kit/card", None, None),
        ("agency://kit/button@1.9", None, None),
        ("agency://kit/card@1.9", "kit 1.9 has no component card", "agency://kit/card@1.10?"),
        ("agency://kit/buton", "kit 2.0-beta has no component buton", "agency://kit/button?"),
        ("agency://kit/button@3", "kit has no version 3", "agency://kit/button@2.0-beta?"),
        ("agency://kitt/button", "there is no library kitt", "agency://kit/button"),
        ("agency://zzzzzzzz/q", "there is no library zzzzzzzz", "Name one"),
    ],
)
def test_what_is_not_there_is_told_with_what_is_near(words, problem, guess):
    known = {"kit": {**KNOWN["kit"]}, "new": {}}
    if words == "agency://kit/card":
        del known["kit"]["2.0-beta"]
    found = noticed(designs_known, f"Use {words}.\n", designs=known)
    assert [params["problem"] for _, _, params in found] == ([problem] if problem else [])
    assert all(guess in params["guess"] for _, _, params in found)


def test_nobody_who_was_not_told_the_designs_judges_them():
    assert noticed(designs_known, "Use agency://kit/none.\n") == []
    assert len(noticed(designs_known, "Use agency://kit/none.\n", designs={})) == 1


def test_versions_are_ordered_as_people_count():
    assert newest(["1.9", "1.10", "1.10-rc1", "1.2"]) == "1.10"
    assert newest(["2.0-beta", "2.0", "2.0-rc"]) == "2.0"
    assert newest(["a", "1"]) == "1"


def test_a_layer_of_designs_changes_that_rule_and_its_id_alone():
    layer = Layer(DESIGNS, "designs", catalogue_bytes(KNOWN))
    core = constitution_bytes()
    plain, told = load_constitution(core), load_constitution(core, [layer])
    changed = [rule for rule in told.rules if rule != plain.rule(rule.id)]
    assert [(rule.id, rule.options) for rule in changed] == [("IDSE709", {"designs": KNOWN})]
    assert told.id == constitution_id(core, [layer]) != plain.id
    assert Constitution.from_json(told.to_json()).rules == told.rules
    raised = Layer(AGENCY, "agency.yaml", b"raise: {IDSE709: {pending: error}}")
    both = load_constitution(core, [raised, layer]).rule("IDSE709")
    assert (both.severity["pending"], both.options) == ("error", {"designs": KNOWN})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"designs": []}',
        b'{"designs": {"kit": ["1"]}}',
        b'{"designs": {"kit": {"1": {"a": 1}}}}'.replace(b'{"a": 1}', b"[1]"),
        b'{"designs": {"../kit": {}}}',
        b'{"designs": {"kit": {"1/2": []}}}',
        b'{"designs": {"kit": {"1": ["A"]}}}',
        b'{"designs": {"kit": {"1": 5}}}',
        b'{"designs":' * 50_000,
    ],
)
def test_a_catalogue_from_elsewhere_is_held_to_its_shape(data):
    with pytest.raises(InvalidConfigurationError) as raised:
        catalogue_of(data, "there")
    assert raised.value.where == "there"


def test_a_catalogue_is_written_as_it_is_read():
    assert catalogue_of(catalogue_bytes(KNOWN), "") == KNOWN
    assert json.loads(catalogue_bytes(KNOWN)) == {"designs": KNOWN}
