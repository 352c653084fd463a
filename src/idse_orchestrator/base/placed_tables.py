"""Reads a file of settings value by value; of each that does not fit it says where, why and what to write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.errors import InvalidConfigurationError

if TYPE_CHECKING:
    from idse_orchestrator.base.safe_yaml import Placed


def opened(data: bytes, file: str, what: str) -> Place | None:
    """Returns the root of `data`, the content of `file`; None where nothing is in it.

    InvalidConfigurationError, which says that `what` is no readable YAML, and where.
    """
    from idse_orchestrator.base.placed_reading import load_placed
    from idse_orchestrator.base.safe_yaml import YamlProblem

    try:
        root = load_placed(data)
    except YamlProblem as problem:
        raise InvalidConfigurationError(
            f"{what} is not readable YAML",
            where=f"{file}:{problem.line}" if problem.line else file,
            cause=problem.what,
            fix=("mend that line",),
        ) from problem
    return None if root is None else Place(root, file)


class Place(NamedTuple):
    """A value of `file`, and the way to it."""

    value: Placed
    file: str
    way: str = ""

    def refuse(self, message: str, cause: str, *fix: str) -> NoReturn:
        """Raises the error about this place."""
        where = f"{self.file}:{self.value.line}" + (f" → {self.way}" if self.way else "")
        raise InvalidConfigurationError(message, where=where, cause=cause, fix=fix)

    def table(self) -> Mapping[str, Place]:
        """Returns the values of a mapping whose keys may be any text."""
        from idse_orchestrator.base.safe_yaml import Table

        if not isinstance(self.value, Table):
            self.refuse("this is no table of keys", "it is a mapping", "write each line as: key: value")
        return {key.text: self._at(value, key.text) for key, value in self.value.pairs}

    def keys(self, known: Sequence[str], needed: Sequence[str] = ()) -> Mapping[str, Place]:
        """Returns the values of a mapping that has no other keys than `known`, and all that are `needed`."""
        from idse_orchestrator.base.safe_yaml import Table

        listed = f"keys: {', '.join(known)}"
        if not isinstance(self.value, Table):
            self.refuse("this is no table of keys", listed, "write each of them as: key: value")
        found = self.table()
        for key, under in found.items():
            if key not in known:
                under.refuse(f"there is no key {key!r}", listed, *did_you_mean(key, known))
        for key in needed:
            if key not in found:
                self.refuse(f"{key!r} is missing", listed, f"write it as: {key}: value")
        return found

    def items(self) -> Iterator[Place]:
        """Yields the values of a list."""
        from idse_orchestrator.base.safe_yaml import Items

        if not isinstance(self.value, Items):
            self.refuse(
                "this is no list", "each item begins with a hyphen", "write each item as: - key: value"
            )
        for number, value in enumerate(self.value.values, 1):
            yield self._at(value, str(number))

    def text(self, fits: Callable[[str], object], what: str, example: str) -> str:
        """Returns a text that `fits`; `what` says in words which do."""
        from idse_orchestrator.base.safe_yaml import TEXT, Scalar

        value = self.value
        if not isinstance(value, Scalar) or value.kind != TEXT:
            self.refuse("this is no text", f"it is {what}", f"write for instance: {example}")
        if not value.text or not fits(value.text):
            self.refuse(
                f"{value.text[:60]!r} cannot stand here", f"it is {what}", f"write for instance: {example}"
            )
        return value.text

    def amount(self, what: str, example: str) -> float:
        """Returns a number from 0 up."""
        from idse_orchestrator.base.safe_yaml import FRACTION, NEWER, WHOLE, Scalar

        value = self.value
        if isinstance(value, Scalar) and value.kind in (WHOLE, FRACTION, NEWER):
            try:
                found = float(value.text.replace("_", ""))
            except ValueError:
                found = -1.0
            if 0 <= found < 1e15:
                return found
        return self.refuse("this is no number from 0 up", f"it is {what}", f"write for instance: {example}")

    def _at(self, value: Placed, key: str) -> Place:
        return Place(value, self.file, f"{self.way} → {key}" if self.way else key)
