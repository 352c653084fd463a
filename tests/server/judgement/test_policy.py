"""The policy of an Agency: two files, of which the client's only makes it stricter, and what it does."""

from __future__ import annotations

import itertools

import pytest

from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.server.model.policy import DEFAULT, Policy, PolicyFile, policy_of
from pushes import ANN, BOT, CHIEF, GOOD, Clone, codes, ref_of

CORE = frozenset({"feature", "fix", "spike", "exploratory"})
ORDER = {
    "gates": ["record", "enforce", "every"],
    "waivers": ["anyone", "people", "approvers", "none"],
    "types": ["any", "core", "[feature, fix]", "[fix]"],
    "identity": ["record", "key"],
    "signed": ["optional", "required"],
}


def policy(agency=None, client=None):
    files = [
        None if text is None else PolicyFile(where, f"policy: {{{text}}}".encode())
        for where, text in (("rules/agency.yaml", agency), ("rules/shop.yaml", client))
    ]
    return policy_of(*files, CORE)


def refused(agency, client=None):
    with pytest.raises(InvalidConfigurationError) as caught:
        policy(agency, client)
    return caught.value


def test_what_a_new_home_says():
    assert policy() == DEFAULT == Policy("enforce", "people", "any", "record", "optional", ())
    assert policy_of(PolicyFile("a", b"rules: []"), PolicyFile("b", b""), CORE) == DEFAULT


@pytest.mark.parametrize("key", ORDER)
def test_a_client_moves_to_the_right_and_never_to_the_left(key):
    for (here, one), (there, other) in itertools.product(enumerate(ORDER[key]), repeat=2):
        if there >= here:
            assert policy(f"{key}: {one}", f"{key}: {other}") == policy(f"{key}: {other}")
        else:
            bad = refused(f"{key}: {one}", f"{key}: {other}")
            assert bad.where == f"rules/shop.yaml → policy → {key}"


def test_a_client_cannot_weaken_what_a_new_home_says_either():
    assert refused(None, "gates: record").where == "rules/shop.yaml → policy → gates"


def test_types_that_are_no_subset_are_milder():
    assert refused("types: [feature]", "types: [feature, study]").where.endswith("types")
    assert refused("types: core", "types: [study]").where.endswith("types")
    assert refused("types: [feature]", "types: core").where.endswith("types")


def test_what_nobody_may_waive_adds_up():
    found = policy("not-waivable: [IDSE8]", "not-waivable: [ACME001]")
    assert found.not_waivable == ("IDSE8", "ACME001")
    assert [found.is_waivable(name) for name in ("IDSE801", "IDSE802", "ACME001", "ACME002", "IDSE301")] == [
        False,
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("text", "where", "word"),
    [
        ("gates: sometimes", "gates", "record, enforce, every"),
        ("gates: [every]", "gates", "record, enforce, every"),
        ("gates: null", "gates", "record, enforce, every"),
        ("types: 7", "types", "a type of sessions"),
        ("types: []", "types", "a type of sessions"),
        ("types: [Feature]", "types", "a type of sessions"),
        ("not-waivable: IDSE8", "not-waivable", "a rule"),
        ("not-waivable: [idse8]", "not-waivable", "a rule"),
        ("signed: yes", "signed", "optional, required"),
    ],
)
def test_a_bad_value_is_told_with_its_place_and_what_is_known(text, where, word):
    bad = refused(text)
    assert bad.where == f"rules/agency.yaml → policy → {where}"
    assert word in bad.cause
    assert bad.words


def test_an_unknown_key_is_told_with_the_one_that_was_meant():
    bad = refused("waiver: none")
    assert (bad.where, bad.words) == ("rules/agency.yaml → policy", ("did you mean waivers?",))


@pytest.mark.parametrize("data", [b"[", b"policy: [gates]", b"policy: every"])
def test_a_file_of_another_shape_is_told(data):
    with pytest.raises(InvalidConfigurationError):
        policy_of(PolicyFile("rules/agency.yaml", data), None, CORE)


# --- what it does to pushes ---

BAD = GOOD["intent"].replace("The log.", "[REQUIRES INPUT]")
AGAIN = 'idse rule waive IDSE301 -m "why"'


