"""What an Agency measures: each metric with its name, how its rows become one number, and what that means.

The rows are those of the view `analytics`: spans in seconds, shares as 0 and 1, counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from idse_orchestrator.base.records import NamedTuple

MEDIAN, SHARE, SUM = "median", "share", "sum"
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


class Metric(NamedTuple):
    """A metric. `part` says what its rows are also told apart by, "" : nothing.

    `target` is what the first design asked for, in seconds or as a share; `is_least`: it is to be reached,
    else not to be passed. None: it set none.
    """

    name: str
    title: str
    how: str
    meaning: str
    part: str = ""
    target: float | None = None
    is_least: bool = False


METRICS = (
    Metric(
        "init_seconds",
        "project begun to first context",
        MEDIAN,
        "from the start of a project to the first start of a context stage in it",
        target=600,
    ),
    Metric(
        "lead_seconds",
        "lead time",
        MEDIAN,
        "from the first start of a stage to its last completion",
        part="stage",
    ),
    Metric(
        "first_try",
        "first-try rate",
        SHARE,
        "stages that were completed and never reopened, of all that were ever completed",
        part="stage",
        target=0.95,
        is_least=True,
    ),
    Metric("reopens", "reopened", SUM, "how many times stages were reopened", part="stage"),
    Metric(
        "aligned",
        "spec-to-code alignment",
        SHARE,
        "complete implementations whose spec is what they were built on, and whose tasks are all ticked",
        target=0.95,
        is_least=True,
    ),
    Metric(
        "feedback_seconds",
        "feedback loop",
        MEDIAN,
        "from the first completion of an implementation to the first edit of its feedback after that",
        target=86_400,
    ),
    Metric(
        "passing",
        "validation pass rate",
        SHARE,
        "sessions in which nothing blocks by the rules of this Agency",
        target=1,
        is_least=True,
    ),
    Metric(
        "compliant",
        "compliance",
        SHARE,
        "sessions in which nothing blocks, and that need no waiver for it",
        target=1,
        is_least=True,
    ),
    Metric(
        "documented",
        "documentation coverage",
        SHARE,
        "documents that the types of sessions need, and that were completed",
        part="stage",
    ),
    Metric("migrated", "migrated sessions", SHARE, "sessions that came from another tool"),
    Metric("gate_failures", "findings that block", SUM, "findings of today that block, by rule", part="rule"),
    Metric("waived", "waived findings", SUM, "findings that a waiver lets pass, by rule", part="rule"),
    Metric(
        "stale",
        "stale completions",
        SUM,
        "completed stages whose document, or one that it builds on, is another now",
        part="stage",
    ),
    Metric("completed_by", "completions", SUM, "completions of stages, by the agent", part="agent"),
    Metric("edited_by", "edits", SUM, "saved edits, by the agent", part="agent"),
    Metric(
        "reopened_of", "reopened later", SUM, "reopenings of what an agent had completed last", part="agent"
    ),
    Metric(
        "push",
        "sync reliability",
        SHARE,
        "pushes that the Agency answered, of all; what its rules refuse is answered",
        target=0.99,
        is_least=True,
    ),
)
BY_NAME = {metric.name: metric for metric in METRICS}


class Measured(NamedTuple):
    """What the `rows` of a metric, so many, come to. `value` is None where there are none.

    `high` is the 90th percentile of spans, else None. `doubtful` counts spans about which clocks disagree.
    """

    rows: int
    value: float | None
    high: float | None = None
    doubtful: int = 0


class Values(NamedTuple):
    """What was measured: how many `rows`, their sum, and of spans each value, with how many are in doubt."""

    rows: int
    total: int
    spans: tuple[int, ...] = ()
    doubtful: int = 0


def together(parts: Sequence[Values]) -> Values:
    """Returns what was measured in all of `parts`."""
    return Values(
        sum(each.rows for each in parts),
        sum(each.total for each in parts),
        tuple(span for each in parts for span in each.spans),
        sum(each.doubtful for each in parts),
    )


def measured(metric: Metric, values: Values) -> Measured:
    """Returns what `values` come to: a median and a 90th percentile, a share, or a sum."""
    if metric.how == SUM:
        return Measured(values.rows, values.total)
    if not values.rows:
        return Measured(0, None)
    if metric.how == SHARE:
        return Measured(values.rows, values.total / values.rows)
    ordered = sorted(values.spans)
    return Measured(values.rows, percentile(ordered, 0.5), percentile(ordered, 0.9), values.doubtful)


def percentile(ordered: Sequence[int], share: float) -> float:
    """Returns the value below which `share` of `ordered` lies, between two of them in proportion."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def is_met(metric: Metric, found: Measured) -> bool | None:
    """Tests whether the target is met; None where there is none, or nothing to measure."""
    if metric.target is None or found.value is None:
        return None
    return found.value >= metric.target if metric.is_least else found.value <= metric.target


def said(metric: Metric, value: float | None) -> str:
    """Returns a value in words: a span in its unit, a share in percent, a sum as it is."""
    if value is None:
        return "-"
    if metric.how == SHARE:
        return f"{100 * value:.0f} %"
    if metric.how == MEDIAN:
        for seconds, unit in _UNITS:
            if value >= seconds:
                return f"{value / seconds:.1f} {unit}"
        return f"{value:.0f} s"
    return f"{value:,.0f}"
