"""What the schemas are made of: the forms a text or a number may have, and how strict a model is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Ulid = Annotated[str, Field(pattern=r"^[0-7][0-9A-HJKMNP-TV-Z]{25}\z")]
Moment = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z")]
MomentOrNever = Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?\z")]
Blob = Annotated[str, Field(pattern=r"^([0-9a-f]{40})?\z")]
Count = Annotated[int, Field(ge=0)]
Object = Annotated[str, Field(pattern=r"^[0-9a-f]{40}\z")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\z")]
ClaimId = Annotated[str, Field(pattern=r"^c-[0-9a-f]{10}\z")]
Line = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,500}\z")]
Stage = Literal["intent", "context", "spec", "plan", "tasks", "implementation", "feedback"]
StageStatus = Literal["pending", "in_progress", "complete"]
SessionStatus = Literal["draft", "active", "review", "complete", "archived"]
Verdict = Literal["unknown", "passing", "failing"]
Mode = Literal["planning", "implementation"]
Protocol = Literal["manual", "automatic"]


class Strict(BaseModel):
    """Nothing but its fields, each of exactly its type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Body(BaseModel):
    """What a body must hold; what it may hold besides is free, since releases add to it."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    reason: str = ""


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong, with the path to it, and how many more there are."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    first = found[0]
    where = ".".join(map(str, first["loc"]))
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{where}: {first['msg']}{more}" if where else f"{first['msg']}{more}"
