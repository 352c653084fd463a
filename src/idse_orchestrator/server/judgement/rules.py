"""The rules that hold for a client's projects: those of the core, the project, the Agency and the client.

A project's own file is in its branches, which no Agency sees; its project ledger carries a copy.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from idse_orchestrator.base.files import constitution_bytes
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.safe_yaml import load_yaml
from idse_orchestrator.constitution.in_force import (
    FileVerdictCache,
    InstalledChecks,
    constitution_of,
    verdict_cache_in,
)
from idse_orchestrator.constitution.rules import (
    AGENCY,
    CLIENT,
    DESIGNS,
    PROJECT,
    Constitution,
    Layer,
    constitution_id,
)
from idse_orchestrator.documents.design_reference import CATALOGUE
from idse_orchestrator.documents.project_workspace import CARRIED_RULES, LARGEST_RULES
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.ledger.commit import ARTIFACTS
from idse_orchestrator.ledger.merge.conflicts import conflict_line
from idse_orchestrator.ledger.refs import project_ref
from idse_orchestrator.server.model.policy import Policy, PolicyFile, policy_of

if TYPE_CHECKING:
    from idse_orchestrator.server.judgement.pushed import Pushed

_MOST_COMMITS, _MOST_VERSIONS = 500, 10
"""How far back a version that can be read is looked for."""
_BROKEN = "broken"


class Rules(NamedTuple):
    """What a project's sessions are judged by, with the cache of its verdicts.

    `broken` says why the project's own file, as it is now, does not count.
    """

    constitution: Constitution
    cache: FileVerdictCache
    broken: InvalidConfigurationError | None = None


class Rulebook:
    """The files of an Agency at `home` for one client. InvalidConfigurationError where one cannot be used.

    `cache` keeps verdicts.
    """

    def __init__(
        self,
        home: str,
        client: str,
        extra: InstalledChecks | None = None,
        cache: type[FileVerdictCache] = FileVerdictCache,
    ) -> None:
        self._kept = cache
        self._home = home
        self._client = client
        self._extra = extra or InstalledChecks()
        self.layers = tuple(layers_of(home, client))
        files = {layer.origin: PolicyFile(layer.where, layer.data) for layer in self.layers}
        self.policy: Policy = policy_of(files.get(AGENCY), files.get(CLIENT), core_types())
        self._layers = tuple(layer for layer in self.layers if not _is_policy_alone(layer))

    @property
    def checks(self) -> InstalledChecks:
        """The check verbs of packages that this Agency has installed."""
        return self._extra

    def without_project(self) -> Rules:
        """Returns the rules of a project that has none of its own."""
        kept = self._cache("", "")
        return Rules(self._own(), kept)

    def of_project(self, pushed: Pushed, repository: str, project: str) -> Rules:
        """Returns the rules for the sessions of a project, with the last of its own that can be used."""
        kept = self._cache(repository, project)
        broken: InvalidConfigurationError | None = None
        for data in _versions(pushed, pushed.tip(project_ref(project))):
            try:
                layer = _project_layer(project, data)
                return Rules(self._loaded(layer, kept), kept, broken)
            except InvalidConfigurationError as error:
                broken = broken or error
        return Rules(self._own(), kept, broken)

    def _own(self) -> Constitution:
        """Returns the constitution without a project's."""
        if not self._layers and not self._extra.id:
            return shipped()
        return constitution_of(self._layers, self._cache("", ""), self._extra)

    def _loaded(self, layer: Layer, kept: FileVerdictCache) -> Constitution:
        """Returns the constitution with `layer`. That a file is bad is remembered, too: YAML is slow."""
        layers = (layer, *self._layers)
        ident = constitution_id(constitution_bytes(), layers, checks=self._extra.id)
        text = kept.compiled(ident)
        if text is not None and text.startswith(f'{{"{_BROKEN}":'):
            what, where, cause = json.loads(text)[_BROKEN]
            raise InvalidConfigurationError(what, where=where, cause=cause)
        try:
            return constitution_of(layers, kept, self._extra)
        except InvalidConfigurationError as error:
            self._own()  # or it is the Agency's own file
            told = (error.message, error.where, error.cause)
            kept.keep_compiled(ident, json.dumps({_BROKEN: told}, separators=(",", ":")))
            raise

    def _cache(self, repository: str, project: str) -> FileVerdictCache:
        """Returns the cache of one project. Each has its own: a cache keeps few constitutions."""
        parts = (self._home, "cache", "judgement", self._client or "-", repository or "-", project or "-")
        return self._kept(os.path.join(*parts), generation())


