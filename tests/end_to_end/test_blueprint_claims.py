"""Claims from the first word to the last: declared, borne out by ledgers, promoted, doubted, taken back."""

from __future__ import annotations

import json

import pytest

TEXT = "Amounts of money are kept as whole cents"
CLAIM = "c-8ae381618e"
SPEC = f"# Spec\n\n## Functional Requirements\n\n- FR-1: {TEXT}.\n- The page loads fast.\n"
PLAN = f"# Plan\n\n## Constraints\n\n1. **C-1** {TEXT.upper()}\n"
FOLDER = ".idse/projects/portal/sessions/__blueprint__"
FILE = f"{FOLDER}/blueprint.md"
REF = "refs/idse/sessions/portal/__blueprint__"


@pytest.fixture
def grown(begun, ledgers_of):
    """Project portal in which two sessions say TEXT in two stages, thirteen days apart."""
    ledgers = ledgers_of(begun)
    ledgers.say("pay", "2026-01-01", spec=SPEC)
    ledgers.say("search", "2026-01-05", plan=PLAN)
    ledgers.say("search", "2026-01-14", intent="# Intent\n")
    begun.ledgers = ledgers
    return begun


def does(repo, *args, code=0, **options):
    done = repo.idse("blueprint", *args, **options)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def data(repo, *args, code=0):
    return json.loads(does(repo, *args, "--json", code=code).stdout)["data"]


def events(repo):
    return repo.git("log", "--format=%s", REF).splitlines()


def sound(repo):
    done = repo.idse("fsck")
    assert done.returncode == 0, done.stdout
    return done.stdout


# --- the whole way ---


def test_a_statement_of_two_sessions_is_a_candidate_with_its_evidence(grown):
    found = data(grown, "candidates")
    assert found["total"] == 1
    candidate = found["candidates"][0]
    assert (candidate["id"], candidate["text"], candidate["section"]) == (CLAIM, f"{TEXT}.", "constraints")
    assert (candidate["sessions"], candidate["stages"]) == (["pay", "search"], ["plan", "spec"])
    assert [(each["session"], each["date"]) for each in candidate["evidence"]] == [
        ("pay", "2026-01-01"),
        ("search", "2026-01-05"),
        ("search", "2026-01-14"),
    ]
    assert all(test["passed"] for test in candidate["gate"])
    assert "2 sessions · 2 stages · 13.0 days · would pass the gate" in does(grown, "candidates").stdout


def test_a_claim_that_was_declared_is_no_candidate_any_more(grown):
    does(grown, "declare", TEXT)
    assert data(grown, "candidates")["total"] == 0


def test_a_claim_is_declared_promoted_verified_demoted_and_promoted_again(grown):
    assert f"declared {CLAIM}" in does(grown, "declare", TEXT, "--section", "requirements").stderr
    assert data(grown, "claims")["claims"][0]["status"] == "declared"
    done = does(grown, "promote", CLAIM)
    assert "stability  passed  13.0 days (2026-01-01 to 2026-01-14)" in done.stdout
    assert data(grown, "verify")["holds"] is True
    does(grown, "demote", CLAIM, "-m", "Interest needs fractions")
    assert data(grown, "claims")["claims"] == []
    told = data(grown, "claims", "--all")["claims"][0]
    assert (told["status"], told["reason"]) == ("demoted", "Interest needs fractions")
    assert "needs a reason" in does(grown, "promote", CLAIM, code=2).stderr
    does(grown, "promote", CLAIM, "-m", "Interest is rounded at once")
    assert data(grown, "claims")["claims"][0]["status"] == "promoted"
    assert events(grown)[:4] == [
        f"promoted {CLAIM}",
        f"demoted {CLAIM}",
        f"promoted {CLAIM}",
        f"declared {CLAIM}: Amounts of money are kept as whole cents",
    ]
    sound(grown)


def test_the_promotion_says_in_the_ledger_what_the_gate_found(grown):
    does(grown, "declare", TEXT)
    does(grown, "promote", CLAIM)
    event = json.loads(grown.git("show", f"{REF}:event.json"))
    body = event["body"]
    assert (event["kind"], body["action"], body["claim"]) == ("claimed", "promote", CLAIM)
    assert body["gate"]["stability"] == "13.0 days (2026-01-01 to 2026-01-14)"
    evidence = body["evidence"][0]
    assert evidence["session"] == "pay"
    named = grown.git("rev-parse", f"{evidence['commit']}:artifacts/spec.md")
    assert evidence["blob"] == named


