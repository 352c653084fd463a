"""The policy of an Agency: what its gates refuse, and what counts. A client's file only makes it stricter.

It stands under `policy:` in the file of the Agency's rules, and in that of a client's. The values of each key
go from the mildest to the strictest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.safe_yaml import YamlProblem, load_yaml
from idse_orchestrator.base.text import did_you_mean
from idse_orchestrator.errors import InvalidConfigurationError

RECORD, ENFORCE, EVERY = "record", "enforce", "every"
ANYONE, PEOPLE, APPROVERS, NOBODY = "anyone", "people", "approvers", "none"
ANY, CORE = "any", "core"
KEY = "key"
OPTIONAL, REQUIRED = "optional", "required"

_VALUES: Mapping[str, Sequence[str]] = {
    "gates": (RECORD, ENFORCE, EVERY),
    "waivers": (ANYONE, PEOPLE, APPROVERS, NOBODY),
    "identity": (RECORD, KEY),
    "signed": (OPTIONAL, REQUIRED),
}
_TYPES, _NEVER = "types", "not-waivable"
_KEYS = (*_VALUES, _TYPES, _NEVER)
_TYPE = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_RULE = re.compile(r"[A-Z]{2,10}\d{0,3}", re.ASCII)
_DIGITS = 3


class Policy(NamedTuple):
    """What holds for one client. The values are those of a new home.

    `types` is ANY, CORE or the names of session types. `not_waivable` are ids of rules, or how they begin.
    """

    gates: str = ENFORCE
    waivers: str = PEOPLE
    types: str | tuple[str, ...] = ANY
    identity: str = RECORD
    signed: str = OPTIONAL
    not_waivable: tuple[str, ...] = ()

    def is_waivable(self, rule: str) -> bool:
        """Tests whether a waiver of the rule may count."""
        return not any(
            rule == name or (not name[-_DIGITS:].isdigit() and rule.startswith(name))
            for name in self.not_waivable
        )

    def allows(self, session_type: str, core: Collection[str]) -> bool:
        """Tests whether sessions of this type may leave stages out. `core` are the types that are shipped."""
        if self.types == ANY:
            return True
        return session_type in (core if self.types == CORE else self.types)


DEFAULT = Policy()


class PolicyFile(NamedTuple):
    """A file that may hold a policy, and what it is called in errors."""

    where: str
    data: bytes


@lru_cache(maxsize=8)  # YAML is slow, and a judge that forks has read the files before
def policy_of(agency: PolicyFile | None, client: PolicyFile | None, core_types: frozenset[str]) -> Policy:
    """Returns the policy in force for a client.

    Raises InvalidConfigurationError where a file is wrong, or the client's is milder than the Agency's.
    """
    policy = DEFAULT
    if agency is not None:
        policy = _merged(policy, _asked(agency), core_types, "")
    if client is not None:
        policy = _merged(policy, _asked(client), core_types, client.where)
    return policy


def _merged(policy: Policy, asked: Mapping[str, Any], core_types: Collection[str], bounded: str) -> Policy:
    """Returns `policy` as `asked` has it. `bounded` names a file that may only make it stricter."""
    for key, values in _VALUES.items():
        before = getattr(policy, key)
        after = asked.get(key, before)
        if bounded and values.index(after) < values.index(before):
            raise _milder(bounded, key, after, before, values[values.index(before) :])
        policy = policy._replace(**{key: after})
    types = asked.get(_TYPES, policy.types)
    if bounded and _is_wider(types, policy.types, core_types):
        said = policy.types if isinstance(policy.types, str) else f"[{', '.join(policy.types)}]"
        raise _milder(bounded, _TYPES, types if isinstance(types, str) else ", ".join(types), said, (said,))
    never = dict.fromkeys((*policy.not_waivable, *asked.get(_NEVER, ())))
    return policy._replace(types=types, not_waivable=tuple(never))


def _is_wider(asked: str | tuple[str, ...], before: str | tuple[str, ...], core: Collection[str]) -> bool:
    if before == ANY:
        return False
    if asked == ANY:
        return True
    return not set(core if asked == CORE else asked) <= set(core if before == CORE else before)


def _milder(
    where: str, key: str, asked: str, before: str, allowed: Sequence[str]
) -> InvalidConfigurationError:
    return InvalidConfigurationError(
        f"{key} cannot be {asked}: the Agency's own rules say {before}",
        where=f"{where} → policy → {key}",
        cause="a client's file may only make the policy stricter",
        fix=(f"{key}: {' or '.join(allowed)}", "or take the line out"),
    )


def _asked(file: PolicyFile) -> dict[str, Any]:
    """Returns what a file asks for, by key, checked."""
    found = {str(key): value for key, value in _block(file).items()}
    where = f"{file.where} → policy"
    for key in found:
        if key not in _KEYS:
            raise InvalidConfigurationError(
                f"{key!r} is not a key here",
                where=where,
                cause=f"known keys: {', '.join(_KEYS)}",
                fix=did_you_mean(key, _KEYS) or ("take it out",),
            )
    return {key: _value(key, value, f"{where} → {key}") for key, value in found.items()}


def _block(file: PolicyFile) -> Mapping[object, object]:
    try:
        whole = load_yaml(file.data)
    except YamlProblem as problem:
        place = f"{file.where}:{problem.line}:{problem.column}" if problem.line else file.where
        raise InvalidConfigurationError(
            "the rules are not readable YAML", where=place, cause=problem.what, fix=("mend that line",)
        ) from problem
    block = whole.get("policy") if isinstance(whole, dict) else None
    if block is not None and not isinstance(block, dict):
        raise InvalidConfigurationError(
            "the policy is no table of keys",
            where=f"{file.where} → policy",
            cause=f"known keys: {', '.join(_KEYS)}",
            fix=("policy: {gates: enforce}",),
        )
    return block or {}


def _value(key: str, value: object, where: str) -> object:
    if key in _VALUES:
        return _one_of(_VALUES[key], value, where, key)
    if key == _NEVER and value == []:
        return ()
    if key == _NEVER:
        return _names(value, where, _RULE, "a rule, or how its id begins", "not-waivable: [IDSE8, ACME001]")
    if isinstance(value, str):
        return _one_of((ANY, CORE), value, where, key)
    return _names(value, where, _TYPE, "a type of sessions", "types: [feature, fix]")


def _one_of(values: Sequence[str], value: object, where: str, key: str) -> str:
    shown = "nothing" if value is None else str(value)
    if shown in values:
        return shown
    raise InvalidConfigurationError(
        f"{shown!r} is no value of {key}",
        where=where,
        cause=f"known: {', '.join(values)}",
        fix=did_you_mean(shown, values) or (f"{key}: {values[-1]}",),
    )


def _names(value: object, where: str, shape: re.Pattern[str], what: str, example: str) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    bad = next((each for each in given if not isinstance(each, str) or not shape.fullmatch(each)), None)
    if not isinstance(value, list) or bad is not None or not given:
        raise InvalidConfigurationError(
            f"{value if not isinstance(value, list) else bad!r} cannot stand here",
            where=where,
            cause=f"each entry is {what}",
            fix=(f"write it such as:  {example}",),
        )
    return tuple(given)
