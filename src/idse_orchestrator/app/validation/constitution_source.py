"""The constitution in force: what this release ships, and what the project adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from idse_orchestrator.domain.artifact_reader import EXECUTABLE, REGULAR
from idse_orchestrator.domain.constitution.rules import Constitution, constitution_id
from idse_orchestrator.domain.project_workspace import CONSTITUTION_PATH
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.resources import constitution_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from idse_orchestrator.app.validation.verdicts import VerdictCache
    from idse_orchestrator.domain.artifact_reader import ArtifactReader
    from idse_orchestrator.domain.checks.document import Check

LARGEST = 1024 * 1024
"""A project's own rules are never larger, in bytes."""


def constitution_in(
    reader: ArtifactReader,
    cache: VerdictCache,
    extra_checks: Mapping[str, Check] | None = None,
    checks_id: str = "",
) -> Constitution:
    """The shipped rules with those of the source that `reader` reads, which must cover CONSTITUTION_PATH.

    `extra_checks` are the installed check verbs, `checks_id` their names and versions. The compiled
    form comes from `cache` where it is known, so that neither YAML nor its rules are read again.
    InvalidConfigurationError where the project's file cannot be used.
    """
    core, project = constitution_bytes(), _project_rules(reader)
    ident = constitution_id(core, project, checks=checks_id)
    kept = _kept(cache, ident)
    if kept is not None:
        return kept
    from idse_orchestrator.domain.constitution.file import load_constitution

    loaded = load_constitution(
        core, project, where=CONSTITUTION_PATH, extra_checks=extra_checks or {}, checks_id=checks_id
    )
    cache.keep_compiled(ident, loaded.to_json())
    return loaded


def _kept(cache: VerdictCache, ident: str) -> Constitution | None:
    text = cache.compiled(ident)
    if text is None:
        return None
    try:
        kept = Constitution.from_json(text)
    except ValueError:
        return None
    return kept if kept.id == ident else None


def _project_rules(reader: ArtifactReader) -> bytes | None:
    entry = reader.paths().get(CONSTITUTION_PATH)
    if entry is None:
        return None
    if entry.mode not in (REGULAR, EXECUTABLE) or entry.size > LARGEST:
        raise InvalidConfigurationError(
            "the project's constitution cannot be read",
            where=f"{CONSTITUTION_PATH} ({reader.description})",
            cause="it is not a regular file of at most 1 MiB",
            fix=(f"make {CONSTITUTION_PATH} a regular file",),
        )
    return reader.read_many([CONSTITUTION_PATH])[CONSTITUTION_PATH]
