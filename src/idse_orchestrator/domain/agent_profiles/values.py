"""From the YAML of an Agent Profile to its values, and what is wrong with them at which place.

A value keeps what its author wrote: a date is a text, a version is not rounded, and what YAML 1.1 reads
in a way that surprises (`1:30` as 90, `yes` in a list of texts) is an error that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from idse_orchestrator.domain.agent_profiles.block import Problem
from idse_orchestrator.domain.agent_profiles.free import read_table
from idse_orchestrator.domain.agent_profiles.spec import (
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
from idse_orchestrator.domain.agent_profiles.words import at, kind_of, no_text, odd, quoted, short
from idse_orchestrator.domain.placed_yaml import (
    DATE,
    FRACTION,
    NEWER,
    NOTHING,
    TEXT,
    WHOLE,
    Items,
    Placed,
    Scalar,
    Table,
)

MOST_PROBLEMS = 50
"""A reader mends the first of them anyway."""

_MOST_COMPARED = 64
_TEXTS = (TEXT, DATE, NEWER)


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
                self.values[field.name] = value.text if field.form == ANY else value.text.strip()
            elif problem is not None:
                yield problem

    # --- texts ---

    def _text_problem(self, field: Field, value: Placed) -> Problem | None:
        if not isinstance(value, Scalar):
            what = f"{field.name} is {kind_of(value)}, and a text is meant"
            return at(value, what, f"write it such as  {field.example}")
        if field.form == AS_WRITTEN and value.kind in (WHOLE, FRACTION):
            return None
        if value.kind not in _TEXTS:
            return no_text(field.name, value, f"{field.name}: ")
        if field.required and not value.text.strip():
            return at(value, f"{field.name} is empty", f"write it such as  {field.example}")
        if field.form != ANY and "\n" in value.text.strip():
            return at(value, f"{field.name} has more than one line", "write it in one line")
        return odd(field.name, value)

    def _texts(self, field: Field, value: Placed) -> Iterator[Problem]:
        if not isinstance(value, Items):
            what = f"{field.name} is {kind_of(value)}, and a list of texts is meant"
            yield at(value, what, f"write one item in a line:  - {self._shown(value)}")
            return
        found = [self._item_problem(field, number, item) for number, item in enumerate(value.values, 1)]
        yield from filter(None, found)
        self.values[field.name] = [item.text for item in value.values if isinstance(item, Scalar)]

    def _item_problem(self, field: Field, number: int, item: Placed) -> Problem | None:
        name = f"item {number} of {field.name}"
        if isinstance(item, Table) and item.pairs:
            key = item.pairs[0][0].text
            what = f"{name} is a mapping, since YAML takes {short(key)!r} in front of a colon for a key"
            return at(item, what, f"quote it:  - {quoted(self._meant(item))}")
        if not isinstance(item, Scalar):
            return at(
                item, f"{name} is {kind_of(item)}, and a text is meant", f"quote it:  - {self._shown(item)}"
            )
        if item.kind not in (*_TEXTS, NOTHING):
            return no_text(name, item, "- ")
        if item.kind == NOTHING or not item.text.strip():
            return at(item, f"{name} is empty", "write a text there, or take the item out")
        return odd(name, item)

    # --- free mappings ---

    def _mapping(self, field: Field, value: Placed) -> Iterator[Problem]:
        if not isinstance(value, Table):
            what = f"{field.name} is {kind_of(value)}, and a mapping is meant"
            yield at(value, what, f"write it such as  {field.example}")
            return
        problems: list[Problem] = []
        self.values[field.name] = read_table(field.name, value, problems)
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
        return quoted(value.text if isinstance(value, Scalar) else self._written(value))


def _unknown(key: Scalar) -> Problem:
    import difflib

    typed = key.text[:_MOST_COMPARED].lower().replace("-", "_").replace(" ", "_")
    near = difflib.get_close_matches(typed, WRITTEN, 1)
    fix = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(WRITTEN)}"
    return Problem(key.line, key.column, f"there is no key {short(key.text)!r} in an Agent Profile", fix)
