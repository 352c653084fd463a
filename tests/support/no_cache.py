"""A `VerdictCache` for tests of what is judged anew each time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from idse_orchestrator.constitution.hits import DocumentKey


class NoCache:
    """Remembers nothing."""

    def get_many(self, constitution: str, keys: Iterable[DocumentKey]) -> Mapping[DocumentKey, str]:  # noqa: ARG002 - the port's signature
        """Nothing is known."""
        return {}

    def put_many(self, constitution: str, verdicts: Mapping[DocumentKey, str]) -> None:
        """Forgets them."""

    def compiled(self, constitution: str) -> str | None:  # noqa: ARG002 - the port's signature
        """Nothing is known."""
        return None

    def keep_compiled(self, constitution: str, text: str) -> None:
        """Forgets it."""
