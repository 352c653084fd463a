"""Reads the values of a profile, and tells what is wrong with them or with their YAML, and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from idse_orchestrator.base import safe_yaml
from idse_orchestrator.base.safe_yaml import Items, Placed, Scalar, Table, YamlProblem
from idse_orchestrator.base.text import did_you_mean, near
from idse_orchestrator.profiles import spec
from idse_orchestrator.profiles.spec import Field, Problem, Stated

_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_MOST_SHOWN = 60
_KINDS = {
    safe_yaml.BOOLEAN: "true or false",
    safe_yaml.WHOLE: "a number",
    safe_yaml.FRACTION: "a number",
    safe_yaml.NOTHING: "empty",
}


def at(value: Placed, what: str, fix: str) -> Problem:
    """Returns the problem `what` where `value` stands."""
    return Problem(value.line, value.column, what, fix)


def no_text(name: str, value: Scalar, before: str) -> Problem:
    """Returns the problem of a value that YAML does not take for a text; `before` stands in front of it."""
    what = f"{name} is {kind_of(value)}: YAML takes {short(value.text)} for one"
    return at(value, what, f"quote it:  {before}{quoted(value.text)}")


def odd(name: str, value: Scalar) -> Problem | None:
    """Returns the problem of a text that holds what no text may; None for a sound one."""
    found = _ODD.search(value.text)
    if found is None:
        return None
    what = f"{name} holds the character U+{ord(found[0]):04X}, which is no text"
    return at(value, what, "take it out")


def kind_of(value: Placed) -> str:
    """Returns names the kind of `value`, as a part of a sentence."""
    if isinstance(value, Scalar):
        return _KINDS.get(value.kind, "one text")
    return "a mapping" if isinstance(value, Table) else "a list"


def short(text: str) -> str:
    """Returns the beginning of `text`, in one line."""
    first = text.split("\n", 1)[0]
    return text if text == first and len(text) <= _MOST_SHOWN else first[:_MOST_SHOWN] + "…"


def quoted(text: str) -> str:
    """Returns `text` as YAML has it in double quotes, in short."""
    escaped = short(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"[-+]?(?:[0-9]{1,20}\.[0-9]{0,20}|\.[0-9]{1,20})(?:[eE][-+]?[0-9]{1,2})?")
_TRUE, _FALSE = ("yes", "true", "on"), ("no", "false", "off")
_MOST_IN_KEY = 200


def read_table(name: str, table: Table, problems: list[Problem]) -> dict[str, object]:
    """Returns the values of the mapping called `name`; adds what is wrong with them to `problems`."""
    found = {}
    for key, value in table.pairs:
        problem = _odd_key(name, key)
        if problem is not None:
            problems.append(problem)
        found[key.text] = _free(f"{name}.{short(key.text)}", value, problems)
    return found


def _free(name: str, value: Placed, problems: list[Problem]) -> object:
    if isinstance(value, Table):
        return read_table(name, value, problems)
    if isinstance(value, Items):
        each = enumerate(value.values, 1)
        return [_free(f"item {number} of {name}", item, problems) for number, item in each]
    if value.kind in (safe_yaml.WHOLE, safe_yaml.FRACTION, safe_yaml.NEWER):
        return _number(name, value, problems)
    if value.kind == safe_yaml.BOOLEAN:
        return _truth(name, value, problems)
    problem = None if value.kind == safe_yaml.NOTHING else odd(name, value)
    if problem is not None:
        problems.append(problem)
    return None if value.kind == safe_yaml.NOTHING else value.text


def _number(name: str, value: Scalar, problems: list[Problem]) -> float | None:
    if value.kind == safe_yaml.WHOLE and _WHOLE.fullmatch(value.text):
        return int(value.text)
    if value.kind == safe_yaml.FRACTION and _FRACTION.fullmatch(value.text):
        return float(value.text)
    what = f"{name} is {short(value.text)}, which not every reader of YAML takes for the same number"
    problems.append(at(value, what, f"write it in plain digits, or quote it:  {quoted(value.text)}"))
    return None


def _truth(name: str, value: Scalar, problems: list[Problem]) -> bool | None:
    word = value.text.lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    problems.append(at(value, f"{name} is neither true nor false", "write true, or false"))
    return None


def _odd_key(name: str, key: Scalar) -> Problem | None:
    if len(key.text) > _MOST_IN_KEY:
        what = f"a key of {name} has {len(key.text):,} characters, at most {_MOST_IN_KEY} are read"
        return at(key, what, "shorten it")
    return odd(f"a key of {name}", key)


MOST_PROBLEMS = 50
"""A reader mends the first of them anyway."""

_MOST_COMPARED = 64
_TEXTS = (safe_yaml.TEXT, safe_yaml.DATE, safe_yaml.NEWER)


class ProfileValues:
    """The `values` of a profile and the `problems` with them, MOST_PROBLEMS at most, from its top mapping.

    `lines` are those of the YAML: what stands there is shown as it was written. A key that is cleared by
    null has the value None. `faulty` are the keys that have a problem, or may have; `stated` is what stands
    under keys that only idse writes.
    """

    def __init__(self, top: Placed | None, lines: Sequence[str]) -> None:
        self._lines = lines
        self.values: dict[str, object] = {}
        self.stated: dict[str, Stated] = {}
        self._faulty: set[str] = set()
        self.problems = tuple(islice(self._read(top), MOST_PROBLEMS))

    @property
    def faulty(self) -> frozenset[str]:
        """Keys of which a profile that inherits them cannot be sure."""
        return frozenset(self._faulty if len(self.problems) < MOST_PROBLEMS else spec.WRITTEN)

    def _read(self, top: Placed | None) -> Iterator[Problem]:
        if not isinstance(top, Table):
            line, column = (top.line, top.column) if top else (0, 0)
            what = "the block is empty" if top is None else "the block is not a mapping of keys to values"
            yield Problem(line, column, what, "write a key in each line, such as  id: login-agent")
            return
        for key, value in top.pairs:
            field = spec.FIELD.get(key.text)
            is_nothing = isinstance(value, Scalar) and value.kind == safe_yaml.NOTHING
            if key.text in spec.DROPPED:
                said = value.text if isinstance(value, Scalar) and not is_nothing else ""
                self.stated[key.text] = Stated(key.line, key.column, said.strip())
            elif field is None:
                self._faulty.update(near(_typed(key), spec.WRITTEN))
                yield _unknown(key)
            else:
                found = self._cleared(field, key) if is_nothing else self._field(field, value)
                for problem in found:
                    self._faulty.add(field.name)
                    yield problem

    def _cleared(self, field: Field, key: Scalar) -> Iterator[Problem]:
        if field.name in spec.NEEDED:
            what = f"{field.name} has no value, and every profile needs one"
            yield Problem(key.line, key.column, what, f"write one, such as  {field.example}")
        else:
            self.values[field.name] = None

    def _field(self, field: Field, value: Placed) -> Iterator[Problem]:
        if field.holds == spec.TEXTS:
            yield from self._texts(field, value)
        elif field.holds == spec.MAPPING:
            yield from self._mapping(field, value)
        else:
            problem = self._text_problem(field, value)
            if problem is None and isinstance(value, Scalar):
                self.values[field.name] = value.text if field.form == spec.ANY else value.text.strip()
            elif problem is not None:
                yield problem

    # --- texts ---

    def _text_problem(self, field: Field, value: Placed) -> Problem | None:
        if not isinstance(value, Scalar):
            what = f"{field.name} is {kind_of(value)}, and a text is meant"
            return at(value, what, f"write it such as  {field.example}")
        if field.form == spec.AS_WRITTEN and value.kind in (safe_yaml.WHOLE, safe_yaml.FRACTION):
            return None
        if value.kind not in _TEXTS:
            return no_text(field.name, value, f"{field.name}: ")
        if field.required and not value.text.strip():
            return at(value, f"{field.name} is empty", f"write it such as  {field.example}")
        if field.form != spec.ANY and "\n" in value.text.strip():
            return at(value, f"{field.name} has more than one line", "write it in one line")
        return odd(field.name, value)

    def _texts(self, field: Field, value: Placed) -> Iterator[Problem]:
        if not isinstance(value, Items):
            what = f"{field.name} is {kind_of(value)}, and a list of texts is meant"
            yield at(value, what, f"write one item in a line:  - {self._shown(value)}")
            return
        found = [self._item_problem(field, number, item) for number, item in enumerate(value.values, 1)]
        yield from filter(None, found)
        self.values[field.name] = [item.text for item in value.values if isinstance(item, Scalar)]

    def _item_problem(self, field: Field, number: int, item: Placed) -> Problem | None:
        name = f"item {number} of {field.name}"
        if isinstance(item, Table) and item.pairs:
            key = item.pairs[0][0].text
            what = f"{name} is a mapping, since YAML takes {short(key)!r} in front of a colon for a key"
            return at(item, what, f"quote it:  - {quoted(self._meant(item))}")
        if not isinstance(item, Scalar):
            return at(
                item, f"{name} is {kind_of(item)}, and a text is meant", f"quote it:  - {self._shown(item)}"
            )
        if item.kind not in (*_TEXTS, safe_yaml.NOTHING):
            return no_text(name, item, "- ")
        if item.kind == safe_yaml.NOTHING or not item.text.strip():
            return at(item, f"{name} is empty", "write a text there, or take the item out")
        return odd(name, item)

    # --- free mappings ---

    def _mapping(self, field: Field, value: Placed) -> Iterator[Problem]:
        if not isinstance(value, Table):
            what = f"{field.name} is {kind_of(value)}, and a mapping is meant"
            yield at(value, what, f"write it such as  {field.example}")
            return
        problems: list[Problem] = []
        self.values[field.name] = read_table(field.name, value, problems)
        yield from problems

    # --- how it was written ---

    def _written(self, value: Placed) -> str:
        """Returns the rest of the line at which `value` begins."""
        line = self._lines[value.line - 1] if 0 < value.line <= len(self._lines) else ""
        return line[value.column - 1 :].strip()

    def _meant(self, item: Table) -> str:
        """Returns the text that its author meant: a key and its value, as long as both are plain."""
        key, value = item.pairs[0]
        if len(item.pairs) > 1 or not isinstance(value, Scalar):
            return self._written(item)
        return f"{key.text}: {value.text}".strip()

    def _shown(self, value: Placed) -> str:
        return quoted(value.text if isinstance(value, Scalar) else self._written(value))


def _typed(key: Scalar) -> str:
    return key.text[:_MOST_COMPARED].lower().replace("-", "_").replace(" ", "_")


def _unknown(key: Scalar) -> Problem:
    near_ones = did_you_mean(_typed(key), (*spec.WRITTEN, *spec.DROPPED))
    fix = (*near_ones, f"known keys: {', '.join(spec.WRITTEN)}")[0]
    return Problem(key.line, key.column, f"there is no key {short(key.text)!r} in an Agent Profile", fix)


_SECOND_COLON = "mapping values are not allowed"
_SECOND_DOCUMENT = "but found another document"
_FIXES = (
    ("occurs twice", "keep one of them"),
    ("the tag ", "take the tag out"),
    ("an alias leads back", "write the value itself there"),
    ("nested too deeply", "nest it less; what is long belongs beside the spec"),
    ("a key is no text", "write one text in front of the colon"),
)
_QUOTE = "mend the YAML there; a text that holds one of : # [ ] { } & * wants quotes"
_SMALLER = "make the block smaller; what is long belongs beside the spec"


def explained(problem: YamlProblem, lines: Sequence[str]) -> Problem:
    """Explains `problem` in these `lines`: a tab, a conflict, or a colon in a text is often behind it."""
    line = lines[problem.line - 1] if 0 < problem.line <= len(lines) else ""
    known = _conflict(problem, lines) or _tab(problem, lines, line)
    if known is not None:
        return known
    if problem.what.startswith(_SECOND_COLON):
        key, colon, rest = line.partition(": ")
        what = "a second colon in this line makes YAML look for another key"
        fix = f"quote the text:  {key.strip()}{colon}{quoted(rest.strip())}"
        return Problem(problem.line, problem.column, what, fix)
    if problem.what == _SECOND_DOCUMENT:
        what = "a second document begins here"
        return Problem(problem.line, problem.column, what, "keep one document in the block")
    return Problem(problem.line, problem.column, problem.what, _fix(problem))


def _fix(problem: YamlProblem) -> str:
    if not problem.line:
        return _SMALLER
    return next((fix for words, fix in _FIXES if words in problem.what), _QUOTE)


def _conflict(problem: YamlProblem, lines: Sequence[str]) -> Problem | None:
    for number, text in enumerate(lines[: problem.line + 1], 1):
        if text.startswith(("<<<<<<< ", ">>>>>>> ")):
            return Problem(number, 1, "a merge conflict stands here", "resolve it, in every document")
    return None


def _tab(problem: YamlProblem, lines: Sequence[str], line: str) -> Problem | None:
    """Finds a tab that begins a line, or where the parser stopped; others may be a part of a long text."""
    for number, text in enumerate(lines[: problem.line + 1], 1):
        if text.startswith("\t") or (
            number == problem.line and "\t" in text[: len(text) - len(text.lstrip())]
        ):
            what = "a tab indents this line, YAML wants spaces"
            return Problem(number, text.index("\t") + 1, what, "replace it by spaces")
    if line[problem.column - 1 : problem.column] == "\t":
        what = "a tab stands here, YAML wants spaces"
        return Problem(problem.line, problem.column, what, "replace it by spaces")
    return None
