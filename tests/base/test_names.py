"""Names of projects and sessions: what git, folders and people can all live with."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from idse_orchestrator.base.names import BLUEPRINT, MAX_LENGTH, check_name, check_new_name
from idse_orchestrator.errors import InvalidNameError, NameTakenError

GOOD = ["a", "login", BLUEPRINT, "a.b", "v1.2", "_x", "0", "A-b_c.d", "x" * 64, "lock", "a.locked"]
BAD = [
    "",
    "-a",
    ".a",
    "a/b",
    "../a",
    "a..b",
    "a.",
    "a.lock",
    "x" * 65,
    "a b",
    "ü",
    "a\n",
    "a\0",
    "@",
    "a~1",
    "*",
]

near_names = st.text("aZ0._-/ @{}~^:?*[\\ü\n", max_size=8) | st.text(max_size=70)


@pytest.mark.parametrize("name", GOOD)
def test_a_name_that_fits_is_returned(name):
    assert check_name("session", name) == name


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_does_not_fit_is_refused_with_one_that_does(name):
    with pytest.raises(InvalidNameError) as caught:
        check_name("session", name)
    suggestion = caught.value.words[0].rsplit("'", 2)[1]
    assert check_name("session", suggestion) == suggestion
    assert caught.value.cause


@given(near_names)
def test_every_refusal_suggests_a_name_that_is_accepted(name):
    try:
        check_name("session", name)
    except InvalidNameError as error:
        check_name("session", error.words[0].rsplit("'", 2)[1])


@settings(max_examples=80)
@given(near_names.filter(lambda name: "\0" not in name))
@example("a.lock")
@example("a..b")
@example("@")
def test_what_is_accepted_is_a_ref_name_for_git(name):
    try:
        check_name("session", name)
    except InvalidNameError:
        return
    ref = f"refs/idse/sessions/{name}/{name}"
    assert subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0


@given(near_names)
def test_what_is_accepted_is_a_plain_name_for_a_folder(name):
    try:
        check_name("session", name)
    except InvalidNameError:
        return
    assert name.isascii()
    assert 0 < len(name) <= MAX_LENGTH
    assert "/" not in name
    assert name not in {".", ".."}


def test_a_taken_name_is_refused():
    with pytest.raises(NameTakenError, match="exists already"):
        check_new_name("session", "login", ["search", "login"])


def test_a_name_that_differs_only_in_case_is_refused():
    with pytest.raises(InvalidNameError, match="only in case"):
        check_new_name("project", "Portal", ["portal"])


def test_a_new_name_is_returned():
    assert check_new_name("project", "portal", ["shop"]) == "portal"
