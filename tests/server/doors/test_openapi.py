"""The description of REST, and the server held to it by a tool that reads nothing else."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from idse_orchestrator.server.api.routes import ROUTES
from rest_bed import Rest, ready

HELD_TO = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def open_door(own_server):
    """An Agency that counts no requests, and a client of it with a session."""
    with open(own_server.home.configuration_file, "a", encoding="utf-8") as file:
        file.write("requests_a_minute = 1000000\npushes_a_minute = 100000\n")
    key = own_server.key("acme", "read", "push", "create", "approve")
    own_server.start()
    ready(own_server)
    rest = Rest(own_server, key)
    rest.project_id = rest.project()
    rest.session_id = rest.session(rest.project_id)
    return rest


def test_the_description_is_of_openapi_and_names_every_route(server):
    said = Rest(server, "").get("/openapi.json")
    assert (said.status, said.data["openapi"]) == (200, "3.1.0")
    assert Rest(server, "").get("/openapi.json", If_None_Match=said.headers["etag"]).status == 304
    ids = [op["operationId"] for path in said.data["paths"].values() for op in path.values()]
    assert len(ids) == len(set(ids)) == len(ROUTES)


def held(rest, examples, *, known):
    """Calls every operation with what its description allows; with `known` ids of what is there."""
    base = f"http://{rest.bed.address}/api/v1"
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json")
    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        def calls(case):
            if known and "id" in case.path_parameters:
                is_project = "/projects/" in case.operation.path
                case.path_parameters["id"] = rest.project_id if is_project else rest.session_id
            if known and isinstance(case.body, dict) and "project_id" in case.body:
                case.body["project_id"] = rest.project_id
            headers = {"Authorization": f"Bearer {rest.key}"}
            case.call_and_validate(headers=headers, checks=HELD_TO)

        calls()
        count += 1
    return count


def test_whatever_fits_the_description_is_answered_as_it_says(open_door):
    assert held(open_door, 15, known=False) == len(ROUTES)
    assert held(open_door, 15, known=True) == len(ROUTES)


@pytest.mark.soak
def test_the_long_form(open_door):
    assert held(open_door, 300, known=False) == len(ROUTES)
    assert held(open_door, 300, known=True) == len(ROUTES)
