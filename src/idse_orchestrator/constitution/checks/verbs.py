"""The closed set of check verbs: what each needs of a file, and what it tells a message."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple, cast

from idse_orchestrator.constitution.checks import files, sections, stages, tasks
from idse_orchestrator.constitution.checks.document import Check

ANY_FILE = 0
"""Runs on whatever stands there, also on a symbolic link or a file too large to read."""

CONTENT = 1
"""Runs on the content of a regular file, text or not."""

TEXT = 2
"""Runs on a regular file that is UTF-8 without NUL bytes."""

SESSION = 3
"""No check of one file: `session_judgement` compares the session with its state."""

PLACES = 4
"""No check of one file: `placement_judgement` looks at where files stand."""

ENGINE = 5
"""Reported by the engine itself."""


class Verb(NamedTuple):
    """A check verb. `params` are the placeholders that it fills beyond the common ones.

    The check of a room above is named as ``module:function`` and loaded when a rule runs it. So is
    `settling`, which drops hits after a look at other documents; see `constitution.validate`.
    """

    needs: int
    params: tuple[str, ...] = ()
    run: Check | str | None = None
    settling: str = ""

    @property
    def check(self) -> Check | None:
        """The check, loaded; ImportError where its room is not installed."""
        return cast("Check", loaded(self.run)) if isinstance(self.run, str) else self.run


def loaded(name: str) -> object:
    """What ``module:function`` names."""
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)


COMMON_PARAMS = ("artifact", "stage", "session", "project", "path")
"""Placeholders that every message and hint may hold."""

_PROFILES = "idse_orchestrator.profiles.checks:"

VERBS: Mapping[str, Verb] = MappingProxyType(
    {
        "regular_file": Verb(ANY_FILE, ("kind",), files.regular_file),
        "not_executable": Verb(ANY_FILE, (), files.not_executable),
        "utf8_name": Verb(ANY_FILE, (), files.utf8_name),
        "max_size": Verb(ANY_FILE, ("size", "limit"), files.max_size),
        "utf8": Verb(CONTENT, ("byte",), files.utf8),
        "no_nul": Verb(CONTENT, ("count",), files.no_nul),
        "no_conflict_markers": Verb(CONTENT, ("until",), files.no_conflict_markers),
        "no_secrets": Verb(CONTENT, ("kind", "masked"), files.no_secrets),
        "required_sections": Verb(TEXT, ("section",), sections.required_sections),
        "sections_filled": Verb(TEXT, ("section",), sections.sections_filled),
        "no_marker": Verb(TEXT, ("count", "marker", "lines"), sections.no_marker),
        "no_placeholder": Verb(TEXT, ("placeholder",), sections.no_placeholder),
        "agent_profile": Verb(TEXT, ("problem", "fix"), _PROFILES + "agent_profile"),
        "agent_profile_complete": Verb(
            TEXT, ("key",), _PROFILES + "agent_profile_complete", _PROFILES + "settling"
        ),
        "has_criteria": Verb(TEXT, ("section",), stages.has_criteria),
        "questions_answered": Verb(TEXT, ("question",), stages.questions_answered),
        "task_grammar": Verb(TEXT, ("problem",), tasks.task_grammar),
        "task_ids_unique": Verb(TEXT, ("task", "first"), tasks.task_ids_unique),
        "task_dependencies_exist": Verb(TEXT, ("task", "dependency"), tasks.task_dependencies_exist),
        "task_dependencies_acyclic": Verb(TEXT, ("cycle",), tasks.task_dependencies_acyclic),
        "parallel_tasks_apart": Verb(TEXT, ("first", "second", "shared"), tasks.parallel_tasks_apart),
        "tasks_ticked": Verb(TEXT, ("count", "total", "first"), tasks.tasks_ticked),
        "has_tasks": Verb(TEXT, (), tasks.has_tasks),
        "names_artifacts": Verb(TEXT, ("section",), stages.names_artifacts),
        "block_as_written": Verb(TEXT, ("problem",), "idse_orchestrator.claims.block:block_as_written"),
        "no_text": Verb(TEXT, ("text",), sections.no_text),
        "has_text": Verb(TEXT, ("texts",), sections.has_text),
        "artifact_exists": Verb(SESSION, ("status",)),
        "in_order": Verb(SESSION, ("status", "before", "problem", "mend")),
        "unchanged": Verb(SESSION),
        "upstream_unchanged": Verb(SESSION, ("causes",)),
        "canonical_place": Verb(PLACES, ("count", "folder")),
        "no_current_folder": Verb(PLACES),
        "views_not_committed": Verb(PLACES),
        "views_untouched": Verb(PLACES),
        "known_session": Verb(PLACES),
        "session_name": Verb(PLACES, ("kind", "name", "problem")),
        "check_ran": Verb(ENGINE, ("about", "verb", "why")),
    }
)