@cache
def generation() -> str:
    """Returns what tells the code that judges from other releases; a server loads it once."""
    return verdict_cache_in("").generation


@cache
def shipped() -> Constitution:
    """Returns the rules that are shipped. They never change, and a server that forks has read them before."""
    return Constitution.from_json(constitution_bytes("json").decode())


@cache
def core_types() -> frozenset[str]:
    """Returns the types of sessions that are shipped."""
    return frozenset(json.loads(constitution_bytes("json"))["session_types"])


@lru_cache(maxsize=8)
def _is_policy_alone(layer: Layer) -> bool:
    """Tests whether a file says nothing of rules, as that of a new home."""
    if layer.origin == DESIGNS:
        return False
    found = load_yaml(layer.data)
    return found is None or (isinstance(found, dict) and found.keys() <= {"policy"})


def layers_of(home: str, client: str) -> Iterator[Layer]:
    """Yields the files of an Agency with rules for `client`, as they are; InvalidConfigurationError."""
    files = {DESIGNS: CATALOGUE, AGENCY: f"rules/{AGENCY}.yaml", CLIENT: client and f"rules/{client}.yaml"}
    for origin, where in files.items():
        data = _read(os.path.join(home, where), where) if where else None
        if data is not None:
            yield Layer(origin, where, data, is_from_elsewhere=True)


def _read(path: str, where: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_RULES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = error.strerror
        raise InvalidConfigurationError("the rules cannot be read", where=where, cause=why) from error
    if len(data) > LARGEST_RULES:
        raise _too_large(where, len(data))
    return data


def _project_layer(project: str, data: bytes) -> Layer:
    where = f"{CARRIED_RULES} of project {project}"
    if len(data) > LARGEST_RULES:
        raise _too_large(where, len(data))
    line = conflict_line(data)
    if line:
        raise InvalidConfigurationError(
            "there is an unresolved merge conflict in the rules", where=f"{where}:{line}"
        )
    return Layer(PROJECT, where, data, is_from_elsewhere=True)


def _too_large(where: str, size: int) -> InvalidConfigurationError:
    return InvalidConfigurationError(
        "the rules are too large",
        where=where,
        cause=f"they have {size:,} bytes or more, and at most {LARGEST_RULES:,} are read",
    )


def _versions(pushed: Pushed, tip: str) -> Iterator[bytes]:
    """Yields the rules that a project's ledger carries, the newest first, until one commit has none."""
    seen: set[str] = set()
    met: set[str] = set()
    waiting = [tip] if tip else []
    while waiting and len(met) < _MOST_COMMITS and len(seen) < _MOST_VERSIONS:
        commit = waiting.pop()
        if commit in met:
            continue
        met.add(commit)
        blob = pushed.inside(pushed.part(commit, ARTIFACTS), CARRIED_RULES)
        if not blob:
            return
        if blob not in seen:
            seen.add(blob)
            is_readable = pushed.size(blob) <= LARGEST_RULES
            yield (pushed.blob(blob) or b"") if is_readable else b" " * (LARGEST_RULES + 1)
        waiting += reversed(pushed.parents(commit))


def place_of(git_dir: str) -> tuple[str, str]:
    """Returns client and repository of HOME/git/<client>/<repository>.git."""
    folder, name = os.path.split(git_dir.rstrip("/"))
    return os.path.basename(folder), re.sub(r"\.git$", "", name)
