"""Read constitution files: the one that is shipped, and what a project, an Agency and its client add to it.

Each of these layers may add rules and make those before it stricter. None can lower, replace or remove one:
an exception for one session is a waiver in its ledger, which every report shows.

The files of an Agency are read without a look at the project's. So no project can keep them out, and where
two rules or types have one name, the project's is the one that is wrong.
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
    AGENCY,
    CLIENT,
    CORE,
    DESIGNS,
    ELSEWHERE,
    ORIGINS,
    PROJECT,
    STRICTNESS,
    Article,
    Constitution,
    Layer,
    Rule,
    constitution_id,
)
from idse_orchestrator.constitution.schema import AgencyFile, CoreFile, ProjectFile, Raised
from idse_orchestrator.constitution.trouble import Trouble
from idse_orchestrator.documents.design_reference import catalogue_of
from idse_orchestrator.documents.project_workspace import STAGES
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.pipeline.ports import BLUEPRINT_TYPE

File = TypeVar("File", bound=BaseModel)

MOST_PATTERNS = 500
"""Regular expressions in all rules of a layer."""

PROJECT_FILE = ".idse/constitution.yaml"
CORE_FILE = "constitution.yaml"
WAIVER_FIX = "an exception is for one session, and shown in every report: idse rule waive RULE"
"""What to do instead of weakening a core rule."""

_STATUSES = ("pending", "in_progress", "complete")
NO_CHECKS: Mapping[str, Check] = MappingProxyType({})


_READ_FIRST = (DESIGNS, AGENCY, CLIENT, PROJECT)


def load_constitution(
    core: bytes,
    layers: Iterable[Layer] = (),
    *,
    extra_checks: Mapping[str, Check] = NO_CHECKS,
    checks_id: str = "",
) -> Constitution:
    """Returns the constitution that the shipped file `core` and `layers`, one of an origin, make together.

    `extra_checks` are the installed check verbs by name, `checks_id` says their names and versions
    (as in `constitution_id`). Raises InvalidConfigurationError that says
    file → key → item, why, and what to do.
    """
    given = sorted(layers, key=lambda layer: _READ_FIRST.index(layer.origin))
    shipped = _read(core, CORE_FILE, CoreFile)
    rules = [built_rule(entry, CORE_FILE, number, {}) for number, entry in enumerate(shipped.rules, 1)]
    articles = tuple(Article(each.id, each.title, each.text) for each in shipped.articles)
    _refuse_twice(rules, CORE_FILE)
    loading = _Loading(rules, articles, _types(shipped.session_types, {}, {}, CORE_FILE), extra_checks)
    for layer in given:
        loading.add(layer)
    ident = constitution_id(core, given, checks=checks_id)
    return Constitution.of(shipped.version, ident, articles, loading.ordered(), loading.types)


def project_layer(data: bytes, where: str = PROJECT_FILE) -> Layer:
    """Returns the layer of a project's own file."""
    return Layer(PROJECT, where, data)


class _Loading:
    """The rules by id and the types of sessions, while layers are added."""

    def __init__(
        self,
        core: Sequence[Rule],
        articles: Sequence[Article],
        types: Mapping[str, tuple[str, ...]],
        extra_checks: Mapping[str, Check],
    ) -> None:
        self._core = core
        self._articles = articles
        self._extra_checks = extra_checks
        self._core_types = types
        self.types = types
        self._rules = {rule.id: rule for rule in core}

    def add(self, layer: Layer) -> None:
        """Adds what the file of `layer` says; a project may raise what is shipped and no more."""
        if layer.origin == DESIGNS:
            self._tell_designs(layer)
            return
        addition = _read(layer.data, layer.where, ProjectFile if layer.origin == PROJECT else AgencyFile)
        self.types = _types(addition.session_types, self.types, self._core_types, layer.where)
        below = self._core if layer.origin == PROJECT else list(self._rules.values())
        raised = _raised(below, addition.raised, layer.where)
        added = _added(addition, self._rules, self._articles, layer, self._extra_checks)
        for rule in (*raised, *added):
            self._rules[rule.id] = _strictest(rule, self._rules.get(rule.id, rule))

    def _tell_designs(self, layer: Layer) -> None:
        catalogue = catalogue_of(layer.data, layer.where)
        for rule in self._core:
            if rule.check == "designs_known":
                self._rules[rule.id] = rule._replace(options={"designs": catalogue})
        self._core = list(self._rules.values())

    def ordered(self) -> list[Rule]:
        """Returns all rules: those of the core, then by layer."""
        return sorted(self._rules.values(), key=lambda rule: ORIGINS.index(rule.origin))