def test_the_same_statement_twice_is_one_claim_and_one_event(grown):
    does(grown, "declare", TEXT)
    again = does(grown, "declare", f"  the {TEXT.upper()}!! ")
    assert f"declared already: {CLAIM}: {TEXT}" in again.stderr
    assert sum(subject.startswith("declared") for subject in events(grown)) == 1


def test_a_claim_is_named_by_the_beginning_of_its_id_in_either_case(grown):
    does(grown, "declare", TEXT)
    for name in ("c-8ae3", "8ae3", "C-8AE381618E", " c-8ae38"):
        assert CLAIM in does(grown, "promote", name, "--dry-run").stderr


def test_text_comes_from_standard_input(grown):
    assert CLAIM in does(grown, "declare", "-", stdin=TEXT + "\n").stderr


# --- the gate ---


def denied(repo, name=CLAIM):
    error = does(repo, "promote", name, code=1).stderr
    assert error.startswith(f"error[IDSE055]: {name} is not promoted: ")
    return error


def test_a_claim_that_nobody_bears_out_fails_with_the_figures_of_each_test(begun):
    does(begun, "declare", TEXT)
    error = denied(begun)
    assert "4 of 6 tests failed" in error
    for words in (
        "sessions: 0; wanted: at least 2",
        "stages: 0; wanted: at least 2",
        "stability: 0.0 days; wanted: at least 7 days",
        "words: 0 % in the nearest document; wanted: at least 75 %",
    ):
        assert words in error
    assert "idse log" not in error
    assert [claim["status"] for claim in data(begun, "claims")["claims"]] == ["declared"]


def test_one_session_is_not_enough(begun, ledgers_of):
    ledgers = ledgers_of(begun)
    ledgers.say("pay", "2026-01-01", spec=SPEC)
    ledgers.say("pay", "2026-02-01", plan=PLAN)
    does(begun, "declare", TEXT)
    error = denied(begun)
    assert "1 of 6 tests failed" in error
    assert "sessions: 1 (pay); wanted: at least 2" in error


def test_one_stage_is_not_enough(begun, ledgers_of):
    ledgers = ledgers_of(begun)
    ledgers.say("pay", "2026-01-01", spec=SPEC)
    ledgers.say("search", "2026-02-01", spec=SPEC)
    does(begun, "declare", TEXT)
    error = denied(begun)
    assert "1 of 6 tests failed" in error
    assert "stages: 1 (spec); wanted: at least 2" in error


def test_six_days_are_not_seven_and_the_clock_does_not_count(begun, ledgers_of):
    ledgers = ledgers_of(begun)
    ledgers.say("pay", "2026-01-01", spec=SPEC)
    ledgers.say("search", "2026-01-07", plan=PLAN)
    does(begun, "declare", TEXT)
    error = denied(begun)
    assert "stability: 6.0 days (2026-01-01 to 2026-01-07); wanted: at least 7 days" in error
    assert "let it stand" in error
    ledgers.say("search", "2026-01-08", intent="# Intent\n")
    does(begun, "promote", CLAIM)


def test_a_statement_that_was_taken_out_and_came_back_has_stood_since_it_came_back(begun, ledgers_of):
    ledgers = ledgers_of(begun)
    ledgers.say("pay", "2026-01-01", spec=SPEC)
    ledgers.say("pay", "2026-01-10", spec="# Spec\n")
    ledgers.say("pay", "2026-01-11", spec=SPEC)
    ledgers.say("search", "2026-01-12", plan=PLAN)
    does(begun, "declare", TEXT)
    assert "stability: 1.0 days (2026-01-11 to 2026-01-12)" in denied(begun)


def test_a_blueprint_does_not_bear_out_itself(begun, ledgers_of):
    ledgers = ledgers_of(begun)
    ledgers.say("pay", "2026-01-01", spec=SPEC)
    ledgers.say("__blueprint__", "2026-02-01", plan=PLAN)
    does(begun, "declare", TEXT)
    assert "sessions: 1 (pay)" in denied(begun)


