"""From a wrong entry of a constitution file to words that say which key, where, why and what to type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.errors import InvalidConfigurationError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

Location = Sequence[int | str]

_KEY_ITSELF = "[key]"
"""What pydantic puts after a key that is wrong as a key, of a table that has names of its own."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What pydantic found wrong in `value`, which should have had `shape`."""

    where: str
    shape: type[BaseModel]
    value: object
    error: ValidationError

    def as_error(self) -> InvalidConfigurationError:
        """Returns the first of the problems, as file → key → item, why, and what to write instead."""
        problem = self.error.errors(include_url=False)[0]
        location = self._location(problem["loc"])
        key = location[-1] if location else ""
        if problem["loc"][-1:] == (_KEY_ITSELF,):
            return self._told(location, f"{key!r} is not a key here", problem["msg"], self._unknown(location))
        if problem["type"] in ("extra_forbidden", "invalid_key"):
            known = f"known keys: {', '.join(self._keys(location))}"
            return self._told(location, f"{str(key)!r} is not a key here", known, self._unknown(location))
        if problem["type"] == "missing":
            needed = f"needed keys: {', '.join(self._keys(location, needed=True))}"
            return self._told(location, f"{key!r} is missing", needed, self._missing(location))
        return self._misfit(location, problem)

    def _misfit(self, location: Location, problem: ErrorDetails) -> InvalidConfigurationError:
        key = location[-1] if location else ""
        name = f"entry {key + 1}" if isinstance(key, int) else repr(key)
        example = self._example(location)
        fix = (f"write it such as:  {example}",) if example else ()
        return self._told(location, f"{name} has a value that does not fit", problem["msg"], fix)

    def _told(
        self, location: Location, what: str, why: str, fix: tuple[str, ...]
    ) -> InvalidConfigurationError:
        return InvalidConfigurationError(what, where=self._place(location), cause=why, fix=fix)

    def _location(self, told: Location) -> Location:
        """Returns `told` without what names no place in the file.

        The branch of a choice, the mark of a key.
        """
        value: Any = self.value
        kept = []
        for step in told:
            if isinstance(step, int) or isinstance(value, dict):
                kept.append(step)
                value = _step(value, step)
        return kept

    def _place(self, location: Location) -> str:
        return " → ".join([self.where, *self._named(location)])

    def _named(self, location: Location) -> Iterator[str]:
        value: Any = self.value
        for step in location:
            is_item = isinstance(value, list)
            value = _step(value, step)
            if is_item and isinstance(step, int):
                name = value.get("id") or value.get("name") if isinstance(value, dict) else None
                yield f"{step + 1} ({name})" if name else str(step + 1)
            else:
                yield str(step)

    def _fields(self, location: Location) -> Mapping[str, FieldInfo]:
        """Returns the keys that may stand beside the last one of `location`."""
        shape: type[BaseModel] | None = self.shape
        for step in location[:-1]:
            shape = _shape_below(shape, step)
        fields = shape.model_fields if shape else {}
        return {field.alias or name: field for name, field in fields.items()}

    def _keys(self, location: Location, *, needed: bool = False) -> list[str]:
        fields = self._fields(location)
        return [key for key, field in fields.items() if field.is_required() or not needed]

    def _example(self, location: Location) -> str:
        """Returns the last key of `location` as one could write it; "" where that is not known."""
        key = str(location[-1]) if location else ""
        field = self._fields(location).get(key)
        return f"{key}: {field.examples[0]}" if field and field.examples else ""

    def _missing(self, location: Location) -> tuple[str, ...]:
        example = self._example(location) or f"{location[-1]}: …"
        return (f"add below {self._place(location[:-1])}, in your own words:  {example}",)

    def _unknown(self, location: Location) -> tuple[str, ...]:
        question = did_you_mean(str(location[-1]), self._keys(location), 3)
        if question:
            return question
        if len(location) == 1:
            return ("take it out; an exception is for one session: idse rule waive",)
        return ("take it out",)


def _step(value: Any, step: int | str) -> Any:  # noqa: ANN401 - whatever the file held
    try:
        return value[step]
    except (KeyError, IndexError, TypeError):
        return None


def _shape_below(shape: type[BaseModel] | None, step: int | str) -> type[BaseModel] | None:
    """Returns the model behind a key, through lists and mappings."""
    if shape is None or not isinstance(step, str):
        return shape
    for name, field in shape.model_fields.items():
        if step in (name, field.alias):
            return _model_in(field.annotation)
    return shape


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
