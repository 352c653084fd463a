"""`idse run` with agents that print what real ones printed: outcomes, limits, budgets and what it cost."""

from __future__ import annotations

import csv
import io
import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from printing_agents import agent, set_up
from run_bed import KEY, begin_project, check_invariants, events_of, states_of

TWO = """\
- [ ] T001 [P] Write the tests (Files: tests/test_greet.py)
- [ ] T002 [P] Write the function (Files: src/greet.py)
"""


@pytest.fixture
def project(repo, once):
    """Two tasks that may run side by side."""
    once(repo, lambda: begin_project(repo, TWO))
    return repo


def run(repo, *words):
    return repo.idse("run", "--agents", "mine", *words)


def why(repo, task):
    return [each.get("why") for each in events_of(repo, task) if each.get("action") in ("fail", "release")]


def test_work_is_done_and_its_cost_stands_in_the_ledger(project):
    set_up(agents={"mine": agent("done", cost=0.25)})
    done = run(project)
    assert done.returncode == 0, done.stdout + done.stderr
    used = next(each for each in events_of(project, "T001") if each.get("action") == "finish")["usage"]
    assert used["cost_usd"] == 0.25
    assert (used["basis"], used["model"], used["cache_read"]) == ("reported", "claude-opus-4-8", 2_000)
    check_invariants(project)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("phantom", ["failed"] * 3),
        ("denied", ["refused"] * 3),
        ("hang", ["no-final"] * 3),
        ("over", ["budget"] * 3),
    ],
)
def test_what_only_says_that_it_is_done_is_never_done(project, mode, words):
    """Each exits with 0 or as it did, and has written the very files: still nothing is taken."""
    set_up(agents={"mine": agent(mode)})
    done = run(project, "--only", "T001")
    assert done.returncode == 1, done.stdout + done.stderr
    assert states_of(project)["T001"] == "failed"
    assert why(project, "T001") == words
    assert "accept" not in [each.get("action") for each in events_of(project, "T001")]


@pytest.mark.parametrize("mode", ["auth", "nologin"])
def test_who_is_not_logged_in_stops_and_nothing_counts_or_costs(project, mode):
    set_up(agents={"mine": agent(mode)}, budgets={"session": 5})
    done = run(project)
    assert done.returncode == 1
    assert "not logged in" in done.stdout
    assert set(states_of(project).values()) == {"ready"}
    assert sum(len(why(project, task)) for task in ("T001", "T002")) == 1, "the second was not tried"
    state = json.loads(project.git("show", f"refs/idse-local/tasks/{KEY}/T001:state.json"))
    assert (state.get("failures", 0), state.get("spent_usd", 0)) == (0, 0)


def test_a_limit_is_waited_for_and_counts_as_no_attempt(project):
    """The first call meets 429 with Retry-After: 7 and the account is frozen for all; then it goes well."""
    flag = project.path.parent / "met"
    limited = agent("limited", writes=False)["argv"][2]
    well = agent("done", cost=0.1)["argv"][2]
    mine = agent("done") | {
        "argv": ["sh", "-c", f"if [ ! -e {flag} ]; then touch {flag}; {limited}; fi; {well}"],
        "reads": [str(flag.parent)],
    }
    set_up(agents={"mine": mine})
    flagged = project.idse("run", "--agents", "mine", "--sandbox", "none", "-j", "1")
    assert flagged.returncode == 0, flagged.stdout + flagged.stderr
    assert set(states_of(project).values()) == {"done"}
    assert sorted(why(project, "T001") + why(project, "T002")) == ["limit"]
    releases = [
        each
        for task in ("T001", "T002")
        for each in events_of(project, task)
        if each.get("action") == "release"
    ]
    assert releases[0]["not_before"]
    check_invariants(project)


def test_a_budget_of_0_is_refused_by_name_before_anything_begins(project):
    set_up(agents={"mine": agent("done", cost=0.1)})
    done = run(project, "--budget", "0")
    assert done.returncode == 75
    assert "the budget of the run is 0 USD: nothing can begin" in done.stderr
    assert project.git("for-each-ref", "refs/idse-local/tasks/") == ""


@pytest.mark.parametrize("scope", ["run", "session", "project", "month"])
def test_a_budget_that_is_spent_stops_the_run_and_the_rest_goes_on_with_more(project, scope):
    """Nobody knows at first what it costs, so 1 USD is held back: of 1.50 one task fits, and leaves 0.30."""
    set_up(agents={"mine": agent("done", cost=1.2)}, **({} if scope == "run" else {"budgets": {scope: 1.5}}))
    words = ["--budget", "1.5"] if scope == "run" else []
    done = run(project, *words)
    assert done.returncode == 75, done.stdout + done.stderr
    assert "has spent 1.20 of 1.50 USD" in done.stdout
    assert sorted(states_of(project).values()) == ["done", "ready"]
    set_up(agents={"mine": agent("done", cost=1.2)})
    assert run(project, "--budget", "5").returncode == 0
    assert set(states_of(project).values()) == {"done"}


