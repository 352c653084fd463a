"""What is wrong with Agent Profiles, as errors to show: all problems at once, each at its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from idse_orchestrator.constitution.rules import ERROR, Finding, Report
from idse_orchestrator.errors import AgentProfileError, NoAgentProfileError
from idse_orchestrator.profiles.block import LEVEL, TITLE, Problem

if TYPE_CHECKING:
    from idse_orchestrator.profiles.doc_to_agent_profile_spec_compiler import ProfileReading

RULE = "IDSE501"
_MOST_FIXES = 3


class PlacedProblem(NamedTuple):
    """A problem in the document at `path`, relative to the repository."""

    path: str
    problem: Problem

    @property
    def place(self) -> str:
        """Path, line and column, as far as they are known."""
        return ":".join(str(part) for part in (self.path, self.problem.line, self.problem.column) if part)


def refused(found: Iterable[PlacedProblem], project: str) -> AgentProfileError:
    """The error for profiles that cannot be compiled; `found` has one problem or more."""
    problems = list(found)
    many = f"there are {len(problems)} problems" if len(problems) > 1 else "there is a problem"
    return AgentProfileError(
        f"no Agent Profile was compiled: {many}",
        where=problems[0].place,
        cause="\n".join(_told(problems)),
        fix=tuple(dict.fromkeys(each.problem.fix for each in problems))[:_MOST_FIXES],
        findings=Report("", "", (), tuple(_finding(each, project) for each in problems)),
    )


def _told(problems: Sequence[PlacedProblem]) -> list[str]:
    """A line for each problem, with no more of its place than is needed beside that of the first."""
    if len(problems) == 1:
        return [problems[0].problem.what]
    if len({each.path for each in problems}) == 1:
        return [f"line {each.problem.line}: {each.problem.what}" for each in problems]
    return [f"{each.place}: {each.problem.what}" for each in problems]


def _finding(placed: PlacedProblem, project: str) -> Finding:
    problem = placed.problem
    return Finding(
        RULE,
        ERROR,
        placed.path,
        problem.line,
        problem.column,
        problem.what,
        problem.fix,
        project,
        stage="spec",
    )


def no_spec(path: str, session: str, source: str) -> NoAgentProfileError:
    """The error for a session whose spec is not in `source`, as its reader describes itself."""
    fix = f"idse restore {session}    (brings back the documents that its ledger holds)"
    if source.startswith("commit "):
        fix = f"git log --oneline -- {path}    (lists the commits that have it)"
    return NoAgentProfileError(
        "this session has no spec to compile a profile from",
        where=path,
        cause=f"there is no such file in the {source}",
        fix=(fix,),
    )


def no_profile(path: str, reading: ProfileReading) -> NoAgentProfileError:
    """The error for a document without a profile."""
    elsewhere = ", ".join(map(str, reading.elsewhere))
    return NoAgentProfileError(
        f"this spec has no {TITLE}",
        where=path,
        cause=f'a heading "{TITLE}" counts at level {LEVEL} (##); that in line {elsewhere} has another one'
        if elsewhere
        else f'no heading of level {LEVEL} is called "{TITLE}"; a mention elsewhere does not count',
        fix=(f"add a heading  ## {TITLE}  and below it a fenced yaml block with id: and name:",),
    )
