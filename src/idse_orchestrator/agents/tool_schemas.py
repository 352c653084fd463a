"""Arguments of tools for agents, in JSON Schema: what the local and the remote MCP server have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import UsageError

Schema = Mapping[str, object]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
COUNT: Schema = {"type": "integer"}
DOCUMENTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
"""Texts by path."""


def one_of(*values: str) -> Schema:
    """Returns the schema of one of these words."""
    return {"type": "string", "enum": list(values)}


MOVE = one_of("complete", "start", "reopen", "confirm")
STAGE: Mapping[str, Schema] = {"stage": TEXT}
HANDOFF: Mapping[str, Schema] = {"to": TEXT, **STAGE, "reason": TEXT}
NAMED_STAGE = one_of(*STAGES)

_TYPES: Mapping[object, type] = {"string": str, "integer": int, "array": list, "object": dict}


def whole(arguments: Mapping[str, Schema], needed: Sequence[str]) -> dict[str, object]:
    """Returns the schema of a tool's arguments; those `needed` must be given."""
    required = {"required": list(needed)} if needed else {}
    return {"type": "object", "properties": dict(arguments), **required}


def check(arguments: Mapping[str, Schema], needed: Sequence[str], given: Mapping[str, object]) -> None:
    """Raises UsageError where `given` does not fit."""
    unknown = sorted(set(given) - set(arguments))
    missing = [name for name in needed if given.get(name) in (None, "")]
    if unknown or missing:
        what = f"there is no argument {unknown[0]!r}" if unknown else f"{missing[0]!r} is needed"
        raise UsageError(what, cause="arguments: " + (", ".join(arguments) or "none"))
    for name, value in given.items():
        schema = arguments[name]
        if type(value) is not _TYPES[schema["type"]] or not _fits(schema, value):
            words = f"it is {schema['type']}"
            if "enum" in schema:
                words = f"known: {', '.join(schema['enum'])}"  # type: ignore[arg-type]
            raise UsageError(f"{name} cannot be that", cause=words)


def _fits(schema: Schema, value: object) -> bool:
    if "enum" in schema:
        return value in schema["enum"]  # type: ignore[operator]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(isinstance(each, str) for each in inner)
