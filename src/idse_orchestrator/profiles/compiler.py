"""DocToAgentProfileSpecCompiler: from the Agent Profile in a document to an AgentProfileSpec.

    bytes → text → the block below the heading → YAML with places → values, or problems by line and column
    values of the blueprint's block ← values of the session's own block → AgentProfileSpec

Only headings of the Markdown tree count, by their whole name: a mention in prose, in code, in a
quotation or in another heading is none. The cases: no such heading · two with a fence each · no fence ·
a fence that is quoted, of another language, or never closed · two of YAML · the one that is meant.
No model is called and nothing is guessed: the same documents give the same profile.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TypeVar

from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.documents.markdown import Fence, Outline, Section, normalized
from idse_orchestrator.profiles.spec import (
    FIELD,
    MAPPING,
    NEEDED,
    WRITTEN,
    AgentProfileSpec,
    Problem,
    Stated,
    inherit,
    settled,
)

TITLE = "Agent Profile"
LEVEL = 2
LANGUAGES = ("yaml", "yml")

_NAME = normalized(TITLE)
_MOST_LISTED = 5
_FENCED = "put keys and values between a line ```yaml and a line ```, such as  id: …  and  name: …"


class Block(NamedTuple):
    """The YAML of a profile: `text`, the line of its opening fence, and that of its heading.

    `indents` says how far each line of `text` stands to the right of where the document has it.
    """

    text: str
    line: int
    heading: int
    indents: tuple[int, ...]


def may_hold_profile(text: str) -> bool:
    """Tests whether it is worth parsing `text`: both words of the title are in it."""
    folded = text.casefold()
    return all(word in folded for word in _NAME.split())


def find_block(text: str, outline: Outline) -> Block | Problem | None:
    """Returns the profile's block in `text`; what keeps it from being read; or None where there is none."""
    sections = [each for each in named_so(outline) if each.level == LEVEL]
    if not sections:
        return None
    lines = text.split("\n")
    fenced = [each for each in sections if _fences(each, outline)]
    if len(fenced) > 1:
        first, second = fenced[:2]
        what = f'there are two sections "{TITLE}", in lines {first.line} and {second.line}'
        return Problem(second.line, 1, what, "keep one of them, or give the other one another heading")
    section = (fenced or sections)[0]
    return _block(section, _fences(section, outline), lines)


def named_so(outline: Outline) -> Iterator[Section]:
    """Returns the sections called Agent Profile, of any level."""
    return (each for each in outline.sections if each.names[0] == _NAME)


def _fences(section: Section, outline: Outline) -> Sequence[Fence]:
    line = attrgetter("line")
    first = bisect_left(outline.fences, section.first, key=line)
    return outline.fences[first : bisect_right(outline.fences, section.last, key=line)]


def _block(section: Section, fences: Sequence[Fence], lines: Sequence[str]) -> Block | Problem:
    own = [each for each in fences if not lines[each.line - 1].lstrip().startswith(">")]
    blocks = [each for each in own if each.info in LANGUAGES]
    if len(blocks) > 1:
        what = f"it has {len(blocks)} yaml blocks, in lines {_listed(blocks)}, and one is meant"
        return Problem(blocks[1].line, 1, what, "keep one of them as yaml, or move the others away")
    if not blocks:
        return _without(section, fences, own)
    (block,) = blocks
    content = block.content.split("\n")[:-1]
    if not _is_closed(block, len(content), lines):
        return Problem(block.line, 1, "its yaml block is never closed", "end it by a line ```")
    indents = tuple(_indent(lines[block.line + at], line) for at, line in enumerate(content))
    return Block(block.content, block.line, section.line, indents)


def _without(section: Section, fences: Sequence[Fence], own: Sequence[Fence]) -> Problem:
    if own:
        said = f"says {own[0].info}" if own[0].info else "does not say yaml"
        fix = "let the line that opens it read ```yaml"
        return Problem(own[0].line, 1, f"it has no fenced yaml block: the block there {said}", fix)
    if fences:
        what = "it has no fenced yaml block: the block there is a quotation"
        return Problem(fences[0].line, 1, what, "take the > away in front of it")
    return Problem(section.line, 1, "it has no fenced yaml block", _FENCED)


def _listed(blocks: Sequence[Fence]) -> str:
    numbers = [str(each.line) for each in blocks[:_MOST_LISTED]]
    more = len(blocks) - len(numbers)
    return f"{', '.join(numbers)} and {more} more" if more else f"{', '.join(numbers[:-1])} and {numbers[-1]}"


def _is_closed(block: Fence, length: int, lines: Sequence[str]) -> bool:
    """Markdown lets a fence that nobody closes run on to the end of the document."""
    after = block.line + length
    return after < len(lines) and lines[after].strip(" \t")[:3] in ("```", "~~~")


def _indent(line: str, content: str) -> int:
    return len(line) - len(content) if line.endswith(content) else 0


MOST_BYTES = 1024 * 1024
"""As large as the constitution lets a document be; a larger one is not parsed."""


