"""What tests of REST and MCP share: an Agency that serves, and a client of it with a project."""

from __future__ import annotations

import itertools
import types

import pytest

from rest_bed import Rest, ready

ORDER = itertools.count(1)
SCOPES = ("read", "push", "create", "approve")


@pytest.fixture
def acme(server):
    """A client of its own, with a project and a session: `rest`, `key`, `name`, ids, and `place`."""
    name = f"acme-{next(ORDER)}"
    key = server.key(name, *SCOPES, name="Ann", emails=("ann@example.org",))
    rest = Rest(server, key)
    ready(server)
    project = rest.project()
    session = rest.session(project)
    return types.SimpleNamespace(
        name=name, key=key, rest=rest, project=project, session=session, place=f"{name}/shop"
    )
