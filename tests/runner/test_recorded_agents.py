"""What the real programs printed (recorded by tests/agents_live), and bad lines, through the adapters."""

from __future__ import annotations

import json
import pathlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idse_orchestrator.errors import UnknownNameError
from idse_orchestrator.runner.agents.adapter import (
    ACTED,
    AUTH,
    BUDGET,
    DENIED,
    DONE,
    ERROR,
    FAILED,
    FINAL,
    KILLED,
    LIMIT,
    LIMITED,
    LOGIN,
    NO_FINAL,
    REFUSED,
    Ended,
    Event,
    Order,
    Seen,
    Usage,
    fold,
    judged,
)
from idse_orchestrator.runner.agents.claude import ClaudeAgent
from idse_orchestrator.runner.agents.codex import CodexAgent
from idse_orchestrator.runner.agents.gemini import GeminiAgent
from idse_orchestrator.runner.agents.generic import GenericAgent
from idse_orchestrator.runner.agents.lines import trouble
from idse_orchestrator.runner.agents.settings import KNOWN, AgentSettings

RECORDED = pathlib.Path(__file__).parents[1] / "agents_live" / "recorded"
INDEX = json.loads((RECORDED / "index.json").read_text())
AGENTS = {name: made(KNOWN[name]) for name, made in (
    ("claude", ClaudeAgent), ("codex", CodexAgent), ("gemini", GeminiAgent)
)}  # fmt: skip
ORDER = Order("portal", "login", "T001", 1, "text", "prompt", "/w", "/h", "/o", "/t")
OUTCOMES = {
    "claude": {"done": DONE, "phantom": FAILED, "denied": REFUSED, "limited": LIMITED, "auth": AUTH,
               "nologin": AUTH, "over": BUDGET, "hang": KILLED},
    "codex": {"done": DONE, "phantom": FAILED, "denied": FAILED, "limited": LIMITED, "auth": AUTH,
              "nologin": AUTH, "hang": KILLED},
    "gemini": {"done": DONE, "phantom": FAILED, "denied": REFUSED, "limited": LIMITED, "auth": AUTH,
               "nologin": AUTH, "hang": KILLED},
}  # fmt: skip


def seen_of(agent, mode):
    seen = Seen()
    for line in (RECORDED / f"{agent}-{mode}.jsonl").read_bytes().splitlines():
        event = AGENTS[agent].parse(line)
        seen = fold(seen, event) if event else seen
    return seen


def test_all_that_was_recorded_is_tried_here():
    assert {agent: set(found["ends"]) for agent, found in INDEX.items()} == {
        agent: set(modes) for agent, modes in OUTCOMES.items()
    }


@pytest.mark.parametrize(("agent", "mode"), [(a, m) for a, modes in OUTCOMES.items() for m in modes])
def test_a_recorded_end_is_judged_as_it_was(agent, mode):
    code, why = INDEX[agent]["ends"][mode]
    assert AGENTS[agent].finish(seen_of(agent, mode), Ended(code, why)).kind == OUTCOMES[agent][mode]


@pytest.mark.parametrize("agent", AGENTS)
def test_only_who_was_seen_to_act_is_done(agent):
    """Whatever the exit code: a phantom, a denied tool and an interrupt that exits with 0 are never done."""
    for mode in OUTCOMES[agent]:
        if mode != "done":
            assert AGENTS[agent].finish(seen_of(agent, mode), Ended(0)).kind != DONE, mode


@pytest.mark.parametrize(
    ("agent", "usage", "cost"),
    [
        # Two requests of 12 + 1,000 + 100; its input excludes the cache.
        ("claude", Usage(24, 2_000, 200, 80), 0.00437),
        # Two requests of 1,112, of which 1,000 were in the cache.
        ("codex", Usage(224, 2_000, 0, 80, 16), None),
        # The same, and 8 thought tokens beside 32 each.
        ("gemini", Usage(224, 2_000, 0, 80, 16), None),
    ],
)
def test_usage_means_the_same_of_every_program(agent, usage, cost):
    seen = seen_of(agent, "done")
    assert seen.usage == usage
    assert seen.cost_usd == cost
    assert seen.resume


def test_the_model_that_answered_is_told_without_the_size_of_its_window():
    assert seen_of("claude", "done").model == "claude-opus-4-8"
    assert seen_of("gemini", "done").model == "gemini-fake"


def test_a_limit_tells_how_long_to_wait():
    assert seen_of("claude", "limited").retry_after_s == 7


def test_nothing_of_the_machine_is_in_what_was_recorded():
    for path in RECORDED.iterdir():
        text = path.read_text()
        assert "pytest" not in text, path
        assert "sk-dummy" not in text, path


@pytest.mark.parametrize("agent", AGENTS)
@settings(deadline=None)
@given(
    line=st.one_of(
        st.binary(max_size=80),
        st.recursive(
            st.none() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "subtype", "item", "message", "usage", "modelUsage", "stats",
                                 "result", "content", "error", "status", "total_cost_usd", "models",
                                 "input_tokens"]),
                st.sampled_from(["result", "system", "api_retry", "user", "turn.completed", "item.completed",
                                 "tool_result", "error", "assistant"]) | inner, max_size=6),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    )
)  # fmt: skip
def test_no_line_breaks_a_reader(agent, line):
    found = AGENTS[agent].parse(line)
    if found is not None:
        seen = fold(Seen(), found)
        assert seen.usage is None or min(seen.usage) >= 0


