"""Check verbs that other installed packages bring, and that the configuration names.

A package offers a verb as an entry point of the group GROUP. It is loaded only where the user's own
configuration names it (``git config idse.checks``), never because a file of a branch does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.errors import InvalidConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from idse_orchestrator.domain.checks.document import Check

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
