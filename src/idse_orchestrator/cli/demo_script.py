"""The demo as data: what is said, what is typed, and whether it must succeed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_FOLDER = ".idse/projects/portal/sessions/__blueprint__"
_INTENT = f"{_FOLDER}/intent.md"
_CONTEXT = f"{_FOLDER}/context.md"
_SPEC = f"{_FOLDER}/spec.md"

_WRITTEN = """\
# Intent: a customer portal

## Goal
Customers see their invoices without calling us.

## Problem / Opportunity
Four hundred calls a month ask for a copy of an invoice. Each takes six minutes.

## Stakeholders / Users
Customers with an account, the support team, accounting.

## Success Criteria
- Calls for copies fall below forty a month within a quarter.
- Nine in ten customers find an invoice in under a minute.

## Constraints / Assumptions / Risks
Invoices stay in the accounting system; the portal only shows them.

## Scope
In: search, view, download. Out: payment.

## Time / Priority
First release by the end of March.
"""

_BROKEN = _WRITTEN.replace("the end of March", "[REQUIRES INPUT]")
_REPAIRED = _WRITTEN.replace("the end of March", "the end of May")

_KNOWN = """\
# Context: a customer portal

The accounting system has an interface that lists the invoices of a customer.
"""

_WANTED = """\
# Spec: a customer portal

Whoever is logged in sees a list of invoices, the newest first.
"""


class Step(NamedTuple):
    """`says` introduces the step, `shown` is typed.

    Instead of running it, `writes` are files that are written, and `enters` is the folder in which it and
    all that follows take place.
    """

    shown: str
    says: str = ""
    succeeds: bool = True
    writes: Mapping[str, str] = {}
    enters: str = ""


STEPS = (
    Step(
        "git init --quiet && git config user.name You && git config user.email you@example.org",
        "A new repository.",
    ),
    Step("idse init portal", "Start a project: seven documents, a ledger under refs/idse/, git hooks."),
    Step("git add .idse && git commit --quiet -m 'Start the portal'", "Fresh templates may be committed."),
    Step("idse stage complete intent", "But nobody can call the intent complete yet.", succeeds=False),
    Step(f"$EDITOR {_INTENT}", "So somebody writes it.", writes={_INTENT: _WRITTEN}),
    Step("idse stage complete intent"),
    Step("git add .idse && git commit --quiet -m 'Write the intent'"),
    Step(
        f"$EDITOR {_INTENT}",
        "Later the deadline is taken out of the complete intent …",
        writes={_INTENT: _BROKEN},
    ),
    Step(
        "git add .idse && git commit -m 'Forget the deadline'", "… and the commit is blocked.", succeeds=False
    ),
    Step("idse stage reopen intent -m 'The deadline moved'", "The repair: reopen the stage and say why."),
    Step(f"$EDITOR {_INTENT}", writes={_INTENT: _REPAIRED}),
    Step("idse stage complete intent"),
    Step("git add .idse && git commit --quiet -m 'Move the deadline'"),
    Step("idse status", "Where do we stand?"),
    Step("idse log", "Who moved which stage, and when?"),
    Step("git log -1", "The commit itself knows where it belongs: git shows idse's note on it."),
    Step("git log --oneline refs/idse/sessions/portal/__blueprint__", "And all of it is plain git."),
    Step(
        "git init --quiet --bare ../agency.git && idse sync setup --quiet ../agency.git",
        "Others take part: the Agency is any git repository, here an empty one.",
    ),
    Step("idse sync push"),
    Step(
        "git clone --quiet -c user.name=You -c user.email=you@example.org . ../laptop",
        "A second clone.",
    ),
    Step("cd ../laptop", enters="../laptop"),
    Step("idse init --agency ../agency.git"),
    Step(f"$EDITOR {_CONTEXT}", "One document is written there …", writes={_CONTEXT: _KNOWN}),
    Step("idse save -m 'What accounting offers'"),
    Step("idse sync push"),
    Step("cd ../portal", "… and another one here, at the same time.", enters="../portal"),
    Step(f"$EDITOR {_SPEC}", writes={_SPEC: _WANTED}),
    Step("idse save -m 'What customers see'"),
    Step("idse sync pull", "Both histories are joined: every clone makes the very same merge."),
    Step("idse log --graph --oneline -n 4"),
    Step("idse sync push"),
    Step("idse sync status", "Nothing is left to send, and nothing to bring."),
)