def test_what_a_document_denies_or_asks_bears_out_nothing(begun, ledgers_of):
    ledgers = ledgers_of(begun)
    ledgers.say("pay", "2026-01-01", spec=SPEC)
    ledgers.say("a", "2026-02-01", plan="## Constraints\n\n- Amounts of money are not kept as whole cents\n")
    ledgers.say("b", "2026-02-01", plan=f"## Open Questions\n\n- {TEXT}\n")
    ledgers.say("c", "2026-02-01", plan=f"## Constraints\n\n- {TEXT}?\n")
    ledgers.say("d", "2026-02-01", plan=f"## Constraints\n\n- ~~{TEXT}~~\n")
    ledgers.say("e", "2026-02-01", plan=f"## Constraints\n\n```\n- {TEXT}\n```\n> {TEXT}\n")
    does(begun, "declare", TEXT)
    assert "sessions: 1 (pay)" in denied(begun)


def test_words_that_differ_a_little_are_evidence_and_the_overlap_is_printed(begun, ledgers_of):
    ledgers = ledgers_of(begun)
    ledgers.say("pay", "2026-01-01", spec=SPEC)
    ledgers.say("search", "2026-02-01", plan="We keep money as whole cents, in every amount kept.\n")
    does(begun, "declare", TEXT)
    assert (
        "words      passed  80 % in the weakest evidence (plan of search)"
        in does(begun, "promote", CLAIM).stdout
    )


@pytest.mark.parametrize(
    "feedback",
    [
        f"## Contradictions\n\n- {CLAIM} does not hold for interest\n",
        f"## Decision Log\n\n### Rejected claims\n\n- {TEXT}\n",
        f"## Decision Log\n\n- Contradicts {CLAIM}: interest has fractions\n",
        f"- **Rejected:** {TEXT}, since interest has fractions\n",
    ],
)
def test_feedback_that_contradicts_is_named_by_session_and_line(grown, feedback):
    grown.ledgers.say("third", "2026-01-20", feedback=feedback)
    does(grown, "declare", TEXT)
    line = 1 + feedback.rstrip("\n").count("\n")
    assert f"feedback: 1 contradiction in 3 feedback documents (feedback of third, line {line})" in denied(
        grown
    )


@pytest.mark.parametrize(
    "feedback",
    [
        f"## Contradictions\n\n- [x] {TEXT}\n",
        f"## Contradictions\n\n- ~~{TEXT}~~\n",
        "## Contradictions\n\n- None\n",
        f"## Decision Log\n\n- We keep to it: {TEXT}\n",
        f"## Contradictions\n\n```\n- {CLAIM}\n```\n",
    ],
)
def test_feedback_that_was_settled_or_agrees_does_not_contradict(grown, feedback):
    grown.ledgers.say("third", "2026-01-20", feedback=feedback)
    does(grown, "declare", TEXT)
    does(grown, "promote", CLAIM)


def test_a_denial_in_json_names_each_failed_test(begun):
    does(begun, "declare", TEXT)
    document = json.loads(does(begun, "promote", CLAIM, "--json", code=1).stdout)
    assert document["data"] is None
    first = document["diagnostics"][0]
    assert (first["code"], first["exit_code"]) == ("IDSE055", 1)
    assert "stages: 0; wanted: at least 2" in first["cause"]


# --- reinforcing and verifying ---


def test_reinforcing_adds_what_other_sessions_say_by_now_and_nothing_twice(grown):
    does(grown, "declare", TEXT)
    does(grown, "promote", CLAIM)
    before = len(data(grown, "claims")["claims"][0]["evidence"])
    assert "nothing new" in does(grown, "reinforce", CLAIM).stderr
    grown.ledgers.say("third", "2026-03-01", context=f"## Constraints\n\n- {TEXT}\n")
    assert "context of third" in does(grown, "reinforce", CLAIM, "--session", "third").stderr
    assert len(data(grown, "claims")["claims"][0]["evidence"]) == before + 1
    assert "nothing new" in does(grown, "reinforce", CLAIM).stderr
    sound(grown)


