"""Whether what an Agent Profile lacks comes from its blueprint: a finding that is none goes here.

The rule looks at one document, and a profile may take its id and name from the blueprint's. So the
blueprint's spec is read from the same source, once for each project in which a profile lacks something.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.documents.pipeline_artifacts import ARTIFACTS, artifact_path

if TYPE_CHECKING:
    from idse_orchestrator.constitution.rules import Constitution
    from idse_orchestrator.constitution.validation_engine import Hit
    from idse_orchestrator.documents.artifact_reader import ArtifactReader
    from idse_orchestrator.ledger.values import SessionKey

_SPEC = ARTIFACTS["spec"]
_CHECK = "agent_profile_complete"


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
        # few documents lack anything
        from idse_orchestrator.profiles.doc_to_agent_profile_spec_compiler import missing_keys, read_profile
        from idse_orchestrator.profiles.spec import NEEDED

        project, session = key
        path = artifact_path(project, BLUEPRINT, "spec")
        if session == BLUEPRINT or path not in self._reader.paths():
            return frozenset(NEEDED)
        if project not in self._given:
            reading = read_profile(self._reader.read_many([path])[path])
            lacking = () if reading.problems else missing_keys(reading)  # its own findings come first
            self._given[project] = frozenset(NEEDED).difference(lacking)
        return self._given[project]
