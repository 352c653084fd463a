"""The JSON Schema of a compiled profile, made from the fields of AgentProfileSpec."""

from __future__ import annotations

from idse_orchestrator.domain.agent_profiles.file import COMPILED, FORMAT
from idse_orchestrator.domain.agent_profiles.spec import FIELDS, MAPPING, TEXTS, Field

SCHEMA_ID = f"urn:idse:agent-profile:{FORMAT}"

_BLOB = {"type": "string", "pattern": "^[0-9a-f]{40}$"}


def agent_profile_schema() -> dict[str, object]:
    """What every file that `idse compile agent-spec` writes satisfies, YAML and JSON alike."""
    properties = {field.name: _property(field) for field in FIELDS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "AgentProfileSpec",
        "description": "What a program needs to know to set up an agent, compiled by idse from a spec.",
        "type": "object",
        "additionalProperties": False,
        "required": [*(field.name for field in FIELDS if field.required), COMPILED],
        "properties": {**properties, COMPILED: _compiled()},
    }


def _property(field: Field) -> dict[str, object]:
    if field.holds == MAPPING:
        return {"description": field.says, "type": "object"}
    if field.holds == TEXTS:
        items = {"type": "string", "pattern": r"\S"}
        return {"description": field.says, "type": "array", "items": items}
    shape: dict[str, object] = {"description": field.says, "type": "string"}
    return {**shape, "pattern": r"\S"} if field.required else shape


def _compiled() -> dict[str, object]:
    checksum = {
        "description": "SHA-256 of the file, its own digits taken as zeros.",
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
    }
    return {
        "description": "What idse compiled the profile from.",
        "type": "object",
        "additionalProperties": False,
        "required": ["format", "spec", "checksum"],
        "properties": {
            "format": {"const": FORMAT},
            "spec": {"description": "Content id (git blob) of the session's spec.", **_BLOB},
            "blueprint_spec": {"description": "Content id of the spec its defaults come from.", **_BLOB},
            "checksum": checksum,
        },
    }
