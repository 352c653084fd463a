"""The constitution as data, and what it says: rules, findings, and the report that findings make.

`file.py` reads rules from YAML; here they are plain values that also travel as one JSON text
(`to_json`, `from_json`), so that a hook needs neither a YAML parser nor a validation library to know
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.base.text import one_word
from idse_orchestrator.constitution.hits import with_params

if TYPE_CHECKING:
    from idse_orchestrator.pipeline.stage_state_model import Waiver

OFF = "off"
WARNING = "warning"
ERROR = "error"
SEVERITIES = (OFF, WARNING, ERROR)
"""From the mildest to the strictest: a project may move a rule to the right, never to the left."""


class Finding(NamedTuple):
    """One rule's verdict at one place.

    `path` is relative to the repository; `line` and `column` count from 1, and 0 means the whole
    file. `severity` is WARNING or ERROR. A waived finding never counts as an error. `hint` says in words
    what to do, and each entry of `fix` is a command that can be run as things stand.
    """

    rule: str
    severity: str
    path: str
    line: int
    column: int
    message: str
    hint: str
    project: str = ""
    session: str = ""
    stage: str = ""
    waiver: Waiver | None = None
    fix: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """True if this finding alone makes a check say no."""
        return self.severity == ERROR and self.waiver is None

    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Reports are ordered by place, then rule, then words."""
        return (self.path, self.line, self.column, self.rule, self.message)


FETCH_LEDGERS = "git fetch origin 'refs/idse/*:refs/idse/*'"
"""On a machine that only judges; elsewhere a sync brings them."""
NO_LEDGERS = (
    "no ledgers in this clone: gates were not checked "
    f"(idse sync pull; on a machine that only judges: {FETCH_LEDGERS})"
)
"""A note: what was looked at, and what could not be."""


class Report(NamedTuple):
    """Everything one run of the ValidationEngine found, in a stable order.

    `source` says what was looked at ("worktree", "index", "commit 3f2a1c9"), `constitution` is the
    content id of the rules, `sessions` the ``project/session`` names that were judged.
    """

    source: str
    constitution: str
    sessions: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    evidence: Mapping[str, object] | None = None
    """Of a gate that asks for evidence: what the completion records of it."""

    @property
    def errors(self) -> int:
        """How many findings block."""
        return sum(1 for finding in self.findings if finding.blocks)

    @property
    def warnings(self) -> int:
        """How many findings do not block, waived ones included."""
        return len(self.findings) - self.errors

    def blocks(self, *, strict: bool = False) -> bool:
        """Tests whether the run says no: on any error, and with `strict` on any finding not waived."""
        if strict:
            return any(finding.waiver is None for finding in self.findings)
        return self.errors > 0


COMPILED_FORMAT = 3
"""Changes when the JSON form of a constitution changes."""

ENGINE_VERSION = 3
"""Changes when a check verb judges the same bytes differently, so that kept hits expire."""

CORE, PROJECT, AGENCY, CLIENT = ORIGINS = "core", "project", "agency", "client"
"""Where a rule comes from: what is shipped, a project's own file, and the files of an Agency: for all of its
clients, and for one."""

DESIGNS = "designs"
"""Origin of the layer that adds no rule: the catalogue of an Agency's designs."""


class Layer(NamedTuple):
    """A file that adds to the core; `where` names it in errors.

    `origin` is PROJECT, AGENCY, CLIENT or DESIGNS.

    `is_from_elsewhere`: its rules may name checks that are not installed here. They then cannot be judged,
    and a finding says so. `is_remote`: such a rule is judged where it comes from, and never here.
    """

    origin: str
    where: str
    data: bytes
    is_from_elsewhere: bool = False
    is_remote: bool = False


ELSEWHERE = "agency:"
"""How the check of a rule begins that an Agency judges and a clone does not: no verb is called so."""


SIDE_FILE = "side_file"
"""In `Rule.applies_to`: any file of a session that is not one of the seven artifacts."""

WORKSPACE_PATHS = "workspace"
"""In `Rule.applies_to`: where files stand, rather than what is in them."""

FAMILIES = {
    "1": "structure",
    "2": "sections",
    "3": "input",
    "4": "sequence",
    "5": "spec",
    "6": "tasks",
    "65": "evidence",
    "7": "placement",
    "8": "safety",
    "9": "feedback",
}
"""How the number of a core rule begins, to what its family is about. A project's rules are "project"."""


def family_of(rule_id: str) -> str:
    """Returns the family of a core rule: that of the longest beginning of its number."""
    number = rule_id.removeprefix("IDSE")
    return FAMILIES[max((start for start in FAMILIES if number.startswith(start)), key=len)]


STRICTNESS = {OFF: 0, WARNING: 1, ERROR: 2}


class Article(NamedTuple):
    """One article: `id` is its roman number, `text` what it asks for, in a few sentences."""

    id: str
    title: str
    text: str


