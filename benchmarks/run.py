"""How fast idse is, as ratios to floors measured in the same run.

    python benchmarks/run.py               all rows; minutes, some hundred megabytes in a temporary folder
    python benchmarks/run.py --smoke       tiny sizes, one run each: proves that every row works
    python benchmarks/run.py --only log    rows whose name contains "log"

Run it with the interpreter of the environment idse is installed in: its `idse` is measured, byte-compiled,
and its own ``python -c pass`` is the floor of what is over at once. What reads and writes much has a floor in
``floors.py``; its limits leave room above every ratio seen, most of them on a very busy machine.
Figures are medians of whole processes (of an append: of rounds of twenty); a process and
its floor take turns, so that a busy machine slows both. Memory is the peak of the largest process, and for
`validate` and `migrate` that of all their processes together. Repositories are built here, with ledgers
written by idse's own code: refs are packed, as git leaves them. A line says the target, the figure and
whether it is met; the exit code is 1 if a row failed or missed its target. With ``--smoke`` only a failure
counts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile

from agency import ROWS as SERVING
from agents import editing
from bed import Bed
from doors import ROWS as DOORS
from growing import after_one_event, criss_cross
from hostile import hostile_rules, hostile_text
from migrating import ROWS as MIGRATING
from pages import ROWS as PAGES
from projecting import ROWS as PROJECTING
from routing import routing
from rows import ROWS as LOCAL
from rows import Sizes
from running import ROWS as RUNNING
from syncing import first_pull, joining, pushing
from tasking import ROWS as TASKS
from tracing import serving, tracing
from writing import ROWS as WRITING

ROWS = {
    **LOCAL,
    **RUNNING,
    **WRITING,
    "sync push": pushing,
    "sync first pull": first_pull,
    "sync merge": joining,
    "agent edit": editing,
    "agents route": routing,
    **MIGRATING,
    "hostile text": hostile_text,
    "hostile rules": hostile_rules,
    "one event more": after_one_event,
    "criss-cross": criss_cross,
    "trace": tracing,
    "mcp": serving,
    **SERVING,
    **PROJECTING,
    **DOORS,
    **PAGES,
    **TASKS,
}


def main() -> int:
    """Run what was asked for and print the table."""
    options = _options()
    sizes = Sizes.smallest() if options.smoke else Sizes()
    ok = True
    print(f"{'row':<42} {'figure':>42}   {'target':<34} verdict")
    with tempfile.TemporaryDirectory(prefix="idse-bench-") as folder:
        for name, row in ROWS.items():
            if options.only in name:
                bed = Bed(os.path.join(folder, name.replace(" ", "-")))
                ok = _show(name, row, bed, sizes, smoke=options.smoke) and ok
    return 0 if ok else 1


def _show(name, row, bed, sizes, *, smoke):  # noqa: ANN001, ANN202 - a script's own helper
    try:
        figures = row(bed, sizes)
    except Exception as error:  # noqa: BLE001 - one row that fails must not hide the others
        print(f"{name:<42} failed: {error}", flush=True)
        return False
    for figure in figures:
        verdict = "runs" if smoke else figure.verdict
        print(f"{figure.what:<42} {figure.shown:>42}   {figure.target:<34} {verdict}", flush=True)
    return smoke or all(figure.met for figure in figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, one run each")
    parser.add_argument("--only", default="", metavar="NAME", help="rows whose name contains NAME")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
