"""Figures of the server for Prometheus. No label names a client: what one does is no other's business."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)


class Metrics:
    """Counters of one server.

    `running` says how many gits it has at the moment, `lag` how many refs the projection is known to lack.
    """

    def __init__(self, running: Callable[[], int], lag: Callable[[], int]) -> None:
        registry = self._registry = CollectorRegistry()
        self._pushes = Counter(
            "idse_pushes", "Pushes by result and rule.", ["result", "rule"], registry=registry
        )
        self._seconds = Histogram(
            "idse_push_seconds", "Duration of pushes.", buckets=_BUCKETS, registry=registry
        )
        self.judging = Histogram(
            "idse_judge_seconds",
            "Duration of judgements, and of waiting for the lock.",
            buckets=_BUCKETS,
            registry=registry,
        )
        self.auth_failures = Counter("idse_auth_failures", "Requests without a good key.", registry=registry)
        Gauge("idse_git_processes", "Gits at work.", registry=registry).set_function(running)
        Gauge(
            "idse_projection_lag_refs", "Refs that the projection is known to lack.", registry=registry
        ).set_function(lag)

    def push(self, result: str, rule: str, seconds: float) -> None:
        """Counts a push. Rules of a client's own have one label together: their names are its business."""
        self._pushes.labels(
            result, rule if not rule or rule.startswith("IDSE") or rule.islower() else "own"
        ).inc()
        self._seconds.observe(seconds)

    def text(self) -> bytes:
        """Returns all of them in the format that Prometheus reads."""
        return generate_latest(self._registry)
