"""The view ``agent_registry.json`` of a project's agents, and whether somebody edited it.

The file says of which commit of the project's ledger it is the view. So a file that is merely old can be
told from one that a person edited, without anything being kept beside it; and an edit can be taken over
as what it changed since that commit (`import_registry.py`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from idse_orchestrator.agents.registry import (
    AgentRegistry,
    agent_to_dict,
    registry_from_dict,
    registry_of,
    rule_to_dict,
)
from idse_orchestrator.documents.project_workspace import agent_registry_path
from idse_orchestrator.errors import RegistryEditedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from idse_orchestrator.pipeline.ports import LedgerReader
    from idse_orchestrator.pipeline.values import ProjectTip
    from idse_orchestrator.sessions.ports import ViewFiles

UNWANTED = "unwanted"
MISSING = "missing"
CURRENT = "current"
OLD = "old"
EDITED = "edited"
"""There is no registry and no file · no file · it says what the ledger says · what the ledger said once ·
something that no ledger said."""


def registry_view(tip: ProjectTip) -> bytes:
    """The content of the view: a line for each agent and each rule."""
    registry = registry_of(tip.state)
    agents = [json.dumps(agent_to_dict(agent), ensure_ascii=False) for agent in registry.agents]
    rules = [json.dumps(rule_to_dict(rule), ensure_ascii=False) for rule in registry.handoff_rules]
    return (
        f'{{\n  "ledger": "{tip.commit}",\n  "agents": {_lines(agents)},\n'
        f'  "handoff_rules": {_lines(rules)}\n}}\n'
    ).encode()


def _lines(rows: Sequence[str]) -> str:
    return "[\n" + ",\n".join(f"    {row}" for row in rows) + "\n  ]" if rows else "[]"


def view_condition(ledgers: LedgerReader, workspace: ViewFiles, project: str, tip: ProjectTip | None) -> str:
    """How the view of `project` stands to its ledger, whose tip is `tip`: one of the words above."""
    return content_condition(ledgers, project, tip, workspace.view(agent_registry_path(project)))


def content_condition(
    ledgers: LedgerReader, project: str, tip: ProjectTip | None, content: bytes | None
) -> str:
    """The same for the bytes of a view, None where there is none."""
    registry = registry_of(tip.state) if tip else AgentRegistry()
    if content is None:
        return MISSING if registry else UNWANTED
    seen = _parsed(content)
    if seen is None:
        return EDITED
    said, commit = seen
    if said == registry:
        return CURRENT
    then = ledgers.project_at(project, commit) if commit else None
    return OLD if then and registry_of(then) == said else EDITED


def refresh_registry_view(ledgers: LedgerReader, workspace: ViewFiles, project: str) -> str:
    """Write the view of `project` where it is missing or old; its condition before. An edited one stays."""
    tip = ledgers.project(project)
    condition = view_condition(ledgers, workspace, project, tip)
    if tip is not None and condition in (MISSING, OLD):
        workspace.write_views(project, {agent_registry_path(project): registry_view(tip)})
    return condition


def refuse_edited_view(ledgers: LedgerReader, workspace: ViewFiles, project: str) -> None:
    """Raise RegistryEditedError where the view of `project` holds an edit that the ledger lacks."""
    path = agent_registry_path(project)
    if view_condition(ledgers, workspace, project, ledgers.project(project)) == EDITED:
        raise RegistryEditedError(
            "the file of the agent registry was edited by hand",
            where=path,
            cause="it is a view of the ledger, which does not say what it says; nothing was changed",
            fix=(f"idse agents import {path}    (takes the edit over)", f"rm {path}    (drops it)"),
        )


def _parsed(content: bytes) -> tuple[AgentRegistry, str] | None:
    """The registry in the bytes of a view, and the commit it names ("" for none); None where it is none."""
    try:
        raw = json.loads(content)
        if not isinstance(raw, dict) or raw.keys() != {"ledger", "agents", "handoff_rules"}:
            return None
        commit = raw["ledger"]
        registry = registry_from_dict(raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (registry, commit) if isinstance(commit, str) else None
