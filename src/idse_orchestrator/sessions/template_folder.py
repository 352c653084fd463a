"""A new session's seven documents, made from templates: the project's own before the shipped ones.

A template is read by its stage; those named ``….j2`` are rendered with jinja2, others are taken as they
are. Rendering can run no code of a template and takes time and memory in proportion to its size
(`template_language.py`).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import did_you_mean, one_line
from idse_orchestrator.documents.project_workspace import ARTIFACTS, TEMPLATES_FOLDER
from idse_orchestrator.errors import IdseError, InvalidConfigurationError

if TYPE_CHECKING:
    from jinja2 import Environment, Template

MAX_TEMPLATE = 64 * 1024


@dataclass(frozen=True, slots=True)
class TemplateText:
    """One template: `where` is its path for messages; `literal` ones are not rendered."""

    where: str
    data: bytes
    literal: bool = False


@dataclass(frozen=True, slots=True)
class TemplateDoubt:
    """A file among a project's templates that does not do what its author meant, most likely.

    `where` is its repository-relative path, `what` goes on from there, `fix` says what to do.
    """

    where: str
    what: str
    fix: str


_SUFFIX = ".j2"
_OTHERS = ("handoff.md",)
_NAMES = tuple(name for each in (*ARTIFACTS.values(), *_OTHERS) for name in (each + _SUFFIX, each))
_VALUE = re.compile(rb"\{\{-?\s*(project|session|title|type|date|stack|parents)\b")
_MANY = 1000
"""Nobody has so many templates; a folder with more is something else."""


class TemplateFolders:
    """Templates of `shipped`, overridden by those that `override` has.

    `override` is ``<repository>/.idse/templates``, which may be missing. There ``spec.md.j2`` is
    rendered and ``spec.md`` is taken literally. What it holds is not trusted: links that lead out
    of it and files that are none are refused.
    """

    def __init__(self, shipped: str, override: str | None = None) -> None:
        self._shipped = shipped
        self._override = override

    def template(self, stage: str) -> TemplateText:
        """Returns the template of `stage`; InvalidConfigurationError if the one to use cannot be read."""
        return self.named(ARTIFACTS[stage])

    def named(self, document: str) -> TemplateText:
        """Returns the template of a document that is no stage's, as `template` finds those of stages."""
        return self._overriding(document) or _read(
            self._shipped, document + _SUFFIX, os.path.realpath(self._shipped)
        )

    def doubts(self) -> tuple[TemplateDoubt, ...]:
        """Returns what is odd about the project's own templates, in order of their paths.

        These are files that override nothing, and literal ones with values in them.
        """
        if self._override is None or os.path.islink(self._override):
            return ()
        names = sorted(islice(_files_below(self._override), _MANY))
        return tuple(doubt for name in names if (doubt := self._doubt(self._override, name)))

    def _doubt(self, override: str, name: str) -> TemplateDoubt | None:
        where = f"{TEMPLATES_FOLDER}/{name}"
        if name not in _NAMES:
            names = f"the names are those of a session's documents, such as {TEMPLATES_FOLDER}/spec.md.j2"
            fix = (*did_you_mean(name, _NAMES, form=f"{TEMPLATES_FOLDER}/{{}}"), names)[0]
            return TemplateDoubt(where, "replaces no template", fix)
        if name.endswith(_SUFFIX) or os.path.lexists(os.path.join(override, name + _SUFFIX)):
            return None
        if not _VALUE.search(_read(override, name, _place_of(override)).data):
            return None
        fix = f"name it {os.path.basename(name)}{_SUFFIX} to have it rendered"
        return TemplateDoubt(where, "is taken as it is, {{ … }} and all", fix)

    def _overriding(self, artifact: str) -> TemplateText | None:
        if self._override is None:
            return None
        names = [
            n for n in (artifact + _SUFFIX, artifact) if os.path.lexists(os.path.join(self._override, n))
        ]
        if len(names) > 1:
            raise _refused(
                os.path.join(self._override, artifact),
                f"{names[0]} and {names[1]} both stand there",
                f"keep {names[0]} to have it rendered, or {names[1]} to have it as it is",
            )
        return _read(self._override, names[0], _place_of(self._override)) if names else None


def _files_below(folder: str) -> Iterator[str]:
    """Files that may be meant as templates, by path in `folder`: none of an editor's own."""
    for inner, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.relpath(os.path.join(inner, name), folder).replace(os.sep, "/")
            if path.upper() != "README.MD" and not name.startswith(".") and not name.endswith("~"):
                yield path


def _place_of(override: str) -> str:
    """Returns where the override folder really stands, unless it or ``.idse`` is a link to somewhere else."""
    workspace, name = os.path.split(os.path.abspath(override))
    repository, dot_idse = os.path.split(workspace)
    return os.path.join(os.path.realpath(repository), dot_idse, name)


def _read(folder: str, name: str, home: str) -> TemplateText:
    """Returns the file `name` of `folder`, which must really stand under `home`."""
    path = os.path.join(folder, name)
    real = os.path.realpath(path)
    if not real.startswith(home + os.sep):
        raise _refused(path, f"a symbolic link leads from there to {real}", "put the file itself there")
    try:
        return TemplateText(path, _bytes_of(real, path), literal=not name.endswith(_SUFFIX))
    except OSError as error:
        raise _refused(path, error.strerror or str(error), "make it readable, or remove it") from error


def _bytes_of(real: str, path: str) -> bytes:
    """At most one byte more than a template may have. A pipe or a device is refused, not waited for."""
    descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refused(path, "it is not a regular file", "put a text file there")
    with os.fdopen(descriptor, "rb") as file:
        return file.read(MAX_TEMPLATE + 1)


def _refused(where: str, problem: str, fix: str) -> InvalidConfigurationError:
    return InvalidConfigurationError("this template cannot be used", where=where, cause=problem, fix=(fix,))


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
    """Returns all seven documents: path relative to the session's folder to UTF-8 bytes, in pipeline order.

    Each has LF line ends and ends in exactly one newline. Raises InvalidConfigurationError with the
    file and line of a template that cannot be used; nothing is rendered in part.
    """
    names = values.as_mapping()
    return {path: render_document(templates.template(stage), names) for stage, path in ARTIFACTS.items()}


def render_document(template: TemplateText, values: Mapping[str, object]) -> bytes:
    """Returns one document; `values` are texts on one line and lists of them.

    Errors as by `render_artifacts`.
    """
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
    """Returns a second wall behind `template_language`: no loader, no globals, immutable values."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, loader=None
    )
    environment.globals.clear()
    return environment


_COMPARE = "correct it, or remove the file to use the template that idse ships"
