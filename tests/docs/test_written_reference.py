"""The pages of the reference that people write leave out nothing that the code has."""

from __future__ import annotations

import pathlib
import re

import pytest

from idse_orchestrator.agents import agent_shapes
from idse_orchestrator.claims import claim_shapes
from idse_orchestrator.cli.agent_hooks import NAMES as OF_AGENTS
from idse_orchestrator.ledger.events import KINDS
from idse_orchestrator.ledger.shapes import Record
from idse_orchestrator.pipeline import shapes
from idse_orchestrator.server.tenants.configuration import SETTINGS as OF_AGENCY
from idse_orchestrator.sessions.configuration import SETTINGS
from idse_orchestrator.wiring.ledgers import KINDS as KINDS_OF_LEDGERS
from idse_orchestrator.worktree.hook import HOOKS

ROOT = pathlib.Path(__file__).parents[2]
CLI = ROOT / "src" / "idse_orchestrator" / "cli"
REFERENCE = ROOT / "docs" / "reference"


def page(name):
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def words(text):
    """What stands in single backticks."""
    return set(re.findall(r"`([^`\s]+)`", text))


def test_every_json_schema_has_its_heading_and_no_other_has_one():
    code = "".join(path.read_text(encoding="utf-8") for path in CLI.rglob("*.py"))
    in_code = set(re.findall(r'"(idse\.[a-z-]+/\d+)"', code)) - {"idse.error/2"}
    assert set(re.findall(r"^### (\S+)$", page("json"), re.MULTILINE)) == in_code


def test_every_kind_of_event_is_told():
    table = page("refs-and-objects").split("### Bodies")[1].split("## state.json")[0]
    assert words(table) >= set(KINDS)


def test_every_key_that_a_body_must_be_checked_for_is_told():
    table = page("refs-and-objects").split("### Bodies")[1].split("## state.json")[0]
    found = [value for theme in (shapes, agent_shapes, claim_shapes) for value in vars(theme).values()]
    bodies = [value for value in found if isinstance(value, Record) and value.is_open]
    assert len(bodies) > 10
    keys = {key for body in bodies for key in (*body.required, *body.optional)} - {"settings"}
    assert words(table) >= keys


def test_every_key_of_a_state_is_told():
    section = page("refs-and-objects").split("## state.json")[1].split("## Messages")[0]
    records = (shapes.SESSION_STATE, shapes.PROJECT_STATE)
    keys = {key for record in records for key in (*record.required, *record.optional)}
    assert words(section) >= keys | {key for kind in KINDS_OF_LEDGERS for key in kind.kept}


def test_every_setting_and_its_variable_are_told():
    told = words(page("configuration"))
    assert told >= set(SETTINGS) | {setting.variable for setting in SETTINGS.values()}


def test_every_hook_is_told():
    text = page("hooks")
    assert words(text) >= set(HOOKS)
    assert all(f"`idse hook {name}`" in text for name in OF_AGENTS)


def test_every_setting_of_an_agency_is_told_with_its_variable():
    rows = re.findall(r"^\| `(\w+)` \| `(IDSE_AGENCY_\w+)` \|", page("agency-home"), re.MULTILINE)
    assert sorted(rows) == sorted((name, setting.variable) for name, setting in OF_AGENCY.items())


def test_every_address_status_and_figure_of_an_agency_is_told():
    pytest.importorskip("uvicorn")
    from idse_orchestrator.server.gateway import app, door
    from idse_orchestrator.server.gateway.metrics import Metrics

    text = page("agency-http")
    for address in (app.HEALTH, app.READY, app.METRICS, app.ROTATE):
        assert f"| `{address.decode()}` |" in text
    codes = {value for value in vars(door).values() if isinstance(value, int) and 200 <= value <= 599}
    assert codes | {405} == {int(code) for code in re.findall(r"^\| (\d{3}) \|", text, re.MULTILINE)}
    figures = Metrics(lambda: 0, lambda: 0)
    figures.push("ok", "", 0)
    names = re.findall(r"^# TYPE (idse_\w+) ", figures.text().decode(), re.MULTILINE)
    told = re.findall(r"^\| `(idse_\w+)", text, re.MULTILINE)
    assert sorted(name for name in names if not name.endswith("_created")) == sorted(told)
    for key in ("at", *door.Entry._fields):
        assert f"`{key}`" in text
