"""How two trees of artifacts differ, told as far as somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from idse_orchestrator.app.history.ports import Change, Trees


@dataclass(frozen=True, slots=True)
class Difference:
    """From tree `old` to tree `new`, limited to `paths` if there are any.

    `old_name` and `new_name` say in words what is compared.
    """

    trees: Trees
    old: str
    new: str
    paths: tuple[str, ...] = ()
    old_name: str = ""
    new_name: str = ""

    def changes(self) -> Sequence[Change]:
        """The paths that differ, in order."""
        return [] if self.old == self.new else self.trees.changes(self.old, self.new, self.paths)

    def patch(self) -> Iterator[bytes]:
        """The lines of the patch, each with its line break."""
        return self.trees.patch(self.old, self.new, self.paths)

    def stat(self, width: int) -> Sequence[str]:
        """The summary git makes, at most `width` columns wide."""
        return self.trees.stat(self.old, self.new, self.paths, width)
