"""Versions of ``tasks.md`` that are one list: a tick is progress, and no change of what is to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Ticks:
    """Compares versions of ``tasks.md`` by their blob ids; each is read where two ids differ, and once.

    `reads` return the bytes of a blob, or None; they are asked in order. A version that cannot be read is
    the same as no other.
    """

    def __init__(self, *reads: Callable[[str], bytes | None]) -> None:
        self._reads = reads
        self._known: dict[tuple[str, str], bool] = {}

    def __call__(self, one: str, other: str) -> bool:
        """Tests whether two versions differ in nothing but the marks of boxes."""
        pair = (one, other)
        if pair not in self._known:
            self._known[pair] = self._compared(one, other)
        return self._known[pair]

    def _compared(self, one: str, other: str) -> bool:
        from idse_orchestrator.documents.task_list import is_same_list

        before, after = self._text(one), self._text(other)
        return before is not None and after is not None and is_same_list(before, after)

    def _text(self, blob: str) -> str | None:
        data = next((found for read in self._reads if (found := read(blob)) is not None), None)
        return None if data is None else data.decode("utf-8", "surrogateescape")
