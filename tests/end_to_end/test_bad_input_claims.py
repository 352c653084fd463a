"""What people and broken repositories can do to claims: it is told, and the repository stays as it was."""

from __future__ import annotations

import os
import zlib

import pytest

TEXT = "Amounts of money are kept as whole cents"
CLAIM = "c-8ae381618e"
FOLDER = ".idse/projects/portal/sessions/__blueprint__"
FILE = f"{FOLDER}/blueprint.md"
REF = "refs/idse/sessions/portal/__blueprint__"
BAD_TEXTS = {
    "empty": ("", "the text is empty"),
    "blank": (" \t ", "the text is empty"),
    "a terminal's escape": ("whole \x1b[31mcents", "character 7 of the text is a control character"),
    "a turn of the direction": ("cents \u202ewhole", "character 7 of the text is a control character"),
    "too long": ("whole cents " * 60, "the text has 719 characters"),
    "far too long": ("whole cents " * 9000, "the text has 108,000 characters"),
    "no words": ("... !!! ???", "'... !!! ???' has too few words to be found again"),
    "one word": ("the cents", "'the cents' has too few words to be found again"),
    "not UTF-8": ("whole \udcff cents", "the text is not UTF-8"),
}
NAMES = {
    "unknown": "c-0123456789",
    "too short": "c-1",
    "a path": "../../etc/passwd",
    "an option of git": "--output=x",
    "empty": "",
    "control characters": "c-\x1b[31m",
    "long": "c" * 100_000,
}


