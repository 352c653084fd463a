"""What the tables of the projection are: names, columns and keys, read from the one text of SQL."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from functools import cache

from idse_orchestrator.base.records import NamedTuple

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema")
_MADE_BY = 2
"""Raise it where the same refs make other rows than before, though the tables stay as they are."""
_TEXTS = ("projection", "analytics")
VERSIONS = "projection"
"""The table that says by which version the others were made."""


class Table(NamedTuple):
    """A table: columns in order and their types, primary key, and `tenant`, which says whose a row is."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    key: tuple[str, ...]
    tenant: str


@cache
def text_of(name: str) -> str:
    """Returns the SQL in schema/<name>.sql."""
    with open(os.path.join(_FOLDER, f"{name}.sql"), encoding="utf-8") as file:
        return file.read()


@cache
def statements() -> tuple[str, ...]:
    """Returns the statements that make all tables, indexes and views, in order, without comments."""
    plain = re.sub(r"(?m)^\s*--.*\n", "", "\n".join(map(text_of, _TEXTS)))
    return tuple(each.strip() for each in plain.split(";") if each.strip())


@cache
def version() -> str:
    """Returns what tells these tables from those of other releases."""
    return f"{_MADE_BY}-{hashlib.sha256(';'.join(statements()).encode()).hexdigest()[:12]}"


@cache
def tables() -> Mapping[str, Table]:
    """Returns the tables that hold rows of clients, by name, in the order of the text."""
    found = {}
    for statement in statements():
        made = re.match(r"CREATE TABLE (\w+) \((.*)\)$", statement, re.DOTALL)
        if made and made[1] != VERSIONS:
            pairs = re.findall(r"(?m)^\s*([a-z_]+) (TEXT|BIGINT) NOT NULL", made[2])
            columns, kinds = (tuple(each) for each in zip(*pairs, strict=True))
            key = tuple(re.split(r",\s*", re.findall(r"PRIMARY KEY \(([^)]*)\)", made[2])[0]))
            found[made[1]] = Table(made[1], columns, kinds, key, key[0])
    return found


@cache
def views() -> tuple[str, ...]:
    """Returns the names of the views."""
    return tuple(re.findall(r"(?m)^CREATE VIEW (\w+)", "\n".join(map(text_of, _TEXTS))))


class Described(NamedTuple):
    """What the comments say of a table or a view, and of each of its columns; a view names none."""

    name: str
    words: str
    columns: tuple[tuple[str, str], ...]


@cache
def described() -> tuple[Described, ...]:
    """Returns what the comments of the SQL say, in the order of the text."""
    found = []
    blocks = "\n\n".join(map(text_of, _TEXTS)).split("\n\n")
    for block in (each for each in blocks if re.search(r"(?m)^CREATE (?:TABLE|VIEW)", each)):
        columns, kept = [], ""
        for line in block.splitlines():
            comment = re.match(r"\s*-- (.*)", line)
            made = re.match(r"CREATE (?:TABLE|VIEW) (\w+)", line)
            column = re.match(r"  ([a-z_]+) (?:TEXT|BIGINT) NOT NULL", line)
            if comment:
                kept = f"{kept} {comment[1]}".strip()
            elif made:
                found.append(Described(made[1], kept, ()))
                kept = ""
            elif column:
                columns.append((column[1], kept))
                kept = ""
        found[-1] = found[-1]._replace(columns=tuple(columns))
    return tuple(found)