def test_verifying_says_which_claim_no_longer_holds_and_why(grown):
    does(grown, "declare", TEXT)
    does(grown, "promote", CLAIM)
    grown.ledgers.say("search", "2026-02-01", plan="# Plan\n")
    done = does(grown, "verify", code=1)
    assert f"{CLAIM}  does not hold  {TEXT}" in done.stdout
    assert "sessions: 1 (pay); wanted: at least 2" in done.stdout
    assert f"idse blueprint demote {CLAIM} -m WHY" in done.stderr
    assert data(grown, "verify", code=1)["claims"][0]["holds"] is False


def test_a_contradiction_that_appeared_since_is_found(grown):
    does(grown, "declare", TEXT)
    does(grown, "promote", CLAIM)
    grown.ledgers.say("pay", "2026-03-01", feedback=f"## Contradictions\n\n- {CLAIM}\n")
    done = does(grown, "verify", code=1)
    assert "feedback: 1 contradiction in 3 feedback documents (feedback of pay, line 3)" in done.stdout
    assert f"pay/feedback:3  {CLAIM}" in done.stdout


def test_verifying_without_a_promoted_claim_finds_nothing_wrong(begun):
    assert "no claim is promoted" in does(begun, "verify").stderr


# --- the block in blueprint.md ---

BLOCKS = {
    "nothing": None,
    "an empty file": b"",
    "plain text": b"# Our blueprint\n\nWords.\n",
    "no final line break": b"# Our blueprint",
    "windows line ends": b"# Ours\r\n\r\nWords.\r\n",
    "a byte order mark": b"\xef\xbb\xbf# Ours\n",
    "not UTF-8": b"# Ours \xff\xfe\n",
}


@pytest.mark.parametrize("content", BLOCKS.values(), ids=BLOCKS)
def test_the_block_stands_below_what_people_wrote_and_they_go_on_above_and_below(grown, content):
    if content is not None:
        grown.write(FILE, content)
    does(grown, "declare", TEXT)
    first = grown.read(FILE)
    assert first.startswith(content or b"<!-- idse:begin")
    assert first.count(b"idse:begin") == first.count(b"idse:end") == 1
    below = b"\r\nBelow.\r\nno break" if b"\r" in first else b"\nBelow.\nno break"
    grown.write(FILE, b"Above.\n" + first + below if content else first + below)
    does(grown, "promote", CLAIM)
    after = grown.read(FILE)
    assert after.startswith((b"Above.\n" if content else b"") + (content or b""))
    assert after.endswith(below)
    assert b"### Promoted" in after
    assert (b"\r\n" in after) == (b"\r" in first)


def test_a_block_that_was_edited_by_hand_is_said_and_left_until_forced(grown, unchanged):
    does(grown, "declare", TEXT)
    edited = grown.read(FILE).replace(b"whole cents", b"floats") + b"\nMine.\n"
    grown.write(FILE, edited)
    done = does(grown, "promote", CLAIM)
    assert "warning: " in done.stderr
    assert "edited by hand" in done.stderr
    assert grown.read(FILE) == edited
    with unchanged(grown):
        told = does(grown, "claims", "--write", code=3).stderr
        assert told.startswith("error[IDSE056]: the claims were not written\n")
        does(grown, "claims", "--write", "--force", "--dry-run")
        assert "edited by hand" in does(grown, "verify").stderr
    does(grown, "claims", "--write", "--force")
    assert b"floats" not in grown.read(FILE)
    assert grown.read(FILE).endswith(b"\nMine.\n")
    assert "up to date" in does(grown, "claims", "--write").stderr


@pytest.mark.parametrize("how", ["two blocks", "no end", "conflict"])
def test_markers_that_are_no_pair_are_named_by_line_and_never_written_over(grown, unchanged, how):
    does(grown, "declare", TEXT)
    block = grown.read(FILE)
    broken = {
        "two blocks": block + block,
        "no end": block.replace(b"<!-- idse:end -->\n", b""),
        "conflict": b"<<<<<<< a\nMine.\n" + block + b"=======\n" + block + b">>>>>>> b\n",
    }[how]
    grown.write(FILE, broken)
    with unchanged(grown):
        for force in ([], ["--force"]):
            told = does(grown, "claims", "--write", *force, code=3).stderr
            assert f"  --> {FILE}:" in told
    does(grown, "promote", CLAIM)
    assert grown.read(FILE) == broken


