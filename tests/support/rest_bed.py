"""REST and MCP of a real Agency, as a client of each would call them."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from agency_bed import AgencyBed

SECONDS = 60


class Said(NamedTuple):
    """An answer: `data` is what its JSON holds; None where it is none."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def data(self) -> Any:
        """What it says."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The code of a problem."""
        return self.data["code"]


def ready(bed: AgencyBed) -> None:
    """Waits until the server has made its projection, which it begins when it starts."""

    def state() -> str | None:
        return json.loads(bed.get("/readyz")[1]).get("projection")

    if state() is None:
        pytest.skip("nothing follows with the projection here")
    bed.until(lambda: state() == "ok", SECONDS)


class Rest:
    """REST for whoever has `key`; connections are made anew for each request."""

    def __init__(self, bed: AgencyBed, key: str, prefix: str = "/api/v1") -> None:
        self.bed = bed
        self.key = key
        self.prefix = prefix

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Said:
        """Returns what is answered; `body` is JSON, bytes or nothing. `If_Match` is the header If-Match."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(self.bed.address, timeout=SECONDS)
        try:
            connection.request(method, self.prefix + path, data, given)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Said(answer.status, answer.read().decode("utf-8", "replace"), found)
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Said:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: object, **headers: str) -> Said:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, text: str, tip: str, **headers: str) -> Said:
        """Writes a document on a tip, or on the blob that it is now."""
        return self.call("PUT", path, text.encode(), If_Match=f'"{tip}"', **headers)

    def project(self, name: str = "portal", repository: str = "shop") -> str:
        """Makes a project; returns its id."""
        client = self.bed.admin.keys.caller(self.key).client
        said = self.post("/projects", {"repository": f"{client}/{repository}", "name": name})
        assert said.status == 201, said
        return said.data["id"]

    def session(self, project: str, name: str = "login", **more: object) -> str:
        """Makes a session in the project of that id; returns its id."""
        said = self.post("/sessions", {"project_id": project, "name": name, **more})
        assert said.status == 201, said
        return said.data["id"]

    def tip(self, session: str) -> str:
        """Returns the tip of a session."""
        return self.get(f"/sessions/{session}").data["tip"]

    def token(self) -> str:
        """Returns a token for MCP."""
        form = {"grant_type": "client_credentials", "client_id": "any", "client_secret": self.key}
        said = Rest(self.bed, "", "").call("POST", "/mcp/auth/token", urllib.parse.urlencode(form).encode())
        assert said.status == 200, said
        return said.data["access_token"]
