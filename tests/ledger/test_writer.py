"""An event is appended to a ledger whole or not at all, by whoever read its tip last."""

from __future__ import annotations

import json
import os
import stat

import pytest

from here import discover, fold, ledger_writer
from idse_orchestrator.base.names import ulid
from idse_orchestrator.errors import (
    CorruptLedgerError,
    GitFailedError,
    InvalidNameError,
    StorageError,
    UnsupportedRepositoryError,
)
from idse_orchestrator.ledger.events import Actor, Draft, event_from_json
from idse_orchestrator.pipeline.stage_state_model import state_to_json
from idse_orchestrator.sync.published_refs import RefMove
from idse_orchestrator.wiring.ledgers import git_guard

REF = "refs/idse/sessions/portal/login"
CREATED = Draft("created", {"type": "feature", "project": "portal", "session": "login", "title": "Log in"})
NOW = 1_700_000_000.5


@pytest.fixture
def writer(repo):
    return ledger_writer(discover(str(repo.path)), "codex", clock=lambda: NOW)


def appended(writer, *drafts):
    tips = [writer.append("portal", "login", lambda _, draft=draft: draft) for draft in drafts]
    return tips[-1]


def started(stage="intent"):
    return Draft("stage", {"stage": stage, "action": "start", "from": "pending", "to": "in_progress"})


def shown(repo, what):
    return repo.git("cat-file", "blob", f"{REF}:{what}")


def replay(repo):
    commits = repo.git("rev-list", "--reverse", REF).split()
    return [event_from_json(repo.git("cat-file", "blob", f"{c}:event.json").encode()) for c in commits]


def test_the_first_event_makes_a_commit_without_a_parent(repo, writer):
    tip = appended(writer, CREATED)
    assert repo.git("rev-parse", REF) == tip.commit
    assert repo.git("rev-list", "--parents", REF) == tip.commit
    assert (tip.state.title, tip.state.lamport, tip.state.events) == ("Log in", 1, 1)


def test_each_event_stands_on_the_one_before_and_the_state_is_their_fold(repo, writer):
    tip = appended(writer, CREATED, started(), Draft("described", {"title": "Log in again"}))
    events = replay(repo)
    assert [event.lamport for event in events] == [1, 2, 3]
    assert fold("portal", "login", events) == tip.state
    assert shown(repo, "state.json").encode() == state_to_json(tip.state)


def test_an_event_says_who_acted_when_and_where(repo, writer):
    appended(writer, CREATED)
    event = json.loads(shown(repo, "event.json"))
    assert event["actor"] == {"name": "Test Author", "email": "author@example.invalid", "agent": "codex"}
    assert event["at"] == "2023-11-14T22:13:20Z"
    assert event["replica"] == (repo.path / ".git/idse/replica").read_text().strip()


def test_a_ledger_commit_reads_well_in_plain_git(repo, writer):
    reason = {"reason": "the client answered", "from": "pending", "to": "in_progress"}
    appended(writer, CREATED, Draft("stage", {"stage": "spec", "action": "start", **reason}))
    shape = "%s|%b|%an <%ae>|%(trailers:key=Idse-Stage,key=Idse-To,valueonly,separator=%x2C)"
    subject, body, author, trailers = repo.git("log", "-1", f"--format={shape}", REF).split("|")
    assert subject == "spec: pending → in_progress"
    assert body.startswith("the client answered\n\nIdse-Event: ")
    assert author == "Test Author <author@example.invalid>"
    assert trailers == "spec,in_progress"


def test_artifacts_stand_in_the_ledger_as_the_very_tree_of_the_folder(repo, writer):
    repo.write("s/spec.md", "# Spec\n")
    repo.commit()
    tree = repo.git("rev-parse", "HEAD:s")
    tip = appended(writer, CREATED, Draft("edited", {"changed": {}}, artifacts=tree), started())
    assert tip.artifacts == tree
    assert repo.git("rev-parse", f"{REF}:artifacts") == tree
    assert shown(repo, "artifacts/spec.md") == "# Spec"


def test_a_ledger_never_reaches_a_code_commit(repo, writer):
    code = repo.commit(allow_empty=True)
    appended(writer, CREATED, Draft("edited", {"changed": {"spec.md": "x"}, "code": code}))
    assert code not in repo.git("rev-list", "--objects", REF)


