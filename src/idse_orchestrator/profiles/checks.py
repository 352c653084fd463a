"""The checks of the Agent Profile in a document, and of what a profile takes from its blueprint.

A rule looks at one document, and a profile may take its id and name from the blueprint's. So the
blueprint's spec is read from the same source, once for each project in which a profile lacks something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from idse_orchestrator.base.names import BLUEPRINT
from idse_orchestrator.constitution.checks.document import Document, Notice
from idse_orchestrator.documents.project_workspace import ARTIFACTS, ArtifactReader, artifact_path
from idse_orchestrator.profiles import compiler
from idse_orchestrator.profiles.compiler import ProfileReading
from idse_orchestrator.profiles.spec import NEEDED

if TYPE_CHECKING:
    from idse_orchestrator.constitution.hits import Hit
    from idse_orchestrator.constitution.rules import Constitution
    from idse_orchestrator.constitution.validate import Settle
    from idse_orchestrator.ledger.events import SessionKey

_SPEC = ARTIFACTS["spec"]
_CHECK = "agent_profile_complete"


def agent_profile(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice for each problem with the document's Agent Profile, where it has one."""
    for problem in _reading(document).problems:
        yield Notice(problem.line, problem.column, {"problem": problem.what, "fix": problem.fix})


def agent_profile_complete(document: Document, _options: Mapping[str, object]) -> Iterator[Notice]:
    """Yields a notice for each key that every profile needs and this document's does not hold.

    The blueprint may hold it: `settling` drops the notice then.
    """
    reading = _reading(document)
    if reading.is_there and not reading.problems:
        for key in compiler.missing_keys(reading):
            yield Notice(reading.line, 1, {"key": key})


def _reading(document: Document) -> ProfileReading:
    if not compiler.may_hold_profile(document.text):
        return ProfileReading()
    return compiler.read_outlined(document.text, document.outline)


def settling(reader: ArtifactReader, constitution: Constitution) -> Settle:
    """Returns what drops hits of `agent_profile_complete` on keys that the blueprints in `reader` give.

    A blueprint's own profile may be defaults and nothing else, so it needs no key. Where the source does
    not hold the blueprint's spec nobody can tell, and nothing is said.
    """
    rules = {rule.id for rule in constitution.rules if rule.check == _CHECK}
    given = cache(lambda project: _given(reader, project))

    def settle(key: SessionKey, hits: Mapping[str, tuple[Hit, ...]]) -> Mapping[str, tuple[Hit, ...]]:
        found = hits.get(_SPEC, ())
        if not any(hit.rule in rules for hit in found):
            return hits
        inherited = NEEDED if key[1] == BLUEPRINT else given(key[0])
        kept = (hit for hit in found if hit.rule not in rules or hit.params.get("key") not in inherited)
        return {**hits, _SPEC: tuple(kept)}

    return settle


def _given(reader: ArtifactReader, project: str) -> Sequence[str]:
    """Returns the keys that the blueprint of `project` gives to its sessions."""
    path = artifact_path(project, BLUEPRINT, "spec")
    if path not in reader.paths():
        return NEEDED
    reading = compiler.read_profile(reader.read_many([path])[path])
    lacking = {*compiler.missing_keys(reading)} - reading.faulty  # what is faulty has findings of its own
    return [key for key in NEEDED if key not in lacking]
