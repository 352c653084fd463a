"""What holds for every page in a browser, whatever it shows."""

from __future__ import annotations

import importlib.util
import itertools
import pathlib

WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ALIVE = "document.querySelectorAll('script, iframe, style, [style], [onclick], main img').length"
BYTES = "performance.getEntriesByType('navigation')[0].decodedBodySize"
FOCUSED = "(each => (each.labels?.[0] || each).innerText.split('\\n')[0].trim())(document.activeElement)"
HEADINGS = "[...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(each => Number(each.tagName[1]))"


def hold(sight, heading):
    """Checks what holds for every page, whatever it shows."""
    assert sight.get_by_role("heading", level=1).inner_text() == heading
    assert sight.get_by_role("main").count() == 1
    assert sight.evaluate(WIDE) <= 0
    assert sight.evaluate(ALIVE) == 0
    assert sight.evaluate(BYTES) <= 60_000
    assert "owned" not in sight.title()
    levels = sight.evaluate(HEADINGS)
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def barriers(sight):
    """What axe-core finds, contrast for AA among it. It comes by the debugger, as no script is let in."""
    folder = importlib.util.find_spec("axe_core_python").submodule_search_locations[0]
    sight.evaluate((pathlib.Path(folder) / "axe.min.js").read_text())
    return sight.evaluate(
        "axe.run().then(all => all.violations.map(each => `${each.id}: ${each.nodes[0].html}`))"
    )
