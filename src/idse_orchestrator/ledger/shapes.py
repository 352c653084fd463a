"""What events and states look like, described once and checked in two ways.

`Shape.fits` is the quick look: it costs no import, and knows only yes and no. `Shape.schema` is the type of
which pydantic makes the strict check, which finds the words. What fits passes the schema, too; what does not
fit may still pass it, so the schema decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from idse_orchestrator.base.records import NamedTuple


class Shape(NamedTuple):
    """Whether a value fits at once, and the type of the strict check."""

    fits: Callable[[Any], bool]
    schema: Callable[[], Any]


def text(pattern: str = "", *, least: int = 0) -> Shape:
    """Returns a text; all of it matches `pattern`, and it has `least` characters."""
    if not pattern:
        return Shape(
            lambda value: type(value) is str and len(value) >= least,
            lambda: _constrained(str, min_length=least) if least else str,
        )
    matches = re.compile(pattern, re.ASCII).fullmatch
    return Shape(
        lambda value: type(value) is str and matches(value) is not None,
        lambda: _constrained(str, pattern=rf"^{pattern}\z"),
    )


def words(most: int) -> Shape:
    """Returns one line of 1 to `most` characters, without control characters."""
    control = re.compile(r"[\x00-\x1f\x7f]")
    return Shape(
        lambda value: type(value) is str and 0 < len(value) <= most and control.search(value) is None,
        lambda: _constrained(str, min_length=1, max_length=most, pattern=r"^[^\x00-\x1f\x7f]*\z"),
    )


def amount() -> Shape:
    """Returns a number of money or time, 0 or more, with or without a fraction."""
    return Shape(
        lambda value: type(value) in (int, float) and 0 <= value < float("inf"),
        lambda: _constrained(float, ge=0, allow_inf_nan=False),
    )


def number(least: int = 0) -> Shape:
    """Returns a whole number, `least` or more."""
    return Shape(lambda value: type(value) is int and value >= least, lambda: _constrained(int, ge=least))


def one_of(*choices: str | int) -> Shape:
    """Returns one of `choices`, all of one type."""
    kind = type(choices[0])

    def schema() -> Any:  # noqa: ANN401 - a type
        from typing import Literal

        return Literal[choices]

    return Shape(lambda value: type(value) is kind and value in choices, schema)


def maybe(shape: Shape) -> Shape:
    """As `shape`, or null."""
    return Shape(lambda value: value is None or shape.fits(value), lambda: shape.schema() | None)


def either(one: Shape, other: Shape) -> Shape:
    """As one or as the other."""
    return Shape(lambda value: one.fits(value) or other.fits(value), lambda: one.schema() | other.schema())


def rows(shape: Shape, *, least: int = 0) -> Shape:
    """Returns a list of `least` values or more."""
    fits = shape.fits
    return Shape(
        lambda value: type(value) is list and len(value) >= least and all(map(fits, value)),
        lambda: _constrained(list[shape.schema()], min_length=least) if least else list[shape.schema()],  # type: ignore[misc]
    )


def table(key: Shape, shape: Shape) -> Shape:
    """Returns a table from keys to values."""
    return Shape(
        lambda value: (
            type(value) is dict and all(map(key.fits, value)) and all(map(shape.fits, value.values()))
        ),
        lambda: dict[key.schema(), shape.schema()],  # type: ignore[misc]
    )


class Record(NamedTuple):
    """A table with given keys. `optional` ones may be left out; with `is_open` there may be others."""

    name: str
    required: Mapping[str, Shape]
    optional: Mapping[str, Shape] = {}
    is_open: bool = False

    def fits(self, value: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
        """Returns whether `value` surely is such a table."""
        if type(value) is not dict:
            return False
        required, optional = self.required, self.optional
        for key, shape in required.items():
            if key not in value or not shape.fits(value[key]):
                return False
        for key, shape in optional.items():
            if key in value and not shape.fits(value[key]):
                return False
        return self.is_open or value.keys() <= required.keys() | optional.keys()

    def schema(self) -> Any:  # noqa: ANN401 - a type
        """Returns the model of the strict check."""
        from pydantic import ConfigDict, create_model

        fields: dict[str, Any] = {
            **{key: (shape.schema(), ...) for key, shape in self.required.items()},
            **{key: (shape.schema(), None) for key, shape in self.optional.items()},
        }
        extra: Any = "allow" if self.is_open else "forbid"
        return create_model(self.name, __config__=ConfigDict(strict=True, extra=extra, frozen=True), **fields)

    def and_also(self, required: Mapping[str, Shape], optional: Mapping[str, Shape] = {}) -> Record:
        """Returns this record with further keys; one that may be left out may become required."""
        must = {**self.required, **required}
        may = {key: shape for key, shape in {**self.optional, **optional}.items() if key not in must}
        return self._replace(required=must, optional=may)

    @property
    def shape(self) -> Shape:
        """The record inside of another shape."""
        return Shape(self.fits, self.schema)


def tagged(key: str, *records: Record) -> Shape:
    """Returns one of `records`, each of which has a `one_of` at `key` that says so."""

    def schema() -> Any:  # noqa: ANN401 - a type
        from functools import reduce
        from operator import or_
        from typing import Annotated

        from pydantic import Field

        return Annotated[reduce(or_, (record.schema() for record in records)), Field(discriminator=key)]

    return Shape(lambda value: any(record.fits(value) for record in records), schema)


def body(name: str, required: Mapping[str, Shape], optional: Mapping[str, Shape] = {}) -> Record:
    """Returns the body of an event: what it may hold besides is free, since releases add to it."""
    return Record(name, required, {"reason": TEXT, **optional}, is_open=True)


def problem_with(record: Record, data: bytes | Mapping[str, Any]) -> str | None:
    """Returns what keeps `data` from being a `record`, with the path to it, or None. It finds the words.

    Bytes are read as JSON.
    """
    from pydantic import ValidationError

    model = _model(_Key(record))
    try:
        if isinstance(data, bytes):
            model.model_validate_json(data)
        else:
            model.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        where = ".".join(map(str, found[0]["loc"]))
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return f"{where}: {found[0]['msg']}{more}" if where else f"{found[0]['msg']}{more}"
    return None


class _Key:
    """A record by its identity, to remember its model."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def __hash__(self) -> int:
        return hash((self.record.name, tuple(self.record.required), tuple(self.record.optional)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.record == other.record


@cache
def _model(key: _Key) -> Any:  # noqa: ANN401 - a model
    return key.record.schema()


def _constrained(kind: Any, **limits: Any) -> Any:  # noqa: ANN401 - a type and what pydantic knows of it
    from typing import Annotated

    from pydantic import Field

    return Annotated[kind, Field(**limits)]


TEXT = text()
FLAG = Shape(lambda value: type(value) is bool, lambda: bool)
ANYTHING = Shape(lambda _: True, lambda: Any)
COUNT = number()
ULID = text(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
MOMENT = text(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MOMENT_OR_NEVER = text(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?")
OBJECT = text(r"[0-9a-f]{40}")
BLOB = text(r"([0-9a-f]{40})?")
NAME = text(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
LINE = text(r"[^\x00-\x1f\x7f]{1,500}")
NOT_APPLIED = Record("NotAppliedSchema", {"event": ULID, "why": TEXT})
"""An event that was kept although it no longer applied, in any state."""
