"""The base of our small records: what `typing.NamedTuple` makes, at a third of its price.

`typing` compiles the annotation of every field when a class is made. A command that loads ninety such
classes waits for that as long as Python itself takes to start, and nobody reads what was compiled.
A type checker sees `typing.NamedTuple` itself.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414, TID251 - handed on to type checkers
else:

    class _Maker(type):
        def __new__(cls, name, _bases, body):  # noqa: ANN001, ANN204 - no type checker sees it
            fields = body.get("__annotations__", {})
            given = [field in body for field in fields]
            if given != sorted(given):
                raise TypeError(f"{name}: a field without a default follows one that has one")
            defaults = [body[field] for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # noqa: PYI024
            for attribute, value in body.items():
                if attribute not in fields:
                    setattr(made, attribute, value)
            return made

    NamedTuple = type.__new__(_Maker, "NamedTuple", (), {})


def picked(value: object, names: str) -> dict[str, object]:
    """Returns the attributes of `value` that `names` lists with spaces between, as a JSON object."""
    return {name: getattr(value, name) for name in names.split()}


def picked_or_none(value: object, names: str) -> dict[str, object]:
    """Does the same; what is empty is null."""
    return {name: found or None for name, found in picked(value, names).items()}
