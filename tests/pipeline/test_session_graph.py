"""Sessions grow from each other: parents first, everyone once, whatever a foreign ledger says."""

from __future__ import annotations

import pytest

from idse_orchestrator.pipeline.ports import SessionGraph, type_fits
from idse_orchestrator.pipeline.stage_state_model import SessionState


def graph(**parents):
    return SessionGraph({name: SessionState("p", name, parents=tuple(of)) for name, of in parents.items()})


def test_parents_come_before_their_children_and_the_blueprint_first():
    sessions = graph(__blueprint__=(), login=("__blueprint__",), sso=("login",), api=(), about=("api",))
    assert list(sessions.walk()) == [
        (0, "__blueprint__"),
        (1, "login"),
        (2, "sso"),
        (0, "api"),
        (1, "about"),
    ]


def test_a_session_with_two_parents_is_shown_once():
    names = [name for _, name in graph(a=(), b=(), c=("a", "b")).walk()]
    assert names == ["a", "c", "b"]


def test_a_parent_that_is_not_here_makes_no_difference():
    assert graph(login=("gone",)).roots() == ("login",)


def test_a_cycle_ends_and_loses_nobody():
    assert sorted(name for _, name in graph(a=("b",), b=("a",), c=("c",)).walk()) == ["a", "b", "c"]


@pytest.mark.parametrize("kind", ["feature", "exploratory", "fix", "blueprint"])
def test_the_blueprint_is_one_session_and_the_only_one(kind):
    assert type_fits("__blueprint__", kind) == (kind == "blueprint")
    assert type_fits("login", kind) == (kind != "blueprint")
