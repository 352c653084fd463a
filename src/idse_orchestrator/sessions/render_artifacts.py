"""A new session's seven documents, made from templates.

A template is read by its stage from a `TemplateSource`; those named ``….j2`` are rendered with
jinja2, others are taken as they are. Rendering can run no code of a template and takes time and
memory in proportion to its size (`template_language.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import one_line
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.errors import IdseError, InvalidConfigurationError
from idse_orchestrator.sessions.template_folder import MAX_TEMPLATE, TemplateText

if TYPE_CHECKING:
    from jinja2 import Environment, Template

    from idse_orchestrator.sessions.template_folder import TemplateFolders

MAX_DOCUMENT = 1024 * 1024
"""In bytes and in characters: many times what a person would read."""


@dataclass(frozen=True, slots=True)
class TemplateValues:
    """The names a template may use. `date` is an ISO date, `stack` may be empty."""

    project: str
    session: str
    title: str
    type: str
    date: str
    stack: str = ""
    parents: tuple[str, ...] = ()

    def as_mapping(self) -> dict[str, object]:
        """Name to value; every text on one line, so that a title cannot add a heading."""
        texts = ("project", "session", "title", "type", "date", "stack")
        values: dict[str, object] = {name: one_line(getattr(self, name)) for name in texts}
        return {**values, "parents": tuple(one_line(parent) for parent in self.parents)}


def render_artifacts(templates: TemplateFolders, values: TemplateValues) -> Mapping[str, bytes]:
    """All seven documents: path relative to the session's folder to UTF-8 bytes, in pipeline order.

    Each has LF line ends and ends in exactly one newline. Raises InvalidConfigurationError with the
    file and line of a template that cannot be used; nothing is rendered in part.
    """
    names = values.as_mapping()
    return {path: render_document(templates.template(stage), names) for stage, path in ARTIFACTS.items()}


def render_document(template: TemplateText, values: Mapping[str, object]) -> bytes:
    """One document; `values` are texts on one line and lists of them. Errors as by `render_artifacts`."""
    text = _decoded(template)
    if not template.literal:
        text = _rendered(template.where, text, values)
    return (text.rstrip() + "\n").encode()


def _decoded(template: TemplateText) -> str:
    if len(template.data) > MAX_TEMPLATE:
        raise _refused(template.where, f"it is larger than {MAX_TEMPLATE // 1024} KiB", "make it shorter")
    try:
        text = template.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = template.data.count(b"\n", 0, error.start) + 1
        raise _refused(
            f"{template.where}:{line}", f"byte {error.start} is not UTF-8", "save the file as UTF-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _rendered(where: str, text: str, values: Mapping[str, object]) -> str:
    template = _compiled(where, text, values)
    pieces: list[str] = []
    left = MAX_DOCUMENT
    for piece in template.generate(values):
        left -= len(piece)
        if left < 0:
            raise _refused(where, f"it makes more than {MAX_DOCUMENT // 1024} KiB", "make it shorter")
        pieces.append(piece)
    return "".join(pieces)


def _compiled(where: str, text: str, values: Mapping[str, object]) -> Template:
    from jinja2 import TemplateError, TemplateSyntaxError

    from idse_orchestrator.sessions.template_language import refusals

    environment = _environment()
    try:
        tree = environment.parse(text)
        for line, problem, instead in refusals(tree, values):
            raise _refused(f"{where}:{line}", problem, instead)
        return environment.from_string(tree)
    except IdseError:
        raise
    except TemplateSyntaxError as error:
        raise _refused(f"{where}:{error.lineno}", error.message or "it does not parse", _COMPARE) from error
    except (TemplateError, SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        # The last five come out of Python's own compiler and parser of numbers on absurd input.
        raise _refused(where, f"it cannot be compiled ({type(error).__name__})", "make it simpler") from error


def _environment() -> Environment:
    """A second wall behind `template_language`: no loader, no globals, immutable values."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, loader=None
    )
    environment.globals.clear()
    return environment


_COMPARE = "correct it, or remove the file to use the template that idse ships"


def _refused(where: str, problem: str, fix: str) -> InvalidConfigurationError:
    return InvalidConfigurationError("this template cannot be used", where=where, cause=problem, fix=(fix,))
