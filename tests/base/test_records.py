"""Our records are named tuples in all that a reader and a type checker may ask of one."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Sequence
from typing import get_type_hints

import pytest

from idse_orchestrator.base.records import NamedTuple


class Place(NamedTuple):
    """Where something is."""

    path: str
    line: int = 1
    more: Sequence[str] = ()

    @property
    def shown(self) -> str:
        """The place as a person reads it."""
        return f"{self.path}:{self.line}"


def test_fields_defaults_and_methods() -> None:
    place = Place("a", line=2)
    assert place == ("a", 2, ())
    assert place.shown == "a:2"
    assert place._replace(path="b") == Place("b", 2)
    assert Place._fields == ("path", "line", "more")
    assert Place._field_defaults == {"line": 1, "more": ()}
    assert (Place.__name__, Place.__module__, Place.__doc__) == ("Place", __name__, "Where something is.")
    assert repr(place) == "Place(path='a', line=2, more=())"


def test_it_is_pickled_and_its_types_are_read() -> None:
    assert pickle.loads(pickle.dumps(Place("a"))) == Place("a")
    assert get_type_hints(Place) == {"path": str, "line": int, "more": Sequence[str]}


def test_what_has_no_default_stands_first() -> None:
    with pytest.raises(TypeError, match="Bad: a field without a default"):

        class Bad(NamedTuple):
            one: int = 1
            two: int  # type: ignore[misc]


def test_no_annotation_is_compiled() -> None:
    code = (
        "from __future__ import annotations\n"
        "import typing\n"
        "typing._type_check = None\n"
        "from idse_orchestrator.base.records import NamedTuple\n"
        "class A(NamedTuple):\n    one: NotThere\n"
        "print(A(1))\n"
    )
    done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert done.stdout == "A(one=1)\n"
