"""Read constitution files: the one that is shipped, and what a project adds to it.

A project may add rules and make core rules stricter. It can never lower, replace or remove one:
an exception for one session is a waiver in its ledger, which every report shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from idse_orchestrator.base.safe_yaml import YamlProblem, load_yaml
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.constitution.checks.document import Check
from idse_orchestrator.constitution.checks.verbs import VERBS
from idse_orchestrator.constitution.entries import built_rule, patterns_in
from idse_orchestrator.constitution.rules import (
    PROJECT,
    STRICTNESS,
    Article,
    Constitution,
    Rule,
    constitution_id,
)
from idse_orchestrator.constitution.schema import CoreFile, ProjectFile, Raised
from idse_orchestrator.constitution.trouble import Trouble
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.pipeline.ports import BLUEPRINT_TYPE

File = TypeVar("File", bound=BaseModel)

MOST_PATTERNS = 500
"""Regular expressions in all rules of a project."""

PROJECT_FILE = ".idse/constitution.yaml"
CORE_FILE = "constitution.yaml"
WAIVER_FIX = "an exception is for one session, and shown in every report: idse rule waive RULE"
"""What to do instead of weakening a core rule."""

_STATUSES = ("pending", "in_progress", "complete")
NO_CHECKS: Mapping[str, Check] = MappingProxyType({})


def load_constitution(
    core: bytes,
    project: bytes | None = None,
    *,
    where: str = PROJECT_FILE,
    extra_checks: Mapping[str, Check] = NO_CHECKS,
    checks_id: str = "",
) -> Constitution:
    """Returns the constitution that the shipped file `core` and a project's file make together.

    `extra_checks` are the installed check verbs by name, `checks_id` says their names and versions
    (as in `constitution_id`). Raises InvalidConfigurationError that says
    file → key → item, why, and what to do.
    """
    shipped = _read(core, CORE_FILE, CoreFile)
    rules = [built_rule(entry, CORE_FILE, number, {}) for number, entry in enumerate(shipped.rules, 1)]
    articles = tuple(Article(each.id, each.title, each.text) for each in shipped.articles)
    _refuse_twice(rules, CORE_FILE)
    types = _types(shipped.session_types, {}, CORE_FILE)
    if project is not None:
        addition = _read(project, where, ProjectFile)
        types = _types(addition.session_types, types, where)
        rules = _raised(rules, addition.raised, where)
        rules += _added(addition, rules, articles, where, extra_checks)
    ident = constitution_id(core, project, checks=checks_id)
    return Constitution.of(shipped.version, ident, articles, rules, types)


def _types(
    wanted: Mapping[str, Sequence[str]], known: Mapping[str, tuple[str, ...]], where: str
) -> Mapping[str, tuple[str, ...]]:
    """Returns the types of sessions `known`, and those that a file adds, their stages in pipeline order."""
    for name, stages in wanted.items():
        place = f"{where} → session_types → {name}"
        if name in known or name == BLUEPRINT_TYPE:
            raise InvalidConfigurationError(
                f"the session type {name} cannot be replaced",
                where=place,
                cause="it belongs to the core, and a project cannot need less of it",
                fix=("choose another name",),
            )
        unknown = next((stage for stage in stages if stage not in STAGES), None)
        if unknown is not None:
            raise InvalidConfigurationError(
                f"there is no stage {unknown!r}",
                where=place,
                cause=f"stages: {', '.join(STAGES)}",
                fix=did_you_mean(unknown, STAGES) or ("take it out",),
            )
        if STAGES[0] not in stages:
            raise InvalidConfigurationError(
                f"the session type {name} has no {STAGES[0]}",
                where=place,
                cause=f"each session begins with its {STAGES[0]}",
                fix=(f"{name}: [{', '.join([STAGES[0], *stages])}]",),
            )
    return {**known, **{name: tuple(s for s in STAGES if s in stages) for name, stages in wanted.items()}}


def _read(data: bytes, where: str, shape: type[File]) -> File:
    try:
        value = load_yaml(data)
    except YamlProblem as problem:
        place = f"{where}:{problem.line}:{problem.column}" if problem.line else where
        raise InvalidConfigurationError(
            "the constitution is not readable YAML", where=place, cause=problem.what, fix=("mend that line",)
        ) from problem
    if value is not None and not isinstance(value, dict):
        found = "a list" if isinstance(value, list) else "one value"
        raise InvalidConfigurationError(
            f"the constitution is {found}, not a table of keys",
            where=where,
            cause="known keys: " + ", ".join(each.alias or key for key, each in shape.model_fields.items()),
            fix=("write each of them as: key: value",),
        )
    try:
        return shape.model_validate({} if value is None else value)
    except ValidationError as error:
        raise Trouble(where, shape, value, error).as_error() from error


def _raised(rules: Sequence[Rule], wanted: Mapping[str, Raised], where: str) -> list[Rule]:
    ids = [rule.id for rule in rules]
    for name in wanted:
        if name not in ids:
            raise InvalidConfigurationError(
                f"there is no core rule {name!r} to raise",
                where=f"{where} → raise → {name}",
                cause="only rules of the shipped constitution can be raised",
                fix=_suggestions(name, ids),
            )
    return [_stricter(rule, wanted[rule.id], where) if rule.id in wanted else rule for rule in rules]


def _stricter(rule: Rule, wanted: Raised, where: str) -> Rule:
    asked = {status: value for status, value in wanted.model_dump().items() if value is not None}
    present = {**rule.severity, "gate": rule.gate}
    for status, severity in asked.items():
        if STRICTNESS[severity] < STRICTNESS[present[status]]:
            raise InvalidConfigurationError(
                f"{rule.id} cannot be lowered from {present[status]} to {severity}",
                where=f"{where} → raise → {rule.id} → {status}",
                cause="a project may make a core rule stricter, never milder",
                fix=(WAIVER_FIX.replace("RULE", rule.id),),
            )
    after = {**present, **asked}
    gate = max(after["gate"], after["complete"], key=lambda severity: STRICTNESS[severity])
    severity = {status: after[status] for status in _STATUSES}
    return rule._replace(severity=severity, gate=gate, raised=after != present)


def _added(
    addition: ProjectFile,
    core: Sequence[Rule],
    articles: Iterable[Article],
    where: str,
    extra_checks: Mapping[str, Check],
) -> list[Rule]:
    by_id = {rule.id: rule for rule in core}
    known_articles = {article.id for article in articles} | {""}
    added = []
    for number, entry in enumerate(addition.rules, 1):
        place = f"{where} → rules → {number} ({entry.id})"
        if entry.id in by_id or entry.id.upper().startswith("IDSE"):
            raise InvalidConfigurationError(
                f"the rule {entry.id} cannot be replaced" if entry.id in by_id else f"{entry.id} is reserved",
                where=f"{place} → id",
                cause="ids that begin with IDSE belong to the core, and the core cannot be replaced",
                fix=("choose an id such as ACME001", WAIVER_FIX.replace("RULE", entry.id)),
            )
        if entry.article not in known_articles:
            raise InvalidConfigurationError(
                f"there is no article {entry.article!r}",
                where=f"{place} → article",
                fix=_suggestions(entry.article, known_articles - {""}),
            )
        added.append(built_rule(entry, where, number, extra_checks, origin=PROJECT))
        _refuse_many_patterns(added, place)
    _refuse_twice(added, where)
    return added


def _refuse_many_patterns(rules: Sequence[Rule], place: str) -> None:
    """Each is made ready to run before any document is looked at, so their number is bounded."""
    count = sum(len(patterns_in(rule.options)) for rule in rules if rule.check in VERBS)
    if count > MOST_PATTERNS:
        raise InvalidConfigurationError(
            f"the rules up to here hold {count} patterns",
            where=f"{place} → with",
            cause=f"a project's rules may hold {MOST_PATTERNS} in all",
            fix=("make one pattern of several: (?:one|two)", "use no_text where plain words are meant"),
        )


def _refuse_twice(rules: Sequence[Rule], where: str) -> None:
    seen: set[str] = set()
    for number, rule in enumerate(rules, 1):
        if rule.id in seen:
            raise InvalidConfigurationError(
                f"the id {rule.id} is used twice",
                where=f"{where} → rules → {number} ({rule.id}) → id",
                fix=("give one of them another id",),
            )
        seen.add(rule.id)


def _suggestions(name: str, known: Iterable[str]) -> tuple[str, ...]:
    return did_you_mean(name, sorted(known), 3) or ("idse rule list",)