class Rule(NamedTuple):
    """One rule. `applies_to` holds stage names, SIDE_FILE or WORKSPACE_PATHS.

    `check` names a check verb and `options` are its parameters, shaped like JSON. `severity` maps
    each stage status to off, warning or error; `gate` is the severity inside `idse stage complete`.
    `severity_of` names the stage whose status decides, where that is not the document's own.
    `message`, `hint` and commands hold ``{placeholders}``; `fix` maps the stage's status to commands.
    `origin` is one of ORIGINS.
    """

    id: str
    article: str
    name: str
    family: str
    applies_to: tuple[str, ...]
    check: str
    options: Mapping[str, object]
    severity: Mapping[str, str]
    message: str
    hint: str
    fix: Mapping[str, Sequence[str]]
    origin: str = CORE
    severity_of: str | None = None
    gate: str = ERROR
    raised: bool = False
    """Tests whether a layer made a severity of this rule stricter than its own layer did."""

    @property
    def is_judged_elsewhere(self) -> bool:
        """Tests whether the Agency alone judges by it; see `Layer`."""
        return self.check.startswith(ELSEWHERE)

    def severity_at(self, status: str) -> str:
        """Returns the severity while the stage has `status`; an unknown status counts as pending."""
        return self.severity.get(status, self.severity["pending"])

    def commands(self, status: str, params: Mapping[str, str]) -> tuple[str, ...]:
        """Returns what can be typed while the stage has `status`.

        Each value of `params` is one word of a shell. A command that is nothing but a placeholder stands
        for whole commands, a line for each.
        """
        filled: list[str] = []
        for command in self.fix.get(status, ()):
            whole = command[1:-1] in params and command == f"{{{command[1:-1]}}}"
            words = params if whole else {name: one_word(value) for name, value in params.items()}
            filled += with_params(command, words).split("\n")
        return tuple(filled)


class Constitution(NamedTuple):
    """All articles and rules in force. `id` is the content id of the files they were read from.

    `types` are the stages of each type of sessions. Made by `Constitution.of`, which fills `by_id`.
    """

    version: str
    id: str
    articles: tuple[Article, ...]
    rules: tuple[Rule, ...]
    by_id: Mapping[str, Rule]
    types: Mapping[str, tuple[str, ...]]

    @staticmethod
    def of(
        version: str,
        ident: str,
        articles: Iterable[Article],
        rules: Iterable[Rule],
        types: Mapping[str, Sequence[str]] = {},
    ) -> Constitution:
        """Returns the constitution of these articles, rules and types, whose content id is `ident`."""
        ordered = tuple(rules)
        by_id = {rule.id: rule for rule in ordered}
        held = {name: tuple(stages) for name, stages in types.items()}
        return Constitution(version, ident, tuple(articles), ordered, by_id, held)

    def rule(self, rule_id: str) -> Rule | None:
        """Returns the rule of that id, upper or lower case; None where there is none."""
        return self.by_id.get(rule_id) or self.by_id.get(rule_id.upper())

    def article(self, article_id: str) -> Article | None:
        """Returns the article of that roman number, or None."""
        return next((article for article in self.articles if article.id == article_id), None)

    def to_json(self) -> str:
        """Returns the compiled form: one JSON text that `from_json` turns into an equal constitution."""
        import json

        body = {
            "format": COMPILED_FORMAT,
            "version": self.version,
            "id": self.id,
            "articles": [_fields(article) for article in self.articles],
            "rules": [_fields(rule) for rule in self.rules],
            "session_types": self.types,
        }
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Constitution:
        """Returns the constitution that `to_json` wrote.

        Raises ValueError for any other text: a compiled form is a cache, so drop it and load again.
        """
        import json

        body = json.loads(text)
        try:
            if body["format"] != COMPILED_FORMAT:
                raise ValueError(f"compiled constitution of format {body['format']!r}")
            return Constitution.of(
                body["version"],
                body["id"],
                [Article(**article) for article in body["articles"]],
                [_rule(fields) for fields in body["rules"]],
                body["session_types"],
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a compiled constitution: {error!r}") from error


def is_raised(constitution: Constitution) -> bool:
    """Tests whether code out of place may be an error: then a commit of code is judged before it is made."""
    return any(
        ERROR in rule.severity.values() for rule in constitution.rules if rule.check == "code_in_place"
    )


def constitution_id(core: bytes, layers: Iterable[Layer] = (), *, checks: str = "") -> str:
    """Returns the content id (64 hex digits) of the constitution that the shipped file and `layers` make.

    `checks` says which extra check verbs are installed, name and version. The id changes when a
    file, an extra check, or the engine's way of judging changes.
    """
    import hashlib

    given = {layer.origin: layer.data for layer in layers}
    project = given.pop(PROJECT, None)
    parts = [core, b"" if project is None else b"+" + project, checks.encode()]
    others = (origin for origin in (AGENCY, CLIENT, DESIGNS) if origin in given)
    parts += [b"%b+%b" % (origin.encode(), given[origin]) for origin in others]
    digest = hashlib.sha256(b"idse constitution %d %d\n" % (COMPILED_FORMAT, ENGINE_VERSION))
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


def _fields(value: Article | Rule) -> dict[str, object]:
    return value._asdict()


def _rule(fields: Mapping[str, object]) -> Rule:
    applies_to = fields["applies_to"]
    if not isinstance(applies_to, list):
        raise TypeError("applies_to is not a list")
    return Rule(**{**fields, "applies_to": tuple(applies_to)})  # type: ignore[arg-type] # JSON is untyped


def texts(options: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Returns the list of texts under `key`; empty where it is missing."""
    return tuple(cast("Sequence[str]", options.get(key, ())))
