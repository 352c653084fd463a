"""The table of broken states is the one that is tested. `--update-console` writes it anew."""

from __future__ import annotations

import pathlib

from breaking import STATES

PAGE = pathlib.Path(__file__).parents[2] / "docs/reference/broken-states.md"
HEAD = ("what is broken", "`idse doctor`", "`idse fsck`", "`idse doctor --fix`, or you")


def row(cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def cells(state):
    step = state.step.partition("    (")[0].strip()
    mends = "mends it" if state.mended else "nothing is wrong" if state.verdict == "ok" else f"`{step}`"
    if state.verdict == "ok" and state.fsck:
        mends = "see `idse fsck`"
    kind = "" if state.verdict == "error" else f"{state.verdict}, "
    return (
        state.what,
        f"{kind}{state.check}: {state.says.strip(': ')}",
        state.fsck or "nothing",
        mends,
    )


def test_the_table_is_that_of_the_tests(request):
    text = PAGE.read_text(encoding="utf-8")
    above, mark, _ = text.partition("-->\n\n")
    table = row(HEAD) + row(["---"] * len(HEAD)) + "".join(row(cells(state)) for state in STATES)
    if request.config.getoption("--update-console"):
        PAGE.write_text(above + mark + table, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == above + mark + table