def waived(clone, **more):
    clone.complete("intent", BAD)
    clone.waive("IDSE301", **more)


def test_a_waiver_of_a_person_counts(agency, clone):
    waived(clone)
    assert agency.push(clone) == ((), ())


@pytest.mark.parametrize(
    ("say", "caller", "counts"),
    [
        ("anyone", BOT, True),
        ("people", BOT, False),
        ("people", ANN, True),
        ("approvers", ANN, False),
        ("approvers", CHIEF, True),
        ("approvers", CHIEF._replace(agent="codex"), False),
        ("none", CHIEF, False),
    ],
)
def test_whose_waivers_count(agency, clone, say, caller, counts):
    agency.rules(f"policy: {{waivers: {say}}}")
    waived(clone)
    refused = agency.push(clone, caller=caller).refused
    assert codes(refused) == ([] if counts else [("login", "IDSE301")])
    assert counts or "its waiver does not count" in refused[0].message


def test_a_waiver_that_an_agent_made_counts_for_no_key_of_a_person(agency, make_repo):
    clone = Clone(make_repo("agents"), agent="codex")
    clone.create()
    waived(clone)
    assert codes(agency.push(clone).refused) == [("login", "IDSE301")]


def test_who_brought_a_waiver_first_is_remembered(agency, clone):
    """An agent brings it while it holds up nothing; a person who pushes on top makes it no better."""
    clone.stage("intent", "start")
    clone.waive("IDSE301")
    verdict = agency.push(clone, caller=BOT)
    assert (verdict.refused, codes(verdict.recorded)) == ((), [("login", "IDSE301")])
    clone.complete("intent", BAD)
    assert codes(agency.push(clone, caller=ANN).refused) == [("login", "IDSE301")]
    clone.waive("IDSE301", reason="Ann looked at it")
    assert not agency.push(clone, caller=ANN).refused
    clone.complete("context")
    assert not agency.push(clone, caller=BOT).refused


def test_a_forged_twin_of_a_waiver_that_was_approved_does_not_count(agency, clone):
    """What is remembered is all that a waiver says: with other words or places it is another one."""
    agency.rules("policy: {waivers: approvers}")
    clone.stage("intent", "start")
    clone.save(intent=BAD)
    clone.waive("IDSE301", places={"intent.md": ["0" * 16]})
    assert not agency.push(clone, caller=CHIEF).refused
    clone.waive("IDSE301", reason="because")
    clone.stage("intent", "complete")
    assert codes(agency.push(clone, caller=ANN).refused) == [("login", "IDSE301")]


def test_a_waiver_of_what_may_not_be_waived_comes_in_and_does_not_count(agency, clone):
    agency.rules("policy: {not-waivable: [IDSE3]}")
    clone.stage("intent", "start")
    clone.waive("IDSE301")
    verdict = agency.push(clone, caller=CHIEF)
    assert (verdict.refused, codes(verdict.recorded)) == ((), [("login", "IDSE301")])
    clone.complete("intent", BAD)
    assert codes(agency.push(clone, caller=CHIEF).refused) == [("login", "IDSE301")]


def test_a_waiver_that_is_over_counts_no_more_and_is_debt(agency, clone):
    waived(clone, expires="2026-11-30")
    assert not agency.push(clone).refused
    clone.complete("context")
    assert not agency.push(clone, today="2026-12-01").refused
    clone.save(intent=BAD + "\nMore.\n")
    clone.stage("intent", "confirm")
    clone.stage("context", "confirm")
    assert codes(agency.push(clone, today="2026-12-01").refused) == [("login", "IDSE301")]


def test_gates_that_only_record_refuse_nothing_that_is_sound(agency, clone):
    agency.rules("policy: {gates: record}")
    clone.complete("intent", BAD)
    verdict = agency.push(clone)
    assert (verdict.refused, codes(verdict.recorded)) == ((), [("login", "IDSE301")])


def test_where_every_completion_is_judged_one_that_was_wrong_is_refused(agency, clone):
    agency.rules("policy: {gates: every}")
    assert not agency.push(clone).refused
    clone.complete("intent", BAD)
    clone.stage("intent", "reopen")
    clone.complete("intent")
    assert codes(agency.push(clone).refused) == [("login", "IDSE301")]


