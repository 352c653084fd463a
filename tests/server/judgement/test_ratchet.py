"""A push is refused for the broken promises that it brings, and for no others."""

from __future__ import annotations

from here import discover
from idse_orchestrator.wiring.ledgers import git_joiner
from pushes import ANN, GOOD, SECRET, Clone, codes, ref_of

BAD = GOOD["intent"].replace("The log.", "[REQUIRES INPUT]")


def test_a_session_that_keeps_its_promises_comes_in(agency, clone):
    clone.complete("intent")
    clone.complete("context")
    clone.stage("spec", "start")
    clone.save(spec="# Spec\n\n## Overview\n\n[REQUIRES INPUT]\n")
    verdict = agency.push(clone)
    assert verdict == ((), ())
    assert agency.tip(ref_of()) == clone.tip(ref_of())


def test_a_promise_that_is_broken_is_refused_with_rule_document_and_what_to_type(agency, clone):
    clone.complete("intent", BAD)
    (refusal,) = agency.push(clone).refused
    assert refusal.ref == ref_of()
    assert refusal.code == "IDSE301"
    assert "intent.md" in refusal.message
    assert refusal.fix == 'idse stage reopen intent -m "why"  # in portal/login'
    assert not agency.has_refs()


def test_it_is_mended_by_one_more_event(agency, clone):
    clone.complete("intent", BAD)
    assert agency.push(clone).refused
    clone.stage("intent", "reopen")
    assert not agency.push(clone).refused


def test_what_is_wrong_in_an_open_stage_comes_in(agency, clone):
    clone.stage("intent", "start")
    clone.save(intent="# Intent\n\n[REQUIRES INPUT]\n\n<<<<<<< a\none\n=======\ntwo\n>>>>>>> b\n")
    assert agency.push(clone) == ((), ())


def test_conflict_markers_in_a_complete_stage_are_refused(agency, clone):
    clone.complete("intent", GOOD["intent"] + "\n<<<<<<< a\none\n=======\ntwo\n>>>>>>> b\n")
    assert codes(agency.push(clone).refused) == [("login", "IDSE106")]


def test_a_secret_is_refused_at_any_stage_and_masked(agency, clone):
    clone.save(context=f"token: {SECRET}\n")
    (refusal,) = agency.push(clone).refused
    assert refusal.code == "IDSE801"
    assert SECRET not in str(refusal)


def test_a_secret_in_a_file_beside_the_documents_is_refused(agency, clone):
    clone.save(notes_md=f"token: {SECRET}\n")
    assert codes(agency.push(clone).refused) == [("login", "IDSE801")]


def test_a_secret_that_is_gone_again_is_told_for_nothing_can_mend_it(agency, clone):
    clone.save(context=f"token: {SECRET}\n")
    clone.save(context="token: from the vault\n")
    verdict = agency.push(clone)
    assert not verdict.refused
    (told,) = verdict.recorded
    assert (told.code, "revoke" in told.fix, SECRET in str(told)) == ("IDSE801", True, False)


def test_what_was_completed_and_changed_is_refused_and_each_way_out_is_taken(agency, clone):
    clone.complete("intent")
    assert not agency.push(clone).refused
    clone.save(intent=GOOD["intent"] + "\nMore.\n")
    assert codes(agency.push(clone).refused) == [("login", "IDSE402")]
    clone.stage("intent", "confirm")
    assert not agency.push(clone).refused


def test_a_stage_that_builds_on_something_else_by_now_is_refused_until_it_is_looked_at(agency, clone):
    clone.complete("intent")
    clone.complete("context")
    assert not agency.push(clone).refused
    clone.stage("intent", "reopen")
    clone.save(intent=GOOD["intent"] + "\nMore.\n")
    assert codes(agency.push(clone).refused) == [("login", "IDSE403")]
    clone.stage("context", "confirm")
    assert not agency.push(clone).refused


def test_reopened_rewritten_and_completed_in_one_push_is_judged_as_it_stands(agency, clone):
    clone.complete("intent")
    assert not agency.push(clone).refused
    clone.stage("intent", "reopen")
    clone.complete("intent", BAD)
    assert codes(agency.push(clone).refused) == [("login", "IDSE301")]


def test_a_completion_that_was_wrong_and_is_reopened_in_the_same_push_is_told(agency, clone):
    assert not agency.push(clone).refused
    wrong = clone.complete("intent", BAD)
    clone.stage("intent", "reopen")
    verdict = agency.push(clone)
    assert not verdict.refused
    assert codes(verdict.recorded) == [("login", "IDSE301")]
    assert wrong[:10] in verdict.recorded[0].message


