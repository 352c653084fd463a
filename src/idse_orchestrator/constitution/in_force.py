"""The constitution in force: what this release ships, what the project adds, and installed check verbs.

A package offers a verb as an entry point of the group GROUP. It is loaded only where the user's own
configuration names it (``git config idse.checks``), never because a file of a branch does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.constitution.rules import Constitution, constitution_id
from idse_orchestrator.documents.artifact_reader import EXECUTABLE, REGULAR
from idse_orchestrator.documents.project_workspace import CONSTITUTION_PATH
from idse_orchestrator.errors import InvalidConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from idse_orchestrator.constitution.checks.document import Check
    from idse_orchestrator.constitution.validation_engine import VerdictCache
    from idse_orchestrator.documents.artifact_reader import ArtifactReader

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
    from idse_orchestrator.constitution.file import load_constitution

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


GROUP = "idse_orchestrator.checks"


class InstalledChecks(NamedTuple):
    """`checks` by verb; `id` names them with their packages' versions, so that kept verdicts expire."""

    checks: Mapping[str, Check] = {}
    id: str = ""


def installed_checks(verbs: Sequence[str]) -> InstalledChecks:
    """Load the check verbs called `verbs`; InvalidConfigurationError for one that no package offers."""
    if not verbs:
        return InstalledChecks()
    from importlib.metadata import entry_points

    offered = {point.name: point for point in entry_points(group=GROUP)}
    points = [_offered(offered, verb) for verb in sorted(set(verbs))]
    return InstalledChecks(
        {point.name: _loaded(point) for point in points}, " ".join(_version(point) for point in points)
    )


def _offered(offered: Mapping[str, EntryPoint], verb: str) -> EntryPoint:
    if verb in offered:
        return offered[verb]
    raise InvalidConfigurationError(
        f"no installed package offers a check called {verb!r}",
        where="setting checks",
        cause="offered: " + (", ".join(sorted(offered)) or "none"),
        fix=("install the package that offers it", "idse config set checks ''"),
    )


def _loaded(point: EntryPoint) -> Check:
    try:
        check: Callable[..., object] = point.load()
    except Exception as error:
        raise InvalidConfigurationError(
            f"the check {point.name!r} cannot be loaded",
            where=point.value,
            cause=f"{type(error).__name__}: {error}",
            fix=("repair or remove its package",),
        ) from error
    return check  # type: ignore[return-value]  # what it returns is checked where it runs


def _version(point: EntryPoint) -> str:
    package = point.dist
    return f"{point.name}={package.name}-{package.version}" if package else f"{point.name}={point.value}"
