"""DocToAgentProfileSpecCompiler: from the Agent Profile in a document to an AgentProfileSpec.

    bytes → text → the block below the heading → YAML with places → values, or problems by line and column
    values of the blueprint's block ← values of the session's own block → AgentProfileSpec

No model is called and nothing is guessed: the same documents give the same profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from idse_orchestrator.documents.markdown import Outline
from idse_orchestrator.profiles.block import Block, Problem, find_block, may_hold_profile, named_so
from idse_orchestrator.profiles.spec import NEEDED, AgentProfileSpec, inherit, settled

__all__ = [
    "NEEDED",
    "Problem",
    "ProfileReading",
    "compile_profile",
    "may_hold_profile",
    "missing_keys",
    "read_outlined",
    "read_profile",
    "too_large",
]

MOST_BYTES = 1024 * 1024
"""As large as the constitution lets a document be; a larger one is not parsed."""


@dataclass(frozen=True, slots=True)
class ProfileReading:
    """What a document says about its agent.

    `line` is that of the heading, 0 without a profile; `values` hold None where null clears a key. With
    `problems` the values are incomplete. `elsewhere` are lines of headings of that name that do not count,
    since their level is another one.
    """

    line: int = 0
    values: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    elsewhere: tuple[int, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether the document has a profile, sound or not."""
        return bool(self.line or self.problems)


def read_profile(data: bytes) -> ProfileReading:
    """The profile in the Markdown document `data`; never raises, whatever the bytes are."""
    refused = too_large(len(data))
    if refused is not None:
        return refused
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _undecodable(data, error.start, "the document is not UTF-8 text")
    if "\0" in text:
        return _undecodable(data, data.index(b"\0"), "the document holds a NUL byte")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not may_hold_profile(text):
        return ProfileReading()
    from idse_orchestrator.documents.markdown import outline_of

    return read_outlined(text, outline_of(text))


def too_large(size: int) -> ProfileReading | None:
    """What is said of a document of `size` bytes that is too large to be read; None for a smaller one."""
    if size <= MOST_BYTES:
        return None
    what = f"the document has {size:,} bytes, at most {MOST_BYTES:,} are read"
    return ProfileReading(problems=(Problem(0, 0, what, "keep the spec short, and the rest beside it"),))


def read_outlined(text: str, outline: Outline) -> ProfileReading:
    """The profile in `text`, whose lines end in a line feed."""
    block = find_block(text, outline)
    if isinstance(block, Block):
        return _read_block(block)
    if block is not None:
        return ProfileReading(block.line, problems=(block,))
    return ProfileReading(elsewhere=tuple(section.line for section in named_so(outline)))


def missing_keys(own: ProfileReading, defaults: ProfileReading | None = None) -> tuple[str, ...]:
    """The keys that a profile needs, and that neither its document nor the defaults hold."""
    values = inherit(defaults.values if defaults else {}, own.values)
    return tuple(key for key in NEEDED if values.get(key) is None)


def compile_profile(
    own: ProfileReading, defaults: ProfileReading | None, *, session: str, blueprint: str
) -> AgentProfileSpec | tuple[Problem, ...]:
    """The profile of `session`, with the defaults of `blueprint` if there are any; or what it lacks.

    Neither reading may have problems.
    """
    missing = missing_keys(own, defaults)
    if missing:
        return tuple(_missing(own, key, blueprint if defaults else "") for key in missing)
    values = settled(inherit(defaults.values if defaults else {}, own.values))
    source = {"source_session": session, **({"source_blueprint": blueprint} if defaults else {})}
    return AgentProfileSpec.of({**values, **source})


def _missing(own: ProfileReading, key: str, blueprint: str) -> Problem:
    inherited = f", and that of {blueprint} has none either" if blueprint else ""
    return Problem(own.line, 1, f"it has no {key}{inherited}", f"add a line  {key}: …")


def _undecodable(data: bytes, at: int, what: str) -> ProfileReading:
    line, column = data.count(b"\n", 0, at) + 1, at - data.rfind(b"\n", 0, at)
    return ProfileReading(problems=(Problem(line, column, what, "save it as UTF-8"),))


def _read_block(block: Block) -> ProfileReading:
    from idse_orchestrator.base.placed_reading import load_placed
    from idse_orchestrator.base.safe_yaml import YamlProblem
    from idse_orchestrator.profiles.trouble import explained
    from idse_orchestrator.profiles.values import ProfileValues

    lines = block.text.split("\n")
    try:
        found = ProfileValues(load_placed(block.text.encode("utf-8", "replace")), lines)
    except YamlProblem as problem:
        return ProfileReading(block.heading, problems=(_moved(explained(problem, lines), block),))
    problems = tuple(_moved(each, block) for each in found.problems)
    return ProfileReading(block.heading, found.values, problems)


def _moved(problem: Problem, block: Block) -> Problem:
    """From the place in the block to that in the document; the whole block stands for itself."""
    line = min(problem.line, len(block.indents))
    if line == 0:
        return problem._replace(line=block.line, column=1)
    column = problem.column if line == problem.line else 1
    return problem._replace(line=block.line + line, column=column + block.indents[line - 1])
