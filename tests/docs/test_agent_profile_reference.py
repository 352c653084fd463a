"""The reference of agent profiles names every key, and the schema that is published is the code's."""

from __future__ import annotations

import json
import pathlib
import re

import jsonschema
import pytest

from idse_orchestrator.profiles.spec import FIELDS, JSON, AgentProfileSpec, agent_profile_schema, profile_file

REFERENCE = pathlib.Path(__file__).parents[2] / "docs" / "reference"
WHOLE = AgentProfileSpec(
    id="a",
    name="A",
    source_session="login",
    description="d",
    goals=("g",),
    inputs=("i",),
    outputs=("o",),
    tools=("t",),
    constraints=("c",),
    memory_policy={"m": 1},
    runtime_hints={"r": [None, True]},
    version="1",
    source_blueprint="__blueprint__",
)


def told(spec):
    """What the JSON file of a profile holds."""
    return json.loads(profile_file(spec, {"spec": "a" * 40, "blueprint_spec": "b" * 40}, "spec.md", JSON))


def test_every_key_has_its_row_with_what_it_holds_and_says():
    page = (REFERENCE / "agent-profile.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", page.split("## What is inherited")[0], re.MULTILINE
    )
    assert [(name, says) for name, _, says in rows] == [(field.name, field.says) for field in FIELDS]
    for (_, holds, _), field in zip(rows, FIELDS, strict=True):
        assert holds.startswith(field.holds)
        assert ("needed" in holds) == (field.required and "by idse" not in holds)


def test_the_schema_knows_every_field_of_the_profile_and_no_other():
    schema = agent_profile_schema()
    assert set(schema["properties"]) == {*AgentProfileSpec.__slots__, "compiled"}
    assert [field.name for field in FIELDS] == [name for name in schema["properties"] if name != "compiled"]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(told(WHOLE), schema)
    assert set(told(WHOLE)) == set(schema["properties"])


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_the_schema_refuses_what_reading_refuses(field):
    data = told(WHOLE)
    for wrong in (3, True, None, ["a", 3], {"a": {}}, [""]):
        fits = isinstance(wrong, dict) and field.holds == "mapping"
        with_it = {**data, field.name: wrong}
        assert jsonschema.Draft202012Validator(agent_profile_schema()).is_valid(with_it) == fits
    without = {key: value for key, value in data.items() if key != field.name}
    assert jsonschema.Draft202012Validator(agent_profile_schema()).is_valid(without) != field.required


def test_a_key_that_is_not_known_is_refused():
    validator = jsonschema.Draft202012Validator(agent_profile_schema())
    assert not validator.is_valid({**told(WHOLE), "colour": "blue"})
