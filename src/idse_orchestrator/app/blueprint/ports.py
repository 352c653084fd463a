"""What the use cases of blueprint claims need from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from idse_orchestrator.app.ports import LedgerReader, LedgerWriter
    from idse_orchestrator.domain.claims.evidence import Version


class LedgerDocuments(Protocol):
    """The artifacts that ledgers hold, now and earlier. What is damaged is left out, never an error."""

    def tips(self, project: str) -> Mapping[str, Version]:
        """The newest ledger commit of every session of the project that has a ledger here, by session."""

    def history(self, tips: Iterable[str]) -> Mapping[str, Version]:
        """Every ledger commit that these lead to, by id."""

    def contents(self, blobs: Iterable[str]) -> Mapping[str, bytes]:
        """The bytes of each blob that is here and whose bytes have its id."""


class BlueprintFile(Protocol):
    """``blueprint.md`` in the folder of the blueprint session in this work tree."""

    def read(self, project: str) -> bytes | None:
        """Its bytes; None where there is none. ConflictError where something else stands there."""

    def has_folder(self, project: str) -> bool:
        """Whether the branch carries the folder of the blueprint session."""

    def write(self, project: str, before: bytes | None, after: bytes) -> None:
        """Make it `after`, if it is `before` still; ConflictError if it is not."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What the use cases work with, on the blueprint of `project`.

    `writer` is asked for when there is something to write; `on_progress` is told (documents done, all).
    """

    project: str
    ledgers: LedgerReader
    writer: Callable[[], LedgerWriter]
    documents: LedgerDocuments
    file: BlueprintFile
    on_progress: Callable[[int, int], None]
