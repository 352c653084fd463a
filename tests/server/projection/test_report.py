"""The metrics of two clients whose ledgers are known to the second; in both engines."""

from __future__ import annotations

import pathlib
import re
import types

import pytest

from here import ledger_writer
from idse_orchestrator.server.model.metrics import (
    BY_NAME,
    METRICS,
    Measured,
    Values,
    is_met,
    measured,
    percentile,
    said,
    together,
)
from idse_orchestrator.server.projection.report import metric_lines, report
from idse_orchestrator.server.tenants.audit import AuditEntry
from pushes import GOOD, Clone

PAGE = pathlib.Path(__file__).parents[3] / "docs/reference/metrics-by-example.md"
START = 1_793_491_200  # 2026-11-01, 00:00 UTC
HOUR, DAY = 3600, 86_400


@pytest.fixture
def known(bed, repo, make_repo):
    """Two clients: one with a reopening, a waiver, a stale stage and refused pushes; one that migrated."""
    clock = types.SimpleNamespace(at=START)
    clone, web = Clone(repo), bed.add("shop/web")

    def by(agent=""):
        clone.writer = ledger_writer(clone.vault, agent, lambda: clock.at)

    by()
    clone.create_project()
    clock.at += 100
    clone.create()
    clone.stage("intent", "start")
    clock.at += HOUR
    clone.save(intent=GOOD["intent"])
    clone.stage("intent", "complete")
    clone.stage("context", "start")  # 3,700 s after the project began
    clock.at += 2 * HOUR
    clone.save(context=GOOD["context"])
    clone.stage("context", "complete")
    clock.at += HOUR
    clone.stage("context", "reopen")
    by("claude-code")
    clock.at += HOUR
    clone.stage("context", "complete")
    by()
    clock.at += DAY
    clone.save(intent=GOOD["intent"] + "More.\n")  # intent changed, context stale
    clone.waive("IDSE402")
    clone.create("idle")
    clone.create("wrong")
    clone.complete("intent", "# Nothing\n", session="wrong")
    bed.projector.follow(web, bed.push(clone, web))
    for outcome, rule in (("ok", ""), ("refused", "IDSE301"), ("refused", "busy"), ("failed", "")):
        bed.admin.audit.write(AuditEntry(web.client_id, "push", "k1", "web", outcome=outcome, rule=rule))
    other, mine = Clone(make_repo("other")), bed.add("mill/web")
    other.writer = ledger_writer(other.vault, "", lambda: clock.at)
    other.create()
    other.append("login", "migrated", {"source": "x", "stages": {}})
    bed.projector.follow(mine, bed.push(other, mine))
    bed.catch_up()
    return types.SimpleNamespace(bed=bed, web=web, mine=mine, clock=clock)


def found(known, repository=None, since=""):
    lines = metric_lines(known.bed.store, (repository or known.web).client_id, since)
    return {(line.metric.name, line.part): line.found for line in lines}


def test_every_metric_of_the_first_client(known):
    lines = found(known)
    assert lines["init_seconds", ""] == Measured(1, 3700, 3700)
    assert lines["lead_seconds", "intent"] == Measured(2, 1800, 3240)  # an hour, and no time
    assert lines["lead_seconds", "context"] == Measured(1, 4 * HOUR, 4 * HOUR)
    assert lines["first_try", ""] == Measured(3, 2 / 3)
    assert lines["first_try", "context"] == Measured(1, 0)
    assert lines["reopens", "context"] == Measured(1, 1)
    assert lines["stale", ""] == Measured(2, 2)
    assert lines["passing", ""].value == pytest.approx(1 / 3)  # idle
    assert lines["compliant", ""].value == pytest.approx(1 / 3)
    assert lines["migrated", ""] == Measured(3, 0)
    assert lines["completed_by", "people"] == Measured(2, 3)
    assert lines["completed_by", "claude-code"] == Measured(1, 1)
    assert lines["reopened_of", "people"] == Measured(1, 1)
    assert ("reopened_of", "claude-code") not in lines
    assert lines["push", ""] == Measured(4, 0.5)
    assert lines["aligned", ""] == lines["feedback_seconds", ""] == Measured(0, None)
    assert lines["gate_failures", ""].value > 0
    assert lines["waived", "IDSE402"] == Measured(1, 1)


