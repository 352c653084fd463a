"""What went wrong, as RFC 9457 has it: one shape for every error of REST and MCP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from idse_orchestrator import errors
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.server.gateway.admission import CLOSED, ELSEWHERE, FORBIDDEN, FULL, NOWHERE, Denied
from idse_orchestrator.server.writing.desk import Reused, Stale, Written

if TYPE_CHECKING:
    from idse_orchestrator.errors import IdseError
    from idse_orchestrator.server.model.push import Verdict
    from idse_orchestrator.server.writing.desk import Outcome

MEDIA_TYPE = "application/problem+json"

NOT_AUTHORIZED, UNKNOWN, CONFLICT, USAGE, BUSY, BROKEN = (
    "IDSE021",
    "IDSE006",
    "IDSE012",
    "IDSE001",
    "IDSE014",
    "IDSE000",
)


class Problem(NamedTuple):
    """What went wrong: a status of HTTP and our code, why, and what to do next.

    `findings` are those of ``idse validate --json``, or what the judge refused; `more` stands beside them.
    """

    status: int
    code: str
    detail: str
    cause: str = ""
    where: str = ""
    fix: Sequence[str] = ()
    findings: Sequence[Mapping[str, Any]] = ()
    more: Mapping[str, Any] = {}
    headers: Mapping[str, str] = {}

    def data(self) -> dict[str, Any]:
        """Returns it in JSON's own types; what is empty is left out."""
        told = {"cause": self.cause, "where": self.where, "fix": list(self.fix)}
        title = HTTPStatus(self.status).phrase
        first = {"type": "about:blank", "title": title, "status": self.status, "code": self.code}
        rest = {name: value for name, value in told.items() if value}
        found = {"findings": list(self.findings)} if self.findings else {}
        return {**first, "detail": self.detail, **rest, **found, **self.more}


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


NO_KEY = Problem(401, NOT_AUTHORIZED, "a key is needed", headers={"www-authenticate": 'Bearer realm="idse"'})
NOTHING = Problem(404, UNKNOWN, "there is no such thing here, or not for this key")

_STATUSES: Mapping[type[IdseError], int] = {
    errors.UnknownNameError: 404,
    errors.NameTakenError: 409,
    errors.ConflictError: 409,
    errors.GateError: 409,
    errors.HandoffClosedError: 409,
    errors.AmbiguousError: 409,
    errors.HandoffRefusedError: 403,
    errors.UnknownAgentError: 422,
    errors.InvalidNameError: 422,
    errors.InvalidArtifactError: 422,
    errors.UnfitEventError: 422,
    errors.UsageError: 422,
    errors.BusyError: 503,
    errors.QuotaError: 507,
}
_SECONDS = {"retry-after": "5"}


def problem_of(error: IdseError) -> Problem:
    """Returns the problem that an error is. What is a fault of the server says so, and not where it lies.

    Findings of a gate are rows, as the judge told them.
    """
    status = next((found for kind, found in _STATUSES.items() if isinstance(error, kind)), 0)
    if not status:
        is_fault = isinstance(error, (errors.StorageError, errors.HomeError, errors.GitFailedError))
        return Problem(
            503 if is_fault else 500, error.code, error.message, headers=_SECONDS if is_fault else {}
        )
    found = getattr(error, "findings", None) or ()
    headers = _SECONDS if status == 503 else {}
    return Problem(
        status,
        error.code,
        error.message,
        error.explanation or "",
        error.where or "",
        error.fix,
        found,
        headers=headers,
    )


def busy(seconds: int, *, is_paced: bool) -> Problem:
    """Returns the problem of who asks too often, or while too much is going on."""
    words = "this key asks too often" if is_paced else "the server is busy"
    return Problem(429 if is_paced else 503, BUSY, words, headers={"retry-after": str(seconds)})


_DENIED = {FORBIDDEN: 403, FULL: 507, CLOSED: 503, NOWHERE: 404, ELSEWHERE: 409}


def denied_problem(denied: Denied) -> Problem:
    """Returns the problem of who is denied."""
    headers = {"retry-after": "60"} if denied.reason == CLOSED else {}
    code = UNKNOWN if denied.reason == NOWHERE else NOT_AUTHORIZED
    return Problem(_DENIED[denied.reason], code, denied.words, headers=headers)


def _refused(verdict: Verdict) -> Problem:
    first = verdict.refused[0]
    found = [
        {
            "rule": each.code,
            "severity": "error",
            "message": each.message,
            "fix": [each.fix] if each.fix else [],
        }
        for each in verdict.refused
    ]
    if first.code in ("busy", "judge", "audit", "admin"):
        return Problem(503, BUSY, first.message, headers=_SECONDS)
    if first.code == "not-allowed":
        return Problem(403, NOT_AUTHORIZED, first.message)
    return Problem(409, first.code, first.message, fix=[first.fix] if first.fix else [], findings=found)


def written(outcome: Outcome) -> Written:
    """Returns what was written; ProblemError where nothing was."""
    if isinstance(outcome, Written):
        return outcome
    if isinstance(outcome, Stale):
        words = "the ledger moved: read it again, and write on top of that"
        headers = {"etag": f'"{outcome.tip}"'} if outcome.tip else {}
        raise ProblemError(Problem(412, CONFLICT, words, more={"tip": outcome.tip}, headers=headers))
    if isinstance(outcome, Reused):
        words = "another request had this Idempotency-Key"
        raise ProblemError(Problem(422, USAGE, words, fix=["choose a new one for each write"]))
    if isinstance(outcome, Denied):
        raise ProblemError(denied_problem(outcome))
    raise ProblemError(_refused(outcome))