def test_a_cost_that_nobody_knows_counts_as_what_was_held_back(project):
    unknown = agent("done") | {"format": "codex"}
    unknown["argv"] = ["sh", "-c", unknown["argv"][2].split("printf")[0] + (
        "echo '{\"type\":\"item.completed\",\"item\":{\"type\":\"file_change\",\"status\":\"completed\"}}';"
        "echo '{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":5}}'"
    )]  # fmt: skip
    set_up(agents={"mine": unknown})
    done = run(project, "--budget", "1.5")
    assert done.returncode == 75, done.stdout + done.stderr
    assert "has spent 1.00 of 1.50 USD" in done.stdout
    total = json.loads(project.idse("cost", "report", "--json").stdout)["data"]["totals"]
    assert (total["cost_usd"], total["unknown"], total["unknown_usd"]) == (None, 1, 1)


def test_a_model_that_no_agent_has_is_told_and_never_put_on_a_command_line(repo):
    begin_project(repo, TWO.replace("tests (", "tests (Model: evil) ("))
    set_up(agents={"mine": agent("done", cost=0.1)})
    done = run(repo)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "agent mine has no model 'evil'" in done.stdout
    assert states_of(repo) == {"T001": "ready", "T002": "done"}


# --- what it cost


@pytest.fixture
def worked(repo, once):
    """One task at its first attempt, one that failed once before."""

    def work():
        begin_project(repo, TWO)
        set_up(agents={"mine": agent("denied", cost=0.5)})
        run(repo, "--only", "T001")
        repo.idse("task", "retry", "T001", "-m", "again")
        set_up(agents={"mine": agent("done", cost=0.25)})
        assert run(repo).returncode == 0

    once(repo, work)
    return repo


def test_a_report_adds_up_by_whatever_is_asked(worked):
    for by in ("task", "stage", "session", "agent", "model", "day"):
        data = json.loads(worked.idse("cost", "report", "--by", by, "--json").stdout)["data"]
        assert round(sum(row["cost_usd"] for row in data["rows"]), 6) == 2
        assert data["totals"]["cost_usd"] == 2
    data = json.loads(worked.idse("cost", "report", "--json").stdout)["data"]
    first, second = data["rows"]
    assert (first["attempts"], first["failed"], first["accepted"], first["cost_usd"]) == (4, 3, 1, 1.75)
    assert (second["attempts"], second["accepted"], second["cost_usd"]) == (1, 1, 0.25)
    assert data["totals"]["failed_usd"] == 1.5
    assert data["totals"]["per_accepted_usd"] == 1


def test_a_report_is_text_or_csv(worked):
    text = worked.idse("cost", "report", "--by", "agent")
    assert "mine" in text.stdout
    assert "1.0000 USD for each accepted task" in text.stderr
    rows = [*csv.DictReader(io.StringIO(worked.idse("cost", "report", "--by", "agent", "--csv").stdout))]
    assert [(row["agent"], float(row["cost_usd"])) for row in rows] == [("mine", 2.0)]
    both = worked.idse("cost", "report", "--csv", "--json")
    assert both.returncode == 2


def test_metrics_are_what_prometheus_reads(worked):
    text = worked.idse("metrics", "print").stdout
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    who = (("agent", "mine"), ("basis", "reported"), ("model", "claude-opus-4-8"), ("project", "portal"))
    assert found["idse_cost_usd_total", who] == 2
    assert found["idse_tasks", (("project", "portal"), ("state", "done"))] == 2
    failed = (("action", "fail"), ("project", "portal"), ("why", "refused"))
    assert found["idse_task_actions_total", failed] == 3
    assert found["idse_task_refs", (("project", "portal"),)] == 2
    assert found["idse_attempt_seconds_count", (("agent", "mine"), ("project", "portal"))] == 5
    assert found["idse_bucket_level", (("bucket", "account:anthropic"), ("kind", "requests"))] > 0


def test_limits_and_budgets_are_shown(worked):
    set_up(agents={"mine": agent("done")}, budgets={"session": 20})
    shown = worked.idse("limits", "show")
    assert "account:anthropic" in shown.stdout
    assert f"the session {KEY} has spent 2.00 of 20.00 USD" in shown.stdout
    data = json.loads(worked.idse("limits", "show", "--json").stdout)["data"]
    assert data["budgets"][0]["left_usd"] == 18
    account = next(each for each in data["limits"] if each["name"] == "account:anthropic")
    assert account["a_minute"]["requests"] == 4_000


def test_prices_are_shown_with_their_source(worked):
    shown = worked.idse("cost", "prices")
    assert "claude-opus-5" in shown.stdout
    assert "https://platform.claude.com/docs/en/about-claude/pricing" in shown.stdout
