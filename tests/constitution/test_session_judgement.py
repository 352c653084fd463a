"""Hits become findings by how far each stage has come."""

from __future__ import annotations

import pytest

from idse_orchestrator.constitution.session_judgement import Subject, judge_gate, judge_session
from idse_orchestrator.constitution.validation_engine import examine
from idse_orchestrator.documents.project_workspace import ARTIFACTS, REGULAR, STAGES, FileEntry, upstream_of
from idse_orchestrator.pipeline.stage_state_model import (
    COMPLETE,
    IN_PROGRESS,
    SessionState,
    StageRecord,
    Waiver,
)

TODAY = "2024-06-15"
FOLDER = ".idse/projects/portal/sessions/login"


class Session:
    """A session whose documents and stages a test sets; a document's blob is its content."""

    def __init__(self, constitution, document):
        self.constitution = constitution
        self.texts = {stage: document(stage) for stage in STAGES}
        self.state = SessionState("portal", "login")
        self.side_files = {}

    def completed(self, *stages):
        for stage in stages:
            ups = {up: self.texts.get(up, "") for up in upstream_of(stage)}
            record = StageRecord(COMPLETE, artifact=self.texts[stage], upstream=ups)
            self.state = self.state.with_stage(stage, record)
        return self

    def begun(self, stage):
        record = self.state.stages[stage]._replace(status=IN_PROGRESS)
        self.state = self.state.with_stage(stage, record)
        return self

    def judge(self, *, state=True, today=TODAY):
        subject, hits = self._seen(state=state)
        return judge_session(self.constitution, subject, hits, today)

    def gate(self, stage, today=TODAY):
        subject, hits = self._seen(state=True)
        return judge_gate(self.constitution, subject, hits, stage, today)

    def _seen(self, *, state):
        contents = {ARTIFACTS[stage]: text for stage, text in self.texts.items()} | self.side_files
        files = {path: FileEntry(REGULAR, text, len(text)) for path, text in contents.items()}
        hits = {
            path: examine(path, files[path], text.encode(), self.constitution)
            for path, text in contents.items()
        }
        return Subject("portal", "login", files, self.state if state else None), hits


@pytest.fixture
def session(constitution, document):
    return Session(constitution, document)


def told(findings):
    return [(finding.rule, finding.severity, finding.stage) for finding in findings]


def test_a_session_that_keeps_all_its_promises_has_no_finding(session):
    assert session.completed(*STAGES).judge() == ()


def test_the_same_marker_is_nothing_then_a_warning_then_an_error(session):
    session.texts["intent"] = session.texts["intent"].replace("The log.", "[REQUIRES INPUT]")
    assert told(session.judge()) == []
    assert told(session.begun("intent").judge()) == [("IDSE301", "warning", "intent")]
    (finding,) = session.completed("intent").judge()
    assert finding.blocks
    assert finding.path == f"{FOLDER}/intent.md"
    assert finding.message == "1 unresolved [REQUIRES INPUT] in intent.md (line 25)"
    assert (finding.line, finding.column) == (25, 1)
    assert (finding.hint, finding.fix) == ("Answer it", ('idse stage reopen intent -m "why"',))
    assert (finding.project, finding.session, finding.stage) == ("portal", "login", "intent")


def test_without_a_ledger_every_stage_counts_as_pending(session):
    session.texts["intent"] = "[REQUIRES INPUT]"
    session.completed("intent")
    assert session.judge(state=False) == ()


def test_what_is_never_allowed_blocks_without_a_ledger_too(session):
    session.side_files["notes.md"] = "<<<<<<< a\n=======\n>>>>>>> b\n"
    assert told(session.judge(state=False)) == [("IDSE106", "error", "")]


def test_an_artifact_that_changed_after_its_completion_blocks(session):
    session.completed("intent")
    session.texts["intent"] += "\nMore.\n"
    assert told(session.judge()) == [("IDSE402", "error", "intent")]


