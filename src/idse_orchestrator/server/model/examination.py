"""What a door asks the judge about a session that is in the store, and what it answers: JSON on one line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.constitution.rules import Finding, Report
from idse_orchestrator.errors import IdseError
from idse_orchestrator.pipeline.stage_state_model import Waiver

MARK = b"{"
"""How a line with an examination begins; one with a push begins otherwise."""


class Examination(NamedTuple):
    """A session to look at, whose ledger ends with the commit `tip`.

    `stage`: what would be found if that stage were complete; "" : what is found now. Without a `session` the
    rules of the project are asked for, and its types of sessions; without a `project`, those of all.
    `objects` is a folder that holds what is not in the store, "" : all of it is.
    """

    git_dir: str
    home: str
    today: str
    project: str = ""
    session: str = ""
    tip: str = ""
    stage: str = ""
    objects: str = ""


class Examined(NamedTuple):
    """The `report` and the `rules` in JSON's own types, and the `types` of sessions with their stages."""

    report: Mapping[str, Any] = {}
    types: Mapping[str, Sequence[str]] = {}
    rules: Sequence[Mapping[str, Any]] = ()


def examination_to_json(examination: Examination) -> bytes:
    """Returns the examination as one line of JSON."""
    return json.dumps(examination._asdict()).encode() + b"\n"


def examination_from_json(data: bytes) -> Examination:
    """Returns the examination; ValueError or TypeError where it is none."""
    return Examination(**json.loads(data))


def examined_to_json(found: Examined | IdseError) -> bytes:
    """Returns what was found, or why nothing could be, as one line of JSON."""
    if isinstance(found, IdseError):
        told = {"message": found.message, "where": found.where, "cause": found.explanation}
        return json.dumps({"error": {**told, "code": found.code, "fix": found.fix}}).encode() + b"\n"
    return json.dumps(found._asdict()).encode() + b"\n"


def examined_from_json(data: bytes) -> Examined:
    """Returns what was found. Raises the IdseError that was met; ValueError, KeyError or TypeError."""
    found = json.loads(data)
    if "error" in found:
        told = found["error"]
        error = IdseError(
            told["message"], where=told["where"], cause=told["cause"], fix=tuple(map(str, told["fix"]))
        )
        error.code = told["code"]  # type: ignore[misc]
        raise error
    return Examined(found["report"], found["types"], found["rules"])


def report_of(data: Mapping[str, Any]) -> Report:
    """Returns the report that `data` tells, as far as a gate needs it."""
    findings = map(_finding, data["findings"])
    return Report(
        data["source"],
        data["constitution"],
        tuple(data["sessions"]),
        tuple(findings),
        tuple(data["notes"]),
        data.get("evidence"),
    )


def _finding(row: Mapping[str, Any]) -> Finding:
    line, column = row["line"] or 0, row["column"] or 0
    place = (row["rule"], row["severity"], row["path"], line, column)
    return Finding(
        *place,
        message=row["message"],
        hint=row["hint"],
        project=row["project"],
        session=row["session"],
        stage=row["stage"],
        waiver=_waiver(row),
        fix=tuple(row["fix"]),
    )


def _waiver(row: Mapping[str, Any]) -> Waiver | None:
    told = row["waiver"]
    if told is None:
        return None
    return Waiver(row["rule"], row["session"], told["reason"], told["expires"], told["by"], told["event"])
