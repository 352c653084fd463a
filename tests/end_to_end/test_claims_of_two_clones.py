"""Two clones change the claims at once: one truth for both after a sync, and a block that can be settled."""

from __future__ import annotations

import json

import pytest

FILE = ".idse/projects/portal/sessions/__blueprint__/blueprint.md"
REF = "refs/idse/sessions/portal/__blueprint__"
TEXT = "Amounts of money are kept as whole cents"
CLAIM = "c-8ae381618e"
BLUEPRINT = "portal/__blueprint__"


def does(repo, *words, code=0):
    done = repo.idse(*words)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def claim(repo):
    found = json.loads(does(repo, "blueprint", "claims", "--all", "--json").stdout)["data"]["claims"]
    return next(each for each in found if each["id"] == CLAIM)


@pytest.fixture
def clones(begun, ledgers_of, bare_remote, make_repo):
    """Two clones with one promoted claim, and words of a person above its block."""
    ledgers = ledgers_of(begun)
    ledgers.say("pay", "2026-01-01", spec=f"# Spec\n\n## Functional Requirements\n\n- {TEXT}\n")
    ledgers.say("search", "2026-01-09", plan=f"# Plan\n\n## Constraints\n\n- {TEXT}\n")
    begun.write(FILE, "# Ours\n\nWords.\n")
    does(begun, "blueprint", "declare", TEXT)
    does(begun, "blueprint", "promote", CLAIM)
    begun.commit("claims")
    does(begun, "sync", "setup", str(bare_remote.path))
    does(begun, "sync", "push")
    other = make_repo("other")
    other.git("pull", "-q", str(begun.path), "main")
    does(other, "sync", "setup", str(bare_remote.path))
    does(other, "sync", "pull")
    return begun, other


def apart(one, other):
    """Each declares a claim of its own and saves the file, and both sync."""
    does(one, "blueprint", "declare", "Logs are kept for ninety days")
    does(one, "save", "__blueprint__")
    does(other, "blueprint", "declare", "Dates are kept in universal time")
    does(other, "save", "__blueprint__")
    does(one, "sync", "push")
    told = other.idse("sync", "push")
    assert (told.returncode, f"{BLUEPRINT} has conflict markers" in told.stderr) == (3, True)


def settled(repo):
    """The file, after the way that the pull and the documentation tell."""
    does(repo, "restore", BLUEPRINT)
    does(repo, "blueprint", "claims", "--write")
    assert "conflict markers" not in does(repo, "save", "__blueprint__").stderr
    text = repo.read(FILE).decode()
    assert repo.git("show", f"{REF}:artifacts/blueprint.md") == text.strip()
    return text


def in_order(text):
    """Whether the words of the person are as they were, and one block has all three claims."""
    claims = [TEXT, "Dates are kept in universal time", "Logs are kept for ninety days"]
    counts = [text.count(sign) for sign in ("<<<<<<<", "idse:begin", "idse:end", *claims)]
    return text.startswith("# Ours\n\nWords.\n\n<!-- idse:begin") and counts == [0, 1, 1, 1, 1, 1]


def test_a_conflict_in_the_block_is_settled_by_the_way_that_is_told(clones):
    apart(*clones)
    assert in_order(settled(clones[1]))
    does(clones[1], "sync", "push")
    assert "conflict markers" not in does(clones[0], "sync", "pull").stderr
    does(clones[0], "restore", BLUEPRINT)
    assert in_order(clones[0].read(FILE).decode())


def test_a_block_that_was_written_before_the_conflict_was_brought_is_settled_too(clones):
    apart(*clones)
    does(clones[1], "blueprint", "claims", "--write")
    told = does(clones[1], "save", "__blueprint__").stderr
    assert "blueprint.md has conflict markers in the ledger" in told
    assert clones[1].git("show", f"{REF}:artifacts/blueprint.md").count("<<<<<<<") > 2
    assert in_order(settled(clones[1]))


def test_a_conflict_in_the_block_is_found_with_the_command_that_takes_it_out(clones):
    apart(*clones)
    does(clones[1], "restore", BLUEPRINT)
    found = clones[1].idse("validate", "--all", "--format", "concise").stdout
    assert "error[IDSE106]" in found
    told = "a merge conflict (idse blueprint claims --write takes it out of the block) in blueprint.md"
    assert f"{FILE}:5:1: warning[IDSE706] {told}" in found


def test_a_demotion_in_one_clone_beats_a_new_promotion_in_the_other(clones):
    one, other = clones
    does(other, "blueprint", "demote", CLAIM, "-m", "interest needs fractions")
    does(other, "blueprint", "promote", CLAIM, "-m", "it does not after all")
    does(one, "blueprint", "demote", CLAIM, "-m", "not for us")
    does(other, "sync", "push")
    does(one, "sync", "push")
    does(other, "sync", "pull")
    assert one.git("rev-parse", REF) == other.git("rev-parse", REF)
    assert (claim(one)["status"], claim(other)) == ("demoted", claim(one))
    assert "1 event not applied" in does(one, "status", "__blueprint__").stdout
    does(one, "blueprint", "promote", CLAIM, code=2)
    does(one, "blueprint", "promote", CLAIM, "-m", "looked at again")
    does(one, "sync", "push")
    does(other, "sync", "pull")
    assert claim(other)["status"] == "promoted"
    assert does(other, "fsck").returncode == 0
