"""The table of all addresses: what each is for, what it takes and answers. OpenAPI is made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.server.api import models
from idse_orchestrator.server.api.problems import MEDIA_TYPE
from idse_orchestrator.server.api.sight import MOST, USUAL

if TYPE_CHECKING:
    from pydantic import BaseModel

TEXT = "text/plain; charset=utf-8"


class Route(NamedTuple):
    """An address. `handle` names what answers, `answer` the shape; None: a text.

    `filters` are its query's words beside those of pages; `statuses` what it may answer besides what all may.
    """

    method: str
    path: str
    handle: str
    summary: str
    answer: type[BaseModel] | None
    body: type[BaseModel] | None = None
    is_page: bool = False
    is_cut: bool = False
    filters: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    success: int = 200

    @property
    def is_write(self) -> bool:
        """Tests whether it changes something."""
        return self.method != "GET"


_SESSIONS = ("project", "project_id", "repository", "status", "type", "owner")
_WRITE = (403, 409, 412, 422, 503, 507)
_GET = (403,)

ROUTES: Sequence[Route] = (
    Route("GET", "/projects", "projects", "List projects.", models.Project, is_page=True, is_cut=True),
    Route(
        "POST",
        "/projects",
        "make_project",
        "Make a project.",
        models.Done,
        models.NewProject,
        statuses=(404, *_WRITE),
        success=201,
    ),
    Route("GET", "/projects/{id}", "project", "Show a project.", models.ProjectWhole, statuses=(404,)),
    Route(
        "GET",
        "/projects/{id}/sessions",
        "sessions_of",
        "List the sessions of a project.",
        models.Session,
        is_page=True,
        is_cut=True,
        filters=("status", "type", "owner"),
        statuses=(404,),
    ),
    Route(
        "GET",
        "/sessions",
        "sessions",
        "List sessions, those that changed last first.",
        models.Session,
        is_page=True,
        is_cut=True,
        filters=_SESSIONS,
    ),
    Route(
        "POST",
        "/sessions",
        "make_session",
        "Make a session.",
        models.Done,
        models.NewSession,
        statuses=(404, *_WRITE),
        success=201,
    ),
    Route("GET", "/sessions/{id}", "session", "Show a session.", models.SessionWhole, statuses=(404,)),
    Route(
        "GET",
        "/sessions/{id}/artifacts",
        "artifacts",
        "List the documents of a session.",
        models.Artifact,
        is_page=True,
        statuses=(404,),
    ),
    Route("GET", "/sessions/{id}/artifacts/{path}", "artifact", "Read a document.", None, statuses=(404,)),
    Route(
        "PUT",
        "/sessions/{id}/artifacts/{path}",
        "edit",
        "Write a document. If-Match is the session's tip, or the document's ETag; * where there is none yet.",
        models.Done,
        statuses=(404, 413, 428, *_WRITE),
    ),
    Route(
        "GET",
        "/sessions/{id}/stages",
        "stages",
        "List the stages of a session.",
        models.StageNow,
        is_page=True,
        statuses=(404,),
    ),
    Route(
        "GET",
        "/sessions/{id}/stages/{stage}",
        "gate",
        "Ask what the gate of a stage would say.",
        models.GateReport,
        statuses=(404, 503),
    ),
    Route(
        "POST",
        "/sessions/{id}/stages/{stage}",
        "move",
        "Move a stage, if its gate holds.",
        models.Done,
        models.StageMove,
        statuses=(404, *_WRITE),
    ),
    Route(
        "POST",
        "/sessions/{id}/handoffs",
        "hand_over",
        "Ask for a handoff, or answer one.",
        models.Done,
        models.HandoffAnswer,
        statuses=(404, *_WRITE),
    ),
    Route(
        "GET",
        "/sessions/{id}/events",
        "events",
        "List the events of a session, oldest first.",
        models.Event,
        is_page=True,
        is_cut=True,
        filters=("kind", "stage", "agent"),
        statuses=(404,),
    ),
    Route(
        "GET",
        "/sessions/{id}/findings",
        "findings",
        "List what the rules find in a session.",
        models.Finding,
        is_page=True,
        statuses=(404,),
    ),
    Route(
        "GET", "/sync-events", "sync_events", "List sync points.", models.SyncEvent, is_page=True, is_cut=True
    ),
    Route("GET", "/audit", "audit", "List the audit.", models.AuditRow, is_page=True, is_cut=True),
    Route(
        "GET",
        "/constitution",
        "constitution",
        "Show the rules in force, for a project if its id is given.",
        models.Constitution,
        filters=("project_id",),
        statuses=(404, 503),
    ),
    Route(
        "GET",
        "/analytics",
        "analytics",
        "List the metrics of the caller's client; for an operator, of all.",
        models.Measured,
        is_page=True,
        filters=("since",),
    ),
    Route(
        "GET",
        "/analytics/{metric}",
        "metric",
        "List one metric, with its parts.",
        models.Measured,
        is_page=True,
        filters=("since",),
        statuses=(404,),
    ),
    Route(
        "GET",
        "/reports",
        "reports",
        "List how the caller's client stands; for an operator all, who needs attention first.",
        models.Standing,
        is_page=True,
    ),
    Route("GET", "/designs", "designs", "List the libraries of designs.", models.DesignLibrary, is_page=True),
    Route(
        "GET",
        "/designs/{library}",
        "design_library",
        "Show a library of designs, the newest version if none is named.",
        models.DesignVersion,
        filters=("version",),
        statuses=(404,),
    ),
    Route(
        "GET",
        "/designs/{library}/{component}",
        "design",
        "Resolve a reference: a component with its files.",
        models.Design,
        filters=("version",),
        statuses=(404,),
    ),
    Route("GET", "/clients", "clients", "List clients, for operators.", models.Client, is_page=True),
    Route("GET", "/clients/{id}", "client", "Show a client, for operators.", models.Client, statuses=(404,)),
    Route(
        "GET",
        "/clients/{id}/keys",
        "keys",
        "List the keys of a client, for operators.",
        models.Key,
        is_page=True,
        statuses=(404,),
    ),
)

_WORDS: Mapping[int, str] = {
    304: "It is what If-None-Match says.",
    401: "No key, or one that is unknown, expired or revoked.",
    403: "The key may not do this.",
    404: "It is not there, or not for this key.",
    409: "The state does not allow it; of a gate, the findings say why.",
    412: "The ledger moved; `tip` is where it is.",
    413: "The body is too large.",
    422: "Something in the request does not fit.",
    428: "If-Match is needed.",
    429: "Too many requests of this key; wait for Retry-After.",
    503: "Busy, read-only, or not able to judge; wait for Retry-After.",
    507: "The client's bytes or repositories are used up.",
}


def openapi(version: str) -> dict[str, Any]:
    """Returns the document of OpenAPI 3.1."""
    used = {route.answer for route in ROUTES} | {route.body for route in ROUTES} | {models.ProblemShape}
    shapes = sorted((shape for shape in used if shape is not None), key=lambda shape: shape.__name__)
    _, schemas = models_json_schema(
        [(shape, "validation") for shape in shapes], ref_template="#/components/schemas/{model}"
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "IDSE Agency Core",
            "version": version,
            "description": "Sessions of clients, over one truth in git. Errors are RFC 9457 problems.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    body = _body(route)
    return {
        "operationId": f"{route.handle}",
        "summary": route.summary,
        "parameters": _parameters(route),
        **({"requestBody": {"required": True, "content": body}} if body else {}),
        "responses": _responses(route),
    }


def _body(route: Route) -> dict[str, Any]:
    if route.body is not None:
        return {"application/json": {"schema": _ref(route.body)}}
    return {"text/markdown": {"schema": {"type": "string"}}} if route.is_write else {}


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in re.findall(r"{(\w+)}", route.path):
        if f"{{{name}}}" in route.path:
            schema: dict[str, Any] = {"type": "string"}
            if name == "stage":
                schema["enum"] = list(STAGES)
            found.append({"name": name, "in": "path", "required": True, "schema": schema})
    if route.is_cut:
        limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}
        found.append({"name": "limit", "in": "query", "schema": limit})
        found.append({"name": "after", "in": "query", "schema": {"type": "string"}})
    found += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in route.filters]
    headers = ("If-Match", "Idempotency-Key") if route.is_write else ("If-None-Match",)
    found += [{"name": name, "in": "header", "schema": {"type": "string"}} for name in headers]
    return found


def _responses(route: Route) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done." if route.is_write else "Found."}
    good["headers"] = {"ETag": {"schema": {"type": "string"}}}
    if route.answer is None:
        good["content"] = {"text/plain": {"schema": {"type": "string"}}}
    else:
        schema = _page(route.answer) if route.is_page else _ref(route.answer)
        good["content"] = {"application/json": {"schema": schema}}
    if route.is_cut:
        good["headers"]["Link"] = {"schema": {"type": "string"}}
    found = {str(route.success): good}
    for status in sorted({401, 403, 422, 429, 503, *route.statuses, *(() if route.is_write else (304,))}):
        words = _WORDS.get(status, HTTPStatus(status).phrase)
        content = {MEDIA_TYPE: {"schema": _ref(models.ProblemShape)}}
        found[str(status)] = {"description": words, **({} if status == 304 else {"content": content})}
    return found


def _ref(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{shape.__name__}"}


def _page(shape: type[BaseModel]) -> dict[str, Any]:
    items = {"type": "array", "items": _ref(shape)}
    properties: dict[str, Any] = {"items": items, "after": {"type": ["string", "null"]}}
    return {"type": "object", "properties": properties, "required": ["items", "after"]}