def test_where_every_completion_is_judged_good_ones_come_in(agency, clone):
    agency.rules("policy: {gates: every}")
    for stage in ("intent", "context"):
        clone.complete(stage)
    assert agency.push(clone) == ((), ())


@pytest.mark.parametrize(
    ("say", "body", "is_refused"),
    [
        ("any", {"type": "study", "stages": ["intent", "feedback"]}, False),
        ("core", {"type": "study", "stages": ["intent", "feedback"]}, True),
        ("core", {"type": "spike", "stages": ["intent", "context", "feedback"]}, False),
        ("core", {"type": "feature", "stages": ["intent"]}, True),
        ("[study]", {"type": "study", "stages": ["intent", "feedback"]}, False),
        ("[fix]", {"type": "spike", "stages": ["intent", "context", "feedback"]}, True),
    ],
)
def test_which_types_of_sessions_may_leave_stages_out(agency, make_repo, say, body, is_refused):
    agency.rules(f"policy: {{types: {say}}}\nraise: {{IDSE401: {{complete: error}}}}")
    clone = Clone(make_repo("typed"))
    clone.create(**body)
    for stage in [each for each in ("intent", "context") if each in body["stages"]]:
        clone.complete(stage)
    clone.stage("feedback", "start")
    clone.save(feedback=FEEDBACK)
    clone.stage("feedback", "complete")
    assert codes(agency.push(clone).refused) == ([("login", "IDSE401")] if is_refused else [])


FEEDBACK = "# Feedback\n\n" + "".join(
    f"## {name}\n\n{text}\n\n"
    for name, text in {
        "External / Internal Feedback": "Good.",
        "Impacted Artifacts": "spec.md: one more story.",
        "Risks / Issues Raised": "None.",
        "Actions / Follow-ups": "None.",
        "Decision Log": "Kept it.",
    }.items()
)


def test_events_with_another_name_are_told_and_their_waivers_do_not_count(agency, clone):
    agency.rules("policy: {identity: key}")
    other = ANN._replace(emails=("ann@elsewhere.example",))
    clone.complete("intent")
    verdict = agency.push(clone, caller=other)
    assert (verdict.refused, codes(verdict.recorded)) == ((), [("login", "identity")])
    assert "author@example.invalid" in verdict.recorded[0].message
    clone.create("second")
    clone.complete("intent", BAD, "second")
    clone.waive("IDSE301", "second")
    assert codes(agency.push(clone, ref_of("second"), caller=other).refused) == [("second", "IDSE301")]
    assert not agency.push(clone, ref_of("second"), caller=ANN).refused


def test_what_was_migrated_may_bear_any_name(agency, clone):
    agency.rules("policy: {identity: key}")
    clone.append("login", "migrated", {"migration": "x", "source": "y"})
    other = ANN._replace(emails=("ann@elsewhere.example",))
    (told,) = agency.push(clone, caller=other).recorded
    assert told.message.startswith("1 of its events")


@pytest.mark.parametrize(
    ("certificate", "is_good"),
    [
        ("", False),
        ("G OK ann", True),
        ("G SLOP ann", True),
        ("G BAD ann", False),
        ("G MISSING ann", False),
        ("G OK", False),
        ("U OK ann", False),
        ("B OK ann", False),
    ],
)
def test_an_agency_that_wants_signed_pushes(agency, clone, certificate, is_good):
    agency.rules("policy: {signed: required}")
    refused = agency.push(clone, certificate=certificate).refused
    assert codes(refused) == ([] if is_good else [("login", "unsigned")])


def test_a_client_that_weakens_the_policy_keeps_every_push_out(agency, clone):
    agency.rules("policy: {gates: every}")
    agency.rules("policy: {gates: record}", client=True)
    (refusal,) = agency.push(clone).refused
    assert refusal.code == "rules-broken"
    assert "rules/shop.yaml → policy → gates" in refusal.message


def test_the_file_of_a_new_home_says_what_holds_without_one():
    from idse_orchestrator.wiring.agency import FIRST_RULES

    assert policy_of(PolicyFile("agency.yaml", FIRST_RULES), None, ()) == DEFAULT
