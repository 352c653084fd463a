"""The quick look at an event never says yes where the schema says no."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.ledger import event_check
from idse_orchestrator.ledger.events import KINDS, Actor, Event, event_from_json
from idse_orchestrator.wiring.ledgers import KINDS as LEDGERS


def event_problem(data):
    return event_check.event_problem(data, LEDGERS["session"])


def plain_event(data):
    return event_check.plain_event(data, LEDGERS["session"])


ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
BLOB = "a" * 40
BODIES = {
    "created": {
        "type": "feature",
        "title": "t",
        "owner": "o",
        "stack": "s",
        "parents": ["a"],
        "project": "p",
    },
    "edited": {"changed": {"spec.md": BLOB, "plan.md": None}, "code": BLOB},
    "stage": {
        "stage": "spec",
        "action": "complete",
        "from": "in_progress",
        "to": "complete",
        "reopens": {ID: 1},
        "artifact": BLOB,
        "upstream": {"intent": BLOB, "context": ""},
        "routed": {"agent": "a", "why": "w"},
    },
    "validated": {"status": "passing", "constitution": "c"},
    "approved": {"rule": "IDSE301", "expires": None, "withdrawn": False, "reason": "because"},
    "assigned": {"stage": "spec", "agent": "a"},
    "described": {"title": "t", "status": "active", "owner": "o", "tags": ["x"], "settings": {"a": 1}},
    "archived": {"restored": True},
    "handoff": {
        "reason": "r",
        "action": "request",
        "from": "",
        "to": "a",
        "after": "spec",
        "approval": True,
        "stage": "spec",
        "handoff": ID,
    },
    "migrated": {},
    "claimed": {
        "action": "promote",
        "claim": "c-0123456789",
        "section": "s",
        "demotions": {ID: 1},
        "text": "t",
        "reason": "r",
        "evidence": [{"session": "login", "stage": "spec", "commit": BLOB, "blob": BLOB}],
    },
}

values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 3),
        st.floats(),
        st.sampled_from(["", ID, BLOB, "spec", "complete", "active", "2026-01-01T00:00:00Z", "\ud800", "\n"]),
        st.sampled_from([*STAGES, *KINDS]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["spec", ID]), inner)
    ),
    max_leaves=4,
)


def raw_event(kind):
    actor = Actor("n", "e", "")
    return json.loads(Event(ID, kind, 1, "2026-01-01T00:00:00Z", ID, actor, BODIES[kind]).to_json())


@pytest.mark.parametrize("kind", KINDS)
def test_events_of_every_kind_as_idse_writes_them_are_plain(kind):
    data = json.dumps(raw_event(kind)).encode()
    assert plain_event(data) == event_from_json(data)
    assert event_problem(data) is None


@given(
    kind=st.sampled_from(KINDS),
    where=st.sampled_from(["top", "body", "actor"]),
    key=st.one_of(
        st.sampled_from([*raw_event("stage"), "name", "agent", "reason", "extra"]),
        st.sampled_from(sorted({key for body in BODIES.values() for key in body})),
    ),
    value=st.one_of(values, st.just("gone")),
    ascii_only=st.booleans(),
)
@example(kind="stage", where="top", key="format", value=True, ascii_only=False)
@example(kind="stage", where="top", key="at", value="2026-01-01T00:00:00Z\n", ascii_only=False)
@example(kind="created", where="body", key="title", value="\ud800", ascii_only=True)
def test_what_passes_the_quick_look_passes_the_schema(kind, where, key, value, ascii_only):
    raw = raw_event(kind)
    target = raw if where == "top" else raw[where]
    target[key] = value
    if value == "gone":
        del target[key]
    data = json.dumps(raw, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    event = plain_event(data)
    if event is not None:
        assert event_problem(data) is None
        assert event == event_from_json(data)