def test_unknown_keys_and_kinds_are_passed_over():
    line = b'{"type":"turn.completed","new":[1],"usage":{"input_tokens":5,"galaxy":{"brain":1}}}'
    assert AGENTS["codex"].parse(line) == Event(FINAL, usage=Usage(5))
    assert AGENTS["codex"].parse(b'{"type":"turn.imagined"}') is None
    assert AGENTS["claude"].parse(b'{"type":"result"}').kind == ERROR
    assert AGENTS["claude"].parse(b'{"a":' * 100_000) is None


def test_totals_that_fall_after_a_resume_do_not_count():
    seen = fold(
        fold(Seen(), Event(FINAL, usage=Usage(100, output=9))), Event(FINAL, usage=Usage(90, output=20))
    )
    assert seen.usage == Usage(100, output=20)


@pytest.mark.parametrize(
    ("seen", "ended", "kind"),
    [
        (Seen(), Ended(0), NO_FINAL),
        (Seen(acts=1), Ended(0), NO_FINAL),
        (Seen(final=True), Ended(0), FAILED),
        (Seen(final=True, acts=1), Ended(0), DONE),
        (Seen(final=True, acts=1), Ended(3), FAILED),
        (Seen(final=True, acts=1, denied=1), Ended(0), REFUSED),
        (Seen(final=True, acts=1, limit=True), Ended(0), DONE),
        (Seen(final=True, acts=1), Ended(0, "stopped"), KILLED),
        (Seen(final=True, acts=1, over=True), Ended(0), BUDGET),
        (Seen(error="boom", acts=1), Ended(0), FAILED),
    ],
)
def test_only_a_last_word_without_a_but_is_done(seen, ended, kind):
    assert judged(seen, ended).kind == kind


@pytest.mark.parametrize(
    ("text", "kind", "seconds"),
    [
        ("exceeded retry limit, last status: 429 Too Many Requests", LIMIT, None),
        ("You've hit your limit · resets 4am", LIMIT, None),
        ("Rate limit reached. Please try again in 1.5s", LIMIT, 1.5),
        ("Suggested retry after 7s.. Retrying after 7512ms...", ERROR, None),
        ("quota exceeded; retry after 300ms", LIMIT, 0.3),
        ("rate limit; try again in ...s", LIMIT, None),
        ("401 Unauthorized", LOGIN, None),
        ("the file has 4290 lines", ERROR, None),
    ],
)
def test_what_an_error_says_is_read(text, kind, seconds):
    found = trouble(text)
    assert (found.kind, found.retry_after_s) == (kind, seconds)


# --- how programs are started


def test_a_prompt_is_never_on_a_command_line():
    for agent in AGENTS.values():
        plan = agent.plan(ORDER._replace(prompt="--dangerous prompt"))
        assert plan.stdin == b"--dangerous prompt"
        assert not [word for word in plan.argv if "dangerous prompt" in word]


def test_what_a_branch_brings_is_off_unless_it_is_trusted():
    assert "--strict-mcp-config" in AGENTS["claude"].plan(ORDER).argv
    assert "--ignore-user-config" in AGENTS["codex"].plan(ORDER).argv
    assert "--skip-trust" in AGENTS["gemini"].plan(ORDER).argv
    trusted = ORDER._replace(trust_project=True)
    assert "--strict-mcp-config" not in AGENTS["claude"].plan(trusted).argv
    assert "--trust" in AGENTS["codex"].plan(trusted).argv
    assert AGENTS["gemini"].plan(trusted).env["GEMINI_CLI_TRUST_WORKSPACE"] == "true"


def test_only_under_a_sandbox_of_ours_is_everything_allowed():
    free = {"bypassPermissions", "danger-full-access", "yolo"}
    for agent in AGENTS.values():
        assert not free & set(agent.plan(ORDER).argv)
        assert free & set(agent.plan(ORDER._replace(sandboxed=True)).argv)


def test_a_task_chooses_among_the_models_that_the_user_wrote_down():
    own = KNOWN["claude"]._replace(model="claude-opus-5", models={"small": "claude-haiku-5-5"})
    argv = ClaudeAgent(own).plan(ORDER._replace(model="small", cap_usd=0.5)).argv
    assert argv[argv.index("--model") + 1] == "claude-haiku-5-5"
    assert argv[argv.index("--max-budget-usd") + 1] == "0.500000"
    assert ClaudeAgent(own).plan(ORDER).model == "claude-opus-5"
    with pytest.raises(UnknownNameError) as caught:
        ClaudeAgent(own).plan(ORDER._replace(model="--settings=evil.json"))
    assert caught.value.cause == "a task may name: default, small"


def test_a_generic_agent_fills_its_template_word_by_word_and_no_shell_reads_it():
    own = AgentSettings(
        "mine",
        "generic",
        argv=("mine", "--in={workspace}", "--model={model}", "{cap_usd}", "{task}-{attempt}", "{nothing}"),
        format="codex",
    )
    agent = GenericAgent(own)
    hostile = ORDER._replace(task="{workspace};rm -rf /")
    assert agent.plan(hostile).argv == ("mine", "--in=/w", "{workspace};rm -rf /-1", "{nothing}")
    assert agent.parse(b'{"type":"turn.completed"}').kind == FINAL
    assert agent.finish(Seen(final=True, acts=1), Ended(0)).kind == DONE
    assert GenericAgent(own._replace(format="")).parse(b'{"type":"turn.completed"}') is None
    assert GenericAgent(own._replace(format="")).finish(Seen(), Ended(1)).kind == FAILED


def test_tools_that_gemini_does_not_allow_are_denied_ones():
    line = b'{"type":"tool_result","status":"error","error":{"type":"policy_violation","message":"no"}}'
    assert AGENTS["gemini"].parse(line).kind == DENIED
    assert AGENTS["gemini"].parse(b'{"type":"tool_result","status":"success"}').kind == ACTED
