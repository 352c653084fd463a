"""The shape of a constitution file, and of the options of each check verb.

A key that is needed has an example, as YAML, which whoever forgot it is shown.
Only `file.py` needs this module; it imports pydantic.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from idse_orchestrator.constitution.rules import OFF


def _word_for_false(value: object) -> object:
    """YAML reads a bare ``off`` as false."""
    return OFF if value is False else value


Severity = Annotated[Literal["off", "warning", "error"], BeforeValidator(_word_for_false)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Texts = Annotated[list[ShortText], Field(min_length=1, max_length=500)]
Count = Annotated[int, Field(ge=0, le=1 << 30)]


class Strict(BaseModel):
    """A mapping with no other keys than those named here, whose values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Severities(Strict):
    """How a rule weighs while its stage has each status."""

    pending: Severity = "off"
    in_progress: Severity = "warning"
    complete: Severity = "error"


class Raised(Strict):
    """Which severities of a rule a layer makes stricter."""

    pending: Severity | None = None
    in_progress: Severity | None = None
    complete: Severity | None = None
    gate: Severity | None = None


class Fixes(Strict):
    """Commands that help with a finding, by the status of its stage."""

    pending: list[ShortText] = Field(default_factory=list)
    in_progress: list[ShortText] = Field(default_factory=list)
    complete: list[ShortText] = Field(default_factory=list)


class ArticleEntry(Strict):
    """An article."""

    id: ShortText
    title: ShortText
    text: Text


class RuleEntry(Strict):
    """A rule, as any layer may have it."""

    id: ShortText = Field(examples=["ACME001"])
    article: str = ""
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$")] = Field(
        examples=["no-weasel-words"]
    )
    applies_to: Texts = Field(examples=["[intent, spec]"])
    check: ShortText = Field(examples=["no_text"])
    options: dict[str, Any] = Field(default_factory=dict, alias="with")
    severity: Severities = Field(default_factory=Severities)
    severity_of: str | None = None
    gate: Severity | None = None
    message: Text = Field(examples=['"{artifact} says {text}"'])
    hint: Text = Field(examples=['"Say what will happen instead"'])


class CoreRuleEntry(RuleEntry):
    """A rule of the core, which may say what to type: a project's rules come with whatever branch is here."""

    fix: Fixes = Field(default_factory=Fixes)


SessionTypes = Annotated[
    dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")], Texts], Field(max_length=50)
]
"""Stages by the name of a type of sessions."""


class CoreFile(Strict):
    """The constitution that is shipped."""

    version: ShortText
    articles: list[ArticleEntry]
    rules: list[CoreRuleEntry]
    session_types: SessionTypes = Field(default_factory=dict)
    headings: dict[str, Any] = Field(default_factory=dict)


class ProjectFile(Strict):
    """Holds what a project adds: rules, types of sessions, and stricter severities for core rules."""

    version: ShortText | int | float | None = None
    rules: Annotated[list[RuleEntry], Field(max_length=200)] = Field(default_factory=list)
    raised: dict[str, Raised] = Field(default_factory=dict, alias="raise")
    session_types: SessionTypes = Field(default_factory=dict)


class AgencyFile(ProjectFile):
    """Holds what an Agency adds for all clients, or for one. Its policy is for the server to read."""

    policy: Any = None


class NoOptions(Strict):
    """For verbs that take no options."""


class HeadingOption(Strict):
    """A section by its name and aliases; a trailing ``*`` in an alias fits any rest."""

    name: ShortText = Field(examples=["Way Back"])
    also: list[ShortText] = Field(default_factory=list)


class SizeOptions(Strict):
    """Of max_size."""

    bytes: Annotated[int, Field(ge=1, le=1 << 30, examples=["65536"])]


class SuffixOptions(Strict):
    """Of utf8 and no_nul."""

    text_suffixes: Texts = Field(examples=["[.md, .txt]"])


Sections = dict[
    Literal["intent", "context", "spec", "plan", "tasks", "implementation", "feedback"], list[HeadingOption]
]


SECTIONS_EXAMPLE = "{plan: [{name: Way Back, also: [Rollback]}]}"


class SectionsOptions(Strict):
    """Of required_sections."""

    sections: Sections = Field(examples=[SECTIONS_EXAMPLE])


class FilledOptions(Strict):
    """Of sections_filled."""

    sections: Sections = Field(examples=[SECTIONS_EXAMPLE])
    markers: list[ShortText] = Field(default_factory=lambda: ["[REQUIRES INPUT]"])
    help_words: Count = 4


class MarkerOptions(Strict):
    """Of no_marker."""

    marker: ShortText = Field(examples=['"[TO DO]"'])


class PatternOptions(Strict):
    """Of no_placeholder."""

    patterns: Texts = Field(examples=["['TBD-[0-9]{1,4}']"])


class TextOptions(Strict):
    """Of no_text and has_text."""

    texts: Texts = Field(examples=["[leverage, seamless]"])


class SectionOptions(Strict):
    """Of has_criteria."""

    section: HeadingOption = Field(examples=["{name: Way Back}"])


class ReportOptions(Strict):
    """Of criteria_reported: where criteria stand, and under `implementation` where checks are told."""

    sections: Sections = Field(
        examples=["{spec: [{name: Acceptance Criteria}], implementation: [{name: Tests}]}"]
    )


class QuestionOptions(SectionOptions):
    """Of questions_answered."""

    answered_by: Texts = Field(examples=['["Answer:"]'])
    reply_starts: list[ShortText] = Field(default_factory=list)
    still_open: list[ShortText] = Field(default_factory=list)


class NamesOptions(SectionOptions):
    """Of names_artifacts."""

    none_words: Texts = Field(examples=["[none, nothing]"])
    reason_words: Count = 3


class ShapeOption(Strict):
    """One kind of secret."""

    kind: ShortText = Field(examples=["a key of Acme"])
    starts: ShortText = Field(examples=["acme_"])
    pattern: ShortText = Field(examples=["'acme_[a-z0-9]{20}'"])


class SecretOptions(Strict):
    """Of no_secrets."""

    shapes: Annotated[list[ShapeOption], Field(min_length=1, max_length=100)] = Field(
        examples=["[{kind: a key of Acme, starts: acme_, pattern: 'acme_[a-z0-9]{20}'}]"]
    )
    examples: list[ShortText] = Field(default_factory=list)
    distinct: Count = 8


class FileOptions(Strict):
    """Of block_as_written."""

    files: Texts = Field(examples=["[notes.md]"])


class OrderOptions(Strict):
    """Of in_order."""

    may_start_beside: list[ShortText] = Field(default_factory=list)


OPTIONS: dict[str, type[Strict]] = {
    "max_size": SizeOptions,
    "utf8": SuffixOptions,
    "no_nul": SuffixOptions,
    "required_sections": SectionsOptions,
    "sections_filled": FilledOptions,
    "no_marker": MarkerOptions,
    "no_placeholder": PatternOptions,
    "no_text": TextOptions,
    "has_text": TextOptions,
    "has_criteria": SectionOptions,
    "questions_answered": QuestionOptions,
    "names_artifacts": NamesOptions,
    "no_secrets": SecretOptions,
    "in_order": OrderOptions,
    "criteria_reported": ReportOptions,
    "block_as_written": FileOptions,
}
"""Check verb to the shape of its options; the other verbs take none."""
