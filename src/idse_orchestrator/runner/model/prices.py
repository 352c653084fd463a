"""What models cost: rows of a file, each with a date and a source, and what tokens cost by them.

Prices are data. The shipped rows are read first, then the user's: whoever writes rows of a model replaces
all that were shipped for it. A model without a row has no price, and its cost is unknown, never 0.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from idse_orchestrator.base.placed_tables import Place, opened
from idse_orchestrator.base.records import NamedTuple
from idse_orchestrator.runner.agents.adapter import Seen, Usage

REPORTED, PRICED, UNKNOWN = "reported", "priced", "unknown"
"""Where a cost comes from: the program said it · tokens times prices · nobody knows."""

SHIPPED = "prices.yaml"
FILE = "~/.config/idse/prices.yaml"
_MTOK = 1_000_000
_KINDS = ("input", "output", "cache_read", "cache_write")
_KEYS = ("model", "from", "source", *_KINDS)
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,79}")
_DAY = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
_SOURCE = re.compile(r"https?://\S{3,300}")
_DATED = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


class Price(NamedTuple):
    """US dollars for a million tokens of `model` since the day `since`, as `source` says."""

    model: str
    since: str
    source: str
    input: float
    output: float
    cache_read: float
    cache_write: float

    def usd(self, usage: Usage) -> float:
        """Returns what the tokens of `usage` cost, to a millionth of a dollar."""
        total = (
            usage.input_uncached * self.input
            + usage.cache_read * self.cache_read
            + usage.cache_write * self.cache_write
            + usage.output * self.output
        )
        return round(total / _MTOK, 6)


class Prices(NamedTuple):
    """All rows, and `sha`, the first twelve digits of the sha256 of the files that they came from."""

    rows: tuple[Price, ...] = ()
    sha: str = ""

    def of(self, model: str, day: str) -> Price | None:
        """Returns the price of `model` on `day` (ISO). A date at the end of a name does not count."""
        for name in (model, _DATED.sub("", model)):
            found = [row for row in self.rows if row.model == name and row.since <= day]
            if found:
                return max(found, key=lambda row: row.since)
        return None


class Cost(NamedTuple):
    """What an attempt cost; `usd` is None where `basis` is UNKNOWN."""

    usd: float | None
    basis: str


def cost_of(seen: Seen, model: str, prices: Prices, day: str) -> Cost:
    """Returns what an attempt cost: what it reported, else its tokens by the price of `model` on `day`."""
    if seen.cost_usd is not None:
        return Cost(round(seen.cost_usd, 6), REPORTED)
    price = prices.of(model, day)
    if price is None or seen.usage is None:
        return Cost(None, UNKNOWN)
    return Cost(price.usd(seen.usage), PRICED)


def usage_body(seen: Seen, model: str, prices: Prices, day: str) -> Mapping[str, object]:
    """Returns what the event of an attempt's end says of usage: tokens, cost, its basis, model and prices.

    A cost that nobody knows is left out: whoever adds up takes the reserve of the attempt.
    """
    told = seen.model or model
    cost = cost_of(seen, told, prices, day)
    return {
        **(seen.usage._asdict() if seen.usage else {}),
        **({"cost_usd": cost.usd} if cost.usd is not None else {}),
        "basis": cost.basis,
        **({"model": told} if _MODEL.fullmatch(told) else {}),
        **({"prices": prices.sha} if cost.basis == PRICED else {}),
    }


def read_prices(shipped: bytes, own: bytes | None = None, file: str = FILE) -> Prices:
    """Returns the shipped prices with those of the user's file. InvalidConfigurationError names the place."""
    ours, theirs = _rows(shipped, SHIPPED), _rows(own, file) if own is not None else ()
    replaced = {row.model for row in theirs}
    rows = (*(row for row in ours if row.model not in replaced), *theirs)
    digest = hashlib.sha256(shipped + (b"\0" + own if own is not None else b"")).hexdigest()
    return Prices(tuple(sorted(rows, key=lambda row: (row.model, row.since))), digest[:12])


def _rows(data: bytes, file: str) -> Sequence[Price]:
    root = opened(data, file, "the table of prices")
    if root is None:
        return ()
    rows: dict[tuple[str, str], Price] = {}
    for place in root.keys(("prices",), ("prices",))["prices"].items():
        row = _row(place)
        if (row.model, row.since) in rows:
            place.refuse(
                f"{row.model} has two prices since {row.since}", "one must go", "take one of them out"
            )
        rows[row.model, row.since] = row
    return tuple(rows.values())


def _row(place: Place) -> Price:
    keys = place.keys(_KEYS, ("model", "from", "input", "output"))
    model = keys["model"].text(_MODEL.fullmatch, "the name that its provider gives a model", "model: gpt-5.5")
    if "source" not in keys:
        place.refuse(
            f"the price of {model} has no source",
            "a price that nobody can look up is a guess, and budgets rest on it",
            "write for instance: source: https://developers.openai.com/api/docs/pricing",
        )
    given, read = keys["input"].amount("US dollars for a million tokens", "input: 5"), keys.get("cache_read")
    written = keys.get("cache_write")
    return Price(
        model,
        _day(keys["from"]),
        keys["source"].text(_SOURCE.fullmatch, "the address of the page that says it", "source: https://…"),
        given,
        keys["output"].amount("US dollars for a million tokens", "output: 25"),
        read.amount("US dollars for a million tokens", "cache_read: 0.5") if read else given,
        written.amount("US dollars for a million tokens", "cache_write: 6.25") if written else given,
    )


def _day(place: Place) -> str:
    from idse_orchestrator.base.safe_yaml import Scalar

    value = place.value
    if not isinstance(value, Scalar) or not _DAY.fullmatch(value.text):
        place.refuse("this is no day", "it is the day since which the price holds", "from: 2026-09-22")
    return value.text
