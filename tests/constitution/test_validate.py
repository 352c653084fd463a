"""Validation over every kind of source: the same rules, the same findings, and no document examined twice."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from here import discover
from idse_orchestrator.constitution.commit_reader import CommitReader, LedgerTipReader
from idse_orchestrator.constitution.in_force import FileVerdictCache, constitution_in
from idse_orchestrator.constitution.scope import Changes, Scope, places
from idse_orchestrator.constitution.validate import (
    NO_LEDGERS,
    NO_SESSIONS,
    Examiner,
    Validation,
    gate,
    validate,
)
from idse_orchestrator.errors import InvalidArtifactError, InvalidConfigurationError, UnknownNameError
from idse_orchestrator.pipeline.stage_state_model import COMPLETE, IN_PROGRESS, SessionState, StageRecord
from idse_orchestrator.worktree.index_reader import IndexReader, compare_index, compare_range
from idse_orchestrator.worktree.worktree_reader import WorktreeReader
from no_cache import NoCache

LOGIN = ("portal", "login")
CONFLICT = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"
BLOCKED = {"IDSE106"}


def place(name, session="login"):
    return f".idse/projects/portal/sessions/{session}/{name}"


class Ledgers:
    """States as ledgers would tell them."""

    def __init__(self, *states):
        self.known = {(state.project, state.session): state for state in states}

    def projects(self):
        return sorted({project for project, _ in self.known})

    def blob(self, name):  # noqa: ARG002 - the port's signature
        return None

    def states(self, keys):
        return {key: self.known[key] for key in keys if key in self.known}


def state(session="login", **stages):
    found = SessionState("portal", session)
    for stage, record in stages.items():
        found = found.with_stage(stage, record)
    return found


class Watched:
    """A reader that remembers which documents were really read."""

    def __init__(self, reader):
        self.reader = reader
        self.read = []

    def __getattr__(self, name):
        return getattr(self.reader, name)

    def read_many(self, paths):
        self.read += paths
        return self.reader.read_many(paths)


@pytest.fixture
def kept(tmp_path):
    return FileVerdictCache(str(tmp_path / "cache"), "1")


def checking(reader, cache=None, ledgers=None, **more):
    cache = cache or NoCache()
    examiner = Examiner(constitution_in(reader, cache), cache, **more)
    return Validation(reader, examiner, ledgers or Ledgers(state()), "2026-01-31")


def worktree(repo):
    return WorktreeReader(discover(str(repo.path)))


def index(repo):
    return IndexReader(discover(str(repo.path)), {})


def commit(repo, rev="HEAD"):
    return CommitReader(discover(str(repo.path)), rev)


def errors(report):
    return {finding.rule for finding in report.findings if finding.blocks}


def test_what_is_staged_is_judged_apart_from_what_is_on_disk(repo):
    repo.write(place("spec.md"), CONFLICT)
    repo.git("add", "--all")
    repo.write(place("spec.md"), "# Spec\n")
    assert errors(validate(checking(index(repo)))) == BLOCKED
    assert errors(validate(checking(worktree(repo)))) == set()


def test_every_source_of_the_same_documents_gives_the_same_findings(repo):
    repo.write(place("spec.md"), "# Spec\n\n[REQUIRES INPUT]\n" + CONFLICT)
    repo.write(place("plan.md"), b"\xff\xfe\0")
    repo.write(place("über.md"), CONFLICT)
    repo.commit()
    tree = repo.git("rev-parse", f"HEAD:{place('')[:-1]}")
    tip = repo.git(
        "commit-tree", repo.git("mktree", stdin=f"040000 tree {tree}\tartifacts\n"), "-m", "created"
    )
    ledger = LedgerTipReader(discover(str(repo.path)).git, *LOGIN, tip)
    reports = [validate(checking(reader)) for reader in (worktree(repo), index(repo), commit(repo), ledger)]
    assert len(errors(reports[0])) > 1
    for report in reports:
        assert report.findings == reports[0].findings
        assert report.constitution == reports[0].constitution
    assert len({report.source for report in reports}) == len(reports)


def test_findings_stand_in_the_order_of_their_places(repo):
    for session in ("search", "login"):
        for name in ("spec.md", "intent.md"):
            repo.write(place(name, session), CONFLICT)
    report = validate(checking(worktree(repo)))
    assert list(report.findings) == sorted(report.findings, key=lambda finding: finding.sort_key())
    assert report.sessions == ("portal/login", "portal/search")


def test_the_state_in_the_ledger_decides_how_much_a_hit_weighs(repo):
    repo.write(place("spec.md"), "# Spec\n\n[REQUIRES INPUT]\n")
    blob = worktree(repo).paths()[place("spec.md")].blob
    begun = Ledgers(state(spec=StageRecord(IN_PROGRESS)))
    done = Ledgers(state(spec=StageRecord(COMPLETE, artifact=blob)))
    assert "IDSE301" not in errors(validate(checking(worktree(repo), ledgers=begun)))
    assert "IDSE301" in errors(validate(checking(worktree(repo), ledgers=done)))


def test_the_gate_judges_a_stage_as_if_it_were_complete(repo):
    repo.write(place("intent.md"), "# Intent\n\n[REQUIRES INPUT]\n")
    begun = state(intent=StageRecord(IN_PROGRESS))
    context = checking(worktree(repo), ledgers=Ledgers(begun))
    assert "IDSE301" not in errors(validate(context))
    assert "IDSE301" in errors(gate(context, LOGIN, "intent", begun))


def test_a_clone_without_ledgers_says_that_gates_were_not_checked(repo):
    repo.write(place("spec.md"), "# Spec\n")
    assert NO_LEDGERS in validate(checking(worktree(repo), ledgers=Ledgers())).notes
    assert validate(checking(worktree(repo))).notes == ()


def test_a_repository_without_a_workspace_has_nothing_to_check(repo):
    report = validate(checking(worktree(repo)))
    assert report.findings == ()
    assert report.notes == (NO_SESSIONS,)


def test_a_session_that_nobody_knows_is_an_unknown_name(repo):
    repo.write(place("spec.md"), "# Spec\n")
    with pytest.raises(UnknownNameError, match="logn"):
        validate(checking(worktree(repo)), Scope("portal", "logn"))


def test_a_session_that_only_the_ledger_knows_is_judged_without_files(repo):
    done = Ledgers(state(spec=StageRecord(COMPLETE, artifact="a" * 40)))
    report = validate(checking(worktree(repo), ledgers=done), Scope(*LOGIN))
    assert "IDSE101" in errors(report)


def test_one_session_or_one_project_is_judged_alone(repo):
    repo.write(place("spec.md"), CONFLICT)
    repo.write(place("spec.md", "search"), CONFLICT)
    repo.write(".idse/projects/shop/sessions/cart/spec.md", CONFLICT)
    context = checking(worktree(repo))
    assert validate(context, Scope(*LOGIN)).sessions == ("portal/login",)
    assert validate(context, Scope("portal")).sessions == ("portal/login", "portal/search")
    assert len(validate(context).sessions) == 3


@pytest.mark.parametrize("scope", [Scope(*LOGIN), Scope("portal"), Scope()])
def test_a_reader_narrowed_to_the_places_of_a_scope_gives_the_same_report(repo, scope):
    repo.write(place("spec.md"), CONFLICT)
    repo.write(place("spec.md", "search"), CONFLICT)
    repo.write(".idse/projects/shop/sessions/cart/spec.md", CONFLICT)
    repo.write(".idse/constitution.yaml", "")
    narrow = WorktreeReader(discover(str(repo.path)), places(scope))
    assert validate(checking(narrow), scope) == validate(checking(worktree(repo)), scope)


def hook_scope(repo):
    found = compare_index(discover(str(repo.path)), {})
    return Scope(changes=Changes(found.paths, found.sessions))


def hook_report(repo):
    scope = hook_scope(repo)
    reader = IndexReader(discover(str(repo.path)), {}, places(scope))
    return validate(checking(reader), scope)


def test_a_commit_is_held_to_the_sessions_it_touches(repo):
    repo.write(place("spec.md"), CONFLICT)
    repo.commit()
    repo.write(place("intent.md", "search"), "# Intent\n")
    repo.git("add", "--all")
    report = hook_report(repo)
    assert report.sessions == ("portal/search",)
    assert errors(report) <= {"IDSE705"}
    repo.write(place("intent.md"), "# Intent\n")
    repo.git("add", "--all")
    assert errors(hook_report(repo)) >= BLOCKED


def test_a_commit_that_removes_a_document_is_held_to_what_is_left(repo):
    repo.write(place("spec.md"), CONFLICT)
    repo.write(place("plan.md"), "# Plan\n")
    repo.commit()
    repo.git("rm", "--quiet", place("plan.md"))
    assert errors(hook_report(repo)) == BLOCKED


def test_a_commit_that_removes_a_whole_session_has_nothing_to_answer_for(repo):
    repo.write(place("spec.md"), CONFLICT)
    repo.commit()
    repo.git("rm", "-r", "--quiet", ".idse")
    report = hook_report(repo)
    assert (report.sessions, report.findings) == ((), ())


def test_an_older_path_blocks_when_it_is_written_and_not_when_it_goes(repo):
    repo.write(place("spec.md"), "# Spec\n")
    repo.write("specs/projects/portal/sessions/login/spec.md", "old\n")
    repo.git("add", "--all")
    assert {finding.rule for finding in hook_report(repo).findings} >= {"IDSE701"}
    repo.commit()
    repo.git("rm", "--quiet", "-r", "specs")
    assert hook_report(repo).findings == ()


def test_a_commit_that_makes_the_workspace_a_link_is_refused(repo):
    repo.write(place("spec.md"), CONFLICT)
    repo.commit()
    (repo.path / ".idse").rename(repo.path.parent / "elsewhere")
    (repo.path / ".idse").symlink_to("../elsewhere")
    repo.git("add", "--all")
    with pytest.raises(InvalidArtifactError, match="symbolic link"):
        hook_report(repo)


def test_a_range_is_judged_as_its_end_has_it(repo):
    repo.write(place("spec.md"), "# Spec\n")
    first = repo.commit()
    repo.write(place("spec.md"), CONFLICT)
    repo.commit()
    repo.write(place("spec.md", "search"), "# Spec\n")
    repo.commit()
    found = compare_range(discover(str(repo.path)), first, "HEAD")
    scope = Scope(changes=Changes(found.paths, found.sessions))
    report = validate(checking(commit(repo, found.tip), ledgers=Ledgers(state(), state("search"))), scope)
    assert report.sessions == ("portal/login", "portal/search")
    assert errors(report) == BLOCKED


def test_a_second_run_reads_no_document_again(repo, kept):
    for session in ("login", "search"):
        repo.write(place("spec.md", session), f"# Spec of {session}\n" + CONFLICT)
    first, second = Watched(worktree(repo)), Watched(worktree(repo))
    report = validate(checking(first, kept))
    assert validate(checking(second, kept)) == report
    assert len(first.read) == 2
    assert second.read == []


def test_the_same_document_in_two_sessions_is_examined_once(repo, kept):
    for session in ("login", "search"):
        repo.write(place("spec.md", session), CONFLICT)
    reader = Watched(worktree(repo))
    report = validate(checking(reader, kept))
    assert len(reader.read) == 1
    assert len({finding.path for finding in report.findings if finding.rule == "IDSE106"}) == 2


def test_a_changed_document_is_examined_again_and_only_that(repo, kept):
    repo.write(place("spec.md"), CONFLICT)
    repo.write(place("plan.md"), "# Plan\n")
    assert errors(validate(checking(worktree(repo), kept))) == BLOCKED
    repo.write(place("spec.md"), "# Spec\n")
    reader = Watched(worktree(repo))
    assert errors(validate(checking(reader, kept))) == set()
    assert reader.read == [place("spec.md")]


def test_a_kept_verdict_that_makes_no_sense_is_reached_anew(repo, kept):
    repo.write(place("spec.md"), CONFLICT)
    report = validate(checking(worktree(repo), kept))
    nonsense = SimpleNamespace(
        compiled=kept.compiled,
        get_many=lambda _id, keys: dict.fromkeys(keys, '{"not": "hits"'),
        put_many=lambda _id, _verdicts: None,
    )
    assert validate(checking(worktree(repo), nonsense)) == report


def test_a_compiled_constitution_that_makes_no_sense_is_loaded_anew(repo, kept):
    known = constitution_in(worktree(repo), kept)
    assert constitution_in(worktree(repo), kept) == known
    kept.keep_compiled(known.id, '{"format": 1}')
    assert constitution_in(worktree(repo), kept) == known


@pytest.mark.parametrize("make", ["link", "large"])
def test_a_projects_constitution_that_cannot_be_read_is_never_passed_over(repo, make):
    path = repo.path / ".idse/constitution.yaml"
    path.parent.mkdir()
    if make == "link":
        path.symlink_to("elsewhere")
    else:
        path.write_bytes(b"#" * (9 * 1024 * 1024))
    with pytest.raises(InvalidConfigurationError):
        constitution_in(worktree(repo), NoCache())


def test_progress_counts_up_to_all_documents(repo, kept):
    for number in range(300):
        repo.write(place(f"note-{number}.md"), f"note {number}\n")
    seen = []
    validate(checking(worktree(repo), kept, on_progress=lambda *step: seen.append(step)))
    assert seen[0] == (0, 300)
    assert seen[-1] == (300, 300)
    assert seen == sorted(seen)
    seen.clear()
    validate(checking(worktree(repo), kept, on_progress=lambda *step: seen.append(step)))
    assert seen == [(300, 300)]


def test_a_document_of_fifty_megabytes_is_a_finding(repo):
    target = repo.write(place("spec.md"), "")
    os.truncate(target, 50 * 1024 * 1024)
    assert "IDSE103" in errors(validate(checking(worktree(repo))))


def test_names_and_bytes_that_are_not_utf8_are_judged_like_others(repo):
    name = os.fsdecode(b"caf\xe9.md")
    try:
        repo.write(place(name), b"\xff\n")
    except OSError:
        pytest.skip("this file system has no such names")
    report = validate(checking(worktree(repo)))
    assert {(finding.rule, finding.path) for finding in report.findings if finding.blocks} == {
        ("IDSE102", place(name)),
        ("IDSE109", place(name)),
    }
