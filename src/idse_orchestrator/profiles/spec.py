"""AgentProfileSpec: what a program needs to know to set up an agent, as a spec's block says it.

The fields are data, so that reading, the schema and the documentation cannot disagree. Defaults come
from another profile by `inherit`: mappings merge, everything else replaces, and None clears. A None
stays until `settled` takes it out, so that it also clears what a later layer would bring.

The file of a compiled profile ends with what it was compiled from, under the key `compiled`: the format,
the content id of each source, and a checksum of the whole file in which the checksum itself counts as zeros.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from idse_orchestrator.base.records import NamedTuple

TEXT = "text"
TEXTS = "list of texts"
MAPPING = "mapping"


ANY = "any"
ONE_LINE = "one line"
AS_WRITTEN = "one line, numbers as they are written"
BY_IDSE = "written by the compiler, never by a document"


class Field(NamedTuple):
    """One key of a profile: what it holds (TEXT, TEXTS or MAPPING), what it says, and an example.

    `form` says what holds of its text besides: ANY, ONE_LINE, AS_WRITTEN or BY_IDSE.
    """

    name: str
    holds: str
    says: str
    example: str
    form: str = ANY
    required: bool = False


FIELDS = (
    Field(
        "id", TEXT, "The name that programs know the agent by.", "id: login-agent", ONE_LINE, required=True
    ),
    Field("name", TEXT, "What people call the agent.", "name: Login agent", ONE_LINE, required=True),
    Field("description", TEXT, "What the agent is for.", "description: Builds the login."),
    Field("goals", TEXTS, "What the agent is to reach.", "goals: [Log in with a passkey]"),
    Field("inputs", TEXTS, "What the agent reads.", "inputs: [spec.md]"),
    Field("outputs", TEXTS, "What the agent hands over.", "outputs: [plan.md]"),
    Field("tools", TEXTS, "What the agent may use.", "tools: [git]"),
    Field("constraints", TEXTS, "What the agent must keep to.", "constraints: [No new dependency]"),
    Field("memory_policy", MAPPING, "What the agent may remember.", "memory_policy: {scope: session}"),
    Field("runtime_hints", MAPPING, "How the agent is best run.", "runtime_hints: {timeout_minutes: 20}"),
    Field("version", TEXT, "The version of the profile.", 'version: "1.0"', AS_WRITTEN),
    Field("source_session", TEXT, "The session it was compiled from.", "", BY_IDSE, required=True),
    Field("source_blueprint", TEXT, "The session its defaults come from.", "", BY_IDSE),
)

FIELD = {field.name: field for field in FIELDS}
WRITTEN = tuple(field.name for field in FIELDS if field.form != BY_IDSE)
"""The keys a document may hold."""

DROPPED = (*(field.name for field in FIELDS if field.form == BY_IDSE), "compiled")
"""The keys that only a compiled profile has. A document may hold what was copied from one, and what an older
template wrote there: nothing is taken from it."""

NEEDED = tuple(field.name for field in FIELDS if field.required and field.form != BY_IDSE)


@dataclass(frozen=True, slots=True)
class AgentProfileSpec:
    """A complete profile. None and absent are the same: nobody said anything.

    `memory_policy` and `runtime_hints` hold what JSON can hold, under keys that are texts.
    """

    id: str
    name: str
    source_session: str
    description: str | None = None
    goals: tuple[str, ...] | None = None
    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    tools: tuple[str, ...] | None = None
    constraints: tuple[str, ...] | None = None
    memory_policy: Mapping[str, object] | None = None
    runtime_hints: Mapping[str, object] | None = None
    version: str | None = None
    source_blueprint: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, object]) -> AgentProfileSpec:
        """Returns the profile of settled values, which were checked when they were read."""
        made = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return cls(**cast("dict[str, Any]", made))

    def as_data(self) -> dict[str, object]:
        """Returns what was said, as JSON's own types: fields in their order, keys of mappings sorted."""
        said = ((field.name, getattr(self, field.name)) for field in FIELDS)
        return {name: _plain(value) for name, value in said if value is not None}


