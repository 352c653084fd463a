"""The report of an Agency: who stands still, what blocks, what was waived, and the metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.server.model.metrics import (
    MEDIAN,
    METRICS,
    Measured,
    Metric,
    Values,
    is_met,
    measured,
    together,
)
from idse_orchestrator.server.projection.store import EVERYONE

if TYPE_CHECKING:
    from idse_orchestrator.server.projection.store import Reader, Row, Tables


class Line(NamedTuple):
    """A metric of one client, and of one `part` of it; "" : of all parts."""

    client: str
    metric: Metric
    part: str
    found: Measured


class Standing(NamedTuple):
    """How a client stands. Days are ISO dates, "" : never."""

    client: str
    repositories: int
    sessions: int
    active: int
    blocked: int
    stale: int
    waived: int
    last_event: str
    last_push: str
    audit_row: int
    audit_hash: str


class Report(NamedTuple):
    """What is known of clients, by name, and the metrics of each."""

    since: str
    standings: tuple[Standing, ...]
    lines: tuple[Line, ...]


def report(store: Tables, client: str = EVERYONE, since: str = "") -> Report:
    """Returns the report on the client with the id `client`, or on all.

    `since` is an ISO date: spans, moves and pushes before it do not count, and what is the case today does.
    """
    with store.reading(client) as reading:
        names = {row["id"]: row["name"] for row in reading.read("SELECT id, name FROM clients ORDER BY name")}
        standing = tuple(_standings(reading, names))
        lines = tuple(line for ident, name in names.items() for line in _lines(reading, ident, name, since))
    return Report(since, standing, lines)


def standings(store: Tables) -> Sequence[Standing]:
    """Returns how all clients stand, those that need attention first."""
    with store.reading(EVERYONE) as reading:
        rows = reading.read("SELECT id, name FROM clients ORDER BY name")
        return _standings(reading, {row["id"]: row["name"] for row in rows})


def row_of(line: Line) -> dict[str, object]:
    """Returns a metric as it is told to programs."""
    metric, found = line.metric, line.found
    return {
        "client": line.client,
        "metric": metric.name,
        "part": line.part,
        "rows": found.rows,
        "value": found.value,
        "high": found.high,
        "doubtful": found.doubtful,
        "target": metric.target,
        "met": is_met(metric, found),
    }


def metric_lines(store: Tables, client: str, since: str = "") -> tuple[Line, ...]:
    """Returns the metrics of one client, by its id."""
    with store.reading(client) as reading:
        rows = reading.read("SELECT name FROM clients WHERE id = :of", of=client)
        return tuple(_lines(reading, client, rows[0]["name"] if rows else "", since))


def _lines(reading: Reader, ident: str, name: str, since: str) -> Sequence[Line]:
    lines = []
    for metric in METRICS:
        parts = _measured(reading, metric, ident, since)
        whole = together([found for _, found in parts])
        lines.append(Line(name, metric, "", measured(metric, whole)))
        if metric.part:
            lines += [Line(name, metric, part or "people", measured(metric, found)) for part, found in parts]
    return lines


def _measured(reading: Reader, metric: Metric, ident: str, since: str) -> list[tuple[str, Values]]:
    """Returns what was measured, by part. Only where a median needs them are there single values."""
    query = _VALUES if metric.how == MEDIAN else _SUMS
    rows = reading.read(query, of=ident, metric=metric.name, since=since)
    if metric.how != MEDIAN:
        return [(row["part"], Values(row["n"], row["total"])) for row in rows]
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["part"], []).append(row)
    return [
        (part, Values(len(own), 0, tuple(row["value"] for row in own), sum(row["doubtful"] for row in own)))
        for part, own in found.items()
    ]


_OF = "FROM analytics WHERE client_id = :of AND metric = :metric AND day >= :since"
_SUMS = f"SELECT part, count(*) AS n, CAST(sum(value) AS BIGINT) AS total {_OF} GROUP BY part ORDER BY part"
_VALUES = f"SELECT part, value, doubtful {_OF} ORDER BY part"


def _standings(reading: Reader, names: Mapping[str, str]) -> Sequence[Standing]:
    """Returns how clients stand, those with most that blocks first, then those that stand still longest."""
    repositories = _counts(reading, "SELECT client_id, count(*) AS n FROM repositories GROUP BY client_id")
    waived = _counts(
        reading,
        "SELECT client_id, count(*) AS n FROM findings WHERE waiver <> '' AND waiver_ignored = '' "
        "GROUP BY client_id",
    )
    stale = _counts(
        reading,
        "SELECT client_id, count(*) AS n FROM stages WHERE status = 'complete' AND condition <> 'current' "
        "GROUP BY client_id",
    )
    sessions = {
        row["client_id"]: row
        for row in reading.read(
            "SELECT client_id, count(*) AS n, sum(CASE WHEN status = 'active' THEN 1 ELSE 0 END) AS active, "
            "sum(CASE WHEN blocking > 0 OR unreadable <> '' THEN 1 ELSE 0 END) AS blocked, "
            "max(updated_at) AS last FROM sessions WHERE status <> 'deleted' GROUP BY client_id"
        )
    }
    pushes = {
        row["client_id"]: row["last"]
        for row in reading.read(
            "SELECT client_id, max(at) AS last FROM audit WHERE action = 'push' AND outcome = 'ok' "
            "GROUP BY client_id"
        )
    }
    heads = {
        row["client_id"]: row
        for row in reading.read(
            "SELECT a.client_id, a.id, a.hash FROM audit a JOIN (SELECT client_id, max(id) AS id FROM audit "
            "GROUP BY client_id) l ON l.client_id = a.client_id AND l.id = a.id"
        )
    }
    found = []
    for ident, name in names.items():
        own, head = sessions.get(ident), heads.get(ident)
        found.append(
            Standing(
                name,
                repositories.get(ident, 0),
                own["n"] if own else 0,
                own["active"] if own else 0,
                own["blocked"] if own else 0,
                stale.get(ident, 0),
                waived.get(ident, 0),
                own["last"] if own else "",
                pushes.get(ident, ""),
                head["id"] if head else 0,
                head["hash"] if head else "",
            )
        )
    return sorted(found, key=lambda each: (-each.blocked, -each.stale, each.last_event, each.client))


def _counts(reading: Reader, query: str) -> Mapping[str, int]:
    return {row["client_id"]: row["n"] for row in reading.read(query)}
