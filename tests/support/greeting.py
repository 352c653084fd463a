"""A small piece of work, whole: seven documents that keep every promise, and the code that they speak of."""

from __future__ import annotations

DOCUMENTS = {
    "intent.md": """# Intent: Greeting

## Goal

The tool greets its user by name.

## Problem / Opportunity

Three of five new users asked whether the tool had started at all.

## Stakeholders / Users

New users, who need a sign of life.

## Success Criteria (measurable)

- SC-1: of ten new users, none asks whether the tool has started.

## Constraints / Assumptions / Risks

The name is in the environment.

## Scope

In: a greeting. Out: translations.

## Time / Priority

This week, before the release.
""",
    "context.md": """# Context: Greeting

## Environment

A command of a terminal, for one person at a time.

## Stack

Python, standard library only.

## Constraints

No dependency is added.

## Risks & Unknowns

A name may hold control characters.
""",
    "spec.md": """# Spec: Greeting

## Overview

`greet` prints one line with the user's name. It serves SC-1.

## User Stories

As a new user, I want to be greeted, so that I know the tool runs.

## Functional Requirements

- FR-1: it must print "Hello, NAME" (SC-1).
- FR-2: without a name it must print "Hello".

## Non-Functional Requirements

- NFR-1: it prints within 100 ms.

## Acceptance Criteria

- AC-1: given a name, when greet runs, then "Hello, NAME" is printed (FR-1).
- AC-2: given no name, when greet runs, then "Hello" is printed (FR-2).

## Assumptions / Constraints / Dependencies

None: it stands alone.

## Open Questions

None.
""",
    "plan.md": """# Plan: Greeting

## Product Overview

One function, and its test.

## Architecture Summary

A module without state.

## Components

`src/greet.py`.

## Data Model

A name, as text.

## API Contracts

`greeting(name: str) -> str`

## Test Strategy

Both criteria as tests, before the function.

## Phases

Test, function, words for users.
""",
    "tasks.md": """# Tasks: Greeting

## Phase 0 – Foundations

- [x] Task 0.1 – Write the tests (Files: tests/test_greet.py) (Acceptance: they fail)

## Phase 1 – Core Behavior

- [x] Task 1.1 – Write the function (Deps: 0.1) (Files: src/greet.py) (Acceptance: AC-1, AC-2)

## Phase 2 – NFRs / Hardening

- [x] Task 2.1 – Tell users (Deps: 1.1) (Files: docs/) (Acceptance: it is read)
""",
    "implementation/README.md": """# Implementation: Greeting

## Architecture

One module, `src/greet.py`.

## What Was Built

The function and its tests.

## Validation Reports

| criterion | how | result |
|---|---|---|
| AC-1 | tests/test_greet.py::test_name | passed |
| AC-2 | tests/test_greet.py::test_nobody | passed |

## Deviations from Plan

None.

## Component Impact Report

None: nothing else uses it.
""",
    "feedback/feedback.md": """# Feedback: Greeting

## External / Internal Feedback

Two users saw it and asked no more.

## Impacted Artifacts

None: nothing that was learned changes a document.

## Risks / Issues Raised

None so far.

## Actions / Follow-ups

None.

## Decision Log

The greeting stays in English.
""",
}
"""Path in a session's folder to text."""

CODE = {
    "src/greet.py": 'def greeting(name):\n    return f"Hello, {name}" if name else "Hello"\n',
    "tests/test_greet.py": "from greet import greeting\n\n\ndef test_name():\n    assert greeting('a')\n",
    "docs/greet.md": "It greets you.\n",
}
"""Path in the repository to text."""
