"""The block of claims: the same for everyone, and not one byte around it changes."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.claims.block import EDITED, block_body, written
from idse_orchestrator.claims.claim import DEMOTED, PROMOTED, Claim
from idse_orchestrator.documents.marked_block import BlockTrouble, find_block

ONE = Claim("c-0000000001", "Money is whole cents", "requirements", PROMOTED)
TWO = Claim("c-0000000002", "Dates are universal time")
MORE = Claim("c-0000000004", "Logs are kept for ninety days")
GONE = Claim("c-0000000003", "Nobody needs this", status=DEMOTED)

contents = st.one_of(st.none(), st.binary(max_size=80), st.text(max_size=80).map(str.encode))
claims = st.dictionaries(st.sampled_from(["1", "2", "3"]), st.sampled_from([ONE, TWO, GONE]), min_size=1)


def known(*those):
    return {claim.id: claim for claim in those}


def test_promoted_claims_come_first_and_demoted_ones_are_history():
    assert block_body([GONE, TWO, ONE]).decode().split("\n")[4:] == [
        "### Promoted",
        "",
        "- Money is whole cents (`c-0000000001`, requirements)",
        "",
        "### Declared, not promoted yet",
        "",
        "- Dates are universal time (`c-0000000002`)",
        "",
    ]
    assert "No claim is promoted." in block_body([GONE]).decode()


def test_the_order_in_which_claims_are_given_is_nothing():
    assert block_body([ONE, TWO, GONE]) == block_body([GONE, TWO, ONE])


def test_without_any_claim_nothing_is_written():
    assert written(None, {}, force=False) == b""
    assert written(b"text", {}, force=False) == b"text"


@given(contents, contents, claims, claims)
def test_what_stands_before_and_behind_stays_to_the_byte(content, behind, first, second):
    made = written(content, first, force=False)
    if isinstance(made, BlockTrouble):
        return
    assert isinstance(made, bytes)
    assert made.startswith(content or b"")
    whole = made + (behind or b"")
    block = find_block(whole)
    if isinstance(block, BlockTrouble):
        return
    again = written(whole, second, force=False)
    assert isinstance(again, bytes)
    assert again[: block.start] == whole[: block.start]
    assert again.endswith(whole[block.end :])
    assert find_block(again).body == block_body(second.values())
    assert written(again, second, force=False) == again


def test_an_edit_inside_is_noticed_and_one_outside_is_not():
    made = written(b"# Ours\n", known(ONE), force=False)
    outside = made.replace(b"# Ours", b"# Ours, edited") + b"\nBelow.\n"
    assert isinstance(written(outside, known(ONE, TWO), force=False), bytes)
    inside = made.replace(b"whole", b"half")
    assert written(inside, known(ONE), force=False) == EDITED
    assert written(inside, known(ONE), force=True) == made


def merged(tmp_path, *texts, style="merge"):
    """What git makes of two sides and their base."""
    names = ["base", "ours", "theirs"]
    for name, text in zip(names, texts, strict=True):
        (tmp_path / name).write_bytes(text)
    command = ["git", "-c", f"merge.conflictStyle={style}", "merge-file", "-p", "ours", "base", "theirs"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).stdout


@pytest.mark.parametrize("style", ["merge", "diff3"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_a_merge_conflict_in_nothing_but_the_block_is_settled(tmp_path, style, ends):
    around = b"# Ours" + ends + b"Words." + ends
    base = written(around, known(TWO), force=False) + b"Below." + ends
    one, other = written(base, known(ONE), force=False), written(base, known(ONE, TWO), force=False)
    conflict = merged(tmp_path, base, one, other, style=style)
    assert b"<<<<<<< ours" in conflict
    assert isinstance(written(conflict, known(TWO), force=False), BlockTrouble)  # ONE is nobody's claim
    gone = ONE._replace(status=DEMOTED)
    assert written(conflict, known(gone, TWO), force=False) == base


def test_a_conflict_that_was_merged_once_more_is_settled(tmp_path):
    base = written(b"# Ours\n\nWords.\n", known(TWO), force=False)
    one, other = written(base, known(TWO, ONE), force=False), written(base, known(TWO, MORE), force=False)
    settled = written(base, known(TWO, ONE, MORE), force=False)
    again = merged(tmp_path, one, merged(tmp_path, base, one, other), settled)  # a save from before the first
    assert b"<<<<<<< ours\n<<<<<<< ours\n" in again
    assert written(again, known(TWO, ONE, MORE), force=False) == settled


def test_a_conflict_with_words_of_somebody_is_named_as_one(tmp_path):
    base = written(b"# Ours\n", known(TWO), force=False)
    one, other = written(base, known(TWO, ONE), force=False), written(base, known(TWO, MORE), force=False)
    conflict = merged(tmp_path, base, one.replace(b"<!-- idse:begin", b"Mine.\n\n<!-- idse:begin"), other)
    left = written(conflict, known(TWO, ONE, MORE), force=True)
    assert (left.line, left.what) == (3, "the merge conflict that begins here has more in it than claims")
    both = conflict + b"<!-- idse:begin 1 0123456789ab new -->\n"
    assert "merge conflict" in written(both, known(TWO, ONE, MORE), force=True).what


def test_a_block_that_two_branches_added_each_is_one_after_the_conflict(tmp_path):
    one, other = (written(b"# Ours\n", known(each), force=False) for each in (ONE, TWO))
    conflict = merged(tmp_path, b"# Ours\n", one, other)
    both = written(b"# Ours\n", known(ONE, TWO), force=False)
    assert written(conflict, known(ONE, TWO), force=False) == both


def test_a_conflict_in_what_people_wrote_is_theirs_to_settle(tmp_path):
    base = written(b"# Ours\n\nOne.\n\nTwo.\n\nThree.\n", known(TWO), force=False)
    one, other = written(base, known(ONE), force=False), written(base, known(ONE, TWO), force=False)
    conflict = merged(tmp_path, base, b"mine " + one, b"theirs " + other)
    made = written(conflict, known(ONE, TWO), force=False)
    assert made.startswith(b"<<<<<<< ours\nmine # Ours\n=======\ntheirs # Ours\n>>>>>>> theirs\n")
    assert made.count(b"<<<<<<<") == made.count(b"idse:begin") == 1
    edited = merged(tmp_path, base, one.replace(b"whole", b"half"), other)
    assert isinstance(written(edited, known(ONE, TWO), force=True), BlockTrouble)


def test_a_claim_cannot_open_a_comment_that_hides_the_rest():
    body = block_body([Claim("c-0000000009", "Never <!-- hide, <b>ever</b>", status=PROMOTED)]).decode()
    assert "\\<!-- hide, <b>ever</b>" in body
