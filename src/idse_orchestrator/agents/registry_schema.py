"""The file format of an agent registry, checked strictly: ``agent_registry.json``, and its JSON Schema."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idse_orchestrator.agents import registry
from idse_orchestrator.agents.json_splice import refuse_constant
from idse_orchestrator.agents.registry import Agent, AgentRegistry, HandoffRule
from idse_orchestrator.agents.registry_check import MAX_TEXT, near_words
from idse_orchestrator.base.text import one_line, unique_lines
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidRegistryError

MAX_FILE_BYTES = 8 * 1024 * 1024

_ID = r"^[A-Za-z0-9_][A-Za-z0-9._-]*$"


def _one_of(words: tuple[str, ...]) -> Any:  # noqa: ANN401 - what pydantic takes as a field
    return Field(json_schema_extra={"enum": list(words)})


Id = Annotated[str, Field(json_schema_extra={"pattern": _ID, "minLength": 1, "maxLength": 64})]
Stage = Annotated[str, _one_of(STAGES)]
Text = Annotated[str, Field(json_schema_extra={"maxLength": MAX_TEXT})]


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class AgentModel(_Model):
    """An agent: who it is, which stages it handles and how it works."""

    id: Id = Field(description="Names the agent; follows the rules of a session's name.")
    role: Text = Field("", description="What it is in the team, in a few words.")
    stages: list[Stage] = Field([], description="The stages it handles.")
    capabilities: list[Text] = Field([], description="What it can do, in free words.")
    mode: Annotated[str, _one_of(registry.MODES)] = Field(
        registry.IMPLEMENTATION, description="In planning mode it may write under .idse/ only."
    )
    handoff_protocol: Annotated[str, _one_of(registry.PROTOCOLS)] = Field(
        registry.MANUAL,
        description="automatic: its rules ask for a handoff as soon as its stage is complete.",
    )


class HandoffRuleModel(_Model):
    """When an agent is done with a stage, another one goes on."""

    from_stage: Stage = Field(description="The stage that is complete.")
    to_stage: Stage = Field(description="The stage that is handed over.")
    from_agent: Id = Field(description="Who is done.")
    to_agent: Id = Field(description="Who goes on.")
    requires_approval: bool = Field(
        default=False, description="Whether a person has to approve before it is accepted."
    )


class RegistryModel(_Model):
    """The agents of a project, in the order in which they are asked, and the rules of handing over."""

    schema_: str = Field("", alias="$schema", description="Where this schema is; not read.")
    ledger: str = Field(
        "", description="The commit of the project's ledger that the file is a view of, or that it edits."
    )
    agents: list[AgentModel] = Field(description="Ids are unique, also where only their case differs.")
    handoff_rules: list[HandoffRuleModel] = Field([], description="They may not lead round in a circle.")


def registry_json_schema() -> dict[str, Any]:
    """Returns the JSON Schema of the file."""
    schema = RegistryModel.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "IDSE agent registry",
    }


def parse_registry(data: bytes, where: str) -> tuple[AgentRegistry, str]:
    """Returns the registry in the bytes of a file, and the ledger commit it names ("" for none).

    InvalidRegistryError says what is wrong and where in the file. What a registry may not be besides
    (unknown stages, circles) is for `check_registry` to say.
    """
    try:
        model = RegistryModel.model_validate(_decoded(data, where))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _refused(where, f"{place}: {first['msg']}" if place else first["msg"], _close(first)) from error
    agents = tuple(_agent(each) for each in model.agents)
    rules = tuple(HandoffRule(**dict(each)) for each in model.handoff_rules)
    return AgentRegistry(agents, rules), model.ledger


def _agent(model: AgentModel) -> Agent:
    return Agent(
        model.id,
        one_line(model.role),
        tuple(dict.fromkeys(model.stages)),
        unique_lines(model.capabilities),
        model.mode,
        model.handoff_protocol,
    )


def _decoded(data: bytes, where: str) -> Any:  # noqa: ANN401 - what JSON can be
    """Reads the JSON; an escape can hide half a character, which nothing could be written with."""
    if len(data) > MAX_FILE_BYTES:
        raise _refused(where, f"it is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    try:
        raw = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=refuse_constant)
        json.dumps(raw, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _refused(where, "it holds half a character: a surrogate of its own") from error
    except UnicodeDecodeError as error:
        raise _refused(where, f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise _refused(f"{where}:{error.lineno}:{error.colno}", f"it is no JSON: {error.msg}") from error
    except RecursionError as error:
        raise _refused(where, "it is nested too deep") from error
    except ValueError as error:
        raise _refused(where, str(error)) from error
    return raw


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice in one object")
        found[key] = value
    return found


def _close(error: Any) -> tuple[str, ...]:  # noqa: ANN401 - pydantic's details of one error
    if error["type"] != "extra_forbidden":
        return ()
    known = (*AgentModel.model_fields, *HandoffRuleModel.model_fields, "agents", "handoff_rules")
    return near_words(str(error["loc"][-1]), known)


def _refused(where: str, cause: str, fix: tuple[str, ...] = ()) -> InvalidRegistryError:
    hint = (*fix, "idse agents schema  # says what such a file holds")
    return InvalidRegistryError("this is no agent registry", where=where, cause=cause, fix=hint)