@pytest.mark.parametrize(("text", "told"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_a_text_that_cannot_be_a_claim_is_refused(begun, refused, text, told):
    assert told in refused(begun, "IDSE001", 2, "blueprint", "declare", "--", text)


def test_a_megabyte_from_standard_input_is_refused_and_not_read_to_its_end(begun, unchanged):
    with unchanged(begun):
        done = begun.idse("blueprint", "declare", "-", stdin="whole cents " * 90_000)
    assert done.returncode == 2
    assert "error[IDSE001]: the text has 8,192 characters" in done.stderr


def test_an_unknown_section_is_refused_with_those_that_exist(begun, refused):
    told = refused(begun, "IDSE006", 2, "blueprint", "declare", TEXT, "--section", "taste")
    assert "sections: requirements, constraints, decisions" in told


@pytest.mark.parametrize("command", [("promote",), ("reinforce",), ("demote", "-m", "why")])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_claim_that_does_not_exist_is_told_so(begun, refused, command, name):
    told = refused(begun, "IDSE006", 2, "blueprint", *command, "--", name)
    assert "there is no claim " in told
    assert "idse blueprint claims --all" in told
    assert len(told) < 600


def test_the_beginning_of_two_claims_is_ambiguous(begun, refused):
    ids = {}
    for number in range(2000):
        name = claim_id(f"amounts are number {number}")
        if ids.setdefault(name[:6], number) != number:
            break
    for each in (ids[name[:6]], number):
        assert begun.idse("blueprint", "declare", f"amounts are number {each}").returncode == 0
    told = refused(begun, "IDSE007", 2, "blueprint", "promote", name[:6])
    assert f"{name[:6]!r} fits 2 claims" in told
    assert f"amounts are number {number}" in told


def test_a_reason_of_blanks_is_none(begun, refused):
    begun.idse("blueprint", "declare", TEXT)
    assert "the reason is empty" in refused(begun, "IDSE001", 2, "blueprint", "demote", CLAIM, "-m", "  ")


def test_a_reason_may_hold_anything_and_forges_no_trailer(begun):
    begun.idse("blueprint", "declare", TEXT)
    reason = "\x1b[2Jbecause\nIdse-Claim: c-0000000000\n---\n\udcff"
    assert begun.idse("blueprint", "demote", CLAIM, "-m", reason).returncode == 0
    assert "\x1b" not in begun.idse("blueprint", "claims", "--all").stdout
    assert begun.git("log", "-1", "--format=%(trailers:key=Idse-Claim,valueonly)", REF) == CLAIM
    assert begun.idse("fsck").returncode == 0


def test_an_archived_blueprint_takes_no_claims_and_still_tells_them(begun, refused):
    begun.idse("blueprint", "declare", TEXT)
    begun.idse("session", "archive", "__blueprint__")
    for command in (("declare", "Two more words"), ("demote", CLAIM, "-m", "why"), ("reinforce", CLAIM)):
        told = refused(begun, "IDSE001", 2, "blueprint", *command)
        assert "the blueprint of portal is archived" in told
        assert "idse session archive __blueprint__ --undo" in told
    assert CLAIM in begun.idse("blueprint", "claims").stdout


@pytest.mark.parametrize(
    "command",
    [("declare", TEXT), ("candidates",), ("claims",), ("verify",), ("promote", CLAIM), ("claims", "--write")],
)
def test_a_project_without_a_blueprint_session_is_told_how_to_get_it(begun, refused, command):
    begun.git("update-ref", "-d", REF)
    told = refused(begun, "IDSE006", 2, "blueprint", *command)
    assert "project 'portal' has no blueprint session here" in told
    assert "idse sync pull" in told


def test_a_session_that_is_not_here_is_told(begun, refused):
    begun.idse("blueprint", "declare", TEXT)
    told = refused(begun, "IDSE006", 2, "blueprint", "reinforce", CLAIM, "--session", "elsewhere")
    assert "there is no session 'elsewhere' in project 'portal'" in told
    assert "idse session list" in told


# --- evidence that is gone or damaged ---


@pytest.fixture
def promoted(begun, ledgers_of):
    ledgers = ledgers_of(begun)
    ledgers.say("pay", "2026-01-01", spec=f"- {TEXT}\n")
    ledgers.say("search", "2026-01-14", plan=f"# Plan\n\n{TEXT}.\n")
    begun.idse("blueprint", "declare", TEXT)
    assert begun.idse("blueprint", "promote", CLAIM).returncode == 0
    return begun


def verified(repo):
    done = repo.idse("blueprint", "verify")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def loose(repo, name):
    return repo.path / ".git/objects" / name[:2] / name[2:]


def test_evidence_of_a_session_without_ledger_here_names_the_pull(promoted):
    promoted.git("update-ref", "-d", "refs/idse/sessions/portal/pay")
    told = verified(promoted)
    assert "evidence: 1 of 2 can be read (spec of pay: session pay has no ledger here)" in told
    promoted.idse("blueprint", "demote", CLAIM, "-m", "why")
    done = promoted.idse("blueprint", "promote", CLAIM, "-m", "why")
    assert done.returncode == 1
    assert "idse sync pull  # the ledger of pay bore it out and is not here" in done.stderr


def test_a_claim_whose_evidence_was_lost_can_be_promoted_on_other_evidence(promoted, ledgers_of):
    other = promoted.git("rev-parse", "refs/idse/sessions/portal/login")
    promoted.git("update-ref", "refs/idse/sessions/portal/pay", other)
    verified(promoted)
    assert promoted.idse("blueprint", "demote", CLAIM, "-m", "lost").returncode == 0
    ledgers_of(promoted).say("third", "2026-02-01", spec=f"- {TEXT}\n")
    assert promoted.idse("blueprint", "promote", CLAIM, "-m", "found").returncode == 0
    assert promoted.idse("blueprint", "verify").returncode == 0


def test_a_ledger_that_lost_the_commit_is_found(promoted):
    other = promoted.git("rev-parse", "refs/idse/sessions/portal/login")
    promoted.git("update-ref", "refs/idse/sessions/portal/pay", other)
    assert "is not in the ledger of pay" in verified(promoted)


def test_a_document_that_is_missing_is_found(promoted):
    blob = promoted.git("rev-parse", "refs/idse/sessions/portal/pay:artifacts/spec.md")
    loose(promoted, blob).unlink()
    assert f"document {blob[:10]} is missing or damaged" in verified(promoted)


@pytest.mark.parametrize("damage", ["cut", "other bytes", "empty"])
def test_a_document_that_is_damaged_is_found(promoted, damage):
    blob = promoted.git("rev-parse", "refs/idse/sessions/portal/pay:artifacts/spec.md")
    path = loose(promoted, blob)
    os.chmod(path, 0o644)
    text = f"- {TEXT}!\n".encode()
    path.write_bytes(
        {
            "cut": path.read_bytes()[:10],
            "other bytes": zlib.compress(b"blob %d\0" % len(text) + text),
            "empty": b"",
        }[damage]
    )
    assert f"document {blob[:10]} is missing or damaged" in verified(promoted)


def test_a_damaged_session_hides_no_other(promoted, ledgers_of):
    ledgers_of(promoted).say("third", "2026-02-01", spec="- Dates are kept in universal time\n")
    tree = promoted.git("rev-parse", "refs/idse/sessions/portal/third^{tree}")
    loose(promoted, tree).unlink()
    done = promoted.idse("blueprint", "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert promoted.idse("blueprint", "candidates").returncode == 0


def test_a_replaced_object_convinces_nobody(promoted):
    blob = promoted.git("rev-parse", "refs/idse/sessions/portal/pay:artifacts/spec.md")
    other = promoted.git("hash-object", "-w", "--stdin", stdin="# Nothing\n")
    promoted.git("replace", blob, other)
    assert promoted.idse("blueprint", "verify").returncode == 0


# --- blueprint.md ---


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "large"])
def test_what_is_no_document_is_left_and_the_claim_is_kept(begun, kind):
    path = begun.path / FILE
    outside = begun.path.parent / "outside.md"
    outside.write_text("outside\n", encoding="utf-8")
    if kind == "link":
        path.symlink_to(outside)
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(b"x" * 1_100_000)
    done = begun.idse("blueprint", "declare", TEXT)
    assert done.returncode == 0, done.stderr
    assert "was not written" in done.stderr
    assert outside.read_text(encoding="utf-8") == "outside\n"
    assert CLAIM in begun.idse("blueprint", "claims").stdout


def test_a_folder_that_leads_elsewhere_is_not_written_to(begun):
    outside = begun.path.parent / "outside"
    (begun.path / FOLDER).rename(outside)
    (begun.path / FOLDER).symlink_to(outside)
    assert "was not written" in begun.idse("blueprint", "declare", TEXT).stderr
    assert not (outside / "blueprint.md").exists()


def test_documents_that_no_parser_likes_are_read_all_the_same(begun, ledgers_of):
    ledgers = ledgers_of(begun)
    odd = {
        "deep": "> " * 3000 + "x\n" + "- " * 3000 + "x\n",
        "nul": b"a\0b",
        "bytes": b"\xff\xfe- " + TEXT.encode(),
        "ticks": "`" * 5000 + "\n" + "~~" * 5000 + "\n" + "<!--" * 3000,
        "long": f"- {TEXT} " + "and so on " * 90_000,
        "labels": "FR-1: " * 20_000,
    }
    for name, text in odd.items():
        ledgers.say(name, "2026-01-01", spec=text, feedback=text)
    begun.idse("blueprint", "declare", TEXT)
    assert begun.idse("blueprint", "promote", CLAIM).returncode == 1
    assert begun.idse("blueprint", "candidates").returncode == 0


def claim_id(text):
    from idse_orchestrator.claims.words import claim_id as named

    return named(text)