@dataclass(frozen=True, slots=True)
class ProfileReading:
    """The Agent Profile that a document holds.

    `line` is that of the heading, 0 without a profile; `values` hold None where null clears a key. With
    `problems` the values are incomplete, and those of the keys `faulty` are not known. `elsewhere` are lines
    of headings of that name that do not count, since their level is another one. `stated` is what stands
    under keys that only idse writes.
    """

    line: int = 0
    values: Mapping[str, object] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    elsewhere: tuple[int, ...] = ()
    faulty: frozenset[str] = frozenset()
    stated: Mapping[str, Stated] = field(default_factory=dict)

    @property
    def is_there(self) -> bool:
        """True if the document has a profile, sound or not."""
        return bool(self.line or self.problems)


def read_profile(data: bytes) -> ProfileReading:
    """Reads the profile in the Markdown document `data`; never raises, whatever the bytes are."""
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
    """Refuses a document of `size` bytes that is too large to be read; None for a smaller one."""
    if size <= MOST_BYTES:
        return None
    what = f"the document has {size:,} bytes, at most {MOST_BYTES:,} are read"
    return unreadable(Problem(0, 0, what, "keep the spec short, and the rest beside it"))


def read_outlined(text: str, outline: Outline) -> ProfileReading:
    """Reads the profile in `text`, whose lines end in a line feed."""
    block = find_block(text, outline)
    if isinstance(block, Block):
        return _read_block(block)
    if block is not None:
        return ProfileReading(block.line, problems=(block,), faulty=_meant(text))
    return ProfileReading(elsewhere=tuple(section.line for section in named_so(outline)))


def missing_keys(own: ProfileReading, defaults: ProfileReading | None = None) -> tuple[str, ...]:
    """Returns the keys that a profile needs, and that neither its document nor the defaults hold."""
    values = inherit(defaults.values if defaults else {}, own.values)
    return tuple(key for key in NEEDED if values.get(key) is None)


def compile_profile(
    own: ProfileReading, defaults: ProfileReading | None, *, session: str, blueprint: str
) -> AgentProfileSpec | tuple[Problem, ...]:
    """Returns the profile of `session`, with the defaults of `blueprint` if there are any; or what it lacks.

    Its own reading has no problems. Those of the defaults are its problems where it takes what is faulty.
    """
    faulty = [key for key in WRITTEN if defaults and key in defaults.faulty and _takes(own, key)]
    if faulty:
        return tuple(_inherited(own, key, blueprint) for key in faulty)
    missing = missing_keys(own, defaults)
    if missing:
        return tuple(_missing(own, key, blueprint if defaults else "") for key in missing)
    values = settled(inherit(defaults.values if defaults else {}, own.values))
    source = {"source_session": session, **({"source_blueprint": blueprint} if defaults else {})}
    return AgentProfileSpec.of({**values, **source})


def _missing(own: ProfileReading, key: str, blueprint: str) -> Problem:
    inherited = f", and that of {blueprint} has none either" if blueprint else ""
    return Problem(own.line, 1, f"it has no {key}{inherited}", f"add a line  {key}: …")


def _takes(own: ProfileReading, key: str) -> bool:
    """Tests whether a profile takes `key`, or a part of its mapping, from its defaults."""
    is_merged = FIELD[key].holds == MAPPING and isinstance(own.values.get(key), Mapping)
    return key not in own.values or is_merged


def _inherited(own: ProfileReading, key: str, blueprint: str) -> Problem:
    what = f"it takes {key} from {blueprint}, whose profile has a problem there"
    return Problem(own.line, 1, what, f"mend it there, or add a line  {key}: …  here")


def _undecodable(data: bytes, at: int, what: str) -> ProfileReading:
    line, column = data.count(b"\n", 0, at) + 1, at - data.rfind(b"\n", 0, at)
    return unreadable(Problem(line, column, what, "save it as UTF-8"))


def unreadable(problem: Problem) -> ProfileReading:
    """Returns the reading of a document of which nothing is known."""
    return ProfileReading(problems=(problem,), faulty=frozenset(WRITTEN))


_MEANT = re.compile(rf"(?:^|(?<=[\s{{,\"']))({'|'.join(WRITTEN)})[\"']?[ \t]*:", re.MULTILINE)


def _meant(text: str) -> frozenset[str]:
    """Returns the keys that stand in `text`, which cannot be read."""
    return frozenset(_MEANT.findall(text))


_Placed = TypeVar("_Placed", Problem, Stated)


def _read_block(block: Block) -> ProfileReading:
    from idse_orchestrator.base.placed_reading import load_placed
    from idse_orchestrator.base.safe_yaml import YamlProblem
    from idse_orchestrator.profiles.values import ProfileValues, explained

    lines = block.text.split("\n")
    try:
        found = ProfileValues(load_placed(block.text.encode("utf-8", "replace")), lines)
    except YamlProblem as problem:
        told = _moved(explained(problem, lines), block)
        return ProfileReading(block.heading, problems=(told,), faulty=_meant(block.text))
    problems = tuple(_moved(each, block) for each in found.problems)
    stated = {key: _moved(each, block) for key, each in found.stated.items()}
    return ProfileReading(block.heading, found.values, problems, faulty=found.faulty, stated=stated)


def _moved(problem: _Placed, block: Block) -> _Placed:
    """Moves a place in the block to that in the document; the whole block stands for itself."""
    line = min(problem.line, len(block.indents))
    if line == 0:
        return problem._replace(line=block.line, column=1)
    column = problem.column if line == problem.line else 1
    return problem._replace(line=block.line + line, column=column + block.indents[line - 1])
