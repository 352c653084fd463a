"""The unit for systemd that is shipped is one that systemd reads, and it keeps the server in its home."""

from __future__ import annotations

import configparser
import pathlib
import shutil
import subprocess

import pytest

UNIT = pathlib.Path(__file__).parents[2] / "deploy" / "idse-agency.service"


def service():
    """What the unit says of the service."""
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str
    read.read(UNIT, encoding="utf-8")
    return read["Service"]


def test_it_serves_the_home_that_it_may_write_in_and_no_other_place():
    said = service()
    assert said["Environment"] == f"IDSE_AGENCY_HOME={said['ReadWritePaths']}"
    assert said["ExecStart"].endswith("/idse agency serve")
    assert (said["ProtectSystem"], said["NoNewPrivileges"], said["UMask"]) == ("strict", "true", "0077")


def test_who_stops_it_waits_longer_than_the_server_drains():
    pytest.importorskip("uvicorn")
    from idse_orchestrator.server.gateway.serve import DRAIN_SECONDS

    assert int(service()["TimeoutStopSec"]) > DRAIN_SECONDS
    assert service()["KillMode"] == "mixed"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_it(tmp_path):
    here = tmp_path / UNIT.name
    program = shutil.which("true")
    here.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/idse/bin/idse", program), encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", here]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT.name in line]) == (0, [])
