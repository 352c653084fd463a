"""Names and refs lead to each other and back, and git accepts every ref we write."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idse_orchestrator.base.names import MAX_LENGTH, check_name
from idse_orchestrator.errors import InvalidNameError
from idse_orchestrator.ledger.refs import (
    current_by_project_ref,
    parse_project_ref,
    parse_session_ref,
    project_ref,
    session_ref,
)


def allowed(name):
    try:
        return bool(check_name("session", name))
    except InvalidNameError:
        return False


names = st.from_regex(rf"[A-Za-z0-9_][A-Za-z0-9._-]{{0,{MAX_LENGTH - 1}}}", fullmatch=True).filter(allowed)


@given(names, names)
def test_a_session_is_found_again_in_its_ref(project, session):
    assert parse_session_ref(session_ref(project, session)) == (project, session)


@given(names)
def test_a_project_is_found_again_in_its_ref(project):
    assert parse_project_ref(project_ref(project)) == project


@given(names, names)
def test_no_ref_is_both_a_project_and_a_session(project, session):
    assert parse_project_ref(session_ref(project, session)) is None
    assert parse_session_ref(project_ref(project)) is None


@given(st.text(max_size=30) | st.text("ab/.-_", max_size=12).map("refs/idse/sessions/{}".format))
def test_what_is_parsed_is_written_back_letter_by_letter(ref):
    session, project = parse_session_ref(ref), parse_project_ref(ref)
    assert session is None or session_ref(*session) == ref
    assert project is None or project_ref(project) == ref


@settings(max_examples=60)
@given(names, names)
def test_git_accepts_every_ref_we_write(project, session):
    for ref in (project_ref(project), session_ref(project, session), current_by_project_ref(project)):
        assert subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.lock", "-a"])
def test_a_bad_name_never_becomes_a_ref(name):
    for write in (project_ref, current_by_project_ref, lambda bad: session_ref("p", bad)):
        with pytest.raises(InvalidNameError):
            write(name)
