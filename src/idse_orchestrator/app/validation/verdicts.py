"""The port to kept verdicts: what the rules noticed in a file, found again by content.

A verdict is the JSON text of a file's hits (`hits_to_json`). It depends on nothing but its key and
the constitution, so it never grows old; a cache may forget it at any time, and may never be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol


class DocumentKey(NamedTuple):
    """A file as the rules see it: path relative to its session, mode as in a tree, blob id."""

    path: str
    mode: int
    blob: str


class VerdictCache(Protocol):
    """Kept verdicts and compiled constitutions. No method raises: what cannot be kept is not kept."""

    def get_many(self, constitution: str, keys: Iterable[DocumentKey]) -> Mapping[DocumentKey, str]:
        """The verdicts that are known under the constitution of that id; unknown keys are left out."""

    def put_many(self, constitution: str, verdicts: Mapping[DocumentKey, str]) -> None:
        """Keep verdicts reached under the constitution of that id."""

    def compiled(self, constitution: str) -> str | None:
        """The compiled form (`Constitution.to_json`) kept under that id, or None."""

    def keep_compiled(self, constitution: str, text: str) -> None:
        """Keep the compiled form of the constitution of that id."""


class NoCache:
    """A VerdictCache that remembers nothing: for readers that must leave no trace."""

    def get_many(self, constitution: str, keys: Iterable[DocumentKey]) -> Mapping[DocumentKey, str]:  # noqa: ARG002 - the port's signature
        """Nothing is known."""
        return {}

    def put_many(self, constitution: str, verdicts: Mapping[DocumentKey, str]) -> None:
        """Forget them."""

    def compiled(self, constitution: str) -> str | None:  # noqa: ARG002 - the port's signature
        """Nothing is known."""
        return None

    def keep_compiled(self, constitution: str, text: str) -> None:
        """Forget it."""