def inherit(defaults: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Puts `own` on top of `defaults`: mappings merge, lists and scalars replace, None is kept and clears."""
    merged = dict(defaults)
    for key, value in own.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = inherit(below, value) if both else value  # type: ignore[arg-type] # both are mappings
    return merged


def settled(values: Mapping[str, object]) -> dict[str, object]:
    """Returns `values` without what None cleared, in mappings at any depth; lists stay as they are."""
    return {
        key: settled(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if value is not None
    }


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


YAML = "yaml"
JSON = "json"
FORMATS = (YAML, JSON)

FORMAT = 1
"""Of the file as a whole; a reader refuses a number that it does not know."""

COMPILED = DROPPED[-1]
_BLANK = "0" * 64
_CHECKSUM = re.compile(rb"""^ +"?checksum"?: ['"]([0-9a-f]{64})['"]\s""", re.MULTILINE)

_NOTICE = "# Compiled by idse from {path}: change it there, then compile again.\n"


def profile_file(spec: AgentProfileSpec, sources: Mapping[str, str], path: str, form: str) -> bytes:
    """Returns the file of `spec`, as YAML or JSON; equal input gives equal bytes.

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
    """Writes in block style, one line a text, without anchors; by PyYAML's own writer, never libyaml's."""
    import yaml

    from idse_orchestrator.base.safe_yaml import NEWER_NUMBER

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            del data
            return True

    newer = re.compile(f"(?:{NEWER_NUMBER.pattern})$")  # a text that looks so wants quotes for every reader
    Plain.add_implicit_resolver("tag:yaml.org,2002:float", newer, list("-+.0123456789"))
    text: str = yaml.dump(data, Dumper=Plain, sort_keys=False, allow_unicode=True, width=float("inf"))
    return text


def profile_name(session: str, form: str) -> str:
    """Returns the name of the file that holds the profile of `session`."""
    return f"{session}.profile.{form}"


def session_of(name: str, form: str) -> str | None:
    """Returns the session whose profile stands in a file of that name; None for a file of another kind."""
    session = name.removesuffix(profile_name("", form))
    return session if session and session != name else None


def says_it_is_from(content: bytes, path: str) -> bool:
    """Tests whether `content` begins by saying that it was compiled from `path`; JSON never does."""
    return with_plain_line_ends(content).startswith(_NOTICE.format(path=path).encode())


def is_as_written(content: bytes) -> bool:
    """Tests whether `content` is what idse once wrote, whole and unchanged but for line ends."""
    content = with_plain_line_ends(content)
    found = _CHECKSUM.findall(content)
    if not found:
        return False
    said: str = found[-1].decode()  # the profile's own comes last, whatever its texts say
    return _checksum(_with_checksum(content, said, _BLANK)) == said


def with_plain_line_ends(content: bytes) -> bytes:
    """Returns `content` as it was before git turned its line ends into those of Windows."""
    return content.replace(b"\r\n", b"\n")


def _with_checksum(content: bytes, old: str, new: str) -> bytes:
    """Returns `content` in which the last `old` is `new`."""
    before, _, after = content.rpartition(old.encode())
    return before + new.encode() + after


def _checksum(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


SCHEMA_ID = f"urn:idse:agent-profile:{FORMAT}"

_BLOB = {"type": "string", "pattern": "^[0-9a-f]{40}$"}


def agent_profile_schema() -> dict[str, object]:
    """Returns the schema of every file that `idse compile agent-spec` writes, YAML and JSON alike."""
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


class Stated(NamedTuple):
    """What a document says under one of the keys that idse writes; `text` is "" where that is no text."""

    line: int
    column: int
    text: str


class Problem(NamedTuple):
    """Something wrong with a profile, and how to mend it.

    `line` and `column` count from 1; 0 means the whole document.
    """

    line: int
    column: int
    what: str
    fix: str
