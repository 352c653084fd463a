"""Mappings of a profile that hold whatever JSON can hold, with what is wrong in them."""

from __future__ import annotations

import re

from idse_orchestrator.domain.agent_profiles.block import Problem
from idse_orchestrator.domain.agent_profiles.words import at, odd, quoted, short
from idse_orchestrator.domain.placed_yaml import (
    BOOLEAN,
    FRACTION,
    NEWER,
    NOTHING,
    WHOLE,
    Items,
    Placed,
    Scalar,
    Table,
)

_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"[-+]?(?:[0-9]{1,20}\.[0-9]{0,20}|\.[0-9]{1,20})(?:[eE][-+]?[0-9]{1,2})?")
_TRUE, _FALSE = ("yes", "true", "on"), ("no", "false", "off")
_MOST_IN_KEY = 200


def read_table(name: str, table: Table, problems: list[Problem]) -> dict[str, object]:
    """The values of the mapping called `name`; what is wrong with them is added to `problems`."""
    found = {}
    for key, value in table.pairs:
        problem = _odd_key(name, key)
        if problem is not None:
            problems.append(problem)
        found[key.text] = _free(f"{name}.{short(key.text)}", value, problems)
    return found


def _free(name: str, value: Placed, problems: list[Problem]) -> object:
    if isinstance(value, Table):
        return read_table(name, value, problems)
    if isinstance(value, Items):
        each = enumerate(value.values, 1)
        return [_free(f"item {number} of {name}", item, problems) for number, item in each]
    if value.kind in (WHOLE, FRACTION, NEWER):
        return _number(name, value, problems)
    if value.kind == BOOLEAN:
        return _truth(name, value, problems)
    problem = None if value.kind == NOTHING else odd(name, value)
    if problem is not None:
        problems.append(problem)
    return None if value.kind == NOTHING else value.text


def _number(name: str, value: Scalar, problems: list[Problem]) -> float | None:
    if value.kind == WHOLE and _WHOLE.fullmatch(value.text):
        return int(value.text)
    if value.kind == FRACTION and _FRACTION.fullmatch(value.text):
        return float(value.text)
    what = f"{name} is {short(value.text)}, which not every reader of YAML takes for the same number"
    problems.append(at(value, what, f"write it in plain digits, or quote it:  {quoted(value.text)}"))
    return None


def _truth(name: str, value: Scalar, problems: list[Problem]) -> bool | None:
    word = value.text.lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    problems.append(at(value, f"{name} is neither true nor false", "write true, or false"))
    return None


def _odd_key(name: str, key: Scalar) -> Problem | None:
    if len(key.text) > _MOST_IN_KEY:
        what = f"a key of {name} has {len(key.text):,} characters, at most {_MOST_IN_KEY} are read"
        return at(key, what, "shorten it")
    return odd(f"a key of {name}", key)
