"""From the YAML of an Agent Profile to its values, and what is wrong with them at which place.

A value keeps what its author wrote: a date is a text, a version is not rounded, and what YAML 1.1 reads
in a way that surprises (`1:30` as 90, `yes` in a list of texts) is an error that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from idse_orchestrator.domain.agent_profile_block import Problem
from idse_orchestrator.domain.agent_profile_spec import (
    ANY,
    AS_WRITTEN,
    BY_IDSE,
    FIELD,
    MAPPING,
    NEEDED,
    TEXTS,
    WRITTEN,
    Field,
)
from idse_orchestrator.domain.placed_yaml import (
    BOOLEAN,
    DATE,
    FRACTION,
    NOTHING,
    TEXT,
    WHOLE,
    Items,
    Placed,
    Scalar,
    Table,
)

_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"[-+]?(?:[0-9]{1,20}\.[0-9]{0,20}|\.[0-9]{1,20})(?:[eE][-+]?[0-9]{1,2})?")
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_TRUE, _FALSE = ("yes", "true", "on"), ("no", "false", "off")
MOST_PROBLEMS = 50
"""A reader mends the first of them anyway."""

_MOST_SHOWN = 60
_MOST_COMPARED = 64
_MOST_IN_KEY = 200


class ProfileValues:
    """The `values` of a profile and the `problems` with them, MOST_PROBLEMS at most, from its top mapping.

    `lines` are those of the YAML: what stands there is shown as it was written. A key that is cleared by
    null has the value None.
    """

    def __init__(self, top: Placed | None, lines: Sequence[str]) -> None:
        self._lines = lines
        self.values: dict[str, object] = {}
        self.problems = tuple(islice(self._read(top), MOST_PROBLEMS))

    def _read(self, top: Placed | None) -> Iterator[Problem]:
        if not isinstance(top, Table):
            line, column = (top.line, top.column) if top else (0, 0)
            what = "the block is empty" if top is None else "the block is not a mapping of keys to values"
            yield Problem(line, column, what, "write a key in each line, such as  id: login-agent")
            return
        for key, value in top.pairs:
            field = FIELD.get(key.text)
            if field is None:
                yield _unknown(key)
            elif field.form == BY_IDSE:
                what = f"{field.name} is written by idse when it compiles"
                yield Problem(key.line, key.column, what, "take the line out")
            elif isinstance(value, Scalar) and value.kind == NOTHING:
                yield from self._cleared(field, key)
            else:
                yield from self._field(field, value)

    def _cleared(self, field: Field, key: Scalar) -> Iterator[Problem]:
        if field.name in NEEDED:
            what = f"{field.name} has no value, and every profile needs one"
            yield Problem(key.line, key.column, what, f"write one, such as  {field.example}")
        else:
            self.values[field.name] = None

    def _field(self, field: Field, value: Placed) -> Iterator[Problem]:
        if field.holds == TEXTS:
            yield from self._texts(field, value)
        elif field.holds == MAPPING:
            yield from self._mapping(field, value)
        else:
            problem = self._text_problem(field, value)
            if problem is None and isinstance(value, Scalar):
                self.values[field.name] = value.text
            elif problem is not None:
                yield problem

    # --- texts ---

    def _text_problem(self, field: Field, value: Placed) -> Problem | None:
        if not isinstance(value, Scalar):
            what = f"{field.name} is {_kind(value)}, and a text is meant"
            return _at(value, what, f"write it such as  {field.example}")
        if field.form == AS_WRITTEN and value.kind in (WHOLE, FRACTION):
            return None
        if value.kind not in (TEXT, DATE):
            return _no_text(field.name, value, f"{field.name}: ")
        if field.required and not value.text.strip():
            return _at(value, f"{field.name} is empty", f"write it such as  {field.example}")
        if field.form != ANY and "\n" in value.text.strip("\n"):
            return _at(value, f"{field.name} has more than one line", "write it in one line")
        return _odd(field.name, value)

    def _texts(self, field: Field, value: Placed) -> Iterator[Problem]:
        if not isinstance(value, Items):
            what = f"{field.name} is {_kind(value)}, and a list of texts is meant"
            yield _at(value, what, f"write one item in a line:  - {self._shown(value)}")
            return
        found = [self._item_problem(field, number, item) for number, item in enumerate(value.values, 1)]
        yield from filter(None, found)
        self.values[field.name] = [item.text for item in value.values if isinstance(item, Scalar)]

    def _item_problem(self, field: Field, number: int, item: Placed) -> Problem | None:
        name = f"item {number} of {field.name}"
        if isinstance(item, Table) and item.pairs:
            key = item.pairs[0][0].text
            what = f"{name} is a mapping, since YAML takes {_short(key)!r} in front of a colon for a key"
            return _at(item, what, f"quote it:  - {_quoted(self._meant(item))}")
        if not isinstance(item, Scalar):
            return _at(
                item, f"{name} is {_kind(item)}, and a text is meant", f"quote it:  - {self._shown(item)}"
            )
        if item.kind not in (TEXT, DATE, NOTHING):
            return _no_text(name, item, "- ")
        if item.kind == NOTHING or not item.text.strip():
            return _at(item, f"{name} is empty", "write a text there, or take the item out")
        return _odd(name, item)

    # --- free mappings ---

    def _mapping(self, field: Field, value: Placed) -> Iterator[Problem]:
        if not isinstance(value, Table):
            what = f"{field.name} is {_kind(value)}, and a mapping is meant"
            yield _at(value, what, f"write it such as  {field.example}")
            return
        problems: list[Problem] = []
        self.values[field.name] = _table(field.name, value, problems)
        yield from problems

    # --- how it was written ---

    def _written(self, value: Placed) -> str:
        """The rest of the line at which `value` begins."""
        line = self._lines[value.line - 1] if 0 < value.line <= len(self._lines) else ""
        return line[value.column - 1 :].strip()

    def _meant(self, item: Table) -> str:
        """The text that its author meant: a key and its value, as long as both are plain."""
        key, value = item.pairs[0]
        if len(item.pairs) > 1 or not isinstance(value, Scalar):
            return self._written(item)
        return f"{key.text}: {value.text}".strip()

    def _shown(self, value: Placed) -> str:
        return _quoted(value.text if isinstance(value, Scalar) else self._written(value))


def _table(name: str, table: Table, problems: list[Problem]) -> dict[str, object]:
    found = {}
    for key, value in table.pairs:
        problem = _odd_key(name, key)
        if problem is not None:
            problems.append(problem)
        found[key.text] = _free(f"{name}.{_short(key.text)}", value, problems)
    return found


def _free(name: str, value: Placed, problems: list[Problem]) -> object:
    if isinstance(value, Table):
        return _table(name, value, problems)
    if isinstance(value, Items):
        return [_free(f"item {at} of {name}", each, problems) for at, each in enumerate(value.values, 1)]
    if value.kind in (WHOLE, FRACTION):
        return _number(name, value, problems)
    if value.kind == BOOLEAN:
        return _truth(name, value, problems)
    problem = None if value.kind == NOTHING else _odd(name, value)
    if problem is not None:
        problems.append(problem)
    return None if value.kind == NOTHING else value.text


def _number(name: str, value: Scalar, problems: list[Problem]) -> float | None:
    if value.kind == WHOLE and _WHOLE.fullmatch(value.text):
        return int(value.text)
    if value.kind == FRACTION and _FRACTION.fullmatch(value.text):
        return float(value.text)
    what = f"{name} is {_short(value.text)}, which not every reader of YAML takes for the same number"
    problems.append(_at(value, what, f"write it in plain digits, or quote it:  {_quoted(value.text)}"))
    return None


def _truth(name: str, value: Scalar, problems: list[Problem]) -> bool | None:
    word = value.text.lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    problems.append(_at(value, f"{name} is neither true nor false", "write true, or false"))
    return None


# --- words ---


def _at(value: Placed, what: str, fix: str) -> Problem:
    return Problem(value.line, value.column, what, fix)


def _no_text(name: str, value: Scalar, before: str) -> Problem:
    what = f"{name} is {_kind(value)}: YAML takes {_short(value.text)} for one"
    return _at(value, what, f"quote it:  {before}{_quoted(value.text)}")


def _odd(name: str, value: Scalar) -> Problem | None:
    found = _ODD.search(value.text)
    if found is None:
        return None
    what = f"{name} holds the character U+{ord(found[0]):04X}, which is no text"
    return _at(value, what, "take it out")


def _odd_key(name: str, key: Scalar) -> Problem | None:
    if len(key.text) > _MOST_IN_KEY:
        what = f"a key of {name} has {len(key.text):,} characters, at most {_MOST_IN_KEY} are read"
        return _at(key, what, "shorten it")
    return _odd(f"a key of {name}", key)


def _unknown(key: Scalar) -> Problem:
    import difflib

    typed = key.text[:_MOST_COMPARED].lower().replace("-", "_").replace(" ", "_")
    near = difflib.get_close_matches(typed, WRITTEN, 1)
    fix = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(WRITTEN)}"
    return Problem(key.line, key.column, f"there is no key {_short(key.text)!r} in an Agent Profile", fix)


def _kind(value: Placed) -> str:
    if isinstance(value, Scalar):
        kinds = {BOOLEAN: "true or false", WHOLE: "a number", FRACTION: "a number", NOTHING: "empty"}
        return kinds.get(value.kind, "one text")
    return "a mapping" if isinstance(value, Table) else "a list"


def _short(text: str) -> str:
    first = text.split("\n", 1)[0]
    return text if text == first and len(text) <= _MOST_SHOWN else first[:_MOST_SHOWN] + "…"


def _quoted(text: str) -> str:
    escaped = _short(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
