"""The checks of the Agent Profile in a document, and of what a profile takes from its blueprint.

A rule looks at one document, and a profile may take its id and name from the blueprint's. So the
blueprint's spec is read from the same source, once for each project in which a profile lacks something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.constitution.checks.document import Notice
from idse_orchestrator.documents.project_workspace import ARTIFACTS, artifact_path
from idse_orchestrator.profiles.block import may_hold_profile
from idse_orchestrator.profiles.doc_to_agent_profile_spec_compiler import (
    ProfileReading,
    missing_keys,
    read_outlined,
    read_profile,
)
from idse_orchestrator.profiles.spec import NEEDED

if TYPE_CHECKING:
    from idse_orchestrator.constitution.checks.document import Document
    from idse_orchestrator.constitution.rules import Constitution
    from idse_orchestrator.constitution.validate import Settle
    from idse_orchestrator.constitution.validation_engine import Hit
    from idse_orchestrator.documents.project_workspace import ArtifactReader
    from idse_orchestrator.ledger.events import SessionKey

_SPEC = ARTIFACTS["spec"]
_CHECK = "agent_profile_complete"


def agent_profile(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice for each problem with the document's Agent Profile, where it has one."""
    del options
    for problem in _reading(document).problems:
        yield Notice(problem.line, problem.column, {"problem": problem.what, "fix": problem.fix})


def agent_profile_complete(document: Document, options: Mapping[str, object]) -> Iterator[Notice]:
    """A notice for each key that every profile needs and this document's does not hold.

    The blueprint may hold it: `settling` drops the notice then.
    """
    del options
    reading = _reading(document)
    if reading.is_there and not reading.problems:
        for key in missing_keys(reading):
            yield Notice(reading.line, 1, {"key": key})


def _reading(document: Document) -> ProfileReading:
    if not may_hold_profile(document.text):
        return ProfileReading()
    return read_outlined(document.text, document.outline)


def settling(reader: ArtifactReader, constitution: Constitution) -> Settle:
    """Drops the hits of `agent_profile_complete` about keys that the blueprints in `reader` give."""
    return ProfileDefaults(reader, constitution).without_inherited


class ProfileDefaults:
    """What the blueprints in a source give to the profiles of their sessions."""

    def __init__(self, reader: ArtifactReader, constitution: Constitution) -> None:
        self._reader = reader
        self._rules = {rule.id for rule in constitution.rules if rule.check == _CHECK}
        self._given: dict[str, frozenset[str]] = {}

    def without_inherited(
        self, key: SessionKey, hits: Mapping[str, tuple[Hit, ...]]
    ) -> Mapping[str, tuple[Hit, ...]]:
        """`hits` of a session's files without those about a key that its blueprint gives.

        A blueprint's own profile may be defaults and nothing else, so it needs no key. Where the source
        does not hold the blueprint's spec nobody can tell, and nothing is said.
        """
        found = hits.get(_SPEC, ())
        if not any(hit.rule in self._rules for hit in found):
            return hits
        given = self._given_to(key)
        kept = tuple(
            hit for hit in found if hit.rule not in self._rules or hit.params.get("key") not in given
        )
        return {**hits, _SPEC: kept}

    def _given_to(self, key: SessionKey) -> frozenset[str]:
        project, session = key
        path = artifact_path(project, BLUEPRINT, "spec")
        if session == BLUEPRINT or path not in self._reader.paths():
            return frozenset(NEEDED)
        if project not in self._given:
            reading = read_profile(self._reader.read_many([path])[path])
            lacking = () if reading.problems else missing_keys(reading)  # its own findings come first
            self._given[project] = frozenset(NEEDED).difference(lacking)
        return self._given[project]
