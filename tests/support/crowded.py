"""An Agency for pages to be looked at: clients with 0, 1, 50 and 5,000 sessions, and one as people are."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import time
import types

from agency_bed import AgencyBed
from here import ledger_writer
from idse_orchestrator.documents.project_workspace import ARTIFACTS
from idse_orchestrator.ledger.refs import PUBLISHED, SESSIONS
from idse_orchestrator.server.model.names import Place
from idse_orchestrator.server.tenants.audit import AuditEntry
from idse_orchestrator.server.tenants.bundles import agency_git
from idse_orchestrator.server.tenants.tenancy import Tenants
from pages_bed import STAGES, fill
from pushes import Clone

HOUSE = pathlib.Path(__file__).parents[2]
OWN = HOUSE / ".idse/projects/idse-orchestrator/sessions/__blueprint__"
PATIENCE = 240
START = 1_793_700_000  # 2026-11-03
SIZES = {"empty": 0, "single": 1, "harbour": 24, "acme": 50, "many": 5_000}
"""Clients, and about how many sessions each has: what is hostile has `acme`, what docs show `harbour`."""
_NAMES = (
    ("berth-booking", "Captains book a berth from the bridge", 7, "Ines Duarte"),
    ("tide-tables", "Tide tables for the next fortnight", 7, "Tom Okafor"),
    ("crane-queue", "The queue of each crane, by the minute", 6, "Ines Duarte"),
    ("pilot-roster", "Who pilots which ship, and when they rest", 5, "Mara Lind"),
    ("customs-forms", "Customs forms are filled in once", 5, "Tom Okafor"),
    ("night-lights", "Lights of the quay follow arrivals", 4, "Jon Reyes"),
    ("fuel-ledger", "What was bunkered, and by whom", 4, "Mara Lind"),
    ("weather-holds", "Holds for wind above 40 knots", 4, "Ines Duarte"),
    ("gate-cameras", "Plates are read at the gate", 3, "Jon Reyes"),
    ("waste-returns", "Ships hand in waste, and get a receipt", 3, "Tom Okafor"),
    ("mooring-lines", "Tension of mooring lines", 3, "Mara Lind"),
    ("visitor-passes", "Passes for a day", 2, "Jon Reyes"),
    ("invoice-runs", "Invoices of a month in one run", 2, "Ines Duarte"),
    ("shore-power", "Ships at the quay take power from shore", 2, "Tom Okafor"),
    ("spill-alerts", "An alert reaches all within a minute", 2, "Mara Lind"),
    ("dredge-plan", "Where to dredge next", 1, "Jon Reyes"),
    ("ferry-board", "A board with the next ferries", 1, "Ines Duarte"),
    ("crew-welfare", "What crews ask for ashore", 1, "Tom Okafor"),
    ("audit-export", "Records for the port authority", 0, "Mara Lind"),
    ("open-data", "Arrivals as open data", 0, "Jon Reyes"),
    ("radio-logs", "Radio logs as text", 0, "Ines Duarte"),
    ("ice-season", "What changes with ice", 0, "Tom Okafor"),
)


def document(stage, title):
    """A document that keeps the promises of its stage."""
    text = (OWN / ARTIFACTS[stage]).read_text(encoding="utf-8").replace("- [ ]", "- [x]")
    first, _, rest = text.partition("\n")
    del first
    return f"# {stage.title()}: {title}\n{rest}"


def harbour(clone, clock):
    """Writes what a team of four did in a month."""
    clone.create_project()
    for name, title, done, owner in reversed(_NAMES):
        clone.create(name, title=title, owner=owner)
        for stage in STAGES[:done]:
            clock.at += 2 * 3600
            clone.complete(stage, document(stage, title), session=name)
        if done < 7 and done % 3:
            clone.stage(STAGES[done], "start", name)
    clone.save(
        "pilot-roster", spec=document("spec", "Who pilots which ship") + "\nRest counts from leaving.\n"
    )
    clone.save("fuel-ledger", intent=document("intent", "What was bunkered") + "\nBarges as well.\n")
    for name, stage in (
        ("gate-cameras", "context"),
        ("visitor-passes", "intent"),
        ("shore-power", "context"),
    ):
        clone.save(name, **{stage: f"# {stage.title()}\n\n## Goal\n\n[REQUIRES INPUT]\n"})
    clone.complete("plan", "# Plan\n\nWe start on Monday.\n", session="waste-returns")
    clone.waive(
        "IDSE201", "gate-cameras", reason="The port writes its context in March", expires="2027-03-31"
    )
    clone.stage("intent", "reopen", "dredge-plan")


class Crowd(AgencyBed):
    """The Agency at `path`, filled and not started; `keys` are by client, "" : that of an operator."""

    def __init__(self, path, clients=tuple(SIZES)):
        super().__init__(path)
        tenants = Tenants(self.home, self.admin, agency_git({}))
        self.keys = {"": self.key("", "read", name="Lead")}
        self._sessions = dict.fromkeys(clients, 0)
        for client in clients:
            size = SIZES[client]
            self.keys[client] = self.key(client, "read", "push", "create", name=f"Ann of {client}")
            if size:
                made = clone_at(path.parent / client)
                self._fill(made, client, size)
                self._sessions[client] = len(made.repo.git("for-each-ref", SESSIONS).splitlines())
                place = Place(client, "shop" if client != "harbour" else "port")
                tenants.add_repository(place)
                git_dir = self.home.git_dir(place)
                fetch = ["git", "fetch", "-q", str(made.repo.path), f"{PUBLISHED}*:{PUBLISHED}*"]
                subprocess.run(fetch, cwd=git_dir, check=True, capture_output=True)
                subprocess.run(["git", "pack-refs", "--all"], cwd=git_dir, check=True)
                ident = self.admin.client(client).id
                for outcome, rule in (("ok", ""), ("ok", ""), ("refused", "IDSE301"), ("ok", "")):
                    entry = AuditEntry(ident, "push", "k1", place.repository, outcome=outcome, rule=rule)
                    self.admin.audit.write(entry)

    def begin(self):
        """Starts the server, and waits until its tables have all sessions."""
        self.start()
        wanted = {client: self._sessions[client] for client in self._sessions}
        until = time.monotonic() + PATIENCE
        while self._shown() != wanted:
            assert time.monotonic() < until
            time.sleep(0.2)

    def _shown(self):
        rows = json.loads(self.get("/overview.json", self.keys[""])[1])["clients"]
        return {row["client"]: row["sessions"] for row in rows}

    def _fill(self, clone, client, size):
        clock = types.SimpleNamespace(at=START)

        def now():
            clock.at += 900
            return clock.at

        clone.writer = ledger_writer(clone.vault, "", now)
        if client == "harbour":
            harbour(clone, clock)
        elif size == 1:
            clone.create("first", title="The only one")
        elif size < 1_000:
            fill(clone, size - 5)
            clone.create("torn", title="Two people wrote at once")
            clone.save("torn", spec="# Spec\n\n<<<<<<< one\na\n=======\nb\n>>>>>>> two\n")
        else:
            script = HOUSE / "benchmarks/build.py"
            words = [sys.executable, str(script), ".", "sessions", str(size)]
            subprocess.run(words, cwd=clone.repo.path, check=True)


def clone_at(path):
    """A clone in a repository that is made at `path`."""
    path.mkdir()

    def git(*words):
        done = subprocess.run(["git", *words], cwd=path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q")
    return Clone(types.SimpleNamespace(path=path, git=git))
