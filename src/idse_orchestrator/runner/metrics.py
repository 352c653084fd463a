"""Figures of tasks in the text format of Prometheus: folds of ledgers, so they survive every restart.

The format is lines of ``name{label="value"} number`` under a HELP and a TYPE, so it is written here; see
https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from idse_orchestrator.base.dates import moment
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.ledger.events import Event
from idse_orchestrator.runner.agents.adapter import Usage
from idse_orchestrator.runner.model.budget import Budget
from idse_orchestrator.runner.model.cost_report import Attempt
from idse_orchestrator.runner.model.prices import PRICED, REPORTED, UNKNOWN
from idse_orchestrator.runner.work.rate_limiter import Level

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
_SECONDS = (1.0, 10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14400.0)
_INFINITE = "+Inf"


class Metric(NamedTuple):
    """A name, what it says, and of which type it is."""

    name: str
    help: str
    type: str


TASKS = Metric("idse_tasks", "Tasks by state.", GAUGE)
ACTIONS = Metric("idse_task_actions_total", "Moves of tasks by action and reason.", COUNTER)
WAIT = Metric("idse_task_wait_seconds", "From a task being there to its first take.", HISTOGRAM)
ATTEMPT = Metric("idse_attempt_seconds", "How long the programs of attempts ran.", HISTOGRAM)
TOKENS = Metric("idse_tokens_total", "Tokens by kind; reasoning is a part of output.", COUNTER)
COST = Metric("idse_cost_usd_total", "US dollars by basis; unknown: what was held back.", COUNTER)
LEFT = Metric("idse_budget_left_usd", "US dollars that a budget leaves.", GAUGE)
WORKER = Metric("idse_worker_up", "1 for each worker that holds a task.", GAUGE)
LEVEL = Metric("idse_bucket_level", "What is left of an account or a share in this minute.", GAUGE)
FROZEN = Metric("idse_bucket_frozen_seconds", "How long an account is left alone after a limit.", GAUGE)
REFS = Metric("idse_task_refs", "Refs of tasks.", GAUGE)
METRICS = (TASKS, ACTIONS, WAIT, ATTEMPT, TOKENS, COST, LEFT, WORKER, LEVEL, FROZEN, REFS)


class Told(NamedTuple):
    """What figures are made of: of each task its key, its state, who holds it, and its events."""

    key: tuple[str, str, str]
    state: str
    worker: str
    events: Sequence[Event]
    attempts: Sequence[Attempt]


def text_of(tasks: Sequence[Told], budgets: Iterable[Budget], levels: Iterable[Level]) -> Iterator[str]:
    """Yields the lines of all figures."""
    yield from _family(TASKS, _counted((task.key[0], task.state) for task in tasks), "project state")
    yield from _family(
        ACTIONS,
        _counted(
            (task.key[0], event.body["action"], event.body.get("why", ""))
            for task in tasks
            for event in task.events
            if "action" in event.body
        ),
        "project action why",
    )
    waits = [((("project", task.key[0]),), wait) for task in tasks for wait in _waits(task)]
    yield from _histogram(WAIT, waits)
    attempts = [each for task in tasks for each in task.attempts]
    ended = [each for each in attempts if each.end]
    labels = [(("project", each.project), ("agent", each.agent)) for each in ended]
    yield from _histogram(ATTEMPT, zip(labels, (each.seconds for each in ended), strict=True))
    yield from _family(TOKENS, _tokens(attempts), "project agent model kind")
    yield from _family(COST, _costs(attempts), "project agent model basis")
    yield from _family(LEFT, {(budget.name,): budget.left_usd for budget in budgets}, "budget")
    holders = _counted((task.worker,) for task in tasks if task.state == "held")
    yield from _family(WORKER, dict.fromkeys(holders, 1), "worker")
    levels = [*levels]
    rows: dict[tuple[str, ...], float] = {
        (level.name, kind): left
        for level in levels
        for kind, left in level.left._asdict().items()
        if left is not None
    }
    yield from _family(LEVEL, rows, "bucket kind")
    yield from _family(FROZEN, {(level.name,): level.wait_s for level in levels}, "bucket")
    yield from _family(REFS, _counted((task.key[0],) for task in tasks), "project")


def _counted(rows: Iterable[tuple[str, ...]]) -> Mapping[tuple[str, ...], float]:
    return Counter(rows)


def _tokens(attempts: Iterable[Attempt]) -> Mapping[tuple[str, ...], float]:
    found: Counter[tuple[str, ...]] = Counter()
    for each in attempts:
        for kind, count in zip(Usage._fields, each.tokens, strict=True):
            if count:
                found[each.project, each.agent, each.usage.get("model", ""), kind] += count
    return found


def _costs(attempts: Iterable[Attempt]) -> Mapping[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for each in attempts:
        basis = UNKNOWN if each.is_unknown else each.usage.get("basis", "")
        if basis in (REPORTED, PRICED, UNKNOWN):
            key = (each.project, each.agent, each.usage.get("model", ""), basis)
            cost = each.reserve_usd if each.cost_usd is None else each.cost_usd
            found[key] = round(found.get(key, 0.0) + cost, 6)
    return found


def _waits(task: Told) -> Iterator[float]:
    begun = next((event.at for event in task.events), "")
    taken = next((event.at for event in task.events if event.body.get("action") == "take"), "")
    if begun and taken:
        first, last = moment(begun, 0.0), moment(taken, 0.0)
        if first is not None and last is not None:
            yield max(0.0, last - first)


def _head(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {metric.type}"


def _family(metric: Metric, rows: Mapping[tuple[str, ...], float], names: str) -> Iterator[str]:
    yield from _head(metric)
    for values, number in sorted(rows.items()):
        yield f"{metric.name}{_labels([*zip(names.split(), values, strict=True)])} {_number(number)}"


def _histogram(metric: Metric, seen: Iterable[tuple[tuple[tuple[str, str], ...], float]]) -> Iterator[str]:
    groups: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for labels, value in seen:
        groups.setdefault(labels, []).append(value)
    yield from _head(metric)
    for labels, values in sorted(groups.items()):
        for bound in _SECONDS:
            count = sum(value <= bound for value in values)
            yield f"{metric.name}_bucket{_labels([*labels, ('le', _number(bound))])} {count}"
        yield f"{metric.name}_bucket{_labels([*labels, ('le', _INFINITE)])} {len(values)}"
        yield f"{metric.name}_sum{_labels([*labels])} {_number(round(sum(values), 6))}"
        yield f"{metric.name}_count{_labels([*labels])} {len(values)}"


def _labels(pairs: Sequence[tuple[str, str]]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