def test_the_second_client_migrated_and_nothing_of_the_first_is_seen(known):
    lines = found(known, known.mine)
    assert lines["migrated", ""] == Measured(1, 1)
    assert lines["push", ""] == Measured(1, 1)
    assert lines["lead_seconds", ""] == Measured(0, None)
    everything = report(known.bed.store)
    assert [each.client for each in everything.standings] == ["shop", "mill"]
    mine = report(known.bed.store, known.mine.client_id)
    assert {each.client for each in mine.standings} == {line.client for line in mine.lines} == {"mill"}
    shop = everything.standings[0]
    assert (shop.repositories, shop.sessions, shop.blocked, shop.waived) == (1, 3, 2, 1)
    assert shop.audit_hash == known.bed.admin.audit.heads()[known.web.client_id][1]


def test_the_docs_show_these_figures(known, request):
    text = PAGE.read_text(encoding="utf-8")
    shop, mill = found(known), found(known, known.mine)
    lines = ["| metric | of | shop | mill |", "|---|---|---:|---:|"]
    for metric in METRICS:
        for part in dict.fromkeys(part for name, part in (*shop, *mill) if name == metric.name):
            told = [said(metric, each[metric.name, part].value) if (metric.name, part) in each else ""
                    for each in (shop, mill)]  # fmt: skip
            lines.append(f"| {'' if part else metric.title} | {part} | {told[0]} | {told[1]} |")
    wanted = "\n".join(lines)
    shown = re.search(r"(?s)<!-- figures:.*?-->\n\n(\|.*?\|\n\n)?", text)
    if request.config.getoption("--update-console"):
        PAGE.write_text(text.replace(shown[0], f"{shown[0].partition('-->')[0]}-->\n\n{wanted}\n\n"), "utf-8")
    else:
        assert (shown[1] or "").strip() == wanted


def test_since_leaves_out_what_ended_before(known):
    lines = found(known, since="2026-11-02")
    assert lines["init_seconds", ""] == Measured(0, None)
    assert lines["lead_seconds", "intent"].rows == 1
    assert lines["passing", ""].rows == 3


def test_a_span_about_which_clocks_disagree_is_marked(known):
    bed, client = known.bed, known.web.client_id
    with bed.store.writing(client) as writing:
        for action, seen in (("start", "2026-11-01T01:00:00Z"), ("complete", "2026-11-09T00:00:00Z")):
            writing.run(
                "UPDATE events SET seen_at = :seen WHERE stage = 'context' AND action = :action",
                seen=seen,
                action=action,
            )
    lines = found(known)
    assert lines["lead_seconds", "context"].doubtful == 1
    assert lines["lead_seconds", "intent"].doubtful == 0


def test_an_implementation_is_aligned_while_its_spec_is_what_it_was_built_on(bed, web, clone):
    clock = types.SimpleNamespace(at=START)
    clone.writer = ledger_writer(clone.vault, "", lambda: clock.at)
    clone.create()
    for stage in ("intent", "context", "spec", "plan", "tasks", "implementation"):
        clone.complete(stage)
    clock.at += HOUR
    clone.save(feedback="# Feedback\n\nGood.\n")
    bed.projector.follow(web, bed.push(clone, web))

    def one(name):
        lines = metric_lines(bed.store, web.client_id)
        return next(line.found for line in lines if line.metric.name == name and not line.part)

    assert one("feedback_seconds") == Measured(1, HOUR, HOUR)
    assert one("aligned") == Measured(1, 1)
    assert one("documented") == Measured(7, 6 / 7)  # feedback is written, and not complete
    clone.save(tasks="# Tasks\n\n## Phase 0\n\n- [ ] Task 0.1 – one\n")
    bed.projector.follow(web, bed.push(clone, web))
    assert one("aligned").value == 0
    clone.save(tasks="# x\n", spec="# Another\n")
    bed.projector.follow(web, bed.push(clone, web))
    assert one("aligned").value == 0


def test_numbers():
    assert [percentile([1, 2, 3, 4], share) for share in (0, 0.5, 0.9, 1)] == [1, 2.5, pytest.approx(3.7), 4]
    share, span = BY_NAME["passing"], BY_NAME["init_seconds"]
    half, all_of = Values(4, 2), Values(1, 1)
    assert measured(share, together([half, all_of])).value == 0.6
    assert (is_met(share, measured(share, all_of)), is_met(share, measured(share, half))) == (True, False)
    on_time, late = Values(1, 0, (600,)), Values(1, 0, (601,), 1)
    assert (is_met(span, measured(span, on_time)), is_met(span, measured(span, late))) == (True, False)
    assert measured(span, together([on_time, late])) == Measured(2, 600.5, pytest.approx(600.9), 1)
    assert is_met(span, measured(span, Values(0, 0))) is is_met(BY_NAME["stale"], Measured(1, 1)) is None
    assert len(BY_NAME) == len(METRICS)
