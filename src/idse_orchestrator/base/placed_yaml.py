"""YAML values that know where they stand, free of any parser: what `placed_reading.load_placed` returns.

A scalar keeps the text that was written, beside what YAML 1.1 takes it for: so a reader can say that
`yes` is no text, and can keep `1.10` as it is. Lines and columns count from 1, in the text given.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TEXT = "text"
NOTHING = "nothing"
BOOLEAN = "boolean"
WHOLE = "whole number"
FRACTION = "number"
DATE = "date"
NEWER = "number of YAML 1.2"
"""What YAML 1.1 takes the plain text of a scalar for; NEWER is a text there, and a number since."""

NEWER_NUMBER = re.compile(r"0o[0-7]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
"""A number of YAML 1.2, which YAML 1.1 need not take for one."""


class Scalar(NamedTuple):
    """One value: `text` as written (quotes and folding resolved), `kind` what YAML takes it for."""

    text: str
    kind: str
    line: int
    column: int


class Items(NamedTuple):
    """A list."""

    values: tuple[Placed, ...]
    line: int
    column: int


class Table(NamedTuple):
    """A mapping: pairs of key and value in the order written. No key occurs twice."""

    pairs: tuple[tuple[Scalar, Placed], ...]
    line: int
    column: int


Placed = Scalar | Items | Table
