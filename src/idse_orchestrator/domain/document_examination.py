"""Hits of one file: every rule that needs nothing but the file's own bytes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from idse_orchestrator.domain.artifact_reader import FileEntry
from idse_orchestrator.domain.checks.document import Check
from idse_orchestrator.domain.constitution_rules import Constitution
from idse_orchestrator.domain.hits import Hit

NO_EXTRA_CHECKS: Mapping[str, Check] = MappingProxyType({})


def examine(
    path: str,
    entry: FileEntry,
    data: bytes,
    constitution: Constitution,
    extra_checks: Mapping[str, Check] = NO_EXTRA_CHECKS,
) -> tuple[Hit, ...]:
    """Everything the rules notice in the file at `path` (relative to its session's folder).

    Pure, and never raises on any bytes: keep the answer under (constitution.id, path, entry.mode,
    entry.blob). `extra_checks` are the installed check verbs by name. A file larger than the
    constitution allows is not read: `data` may then be empty.
    """
    raise NotImplementedError
