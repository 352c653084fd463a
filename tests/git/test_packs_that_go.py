"""A `git gc` takes packs away from under a reader: it finds the objects where they are now."""

from __future__ import annotations

import gc
import pathlib

import pytest

from here import discover, git_notes, ledger_writer
from idse_orchestrator.errors import CorruptLedgerError
from idse_orchestrator.git.objects import COMMIT, objects_of
from idse_orchestrator.ledger.events import Draft

SESSIONS = ("login", "search", "billing")
CODE = {session: letter * 40 for session, letter in zip(SESSIONS, "abc", strict=True)}


@pytest.fixture
def packed(repo):
    """A repository with a ledger and a note in each of three packs, and one index over all of them."""
    for session in SESSIONS:
        append(ledger_writer(discover(str(repo.path))), session)
        git_notes(discover(str(repo.path))).write_many({CODE[session]: f"idse: {session}"}, "idse: note")
        repo.git("repack", "-q", "-d")
    repo.git("multi-pack-index", "write")
    gc.collect()  # libgit2 keeps a pack that anybody of the process has open
    return repo


def append(writer, session):
    return writer.append("portal", session, lambda _: Draft("edited", {"changed": {}}))


def folder(repo):
    return pathlib.Path(repo.path, ".git/objects/pack")


def repack(repo):
    """Repack as git does, seen at the instant when a pack is gone and its own index is still there."""
    kept = {path: path.read_bytes() for path in folder(repo).glob("*.idx")}
    repo.git("repack", "-a", "-d", "-q")
    for path, content in kept.items():
        path.write_bytes(content)


def tip(repo, session):
    return repo.git("rev-parse", f"refs/idse/sessions/portal/{session}")


@pytest.mark.parametrize("ask", ["size", "read"])
def test_objects_are_found(packed, ask):
    objects = objects_of(str(packed.path / ".git"))
    objects.read(tip(packed, "billing"), COMMIT)
    repack(packed)
    for name in (tip(packed, session) for session in SESSIONS):
        size = objects.size(name) if ask == "size" else len(objects.read(name, COMMIT))
        assert size == int(packed.git("cat-file", "-s", name))


def test_events_are_appended(packed):
    writer = ledger_writer(discover(str(packed.path)))
    append(writer, "billing")
    repack(packed)
    for session in SESSIONS:
        assert append(writer, session).state.events > 1
    assert packed.git("fsck", "--connectivity-only") == ""


def test_notes_are_read_and_written(packed):
    notes = git_notes(discover(str(packed.path)))
    assert notes.read(CODE["billing"]) == "idse: billing\n"
    repack(packed)
    assert notes.read(CODE["login"]) == "idse: login\n"
    notes.write_many({CODE["search"]: "idse: another"}, "idse: note")
    assert notes.read(CODE["search"]) == "idse: search\n\nidse: another\n"


def test_a_pack_that_is_damaged_is_told_as_damage(packed):
    names = [tip(packed, session) for session in SESSIONS]
    for path in folder(packed).glob("*.pack"):
        size = path.stat().st_size
        path.unlink()
        path.write_bytes(b"x" * size)
    objects = objects_of(str(packed.path / ".git"))
    for ask in (objects.size, lambda name: objects.read(name, COMMIT)):
        with pytest.raises(CorruptLedgerError, match="cannot be read"):
            ask(names[0])
