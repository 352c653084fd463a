"""The shape of the code in figures, to be compared before and after a change of its shape.

    python benchmarks/house.py                    this checkout
    python benchmarks/house.py TREE [TREE …]      a column for each of these checkouts
    python benchmarks/house.py --json [TREE …]    the same as JSON

Run it with the interpreter of an environment that has the dependencies of idse: commands run from the
``src`` of each checkout, whichever idse is installed. The measures are functions in ``shape/``; each says
in its docstring how it counts. A test can import them with this folder at the end of `sys.path`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import mean, median, quantiles

from bed import HERE, Bed
from shape.imports import circles, graph, imported_once
from shape.protocols import Classes
from shape.source import EDGES, Source, read
from shape.themes import folders
from shape.trips import trips

Figure = float | int

_DECODED = ("What", "Whether", "Who", "Whose", "Which", "Where", "When", "Why", "How")


def measure(tree: str) -> dict[str, Figure]:
    """All figures of a checkout, by what they measure."""
    sources = read(tree)
    return {**dict(_sizes(sources)), **dict(_structure(sources)), **dict(_words(sources)), **_visited(tree)}


def _sizes(sources: Sequence[Source]) -> Iterator[tuple[str, Figure]]:
    lines = [len(source.lines) for source in sources]
    headers = [source.header for source in sources if source.header is not None]
    yield "files under src", len(sources)
    yield "lines", sum(lines)
    yield "lines of code", sum(len(source.code) for source in sources)
    yield "lines a file, median", median(lines)
    yield "lines a file, p90", quantiles(lines, n=10)[-1]
    yield (
        "lines a function, median",
        median(length for source in sources for length in source.function_lengths),
    )
    yield "characters a line of code, median", median(len(line) for source in sources for line in source.code)
    yield "lines before the first definition, mean", round(mean(headers), 1)


def _structure(sources: Sequence[Source]) -> Iterator[tuple[str, Figure]]:
    for theme, found in folders(sources).items():
        yield f"folders of {theme}", len(found)
    every, running = (graph(sources, type_checking=given) for given in (True, False))
    once = set(imported_once(every))
    names = Counter(source.path.rpartition("/")[2] for source in sources if not source.is_package)
    yield "modules that one other imports", len(once)
    yield "lines in them", sum(len(source.lines) for source in sources if source.module in once)
    yield "base names in use twice or more", sum(times > 1 for times in names.values())
    yield "circles of files, with imports for types", len(circles(every))
    yield "circles of files, without them", len(circles(running))
    found = Classes(sources).implementations().values()
    yield "Protocols", len(found)
    yield "Protocols with one implementation", sum(len(classes) == 1 for classes in found)
    yield "Protocols with none", sum(not classes for classes in found)


def _words(sources: Sequence[Source]) -> Iterator[tuple[str, Figure]]:
    openings = Counter(text.split()[0] for source in sources for text in source.docstrings if text.split())
    below = [source for source in sources if source.room not in EDGES]
    yield "docstrings that open with What", openings["What"]
    yield "docstrings that open with Whether", openings["Whether"]
    yield "… with these, Who, Where, How …", sum(openings[word] for word in _DECODED)
    yield "… with See", openings["See"]
    yield "comments that say why", sum(len(source.comments) for source in sources)
    yield "places that read os.environ below wiring", sum(source.environment_reads for source in below)
    yield "branches on as_json", sum(source.json_branches for source in sources)


def _visited(tree: str) -> Mapping[str, Figure]:
    with tempfile.TemporaryDirectory(prefix="idse-house-") as folder:
        found = trips(Bed(os.path.join(folder, "bed")), tree)
    return {
        **{f"files entered by {name}": len(trip.entered) for name, trip in found.items()},
        **{f"modules imported by {name}": len(trip.imported) for name, trip in found.items()},
    }


def main() -> None:
    """Measure the checkouts that were asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "trees", nargs="*", default=[os.path.dirname(HERE)], metavar="TREE", help="a checkout"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    found = {tree: measure(tree) for tree in options.trees}
    if options.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for what in next(iter(found.values())):
        print(f"{what:<42}" + "".join(f"{figures[what]:>12,g}" for figures in found.values()))


if __name__ == "__main__":
    main()