def test_old_debt_stops_nobody_and_whoever_touches_its_document_pays(agency, clone):
    """A rule that is raised today makes debt of what came in yesterday."""
    clone.complete("intent", GOOD["intent"] + "\nDo it ASAP.\n")
    assert not agency.push(clone).refused
    agency.rules(
        "rules: [{id: HOUSE001, name: no-haste, applies_to: [intent], check: no_text, with: {texts: [ASAP]},"
        " message: '{text} is no date', hint: Say when}]"
    )
    clone.complete("context")
    assert agency.push(clone) == ((), ())
    clone.stage("intent", "reopen")
    clone.stage("intent", "complete")
    assert not agency.push(clone).refused  # the document is as it was
    clone.stage("intent", "reopen")
    clone.complete("intent", GOOD["intent"] + "\nDo it ASAP, please.\n")
    clone.stage("context", "confirm")
    assert codes(agency.push(clone).refused) == [("login", "HOUSE001")]
    clone.stage("intent", "reopen")
    clone.complete("intent", GOOD["intent"] + "\nDo it on Monday.\n")
    clone.stage("context", "confirm")
    assert not agency.push(clone).refused


def test_debt_is_of_a_stage_and_its_documents(agency, clone):
    """A second document with the same fault is another debt."""
    agency.rules("policy: {gates: record}")
    clone.complete("intent", BAD)
    assert codes(agency.push(clone).recorded) == [("login", "IDSE301")]
    agency.rules("policy: {gates: enforce}")
    clone.complete("context", "# Context\n\n[REQUIRES INPUT]\n")
    refused = agency.push(clone).refused
    assert {code for _, code in codes(refused)} >= {"IDSE301"}
    assert all("context.md" in refusal.message for refusal in refused)


def test_a_good_ref_beside_a_bad_one_is_not_named(agency, clone):
    clone.complete("intent", BAD)
    clone.create("good")
    clone.complete("intent", session="good")
    assert codes(agency.push(clone, ref_of(), ref_of("good")).refused) == [("login", "IDSE301")]


def test_two_clones_that_merge_pay_for_what_the_merge_breaks(agency, clone, make_repo):
    """One completes a document while the other goes on writing it."""
    clone.stage("intent", "start")
    clone.save(intent=GOOD["intent"])
    assert not agency.push(clone).refused
    other = Clone(make_repo("other"))
    other.repo.git("fetch", "--quiet", str(clone.repo.path), "refs/idse/*:refs/idse/*")
    clone.stage("intent", "complete")
    assert not agency.push(clone).refused
    theirs = other.save(intent=GOOD["intent"] + "\nMore.\n")
    assert codes(agency.push(other).refused) == [("login", "ref-rewind")]
    other.repo.git("fetch", "--quiet", str(clone.repo.path), f"{ref_of()}:refs/x")
    joiner = git_joiner(discover(str(other.repo.path)))
    merged = joiner.join(ref_of(), theirs, other.tip("refs/x"))
    other.repo.git("update-ref", ref_of(), merged)
    assert codes(agency.push(other).refused) == [("login", "IDSE402")]
    other.stage("intent", "reopen")
    assert not agency.push(other).refused


def test_a_deleted_session_owes_nothing(agency, clone):
    clone.complete("intent", BAD)
    clone.append("login", "archived", {"deleted": True, "seen": 99})
    assert not agency.push(clone).refused


def test_an_adopted_client_comes_in_with_its_debt_once(agency, clone):
    clone.complete("intent", BAD)
    adopter = ANN._replace(scopes=(*ANN.scopes, "adopt"))
    verdict = agency.push(clone, caller=adopter, is_first=True)
    assert (verdict.refused, codes(verdict.recorded)) == ((), [("login", "IDSE301")])
    clone.complete("context", "# Context\n\n[REQUIRES INPUT]\n")
    assert agency.push(clone, caller=adopter, is_first=True).refused  # the ref is not new
    clone.create("second")
    clone.complete("intent", BAD, "second")
    assert agency.push(clone, ref_of("second"), caller=adopter).refused  # it is not the first push


def test_what_a_document_says_is_on_no_wire(agency, clone):
    for stage in ("intent", "context"):
        clone.complete(stage)
    clone.complete("spec", "# Spec\n\n## Open Questions\n\n- Q1: Who is the secret customer?\n")
    refused = agency.push(clone).refused
    assert "IDSE503" in {refusal.code for refusal in refused}
    assert "secret customer" not in str(refused)


def test_kept_verdicts_make_no_difference(agency, clone):
    clone.complete("intent", BAD)
    first = agency.push(clone)
    assert (agency.home / "cache").is_dir()
    assert agency.push(clone) == first
