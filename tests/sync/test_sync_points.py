"""Sync points: a line of commits that only this clone writes, whatever happened to a push."""

from __future__ import annotations

import pytest

from here import acting, discover
from idse_orchestrator.base.files import known_replica_id
from idse_orchestrator.sync.points import GitSyncPoints
from idse_orchestrator.sync.published_refs import PULL, PUSH, PublishedRefs, RefMove
from idse_orchestrator.wiring.ledgers import git_guard

ID = "1" * 40
MOVES = [RefMove("refs/idse/sessions/portal/login", "", ID)]
NOW = 1_770_000_000
CENTURY = 100 * 365 * 24 * 3600


class Points(GitSyncPoints):
    """The sync points of a repository, and what git says of them."""

    def __init__(self, repo, now=NOW):
        self.repository = discover(str(repo.path))
        actor = acting(self.repository).anybody
        super().__init__(self.repository, PublishedRefs(self.repository), actor, lambda: now)
        self.git = repo.git

    def tip(self):
        return self.git("rev-parse", "--verify", "--quiet", self.ref, check=False)

    def pending(self):
        return self.git("for-each-ref", "--format=%(objectname)", "refs/idse-local/pending/").split()

    def pulled(self):
        point = self.prepare(PULL, "", MOVES)
        self.publish(point)
        return point.new

    def pushed(self):
        point = self.prepare(PUSH, "", MOVES)
        self.arrived(point)
        return point.new

    def may_leave(self, old=""):
        guard = git_guard(self.repository)
        return guard.outgoing([RefMove(self.ref, old, self.tip())]) == {}


@pytest.fixture
def points(repo):
    return Points(repo)


@pytest.mark.parametrize("now", [0, NOW - CENTURY // 2, NOW + 30 * CENTURY])
def test_a_clock_that_is_wrong_by_centuries_keeps_nothing_from_being_noted(repo, now):
    points = Points(repo, now)
    tip = points.pushed()
    assert points.tip() == tip
    assert repo.git("log", "-1", "--format=%ct %at", tip) == f"{now} {now}"
    assert points.may_leave()


def test_a_push_that_the_remote_refused_leaves_nothing_behind(points):
    points.refused(points.prepare(PUSH, "", MOVES))
    assert points.pending() == []
    assert points.tip() == ""


def test_what_arrived_and_was_noted_is_not_remembered_as_pending(points):
    """A process that was killed between the two."""
    point = points.prepare(PUSH, "", MOVES)
    points.publish(point)
    points.settle(point.new)
    assert points.pending() == []


def test_a_pending_push_may_still_arrive_while_the_remote_has_the_old_point(points):
    before = points.pushed()
    point = points.prepare(PUSH, "", MOVES)
    assert points.settle(before) == points.ref
    assert points.pending() == [point.new]
    points.settle(point.new)
    assert points.tip() == point.new
    assert points.pending() == []


def test_what_was_noted_after_a_lost_push_is_noted_on_top_of_it(points):
    lost = points.prepare(PUSH, "", MOVES)
    points.pulled()
    points.settle(lost.new)
    assert points.git("rev-list", "--count", points.ref) == "2"
    assert points.git("rev-parse", f"{points.ref}^") == lost.new
    assert points.pending() == []
    assert points.may_leave(lost.new)


@pytest.mark.parametrize("count", [1, 3])
def test_a_copied_clone_can_publish_at_once_what_it_had_noted(points, count):
    for _ in range(count):
        points.pulled()
    before, at = points.ref, points.latest().at
    after = points.settle(ID)
    assert after == points.ref != before
    assert points.git("for-each-ref", "--format=%(refname)", "refs/idse/sync/") == after
    assert points.latest().at == at
    assert points.latest().replica == known_replica_id(points.repository.private)
    assert points.may_leave()


def test_a_copied_clone_that_is_killed_while_it_is_renamed_goes_on(points, monkeypatch):
    from idse_orchestrator.sync import points as module

    points.pulled()
    before = points.ref

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "keep_replica_id", killed)
        with pytest.raises(KeyboardInterrupt):
            points.settle(ID)
    after = points.settle(ID)
    assert before not in points.git("for-each-ref", "--format=%(refname)", "refs/idse/sync/").split()
    points.pulled()
    assert after == points.ref != before
    assert points.may_leave()
