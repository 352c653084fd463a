"""A path alone tells to which session of which layout a file belongs."""

from __future__ import annotations

import pytest

from idse_orchestrator.migrate.paths import Document, Place, ProjectFile, document_of, place_of, side_path


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("specs/projects/p/sessions/s/spec.md", Place("A", "p", "s", ("specs", "spec.md"))),
        ("specs/current/spec.md", Place("B", "", "", ("specs", "spec.md"))),
        ("specs/current", Place("B", "", "", ())),
        ("projects/p/sessions/s/specs/spec.md", Place("C", "p", "s", ("specs", "spec.md"))),
        ("projects/p/sessions/s/CLOSEOUT.md", Place("C", "p", "s", ("CLOSEOUT.md",))),
        (".idse/projects/p/sessions/s/specs/spec.md", Place("D", "p", "s", ("specs", "spec.md"))),
        (
            ".idse/projects/p/sessions/s/metadata/session.json",
            Place("D", "p", "s", ("metadata", "session.json")),
        ),
        (".idse/projects/p/sessions/s/spec.md", Place("G", "p", "s", ("spec.md",))),
        (
            ".idse/projects/p/sessions/s/feedback/feedback.md",
            Place("G", "p", "s", ("feedback", "feedback.md")),
        ),
        ("projects/p/s/specs/spec.md", Place("E", "p", "s", ("specs", "spec.md"))),
        ("projects/p/s/.owner", Place("E", "p", "s", (".owner",))),
        ("p:s/specs/spec.md", Place("F", "p", "s", ("specs", "spec.md"))),
        ("projects/p:s/specs/spec.md", Place("F", "p", "s", ("specs", "spec.md"))),
        ("projects/p/sessions/p:s/specs/spec.md", Place("F", "p", "s", ("specs", "spec.md"))),
        ("projects/p/sessions/x:s/specs/spec.md", Place("C", "p", "x:s", ("specs", "spec.md"))),
        ("CURRENT_SESSION", ProjectFile("CURRENT_SESSION", "")),
        ("projects/p/session_state.json", ProjectFile("session_state.json", "p")),
        (".idse/projects/p/agent_registry.json", ProjectFile("agent_registry.json", "p")),
        ("governance/agent_registry.json", ProjectFile("agent_registry.json", "")),
        ("projects/p/guardrails/specs/spec.md", None),
        ("projects/p/specs/spec.md", None),
        ("projects/p/README.md", None),
        ("projects/p/s/README.md", None),
        ("specs/spec.md", None),
        ("src/CURRENT_SESSION", None),
        ("README.md", None),
        (":/x", None),
    ],
)
def test_each_layout_is_told_by_its_paths(path, place):
    assert place_of(path) == place


@pytest.mark.parametrize(
    ("rest", "document"),
    [
        (("specs", "spec.md"), Document("spec", 0)),
        (("specs", "SPEC.md"), Document("spec", 1)),
        (("tasks", "task.md"), Document("tasks", 2)),
        (("implementation", "README.md"), Document("implementation", 0)),
        (("implementation", "implementation.md"), Document("implementation", 2)),
        (("spec.md",), Document("spec", 0)),
        (("README.md",), None),
        (("specs", "plan.md"), None),
        (("specs", "deep", "spec.md"), None),
        ((), None),
    ],
)
def test_a_document_is_told_by_its_folder_and_name(rest, document):
    assert document_of(rest) == document


def test_side_files_leave_the_folders_of_stages_that_are_none_any_more():
    assert side_path(("plans", "test-plan.md")) == ("test-plan.md",)
    assert side_path(("implementation", "log.md")) == ("implementation", "log.md")
    assert side_path(("metadata", "session.json")) == ("metadata", "session.json")