class TestWhatHappenedLongAgo:
    LONG_AGO = Draft(
        "created",
        {"type": "feature", "project": "portal", "session": "login"},
        at="2019-03-04T05:06:07Z",
        actor=Actor("Past Author", "past@example.invalid"),
    )

    def test_an_event_of_the_past_has_its_own_date_and_author(self, repo, writer):
        tip = appended(writer, self.LONG_AGO)
        event = json.loads(shown(repo, "event.json"))
        assert event["at"] == tip.state.created_at == "2019-03-04T05:06:07Z"
        assert event["actor"] == {"name": "Past Author", "email": "past@example.invalid", "agent": ""}
        assert event["id"][:10] == ulid(1_551_675_967_000, bytes(10))[:10]

    def test_its_commit_has_them_too_and_the_reflog_says_who_wrote_it(self, repo, writer):
        appended(writer, self.LONG_AGO)
        told = repo.git("log", "-1", "--format=%an <%ae> %aI %cn %cI", REF)
        when = "2019-03-04T05:06:07+00:00"
        assert told == f"Past Author <past@example.invalid> {when} Past Author {when}"
        assert repo.git("reflog", "show", "--format=%gn", REF) == "Test Author"

    def test_the_order_of_events_does_not_depend_on_their_dates(self, repo, writer):
        appended(writer, CREATED, self.LONG_AGO._replace(kind="migrated", body={}), started())
        assert [event.lamport for event in replay(repo)] == [1, 2, 3]

    @pytest.mark.parametrize("name", ["", " ", "A <b> C", "A\nIdse-To: x", "\udcff", "李"])
    @pytest.mark.parametrize("email", ["", "<>", "a b", "a@b"])
    @pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
    def test_whoever_and_whenever_it_was_fsck_and_an_agency_take_it(self, repo, writer, name, email, at):
        appended(writer, self.LONG_AGO._replace(at=at, actor=Actor(name, email)), started())
        assert repo.idse("fsck").returncode == 0
        moves = [RefMove(REF, "", repo.git("rev-parse", REF))]
        guard = git_guard(discover(str(repo.path)))
        assert guard.outgoing(moves) == guard.incoming(moves, None, ()) == {}


def test_every_move_of_the_ref_is_in_its_reflog(repo, writer):
    appended(writer, CREATED, started())
    log = repo.git("reflog", "show", "--format=%gs|%gn <%ge>", REF).split("\n")
    assert log == [
        "idse: intent: pending → in_progress|Test Author <author@example.invalid>",
        "idse: created portal/login|Test Author <author@example.invalid>",
    ]


def test_events_that_are_planned_together_move_the_ledger_once(repo, writer):
    first = appended(writer, CREATED)
    tips = writer.append_all("portal", "login", lambda _: [started(), Draft("described", {"title": "Two"})])
    assert [tip.commit for tip in tips] == repo.git("rev-list", "--reverse", f"{first.commit}..{REF}").split()
    assert repo.git("reflog", "show", "--format=%H", REF).split() == [tips[-1].commit, first.commit]
    assert tips[-1].state == fold("portal", "login", replay(repo))
    assert [event.lamport for event in replay(repo)] == [1, 2, 3]
    assert writer.append_all("portal", "login", lambda _: []) == [tips[-1]]


def test_of_events_that_are_planned_together_none_is_seen_where_one_cannot_be_written(repo, writer):
    first = appended(writer, CREATED)
    with pytest.raises(GitFailedError):
        writer.append_all("portal", "login", lambda _: [started(), Draft("edited", {}, artifacts="1" * 40)])
    assert repo.git("rev-parse", REF) == first.commit


def test_a_plan_that_plans_nothing_writes_nothing(repo, writer):
    assert writer.append("portal", "login", lambda _: None) is None
    assert repo.git("for-each-ref") == ""
    first = appended(writer, CREATED)
    assert writer.append("portal", "login", lambda _: None) == first
    assert repo.git("rev-parse", REF) == first.commit


def test_a_plan_that_refuses_writes_nothing_and_leaves_the_lock(repo, writer):
    def refuse(tip):
        raise InvalidNameError("no")

    with pytest.raises(InvalidNameError):
        writer.append("portal", "login", refuse)
    assert repo.git("for-each-ref") == ""
    assert appended(writer, CREATED).state.events == 1


def test_a_plan_sees_the_tip_again_when_somebody_without_the_lock_was_faster(repo, writer):
    first = appended(writer, CREATED).commit
    rival = appended(writer, started()).commit
    repo.git("update-ref", REF, first)
    seen = []

    def plan(tip):
        seen.append(tip.commit)
        if len(seen) == 1:
            repo.git("update-ref", REF, rival, first)
        return Draft("described", {"title": "second"})

    tip = writer.append("portal", "login", plan)
    assert seen == [first, rival]
    assert (tip.state.events, tip.state.lamport, tip.state.title) == (3, 3, "second")
    assert tip.state.stages["intent"].status == "in_progress"


