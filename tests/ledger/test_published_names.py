"""Which refs may be published, and which names cannot stand beside each other."""

from __future__ import annotations

import pytest

from idse_orchestrator.ledger.refs import Neighbours
from idse_orchestrator.wiring.ledgers import KINDS

REPLICA = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
LOGIN = "refs/idse/sessions/portal/login"


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("refs/idse/projects/portal", ("project", ("portal",))),
        (LOGIN, ("session", ("portal", "login"))),
        ("refs/idse/notes/commits", ("note", ("commits",))),
        (f"refs/idse/sync/{REPLICA}", ("clone", (REPLICA,))),
    ],
)
def test_the_four_families_are_known_by_their_names(ref, name):
    found = KINDS.published(ref)
    assert (found.kind.name, found.names) == name
    assert found.kind.ref(*found.names) == ref


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        ("refs/heads/main", "ref-outside"),
        ("refs/tags/v1", "ref-outside"),
        ("refs/notes/commits", "ref-outside"),
        ("refs/idse-local/remotes/agency/projects/portal", "ref-outside"),
        ("refs/idse", "ref-outside"),
        ("HEAD", "ref-outside"),
        ("refs/idse/projects/portal/x", "ref-name"),
        ("refs/idse/projects/", "ref-name"),
        ("refs/idse/projects/-x", "ref-name"),
        ("refs/idse/sessions/portal", "ref-name"),
        ("refs/idse/sessions/portal/login/x", "ref-name"),
        ("refs/idse/sessions/portal/..", "ref-name"),
        ("refs/idse/sessions/portal/lögin", "ref-name"),
        ("refs/idse/sync/me", "ref-name"),
        (f"refs/idse/sync/{REPLICA.lower()}", "ref-name"),
        ("refs/idse/notes/other", "unknown-ref"),
        ("refs/idse/tasks/portal/t1", "unknown-ref"),
    ],
)
def test_every_other_name_has_its_reason(ref, code):
    assert KINDS.published(ref)[0] == code


@pytest.mark.parametrize(
    ("ref", "code"),
    [
        (LOGIN, None),
        ("refs/idse/sessions/portal/logout", None),
        ("refs/idse/sessions/shop/login", None),
        ("refs/idse/sessions/portal/LOGIN", "ref-case"),
        ("refs/idse/sessions/Portal/other", "ref-case"),
        ("refs/idse/projects/PORTAL", "ref-case"),
        ("refs/idse/projects/portal", None),
        (f"{LOGIN}/x", "ref-clash"),
        ("refs/idse/sessions/portal", "ref-clash"),
    ],
)
def test_a_name_collides_with_what_is_one_file_or_folder_with_it(ref, code):
    found = Neighbours([LOGIN]).problem(ref)
    assert (found and found[0]) == code


def test_a_project_ledger_and_the_sessions_of_its_twin_collide_in_either_order():
    assert Neighbours(["refs/idse/projects/portal"]).problem("refs/idse/sessions/Portal/x")[0] == "ref-case"


def test_a_name_that_came_later_counts_too():
    names = Neighbours()
    assert names.problem(LOGIN) is None
    names.add(LOGIN)
    assert names.problem(LOGIN.upper().replace("REFS/IDSE/SESSIONS", "refs/idse/sessions"))[0] == "ref-case"
