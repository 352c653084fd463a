"""How problems with the values of a profile are told: what is there, and what to write instead."""

from __future__ import annotations

import re

from idse_orchestrator.domain.agent_profiles.block import Problem
from idse_orchestrator.domain.placed_yaml import BOOLEAN, FRACTION, NOTHING, WHOLE, Placed, Scalar, Table

_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MOST_SHOWN = 60


def at(value: Placed, what: str, fix: str) -> Problem:
    """The problem `what` where `value` stands."""
    return Problem(value.line, value.column, what, fix)


def no_text(name: str, value: Scalar, before: str) -> Problem:
    """What is said of a value that YAML does not take for a text; `before` stands in front of it."""
    what = f"{name} is {kind_of(value)}: YAML takes {short(value.text)} for one"
    return at(value, what, f"quote it:  {before}{quoted(value.text)}")


def odd(name: str, value: Scalar) -> Problem | None:
    """What is said of a text that holds what no text may; None for a sound one."""
    found = _ODD.search(value.text)
    if found is None:
        return None
    what = f"{name} holds the character U+{ord(found[0]):04X}, which is no text"
    return at(value, what, "take it out")


def kind_of(value: Placed) -> str:
    """What `value` is, as a part of a sentence."""
    if isinstance(value, Scalar):
        kinds = {BOOLEAN: "true or false", WHOLE: "a number", FRACTION: "a number", NOTHING: "empty"}
        return kinds.get(value.kind, "one text")
    return "a mapping" if isinstance(value, Table) else "a list"


def short(text: str) -> str:
    """The beginning of `text`, in one line."""
    first = text.split("\n", 1)[0]
    return text if text == first and len(text) <= _MOST_SHOWN else first[:_MOST_SHOWN] + "…"


def quoted(text: str) -> str:
    """`text` as YAML has it in double quotes, in short."""
    escaped = short(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