def test_a_session_that_appeared_meanwhile_is_not_created_a_second_time(repo, writer):
    rival = appended(writer, CREATED).commit
    repo.git("update-ref", "-d", REF)
    seen = []

    def plan(tip):
        seen.append(tip)
        repo.git("update-ref", REF, rival)
        return None if tip else CREATED

    tip = writer.append("portal", "login", plan)
    assert seen == [None, tip]
    assert tip.commit == rival
    assert len(replay(repo)) == 1


def test_a_project_has_a_ledger_of_its_own(repo, writer):
    tip = writer.append_to_project(
        "portal", lambda _: Draft("created", {"project": "portal", "stack": "python"})
    )
    assert tip.state.stack == "python"
    assert repo.git("log", "--format=%s", "refs/idse/projects/portal") == "created portal"


def test_linked_worktrees_write_to_the_same_ledger(repo, writer):
    repo.commit(allow_empty=True)
    appended(writer, CREATED)
    other = repo.worktree("beside")
    tip = ledger_writer(discover(str(other.path))).append("portal", "login", lambda _: started())
    assert repo.git("rev-parse", REF) == tip.commit


def test_a_ledger_whose_refs_are_packed_goes_on(repo, writer):
    appended(writer, CREATED)
    repo.git("pack-refs", "--all", "--prune")
    assert not (repo.path / ".git" / REF).exists()
    assert appended(writer, started()).state.events == 2
    assert len(replay(repo)) == 2


def test_what_people_type_cannot_forge_a_trailer(repo, writer):
    reason = "fine\n\nIdse-To: complete\n---\nIdse-Event: 0"
    forged = {"stage": "spec", "action": "start", "from": "pending", "to": "in_progress", "reason": reason}
    appended(writer, CREATED, Draft("stage", forged))
    assert repo.git("log", "-1", "--format=%(trailers:key=Idse-To,valueonly)", REF) == "in_progress"


@pytest.mark.parametrize("name", ["Ann <ann@example.org>", "Ann\tLee", " Ann ", "Ann; Lee.", "Ünal 李"])
def test_an_unusual_author_name_is_written_as_git_would_write_it(repo, name, monkeypatch):
    monkeypatch.setenv("GIT_AUTHOR_NAME", name)
    plain = repo.commit(allow_empty=True)
    appended(ledger_writer(discover(str(repo.path))), CREATED)
    written = repo.git("log", "-1", "--format=%an", REF)
    assert written.split() == repo.git("log", "-1", "--format=%an", plain).split()


class TestWhatIsBroken:
    def test_a_ref_on_a_code_commit_is_refused_and_stays_where_it_is(self, repo, writer):
        code = repo.commit(allow_empty=True)
        repo.git("update-ref", REF, code)
        with pytest.raises(CorruptLedgerError, match="damaged"):
            appended(writer, started())
        assert repo.git("rev-parse", REF) == code

    @pytest.mark.parametrize("state", ["", "{}", "not json", "[1]", "[" * 100_000, '{"format": 99}'])
    def test_a_state_that_cannot_be_read_is_refused_and_kept(self, repo, writer, state):
        blob = repo.git("hash-object", "-w", "--stdin", stdin=state)
        tree = repo.git("mktree", stdin=f"100644 blob {blob}\tstate.json\n")
        commit = repo.git("commit-tree", "-m", "broken", tree)
        repo.git("update-ref", REF, commit)
        with pytest.raises(CorruptLedgerError) as caught:
            appended(writer, started())
        assert caught.value.where == REF
        assert repo.git("rev-parse", REF) == commit

    def test_a_ledger_whose_commit_is_gone_is_refused(self, repo, writer):
        commit = appended(writer, CREATED).commit
        os.unlink(repo.path / ".git/objects" / commit[:2] / commit[2:])
        with pytest.raises(CorruptLedgerError):
            appended(ledger_writer(discover(str(repo.path))), started())

    def test_a_name_that_breaks_the_rules_writes_nothing(self, repo, writer):
        with pytest.raises(InvalidNameError):
            writer.append("portal", "../login", lambda _: CREATED)
        assert repo.git("for-each-ref") == ""

    def test_a_partial_clone_is_refused_in_words(self, repo):
        repo.git("config", "core.repositoryFormatVersion", "1")
        repo.git("config", "extensions.partialClone", "origin")
        with pytest.raises(UnsupportedRepositoryError):
            appended(ledger_writer(discover(str(repo.path))), CREATED)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_read_only_repository_is_a_storage_error_and_nothing_moves(self, repo, writer):
        first = appended(writer, CREATED)
        folders = [folder for folder, _, _ in os.walk(repo.path / ".git")]
        for folder in folders:
            os.chmod(folder, stat.S_IRUSR | stat.S_IXUSR)
        try:
            with pytest.raises(StorageError):
                appended(writer, started())
            assert repo.git("rev-parse", REF) == first.commit
        finally:
            for folder in folders:
                os.chmod(folder, stat.S_IRWXU)
