"""The description of REST, and the server held to it by a tool that reads nothing else."""

from __future__ import annotations

from rest_bed import Rest

OPTIONS = ()


def test_the_description_is_of_openapi_and_names_every_route(server):
    said = Rest(server, "").get("/openapi.json")
    assert (said.status, said.data["openapi"]) == (200, "3.1.0")
    assert Rest(server, "").get("/openapi.json", If_None_Match=said.headers["etag"]).status == 304
    assert len(said.data["paths"]) == 18
    ids = [op["operationId"] for path in said.data["paths"].values() for op in path.values()]
    assert len(ids) == len(set(ids)) == 22
