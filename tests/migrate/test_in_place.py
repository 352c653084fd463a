"""The work tree that takes over may be the source itself."""

from __future__ import annotations

import pytest


@pytest.fixture
def here(taker, make_old):
    """What stands in the repository that takes over; names of it have to be mapped."""
    old = make_old("repo")
    old.session("C", "Login", "portal")
    old.session("C", "login", "portal", about="passwords")
    old.session("C", "cart", "Portal", about="carts")
    taker.commit("all that the older tool left")
    return old


def test_a_second_run_takes_no_folder_for_a_source_that_the_first_one_wrote(here, taker):
    first = taker.migrate(here)
    refs, files = taker.refs(), here.snapshot()
    second = taker.migrate(here)
    assert len(first["written"]) == 3
    assert not second["changed"]
    assert taker.refs() == refs
    assert here.snapshot() == files


def test_neither_does_it_after_everything_was_committed(here, taker):
    taker.migrate(here)
    taker.commit("the new folders")
    refs = taker.refs()
    assert not taker.migrate(here)["changed"]
    assert taker.refs() == refs


def test_a_document_that_changed_since_makes_no_session_of_another_name(here, taker):
    taker.migrate(here)
    here.put(here.where("C", "spec"), "# Spec\n\nWritten in the old place all the same.\n")
    assert not taker.migrate(here)["changed"]
