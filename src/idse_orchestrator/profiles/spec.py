"""AgentProfileSpec: what a program needs to know to set up an agent, as a spec's block says it.

The fields are data, so that reading, the schema and the documentation cannot disagree. Defaults come
from another profile by `inherit`: mappings merge, everything else replaces, and None clears. A None
stays until `settled` takes it out, so that it also clears what a later layer would bring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

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
        """The profile of settled values, which were checked when they were read."""
        made = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return cls(**cast("dict[str, Any]", made))

    def as_data(self) -> dict[str, object]:
        """What was said, as JSON's own types: fields in their order, keys of mappings sorted."""
        said = ((field.name, getattr(self, field.name)) for field in FIELDS)
        return {name: _plain(value) for name, value in said if value is not None}


def inherit(defaults: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """`own` on top of `defaults`: mappings merge, lists and scalars replace, None is kept and clears."""
    merged = dict(defaults)
    for key, value in own.items():
        below = merged.get(key)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = inherit(below, value) if both else value  # type: ignore[arg-type] # both are mappings
    return merged


def settled(values: Mapping[str, object]) -> dict[str, object]:
    """`values` without what None cleared, in mappings at any depth; lists stay as they are."""
    return {
        key: settled(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if value is not None
    }


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain(value[key]) for key in sorted(value)}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
