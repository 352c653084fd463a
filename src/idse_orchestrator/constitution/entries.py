"""From an entry of a constitution file to a rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.constitution.checks.verbs import COMMON_PARAMS, TEXT, VERBS
from idse_orchestrator.constitution.patterns import problem_with
from idse_orchestrator.constitution.rules import (
    CORE,
    SIDE_FILE,
    STRICTNESS,
    WORKSPACE_PATHS,
    Rule,
    family_of,
)
from idse_orchestrator.constitution.schema import OPTIONS, CoreRuleEntry, NoOptions, RuleEntry
from idse_orchestrator.constitution.trouble import Trouble
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidConfigurationError

if TYPE_CHECKING:
    from idse_orchestrator.constitution.checks.document import Check

_CORE_ID = re.compile(r"IDSE[1-9]\d{2}")
_ADDED_ID = re.compile(r"[A-Z]{2,10}\d{3}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_GROUPS = {"artifacts": STAGES, "side_files": (SIDE_FILE,), "workspace": (WORKSPACE_PATHS,)}


def built_rule(
    entry: RuleEntry,
    where: str,
    number: int,
    extra_checks: Mapping[str, Check],
    *,
    origin: str = CORE,
    any_check: bool = False,
) -> Rule:
    """Returns the rule that `entry`, the `number`-th of its file, describes.

    With `any_check` it may name a check that nobody knows.

    InvalidConfigurationError where it cannot be one.
    """
    place = f"{where} → rules → {number} ({entry.id})"
    _check_id(entry, place, origin)
    if not (any_check and entry.check not in VERBS and _NAME.fullmatch(entry.check)):
        _check_verb(entry, place, extra_checks, origin)
    options = _options(entry, place, origin)
    _check_words(entry, place)
    severity = entry.severity.model_dump()
    gate = entry.gate or severity["complete"]
    return Rule(
        id=entry.id,
        article=entry.article,
        name=entry.name,
        family=family_of(entry.id) if origin == CORE else origin,
        applies_to=_applies_to(entry, place),
        check=entry.check,
        options=options,
        severity=severity,
        message=entry.message,
        hint=entry.hint,
        fix=_fixes(entry),
        origin=origin,
        severity_of=_stage(entry, place),
        gate=gate if STRICTNESS[gate] >= STRICTNESS[severity["complete"]] else severity["complete"],
    )


def _fixes(entry: RuleEntry) -> dict[str, list[str]]:
    fixes = entry.fix.model_dump() if isinstance(entry, CoreRuleEntry) else {}
    return {status: commands for status, commands in fixes.items() if commands}


def _check_id(entry: RuleEntry, place: str, origin: str) -> None:
    if not (_CORE_ID if origin == CORE else _ADDED_ID).fullmatch(entry.id):
        raise InvalidConfigurationError(
            f"{entry.id!r} cannot be the id of a rule",
            where=f"{place} → id",
            cause="an id is two to ten capital letters and three digits",
            fix=("choose an id such as ACME001",),
        )


def _check_verb(entry: RuleEntry, place: str, extra_checks: Mapping[str, Check], origin: str) -> None:
    known = sorted(
        {name for name, verb in VERBS.items() if verb.needs <= TEXT} | (set(extra_checks) - set(VERBS))
    )
    if entry.check in known or (origin == CORE and entry.check in VERBS):
        return
    raise InvalidConfigurationError(
        f"there is no check {entry.check!r}",
        where=f"{place} → check",
        cause=f"known checks: {', '.join(known)}",
        fix=did_you_mean(entry.check, known, 3) or ("choose one of the known checks",),
    )


def _options(entry: RuleEntry, place: str, origin: str) -> Mapping[str, object]:
    if entry.check not in VERBS:
        return _json_shaped(entry.options, place)
    shape = OPTIONS.get(entry.check, NoOptions)
    try:
        options = shape.model_validate(entry.options).model_dump()
    except ValidationError as error:
        raise Trouble(f"{place} → with", shape, entry.options, error).as_error() from error
    if origin != CORE:
        _check_patterns(options, place)
    return cast("Mapping[str, object]", options)


def _json_shaped(options: Mapping[str, object], place: str) -> Mapping[str, object]:
    """Returns `options` of an extra check as they will be after a trip through the compiled form."""
    import json

    try:
        return cast("Mapping[str, object]", json.loads(json.dumps(options, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise InvalidConfigurationError(
            "these options cannot be kept", where=f"{place} → with", cause=f"they are not like JSON: {error}"
        ) from error


def patterns_in(options: Mapping[str, Any]) -> list[str]:
    """Returns the regular expressions among the options of a check verb of ours."""
    return [*options.get("patterns", ()), *(shape["pattern"] for shape in options.get("shapes", ()))]


def _check_patterns(options: Mapping[str, Any], place: str) -> None:
    for pattern in patterns_in(options):
        problem = problem_with(pattern)
        if problem is not None:
            raise InvalidConfigurationError(
                f"the pattern {pattern!r} cannot be used", where=f"{place} → with", cause=problem
            )


def _check_words(entry: RuleEntry, place: str) -> None:
    if entry.check not in VERBS:
        return
    known = (*COMMON_PARAMS, *VERBS[entry.check].params)
    commands = ((f"fix → {status}", line) for status, lines in _fixes(entry).items() for line in lines)
    for key, words in (("message", entry.message), ("hint", entry.hint), *commands):
        for name in _PLACEHOLDER.findall(words):
            if name not in known:
                raise InvalidConfigurationError(
                    f"{{{name}}} is not filled by the check {entry.check!r}",
                    where=f"{place} → {key}",
                    cause=f"it fills {', '.join(f'{{{each}}}' for each in known)}",
                    fix=("take it out, or use one of these",),
                )


def _applies_to(entry: RuleEntry, place: str) -> tuple[str, ...]:
    known = {**_GROUPS, **{stage: (stage,) for stage in STAGES}}
    for name in entry.applies_to:
        if name not in known:
            raise InvalidConfigurationError(
                f"{name!r} is nothing a rule can apply to",
                where=f"{place} → applies_to",
                cause=f"known: {', '.join(known)}",
                fix=did_you_mean(name, known, 3),
            )
    return tuple(dict.fromkeys(target for name in entry.applies_to for target in known[name]))


def _stage(entry: RuleEntry, place: str) -> str | None:
    if entry.severity_of is not None and entry.severity_of not in STAGES:
        raise InvalidConfigurationError(
            f"{entry.severity_of!r} is not a stage",
            where=f"{place} → severity_of",
            cause=f"stages: {', '.join(STAGES)}",
        )
    return entry.severity_of
