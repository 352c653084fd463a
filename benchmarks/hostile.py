"""Rows of text and rules that were made to be slow."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable

from bed import FLOORS, IDSE, Bed
from measure import Figure, Subject, at_most, beside, take_long_turns
from rows import FOLDER, Sizes

_ROUNDS = 5
_PROSE = (
    "The team measured what users do, and wrote down what has to stay; `code`, *more*, and a [link](x).\n\n"
)
TEXTS = {
    "prose": lambda number: f"## Part {number}\n\n{_PROSE * 6}- one\n- two\n\n",
    "unclosed comments": lambda number: f"<!-- todo {number}\n",
    "comments in text": lambda number: f"x <!-- todo {number}\n",
    "link definitions": lambda number: f"[a{number}]: /u\n",
    "list in list": lambda number: "  " * (number % 60) + "- a\n",
    "open markers": lambda number: f"{number} [REQUIRES INPUT: `who\n",
    "questions": lambda number: f"- Who does {number}? And when, and with whom, and is it of any use?\n",
    "headings": lambda number: f"## Open Questions {number} / (of the team) / and of others\n",
    "one line": lambda number: f"a{number} (b) ",
}


def hostile_text(bed: Bed, sizes: Sizes) -> list[Figure]:
    """A document of the largest size that is taken, of each kind; and ``<!--`` of twice the size."""
    folder = bed.project("text")
    found = [_beside_parsing(bed, folder, name, make, sizes) for name, make in TEXTS.items()]
    half, whole = (_document("", lambda _: "<!--", size * 1024) for size in (80, 160))
    times = take_long_turns(
        bed,
        min(sizes.runs, _ROUNDS),
        {"half": _judged(folder, half), "whole": _judged(folder, whole)},
    )
    ms, before = times["whole"].ms, times["half"].ms
    growth = at_most(
        "idse validate, 160 KB of <!--, to 80", ms / before, 2.2, "x", f"{ms:.0f} of {before:.0f} ms"
    )
    return [*found, growth]


def _beside_parsing(bed: Bed, folder: str, name: str, make: Callable[[int], str], sizes: Sizes) -> Figure:
    judged = _judged(folder, _document("## Open Questions\n\n", make, sizes.largest))
    floor = Subject((*FLOORS, "parse", os.path.join(folder, ".idse")), folder)
    found = take_long_turns(bed, min(sizes.runs, _ROUNDS), {"judged": judged, "parse": floor})
    return beside(f"idse validate, largest, {name}", found["judged"], found["parse"], 3, "x parsing")


RULES = {
    "long repeats": [("no_placeholder", {"patterns": [f"a{{0,4000}}[{n}b]" for n in range(10, 60)]})],
    "many ways": [("no_placeholder", {"patterns": [f"a{{0,60}}a{{0,60}}[{n}b]"]}) for n in range(10, 199)],
    "any case": [("no_placeholder", {"patterns": [f"(?i)a{{0,30}}{n}"]}) for n in range(199)],
    "many patterns": [
        ("no_placeholder", {"patterns": [f"[a-z]q{n}z{m}" for m in range(20)]}) for n in range(25)
    ],
    "many words": [("no_text", {"texts": [f"a{n} {m}" for m in range(60)]}) for n in range(199)],
    "common words": [("no_text", {"texts": ["a", "b", str(n)]}) for n in range(199)],
    "many sections": [
        ("sections_filled", {"sections": {"spec": [{"name": f"a{n}", "also": ["*"]}]}, "markers": ["a"] * 50})
        for n in range(199)
    ],
}


def hostile_rules(bed: Bed, sizes: Sizes) -> list[Figure]:
    """Judging a document of the largest size by rules of a project, to judging it by the core's alone."""
    folder = bed.project("rules")
    data = _document("## Open Questions\n\n", lambda number: "a" * 59 + f"{number % 10}? ", sizes.largest)
    path = os.path.join(folder, ".idse/constitution.yaml")
    found = []
    for name, rules in RULES.items():
        text = json.dumps({"rules": [_rule(number, *rule) for number, rule in enumerate(rules)]})
        subjects = {
            "core": _judged(folder, data, lambda: bed.write(path, "{}\n")),
            "rules": _judged(folder, data, lambda text=text: bed.write(path, text)),
        }
        times = take_long_turns(bed, min(sizes.runs, 3), subjects)
        ms, core = times["rules"].ms, times["core"].ms
        detail = f"{ms:.0f} of {core:.0f} ms"
        found.append(at_most(f"idse validate, largest, {name}", ms / core, 20, "x core", detail))
    return found


def _rule(number: int, check: str, options: object) -> dict[str, object]:
    words = {"name": "own", "message": "m", "hint": "h", "applies_to": ["spec"]}
    return {"id": f"ACME{number:03}", "check": check, "with": options, **words}


def _document(head: str, make: Callable[[int], str], size: int) -> str:
    pieces, length, number = [head], len(head), 0
    while length < size:
        pieces.append(make(number))
        length += len(pieces[-1])
        number += 1
    return "".join(pieces)[:size]


def _judged(folder: str, text: str, before: Callable[[], object] = lambda: None) -> Subject:
    def prepare() -> None:
        shutil.rmtree(os.path.join(folder, ".git/idse/cache"), ignore_errors=True)
        before()
        with open(os.path.join(folder, FOLDER, "spec.md"), "w", encoding="utf-8") as file:
            file.write(text)

    return Subject((IDSE, "validate", "--quiet"), folder, prepare)