def test_a_stage_whose_upstream_was_reopened_and_edited_only_warns(session):
    session.completed("intent", "context").begun("intent")
    session.texts["intent"] += "\nMore.\n"
    found = session.judge()
    assert told(found) == [("IDSE401", "warning", "context"), ("IDSE403", "warning", "context")]
    assert found[0].message == "context is complete although intent is in progress"
    assert found[1].message == "context is stale: intent changed since it was completed"


def test_a_stage_that_began_before_the_one_before_it_was_complete_warns(session):
    assert told(session.begun("spec").judge()) == [("IDSE401", "warning", "spec")]


def test_a_stage_in_progress_is_not_to_be_reopened(session):
    session.texts["intent"] = session.texts["intent"].replace("The log.", "[REQUIRES INPUT]")
    session.begun("intent")
    (warned,) = session.judge()
    (blocked,) = session.gate("intent")
    assert (warned.severity, blocked.severity) == ("warning", "error")
    assert warned.fix == blocked.fix == ()


def test_the_fix_about_the_order_is_the_move_that_the_stage_before_can_make(session):
    def fix():
        found = [finding for finding in session.judge() if finding.rule == "IDSE401"]
        return found[-1].fix

    session.completed("intent").begun("spec")
    assert fix() == ("idse stage start context",)
    session.begun("context")
    assert fix() == ("idse stage complete context",)
    session.completed("context")
    session.texts["intent"] += "\nMore.\n"
    (told_at_gate,) = [finding for finding in session.gate("spec") if finding.rule == "IDSE401"]
    assert told_at_gate.fix == ('idse stage confirm context -m "why"', 'idse stage reopen context -m "why"')


def test_what_has_one_cause_is_one_finding(session):
    session.completed(*STAGES)
    session.texts["spec"] += "\nMore.\n"
    (changed,) = session.judge()
    assert (changed.rule, changed.severity) == ("IDSE402", "error")
    assert changed.message == (
        "spec.md changed after spec was completed; plan, tasks, implementation and feedback build on it"
    )
    assert changed.fix[1] == 'idse stage confirm spec --downstream -m "why"'
    session.completed("spec")
    (stale,) = session.judge()
    assert (stale.rule, stale.severity, stale.stage) == ("IDSE403", "warning", "plan")
    assert stale.message.endswith(
        "spec changed since it was completed, and so are tasks, implementation and feedback"
    )
    assert stale.fix[1] == 'idse stage confirm plan --downstream -m "why"'


def test_two_causes_are_two_findings(session):
    session.completed(*STAGES)
    session.texts["intent"] += "\nMore.\n"
    session.texts["plan"] += "\nMore.\n"
    assert [finding.stage for finding in session.judge()] == ["intent", "plan"]
    session.completed("intent", "context", "spec", "plan")
    assert [finding.stage for finding in session.judge()] == ["tasks"]


def test_what_is_stale_is_still_told_where_the_rule_about_the_change_is_waived(session):
    session.completed(*STAGES)
    session.texts["spec"] += "\nMore.\n"
    waiver = Waiver("IDSE402", "login", "why", None, "Ada", "01")
    session.state = session.state._replace(waivers=(waiver,))
    assert [finding.rule for finding in session.judge()] == ["IDSE403", "IDSE402"]


def test_a_missing_artifact_of_a_pending_stage_is_nothing(session):
    del session.texts["plan"]
    assert session.judge() == ()


def test_a_missing_artifact_of_a_stage_in_progress_warns_and_of_a_complete_one_blocks(session):
    session.completed("intent").begun("context")
    del session.texts["context"]
    assert told(session.judge()) == [("IDSE101", "warning", "context")]
    session.texts["context"] = "x"
    session.completed("context")
    del session.texts["context"]
    assert told(session.judge()) == [("IDSE101", "error", "context")]


def test_feedback_may_begin_while_the_implementation_is_in_progress(session):
    session.completed(*STAGES[:5]).begun("implementation").begun("feedback")
    assert session.judge() == ()
    assert told(session.gate("feedback")) == [("IDSE401", "error", "feedback")]