def test_two_branches_with_claims_of_their_own_merge_and_the_next_command_settles_the_block(grown):
    grown.write(FILE, "# Ours\n\nWords.\n\nMore of them.\n")
    does(grown, "declare", TEXT)
    grown.commit("begin")
    grown.git("switch", "-q", "-c", "other")
    does(grown, "declare", "Dates are kept in universal time")
    grown.commit("dates")
    grown.git("switch", "-q", "main")
    does(grown, "promote", CLAIM)
    grown.commit("promoted")
    assert grown.run("git", "merge", "-q", "other").returncode == 1
    assert grown.read(FILE).count(b"<<<<<<<") > 0
    does(grown, "claims", "--write")
    merged = grown.read(FILE)
    assert merged.startswith(b"# Ours\n\nWords.\n\nMore of them.\n\n<!-- idse:begin")
    assert (merged.count(b"idse:begin"), merged.count(b"<<<<<<<")) == (1, 0)
    grown.git("add", FILE)
    grown.git("commit", "-q", "-m", "merged")
    assert "up to date" in does(grown, "claims", "--write").stderr


def test_a_hand_edited_block_is_a_warning_of_the_rules_and_commits_still_pass(grown):
    does(grown, "declare", TEXT)
    grown.commit("claims")
    assert "IDSE706" not in grown.idse("validate", "--all").stdout
    grown.write(FILE, grown.read(FILE).replace(b"whole cents", b"floats"))
    found = grown.idse("validate", "--all", "--format", "concise").stdout
    assert f"{FILE}:1:1: warning[IDSE706] the block of claims was edited by hand in blueprint.md" in found
    grown.commit("by hand")


def test_the_file_travels_like_any_other_and_the_block_is_renewed_in_a_clone_of_it(grown):
    does(grown, "declare", TEXT)
    grown.commit("claims")
    assert grown.git("show", f"{REF}:artifacts/blueprint.md") == grown.read(FILE).decode().strip()
    grown.git("config", "core.autocrlf", "true")
    grown.git("rm", "-q", "--cached", FILE)
    grown.git("reset", "-q", "--hard")
    assert b"\r\n" in grown.read(FILE)
    does(grown, "promote", CLAIM)
    assert b"### Promoted" in grown.read(FILE)
    assert b"\n" not in grown.read(FILE).replace(b"\r\n", b"")


def test_a_branch_without_the_folder_keeps_its_claims_in_the_ledger(grown):
    grown.git("rm", "-rq", FOLDER)
    done = does(grown, "declare", TEXT)
    assert "does not carry the folder" in done.stderr
    assert not (grown.path / FOLDER).exists()
    assert data(grown, "claims")["claims"][0]["id"] == CLAIM


def test_the_text_of_a_claim_cannot_end_the_block_or_hide_what_follows(grown):
    for text in ("x <!-- idse:end --> keeps secrets", "y <!-- keeps more secrets", "z keeps --> all secrets"):
        does(grown, "declare", text)
    content = grown.read(FILE)
    assert content.count(b"\n<!--") == 1
    assert "up to date" in does(grown, "claims", "--write").stderr


# --- dry runs ---


def test_a_dry_run_says_the_same_and_writes_nothing(grown, unchanged):
    with unchanged(grown):
        assert f"would declare {CLAIM}" in does(grown, "declare", TEXT, "--dry-run").stderr
    does(grown, "declare", TEXT)
    with unchanged(grown):
        done = does(grown, "promote", CLAIM, "--dry-run")
        assert f"would promote {CLAIM}" in done.stderr
        assert "sessions   passed" in done.stdout
        assert f"would reinforce {CLAIM}" in does(grown, "reinforce", CLAIM, "--dry-run").stderr
        assert f"would demote {CLAIM}" in does(grown, "demote", CLAIM, "-m", "why", "--dry-run").stderr
        does(grown, "candidates")
        does(grown, "claims", "--all")
        does(grown, "verify")
