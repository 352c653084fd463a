"""Whatever byte of a good ledger is changed, the guard lets in nothing that `idse fsck` calls unsound."""

from __future__ import annotations

import hashlib
import subprocess
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from here import discover, ledger_writer
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.ledger.fsck import check_ledgers
from idse_orchestrator.sync.published_refs import RefMove
from idse_orchestrator.wiring.ledgers import git_guard, git_source

REF = "refs/idse/sessions/portal/login"
START = {"stage": "intent", "action": "start", "from": "pending", "to": "in_progress"}


class Ledger:
    """A ledger whose objects can be changed one byte at a time, with new ids all the way up to the tip."""

    def __init__(self, repo):
        self.repo = repo
        self.repository = discover(str(repo.path))
        self.guard = git_guard(self.repository)
        self._write_ledger()
        self.tip = repo.git("rev-parse", REF)
        self.root = repo.git("rev-list", "--max-parents=0", REF)
        names = [row.split()[0] for row in repo.git("rev-list", "--objects", REF).splitlines()]
        self.objects = {name: self._read(name) for name in names}
        self.order = [name for name in reversed(self._from_the_tip()) if name in self.objects]

    def _write_ledger(self):
        self.repo.write("d/spec.md", "a spec\n")
        self.repo.write("d/feedback/feedback.md", "feedback\n")
        self.repo.git("add", "d")
        tree = self.repo.git("write-tree", "--prefix=d/")
        writer = ledger_writer(self.repository)
        for draft in (
            Draft("created", {"project": "portal", "session": "login", "type": "feature"}),
            Draft("edited", {"changed": {"spec.md": "0" * 40}}, tree),
            Draft("stage", {**START, "reason": "because"}),
        ):
            writer.append("portal", "login", lambda _, draft=draft: draft)

    def _read(self, name):
        kind = self.repo.git("cat-file", "-t", name)
        data = subprocess.run(
            ["git", "cat-file", kind, name], cwd=self.repo.path, capture_output=True, check=True
        ).stdout
        return kind, data

    def _from_the_tip(self):
        """Ids of all objects, those that refer to others before these."""
        order, waiting = [], [self.tip]
        while waiting:
            name = waiting.pop(0)
            order = [other for other in order if other != name] + [name]
            kind, data = self.objects[name]
            if kind != "blob":
                waiting += [
                    other
                    for other in self.objects
                    if other.encode() in data or (kind == "tree" and bytes.fromhex(other) in data)
                ]
        return order

    def changed(self, victim, change):
        """The tip of a ledger in which the object `victim` has other bytes, and all above it follows."""
        renamed = {}
        for name in self.order:
            kind, data = self.objects[name]
            for old, new in renamed.items():
                data = data.replace(old.encode(), new.encode())
                if kind == "tree":
                    data = data.replace(bytes.fromhex(old), bytes.fromhex(new))
            new = self._store(kind, change(data) if name == victim else data)
            if new != name:
                renamed[name] = new
        return renamed.get(self.tip, self.tip)

    def _store(self, kind, data):
        whole = f"{kind} {len(data)}".encode() + b"\0" + data
        name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        path = self.repo.path / ".git/objects" / name[:2] / name[2:]
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(zlib.compress(whole))
        return name

    def judged(self, tip, old=""):
        return [
            defect.code for defect in self.guard.incoming([RefMove(REF, old, tip)], None, []).get(REF, ())
        ]

    def is_sound(self, tip):
        self.repo.write(f".git/{REF}", f"{tip}\n")
        return check_ledgers(git_source(self.repository)).defects == ()


@pytest.fixture
def ledger(repo):
    return Ledger(repo)


def at(data, place, byte):
    place %= len(data)
    return data[:place] + bytes([byte]) + data[place + 1 :]


def test_the_unchanged_ledger_comes_in_and_is_rebuilt_to_the_same_ids(ledger):
    assert ledger.changed(ledger.tip, bytes) == ledger.tip
    assert ledger.judged(ledger.tip) == ledger.judged(ledger.tip, ledger.root) == []
    assert ledger.is_sound(ledger.tip)


def test_another_author_is_another_sound_ledger(ledger):
    tip = ledger.changed(ledger.root, lambda data: data.replace(b"author Test", b"author Best"))
    assert tip != ledger.tip
    assert (ledger.judged(tip), ledger.is_sound(tip)) == ([], True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 30), place=st.integers(0, 4000), byte=st.integers(0, 255))
def test_a_ledger_with_one_other_byte_is_refused_or_sound(ledger, which, place, byte):
    victim = ledger.order[which % len(ledger.order)]
    tip = ledger.changed(victim, lambda data: at(data, place, byte))
    if [] in (ledger.judged(tip), ledger.judged(tip, ledger.root)):
        assert ledger.is_sound(tip)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, 30),
    place=st.integers(0, 4000),
    length=st.integers(0, 60),
    words=st.binary(max_size=60),
)
def test_a_ledger_with_a_piece_cut_out_or_put_in_is_refused_or_sound(ledger, which, place, length, words):
    victim = ledger.order[which % len(ledger.order)]

    def change(data):
        begin = place % (len(data) + 1)
        return data[:begin] + words + data[begin + length :]

    tip = ledger.changed(victim, change)
    assert ledger.judged(tip) != [] or ledger.is_sound(tip)
