"""The file of a compiled profile: its bytes, and whether somebody changed them since idse wrote it.

A file ends with what it was compiled from, under the key `compiled`: the format, the content id of each
source, and a checksum of the whole file in which the checksum itself counts as zeros.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from idse_orchestrator.base.safe_yaml import NEWER_NUMBER
from idse_orchestrator.profiles.spec import FIELDS, MAPPING, TEXTS, AgentProfileSpec, Field

YAML = "yaml"
JSON = "json"
FORMATS = (YAML, JSON)

FORMAT = 1
"""Of the file as a whole; a reader refuses a number that it does not know."""

COMPILED = "compiled"
_BLANK = "0" * 64
_CHECKSUM = re.compile(rb"""^ +"?checksum"?: ['"]([0-9a-f]{64})['"]\s""", re.MULTILINE)

_NOTICE = "# Compiled by idse from {path}: change it there, then compile again.\n"


def profile_file(spec: AgentProfileSpec, sources: Mapping[str, str], path: str, form: str) -> bytes:
    """The file of `spec`, as YAML or JSON; equal input gives equal bytes.

    `sources` maps what was read ("spec", "blueprint_spec") to content ids; `path` is the first of them.
    """
    compiled = {"format": FORMAT, **sources, "checksum": _BLANK}
    data = {**spec.as_data(), COMPILED: compiled}
    if form == JSON:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    else:
        text = _NOTICE.format(path=path) + _as_yaml(data)
    blank = text.encode()
    return _with_checksum(blank, _BLANK, _checksum(blank))


def _as_yaml(data: Mapping[str, object]) -> str:
    """In block style, one line a text, without anchors; by PyYAML's own writer, never libyaml's."""
    import yaml

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            del data
            return True

    newer = re.compile(f"(?:{NEWER_NUMBER.pattern})$")  # a text that looks so wants quotes for every reader
    Plain.add_implicit_resolver("tag:yaml.org,2002:float", newer, list("-+.0123456789"))
    text: str = yaml.dump(data, Dumper=Plain, sort_keys=False, allow_unicode=True, width=float("inf"))
    return text


def profile_name(session: str, form: str) -> str:
    """The name of the file that holds the profile of `session`."""
    return f"{session}.profile.{form}"


def session_of(name: str, form: str) -> str | None:
    """The session whose profile stands in a file of that name; None for a file of another kind."""
    session = name.removesuffix(profile_name("", form))
    return session if session and session != name else None


def says_it_is_from(content: bytes, path: str) -> bool:
    """Whether `content` begins by saying that it was compiled from `path`; JSON never does."""
    return with_plain_line_ends(content).startswith(_NOTICE.format(path=path).encode())


def is_as_written(content: bytes) -> bool:
    """Whether `content` is what idse once wrote, whole and unchanged but for line ends."""
    content = with_plain_line_ends(content)
    found = _CHECKSUM.findall(content)
    if not found:
        return False
    told: str = found[-1].decode()  # the profile's own comes last, whatever its texts say
    return _checksum(_with_checksum(content, told, _BLANK)) == told


def with_plain_line_ends(content: bytes) -> bytes:
    """`content` as it was before git turned its line ends into those of Windows."""
    return content.replace(b"\r\n", b"\n")


def _with_checksum(content: bytes, old: str, new: str) -> bytes:
    """`content` in which the last `old` is `new`."""
    before, _, after = content.rpartition(old.encode())
    return before + new.encode() + after


def _checksum(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


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