def _types(
    wanted: Mapping[str, Sequence[str]],
    known: Mapping[str, tuple[str, ...]],
    core: Mapping[str, tuple[str, ...]],
    where: str,
) -> Mapping[str, tuple[str, ...]]:
    """Returns the types of sessions `known`, and those that a file adds, their stages in pipeline order."""
    for name, stages in wanted.items():
        place = f"{where} → session_types → {name}"
        if name in known or name == BLUEPRINT_TYPE:
            raise InvalidConfigurationError(
                f"the session type {name} cannot be replaced",
                where=place,
                cause="it belongs to the core, and a project cannot need less of it"
                if name in core or name == BLUEPRINT_TYPE
                else "the Agency's rules have a type of that name",
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
    is_core = all(rule.origin == CORE for rule in rules)
    for name in wanted:
        if name not in ids:
            raise InvalidConfigurationError(
                f"there is no core rule {name!r} to raise"
                if is_core
                else f"there is no rule {name!r} to raise",
                where=f"{where} → raise → {name}",
                cause="only rules of the shipped constitution can be raised"
                if is_core
                else "only rules of the shipped constitution and of the Agency's file can be raised",
                fix=_suggestions(name, ids),
            )
    return [_stricter(rule, wanted[rule.id], where) if rule.id in wanted else rule for rule in rules]


def _strictest(one: Rule, other: Rule) -> Rule:
    """Returns one rule with the stricter severity of both for each status, and at the gate."""
    if one.severity == other.severity and one.gate == other.gate:
        return one if one.raised else other
    severity = {
        status: max(one.severity[status], other.severity[status], key=STRICTNESS.__getitem__)
        for status in _STATUSES
    }
    gate = max(one.gate, other.gate, key=STRICTNESS.__getitem__)
    return one._replace(severity=severity, gate=gate, raised=one.raised or other.raised)


def _stricter(rule: Rule, wanted: Raised, where: str) -> Rule:
    asked = {status: value for status, value in wanted.model_dump().items() if value is not None}
    present = {**rule.severity, "gate": rule.gate}
    for status, severity in asked.items():
        if STRICTNESS[severity] < STRICTNESS[present[status]]:
            raise InvalidConfigurationError(
                f"{rule.id} cannot be lowered from {present[status]} to {severity}",
                where=f"{where} → raise → {rule.id} → {status}",
                cause="a project may make a core rule stricter, never milder"
                if rule.origin == CORE and not rule.raised
                else "a client's file may make a rule stricter, never milder than the Agency's",
                fix=(WAIVER_FIX.replace("RULE", rule.id),),
            )
    after = {**present, **asked}
    gate = max(after["gate"], after["complete"], key=lambda severity: STRICTNESS[severity])
    severity = {status: after[status] for status in _STATUSES}
    return rule._replace(severity=severity, gate=gate, raised=after != present)


def _added(
    addition: ProjectFile,
    by_id: Mapping[str, Rule],
    articles: Iterable[Article],
    layer: Layer,
    extra_checks: Mapping[str, Check],
) -> list[Rule]:
    known_articles = {article.id for article in articles} | {""}
    where = layer.where
    added: list[Rule] = []
    for number, entry in enumerate(addition.rules, 1):
        place = f"{where} → rules → {number} ({entry.id})"
        known = by_id.get(entry.id)
        if known is not None or entry.id.upper().startswith("IDSE"):
            raise InvalidConfigurationError(
                f"the rule {entry.id} cannot be replaced" if known else f"{entry.id} is reserved",
                where=f"{place} → id",
                cause="ids that begin with IDSE belong to the core, and the core cannot be replaced"
                if known is None or known.origin == CORE
                else f"the {known.origin}'s rules have one of that id, and no other file can replace it",
                fix=("choose an id such as ACME001", WAIVER_FIX.replace("RULE", entry.id)),
            )
        if entry.article not in known_articles:
            raise InvalidConfigurationError(
                f"there is no article {entry.article!r}",
                where=f"{place} → article",
                fix=_suggestions(entry.article, known_articles - {""}),
            )
        rule = built_rule(
            entry,
            where,
            number,
            extra_checks,
            origin=layer.origin,
            any_check=layer.is_from_elsewhere or layer.is_remote,
        )
        if layer.is_remote and rule.check not in VERBS:
            rule = rule._replace(check=f"{ELSEWHERE}{rule.check}")
        added.append(rule)
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
            cause=f"the rules of one file may hold {MOST_PATTERNS} in all",
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
