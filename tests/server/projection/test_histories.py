"""However a history came about and was written down, the tables are what a rebuild makes of it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.server.projection import project
from projection_bed import ProjectionBed
from pushes import GOOD, Clone, ref_of

SESSIONS = ("login", "search", "__blueprint__")
TEXTS = (
    "# Spec\n\nalike\n",
    "# Intent\n",
    "[REQUIRES INPUT]\n",
    "zero \0\n",
    "<<<<<<< a\n=======\n>>>>>>> b\n",
    GOOD["intent"],
)
names = st.sampled_from(SESSIONS)
texts = st.sampled_from(TEXTS)
stages = st.sampled_from(STAGES[:3])
steps = st.one_of(
    st.tuples(st.just("save"), names, stages, texts),
    st.tuples(st.just("complete"), names, stages, texts),
    st.tuples(st.just("reopen"), names, stages),
    st.tuples(
        st.just("waive"),
        names,
        st.sampled_from(["IDSE102", "IDSE402"]),
        st.sampled_from([None, "2020-01-01"]),
    ),
    st.tuples(st.just("drop"), names, stages),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("rules"), st.sampled_from(["rules: []\n", "rules: [\n", "types: {}\n"])),
    st.tuples(
        st.just("agency"), st.sampled_from(["policy:\n  waivers: none\n", "policy:\n  types: core\n", ""])
    ),
    st.tuples(st.just("rewind"), names, st.integers(1, 3)),
    st.tuples(st.just("push")),
    st.tuples(st.just("follow")),
    st.tuples(st.just("late")),
    st.tuples(st.just("rebuild")),
)


class History:
    """A clone, its repository and their projection; `write` does one step, whatever it may lead to."""

    def __init__(self, bed, clone):
        self.bed = bed
        self.clone = clone
        self.web = bed.add("shop/web")
        self.moved = []
        for session in SESSIONS:
            clone.create(session)
        clone.create_project()

    def write(self, what, *words):
        """Does one step."""
        getattr(self, what)(*words)

    def save(self, session, stage, text):
        self.clone.save(session, **{stage: text})

    def complete(self, session, stage, text):
        if self.clone.state(session).stages[stage].status != "complete":
            self.clone.complete(stage, text, session)

    def reopen(self, session, stage):
        if self.clone.state(session).stages[stage].status == "complete":
            self.clone.stage(stage, "reopen", session)

    def waive(self, session, rule, expires):
        self.clone.waive(rule, session, expires=expires)

    def drop(self, session, stage):
        if f"{stage}.md" in self.clone.files(session):
            self.clone.save(session, **{stage: None})

    def delete(self, session):
        seen = self.clone.state(session).worked_on
        self.clone.append(session, "archived", {"deleted": True, "seen": seen, "reason": "because"})

    def rules(self, text):
        self.clone.project_files(constitution_yaml=text)

    def agency(self, text):
        with open(f"{self.bed.home.rules}/agency.yaml", "w") as file:
            file.write(text)

    def rewind(self, session, back):
        """What only a hand at the store can do."""
        self.push()
        count = int(self.bed.git(self.web, "rev-list", "--count", ref_of(session)))
        self.bed.git(self.web, "update-ref", ref_of(session), f"{ref_of(session)}~{min(back, count - 1)}")

    def push(self):
        self.moved += self.bed.push(self.clone, self.web)

    def follow(self):
        """A push whose rows are there at once."""
        self.push()
        moved, self.moved = self.moved, []
        self.bed.projector.follow(self.web, moved)

    def late(self):
        """A push that a look at everything finds."""
        self.push()
        self.moved = []
        self.bed.catch_up()

    def rebuild(self):
        self.bed.rebuild()


QUICK = settings(
    max_examples=8,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
LONG = settings(QUICK, max_examples=200)
histories = st.lists(steps, min_size=3, max_size=14)
COUNT = itertools.count()


def check(tmp_path, make_repo, opened, history):
    """Writes a history, and compares what came of it with what is made anew."""
    number = next(COUNT)
    bed = ProjectionBed(tmp_path / f"home-{number}", opened)
    told = History(bed, Clone(make_repo(f"clone-{number}")))
    for step in history:
        told.write(*step)
    told.follow()
    assert bed.differences() == []
    bed.store.close()


@pytest.fixture
def small_portions(monkeypatch):
    """Work is written down two refs at a time."""
    monkeypatch.setattr(project, "PORTION", 2)


@QUICK
@given(histories)
def test_live_is_as_made_anew(tmp_path, make_repo, opened, sealed, small_portions, history):
    check(tmp_path, make_repo, opened, history)


@pytest.mark.soak
@LONG
@given(histories)
def test_live_is_as_made_anew_often(tmp_path, make_repo, opened, sealed, small_portions, history):
    check(tmp_path, make_repo, opened, history)
