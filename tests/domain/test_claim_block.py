"""The block of claims: the same for everyone, and not one byte around it changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from idse_orchestrator.domain.claim import DEMOTED, PROMOTED, Claim
from idse_orchestrator.domain.claim_block import EDITED, block_body, written
from idse_orchestrator.domain.marked_block import BlockTrouble, find_block

ONE = Claim("c-0000000001", "Money is whole cents", "requirements", PROMOTED)
TWO = Claim("c-0000000002", "Dates are universal time")
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


def test_a_claim_cannot_open_a_comment_that_hides_the_rest():
    body = block_body([Claim("c-0000000009", "Never <!-- hide, <b>ever</b>", status=PROMOTED)]).decode()
    assert "\\<!-- hide, <b>ever</b>" in body