def test_open_tasks_block_an_implementation_that_is_called_complete(session):
    session.texts["tasks"] = session.texts["tasks"].replace("- [x] Task 1.1", "- [ ] Task 1.1")
    session.completed(*STAGES[:5]).begun("implementation")
    assert session.judge() == ()
    assert told(session.gate("implementation")) == [("IDSE606", "error", "implementation")]
    (finding,) = session.completed("implementation").judge()
    assert finding.path == f"{FOLDER}/tasks.md"
    assert finding.message == "1 of 3 tasks are not ticked, the first is 1.1"


def test_a_gate_that_holds_has_no_finding(session):
    for stage in STAGES:
        assert session.begun(stage).gate(stage) == ()
        session.completed(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_gate_refuses_a_document_that_is_empty(stage, session):
    session.completed(*upstream_of(stage)).begun(stage)
    session.texts[stage] = ""
    assert {finding.rule for finding in session.gate(stage)} >= {"IDSE201"}
    assert all(finding.blocks for finding in session.gate(stage))


def test_a_gate_refuses_a_document_that_is_not_there(session):
    session.begun("intent")
    del session.texts["intent"]
    assert told(session.gate("intent")) == [("IDSE101", "error", "intent")]


def test_a_gate_says_what_is_wrong_with_the_stage_before(session):
    session.completed("intent", "context").begun("spec")
    session.texts["context"] += "\nMore.\n"
    assert (
        session.gate("spec")[0].message == "spec is complete although context changed after it was completed"
    )
    session.completed("context")
    session.texts["intent"] += "\nMore.\n"
    assert session.gate("spec")[0].message == (
        "spec is complete although context is stale: intent changed since it was completed"
    )


def test_a_gate_does_not_speak_of_other_stages(session):
    session.completed("intent").begun("context")
    session.texts["plan"] = "<<<<<<< a\n=======\n>>>>>>> b\n"
    assert session.gate("context") == ()


def test_a_gate_can_be_asked_without_a_ledger(session):
    session.texts["intent"] = ""
    subject, hits = session._seen(state=False)
    assert judge_gate(session.constitution, subject, hits, "intent", TODAY)


@pytest.mark.parametrize(
    ("rule", "of", "expires", "waived"),
    [
        ("IDSE402", "login", None, True),
        ("IDSE402", "login", "2024-06-16", True),
        ("IDSE402", "login", "2024-06-15", True),
        ("IDSE402", "login", "2024-06-14", False),
        ("IDSE402", "other", None, False),
        ("IDSE301", "login", None, False),
    ],
)
def test_a_waiver_counts_for_its_rule_and_session_until_it_expires(rule, of, expires, waived, session):
    session.completed("intent")
    session.texts["intent"] += "\nMore.\n"
    session.state = session.state._replace(waivers=(Waiver(rule, of, "migrated", expires, "ana", "e1"),))
    (finding,) = session.judge()
    assert finding.severity == "error"
    assert (finding.waiver is not None) == waived
    assert finding.blocks != waived


def test_of_several_waivers_the_one_that_lasts_longest_is_shown(session):
    session.completed("intent")
    session.texts["intent"] += "\nMore.\n"
    waivers = [
        Waiver("IDSE402", "login", str(end), end, "ana", "e") for end in ("2024-07-01", None, "2025-01-01")
    ]
    session.state = session.state._replace(waivers=tuple(waivers))
    assert session.judge()[0].waiver == waivers[1]


def test_findings_are_ordered_by_place(session):
    session.texts = dict.fromkeys(STAGES, "[REQUIRES INPUT] {{ a }}")
    for stage in STAGES:
        session.begun(stage)
    found = session.judge()
    assert list(found) == sorted(found, key=lambda finding: finding.sort_key())
    assert len(found) > 20


def test_a_hit_of_a_rule_that_is_gone_is_left_out(session):
    subject, _ = session._seen(state=True)
    kept = examine("notes.md", FileEntry(REGULAR, "", 3), b"\xff\xff\xff", session.constitution)
    gone = tuple(hit._replace(rule="OLD001") for hit in kept)
    assert judge_session(session.constitution, subject, {"notes.md": gone}, TODAY) == ()
