"""A sync point of another clone is checked to the last byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.base.names import canonical_json
from idse_orchestrator.sync.guard_sync_points import sync_point_problem
from idse_orchestrator.sync.points import SyncPoint
from idse_orchestrator.sync.published_refs import RefMove

REPLICA = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
AT = "2026-11-21T05:00:00Z"
LOGIN = RefMove("refs/idse/sessions/portal/login", "", "a" * 40)
POINT = SyncPoint(AT, "push", "agency", REPLICA, (LOGIN,))
MESSAGE = POINT.message().encode()

ids = st.text("0123456789abcdef", min_size=40, max_size=40)
moves = st.builds(
    RefMove,
    st.text("abc/-", min_size=1, max_size=9).map(lambda name: f"refs/idse/{name}"),
    st.one_of(st.just(""), ids),
    ids,
)


def problem(**changed):
    raw = {**json.loads(POINT.to_json()), **changed}
    return sync_point_problem(canonical_json(raw), MESSAGE)


@given(
    st.lists(moves, max_size=5, unique_by=lambda move: move.ref),
    st.sampled_from(["push", "pull"]),
    st.text("abc \n", max_size=9),
)
def test_every_sync_point_that_idse_writes_passes(refs, direction, remote):
    point = SyncPoint(AT, direction, remote, REPLICA, tuple(refs))
    assert sync_point_problem(point.to_json(), point.message().encode()) is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"format": 2}, "format 2"),
        ({"format": True}, "format True"),
        ({"direction": "sideways"}, "sideways"),
        ({"at": "yesterday"}, "yesterday"),
        ({"at": AT + "\n"}, "no moment"),
        ({"remote": "https://user:secret@example.invalid/x"}, "name of a remote"),
        ({"replica": "me"}, "replica 'me'"),
        ({"extra": 1}, "keys"),
        ({"refs": {}}, "refs is not a list"),
        ({"refs": [{"ref": "refs/heads/main", "old": "", "new": "a" * 40}]}, "refs is not a list"),
        ({"refs": [{"ref": "refs/idse/x", "old": "", "new": ""}]}, "refs is not a list"),
        ({"refs": [LOGIN._asdict(), LOGIN._asdict()]}, "twice"),
    ],
)
def test_what_is_no_sync_point_is_told_by_what_is_wrong(changed, words):
    assert words in problem(**changed)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"null"])
def test_bytes_that_are_no_json_of_ours_are_a_problem_and_no_crash(data):
    assert sync_point_problem(data, b"")


def test_other_spaces_and_trailers_that_say_more_are_refused():
    spaced = json.dumps(json.loads(POINT.to_json())).encode()
    assert "canonical" in sync_point_problem(spaced, MESSAGE)
    assert "trailers" in sync_point_problem(POINT.to_json(), MESSAGE + b"Idse-Sync: pull\n")
