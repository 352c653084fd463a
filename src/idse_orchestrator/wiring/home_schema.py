"""The schema of ``~/.idseconfig.json``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError


class AgencySchema(BaseModel):
    """The Agency."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    url: str | None = None


class HomeSchema(BaseModel):
    """The whole file. Keys of other programs and releases are allowed, and told as unknown."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)

    agent: str | None = None
    project: str | None = None
    checks: str | None = None
    agency: AgencySchema | None = None


def home_problem(raw: object) -> str | None:
    """Returns what is wrong with the file's content, with the path to it; None when nothing is."""
    try:
        HomeSchema.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    return None
