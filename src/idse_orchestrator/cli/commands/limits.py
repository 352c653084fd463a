"""``idse limits``: what providers and budgets leave at the moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from idse_orchestrator.base.text import printable
from idse_orchestrator.cli import options
from idse_orchestrator.cli.layout import aligned
from idse_orchestrator.cli.terminal import Answer, Said

if TYPE_CHECKING:
    from idse_orchestrator.cli.terminal import Run


@options.command("show", options.session_option, reads=True)
def show_limits(run: Run, session: str | None) -> Answer:
    """Show what is left of this minute's requests and tokens, and of budgets.

    An account is what a provider bills; each worker has a share of it. Both fill up steadily. After a limit
    an account is left alone for as long as its provider says.
    """
    from idse_orchestrator.wiring.metering import Ledgers

    key = run.session(session)
    ledgers = Ledgers(run.app)
    levels, budgets = ledgers.levels(), ledgers.budgets(key)

    def lines() -> Iterator[str]:
        rows = [
            [
                printable(level.name),
                *map(_part, level.left, most),
                f"{level.wait_s:.0f} s" if level.wait_s else "-",
            ]
            for level, most in levels
        ]
        if rows:
            yield from aligned([["", "requests", "input", "output", "waits"], *rows])
        for budget in budgets:
            yield printable(str(budget))
        if not rows:
            yield Said("no limit is in use: nothing was taken in the last minutes")
        if not budgets:
            yield Said("no budget is set: see budgets in ~/.config/idse/agents.yaml, or idse run --budget")

    return Answer(
        "idse.limits/1",
        lambda: {
            "project": key[0],
            "session": key[1],
            "limits": [
                {
                    "name": level.name,
                    "left": level.left._asdict(),
                    "a_minute": most._asdict(),
                    "wait_s": round(level.wait_s, 3),
                }
                for level, most in levels
            ],
            "budgets": [{**budget._asdict(), "left_usd": budget.left_usd} for budget in budgets],
        },
        lines(),
    )


def _part(left: float | None, most: float | None) -> str:
    return "-" if left is None or most is None else f"{left:,.0f} of {most:,.0f}"


limits = options.Group("limits", commands=[show_limits], help="Show what providers and budgets leave.")
