"""Feedback that says a claim does not hold: where it says so in one of the ways that are written down."""

from __future__ import annotations

import pytest

from idse_orchestrator.claims.statements import HEADINGS, LABELS, contradictions, denials_of

ID, TEXT = "c-0123456789", "Amounts of money are whole cents"


def lines(feedback):
    return [found.line for found in contradictions(ID, TEXT, "pay", denials_of(feedback.encode()))]


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize(
    "item", [ID, ID.upper(), f"`{ID}` fails", TEXT, "money amounts are whole cents: no!"]
)
def test_an_item_under_such_a_heading_that_names_the_claim_contradicts(heading, item):
    assert lines(f"# Feedback\n\n## 3. {heading.upper()} of claims\n\n- {item}\n") == [5]


@pytest.mark.parametrize("label", LABELS)
def test_an_item_with_such_a_label_contradicts_under_any_heading(label):
    assert lines(f"## Decision Log\n\n- {label}: {TEXT}\n- **{label.title()}** {ID} since then\n") == [3, 4]


@pytest.mark.parametrize(
    "feedback",
    [
        f"## Contradictions\n\n{TEXT}\n",
        f"## Contradictions\n\n- [x] {TEXT}\n",
        f"## Contradictions\n\n- ~~{ID}~~ settled\n",
        "## Contradictions\n\n- Dates are universal time\n- None\n- c-9876543210\n",
        f"## Decision Log\n\n- {TEXT}\n- We rejected nothing of: {ID}\n",
        f"## Contradictions\n\n> - {TEXT}\n\n```\n- {TEXT}\n```\n",
        f"## Rejecting\n\n- {TEXT}\n",
        "",
    ],
)
def test_anything_else_does_not(feedback):
    assert lines(feedback) == []
