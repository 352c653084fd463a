"""Prices: the arithmetic of the first design's table, dates, the user's own rows, and wrong files."""

from __future__ import annotations

import pathlib

import pytest

import idse_orchestrator.runner as room
from idse_orchestrator.errors import InvalidConfigurationError
from idse_orchestrator.runner.agents.adapter import Seen, Usage
from idse_orchestrator.runner.model.prices import (
    PRICED,
    REPORTED,
    UNKNOWN,
    Prices,
    cost_of,
    read_prices,
    usage_body,
)

SHIPPED = pathlib.Path(room.__file__).with_name("prices.yaml").read_bytes()
FIRST_DESIGN = b"""\
prices:
  - {model: large, from: 2026-01-01, input: 15, output: 75, source: "https://example.com/prices"}
  - {model: middle, from: 2026-01-01, input: 3, output: 15, source: "https://example.com/prices"}
  - {model: small, from: 2026-01-01, input: 0.25, output: 1.25, source: "https://example.com/prices"}
"""
DAY = "2026-12-01"


@pytest.mark.parametrize(("model", "usd"), [("large", 0.225), ("middle", 0.045), ("small", 0.00375)])
def test_the_arithmetic_is_that_of_the_first_design(model, usd):
    price = read_prices(FIRST_DESIGN).of(model, DAY)
    assert price.usd(Usage(input_uncached=5_000, output=2_000)) == usd


def test_what_is_cached_has_prices_of_its_own_and_reasoning_is_part_of_output():
    price = read_prices(SHIPPED).of("claude-opus-5", DAY)
    assert price.usd(Usage(1_000_000)) == 5
    assert price.usd(Usage(0, 1_000_000)) == 0.5
    assert price.usd(Usage(0, 0, 1_000_000)) == 6.25
    assert price.usd(Usage(output=1_000_000, reasoning=900_000)) == 25


def test_the_price_of_the_day_counts():
    prices = read_prices(SHIPPED)
    assert prices.of("claude-sonnet-5-5", "2026-10-06").cache_read == 0.2
    assert prices.of("claude-sonnet-5-5", "2026-10-07").cache_read == 0.1
    assert prices.of("claude-sonnet-5-5", "2020-01-01") is None
    assert prices.of("claude-opus-5-20260724", DAY) == prices.of("claude-opus-5", DAY)
    assert prices.of("claude-opus-5-mini", DAY) is None


def test_every_shipped_row_has_a_source():
    assert all(row.source.startswith("https://") for row in read_prices(SHIPPED).rows)


def test_the_users_rows_replace_all_of_their_models_and_change_the_sha():
    own = b'prices: [{model: middle, from: 2026-06-01, input: 1, output: 2, source: "https://x.example/p"}]'
    prices = read_prices(FIRST_DESIGN, own)
    assert prices.of("middle", DAY).input == 1
    assert prices.of("middle", "2026-02-01") is None
    assert prices.of("large", DAY).input == 15
    assert prices.sha != read_prices(FIRST_DESIGN).sha
    assert len(prices.sha) == 12


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("{model: m, from: 2026-01-01, input: 1, output: 2}", "the price of m has no source"),
        ("{model: m, from: 2026-01-01, input: 1, output: 2, source: hearsay}", "'hearsay' cannot stand here"),
        ("{model: m, from: soon, input: 1, output: 2, source: 'https://x.example'}", "this is no day"),
        ("{model: m, from: 2026-01-01, input: -1, output: 2, source: 'https://x.example'}", "no number"),
        ("{model: m, from: 2026-01-01, input: .nan, output: 2, source: 'https://x.example'}", "no number"),
        ("{model: m, from: 2026-01-01, input: 1, source: 'https://x.example'}", "'output' is missing"),
        ("{model: m, from: 2026-01-01, inptu: 1, output: 2}", "there is no key 'inptu'"),
    ],
)
def test_a_wrong_row_is_told_by_name_and_place(row, what):
    with pytest.raises(InvalidConfigurationError) as caught:
        read_prices(FIRST_DESIGN, f"prices:\n  - {row}\n".encode())
    assert what in caught.value.message
    assert caught.value.where.startswith("~/.config/idse/prices.yaml:2 → prices → 1")


def test_two_prices_of_one_day_are_refused():
    with pytest.raises(InvalidConfigurationError, match="large has two prices"):
        read_prices(FIRST_DESIGN + FIRST_DESIGN.partition(b"\n")[2])


def test_what_a_program_reports_goes_before_prices_and_what_nobody_knows_is_not_0():
    prices, usage = read_prices(FIRST_DESIGN), Usage(5_000, output=2_000)
    assert cost_of(Seen(usage=usage, cost_usd=0.5), "middle", prices, DAY) == (0.5, REPORTED)
    assert cost_of(Seen(usage=usage), "middle", prices, DAY) == (0.045, PRICED)
    assert cost_of(Seen(usage=usage), "other", prices, DAY) == (None, UNKNOWN)
    assert cost_of(Seen(), "middle", prices, DAY) == (None, UNKNOWN)
    assert cost_of(Seen(usage=usage), "middle", Prices(), DAY) == (None, UNKNOWN)


def test_an_event_says_basis_model_and_the_prices_that_were_used():
    prices = read_prices(FIRST_DESIGN)
    body = usage_body(Seen(usage=Usage(5_000, output=2_000)), "middle", prices, DAY)
    assert body["cost_usd"] == 0.045
    assert (body["basis"], body["model"], body["prices"]) == (PRICED, "middle", prices.sha)
    unknown = usage_body(Seen(), "not a model\n", prices, DAY)
    assert unknown == {"basis": UNKNOWN}
