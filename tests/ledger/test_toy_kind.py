"""A new kind of ledger, in this one file: defined, appended to, synced through an Agency, merged, checked.

Nothing under ``src`` knows of it. Its second kind of event needs format 2, which shows how a format is
raised, stays, and is met by an idse that only reads format 1.
"""

from __future__ import annotations

import json
import subprocess
from itertools import count
from typing import NamedTuple

import pytest

from here import acting, discover
from idse_orchestrator.base.names import canonical_json, is_name
from idse_orchestrator.errors import NewerLedgerError
from idse_orchestrator.ledger.events import Draft, NotApplied
from idse_orchestrator.ledger.fsck import check_ledgers
from idse_orchestrator.ledger.git_backend import GitBackend
from idse_orchestrator.ledger.kinds import EventKind, Kind, States
from idse_orchestrator.ledger.merge.joiner import GitJoiner
from idse_orchestrator.ledger.refs import read_format
from idse_orchestrator.ledger.shapes import COUNT, NOT_APPLIED, TEXT, Record, body, number, problem_with, rows
from idse_orchestrator.ledger.source import GitLedgerSource
from idse_orchestrator.ledger.writer import Writer
from idse_orchestrator.sync.agency import Agency
from idse_orchestrator.sync.pull import pull
from idse_orchestrator.sync.push import push
from idse_orchestrator.sync.syncing import REFUSED, open_syncing
from idse_orchestrator.sync.transport import GitRemote
from idse_orchestrator.wiring.ledgers import KINDS


class Toy(NamedTuple):
    """The colours that a toy was painted in, and how bright it shines."""

    project: str
    name: str
    colours: tuple[str, ...] = ()
    light: int = 0
    lamport: int = 0
    events: int = 0
    updated_at: str = ""
    not_applied: tuple[NotApplied, ...] = ()
    format: int = 1


def painted(toy, event):
    if event.body["colour"] in toy.colours:
        return "it had that colour already"
    return toy._replace(colours=(*toy.colours, event.body["colour"]))


def lit(toy, event):
    return toy._replace(light=event.body["light"])


def painted_words(held):
    return f"painted {held['colour']}"


PAINTED = body("Painted", {"colour": TEXT})
LIT = body("Lit", {"light": number(1)})


def toy_to_json(toy):
    plain = {**toy._asdict(), "not_applied": [entry._asdict() for entry in toy.not_applied]}
    if not toy.light:
        del plain["light"]
    return canonical_json(plain)


def toy_states(highest):
    record = Record(
        "Toy",
        {
            **dict.fromkeys(("project", "name", "updated_at"), TEXT),
            **dict.fromkeys(("lamport", "events", "format"), COUNT),
            "colours": rows(TEXT),
            "not_applied": rows(NOT_APPLIED.shape),
        },
        {"light": COUNT},
    )

    def from_json(data):
        raw = json.loads(data)
        read_format(raw["format"], highest)
        found = tuple(NotApplied(**entry) for entry in raw["not_applied"])
        return Toy(**{**raw, "colours": tuple(raw["colours"]), "not_applied": found})

    return States(Toy, toy_to_json, from_json, lambda data, _: problem_with(record, data))


TOY_STATES = toy_states(2)
OLD_TOY_STATES = toy_states(1)
HERE = f"{__name__}:"
CREATED = {"created": EventKind()}
PAINT = {"painted": EventKind(HERE + "painted", HERE + "PAINTED", HERE + "painted_words", fields={"glow": 2})}
LIGHT = {"lit": EventKind(HERE + "lit", HERE + "LIT", format=2)}
PARTS = {"project": is_name, "name": is_name}
TOYS = Kind("toy", "toys", PARTS, HERE + "TOY_STATES", {**CREATED, **PAINT, **LIGHT}, highest=2)
OLD_TOYS = Kind("toy", "toys", PARTS, HERE + "OLD_TOY_STATES", {**CREATED, **PAINT}, highest=1)
NEW = KINDS.and_also(TOYS)
OLD = KINDS.and_also(OLD_TOYS)
REF = "refs/idse/toys/shelf/duck"


class Clone:
    """A repository and what it knows of kinds."""

    def __init__(self, repo, agency, kinds=NEW):
        self.repo = repo
        self.vault = discover(str(repo.path))
        self.agency = Agency(str(agency), "agency", "test")
        self.kinds = kinds
        repo.git("remote", "add", "agency", str(agency))

    def append(self, *drafts, kind="toy", names=("shelf", "duck")):
        backend = GitBackend(self.vault, acting(self.vault))
        writer = Writer(self.vault.private, self.kinds, backend, backend.maker)
        return writer.append_to(kind, names, lambda _: drafts)[-1].state

    def tip(self, ref=REF):
        return self.repo.git("rev-parse", "--verify", "--quiet", ref)

    def read(self, name, at=REF):
        return self.repo.git("show", f"{at}:{name}")

    def state(self, at=REF):
        return json.loads(self.read("state.json", at))

    def sync(self, how):
        remote = GitRemote(self.vault, self.agency)
        with open_syncing(
            self.vault, lambda: self.kinds, self.agency, remote, acting(self.vault).anybody
        ) as parts:
            outcome = how(parts)
        return {each.ref: each for each in outcome.refs}

    def defects(self):
        joiner = GitJoiner(self.vault, self.kinds)
        return check_ledgers(GitLedgerSource(self.vault, self.kinds), expected=joiner.expected).defects


BEGUN = Draft("created", {"project": "shelf"})


def paint(colour, **more):
    return Draft("painted", {"colour": colour, **more})


def light(much):
    return Draft("lit", {"light": much})


@pytest.fixture
def clones(make_repo, tmp_path):
    agency = tmp_path / "agency.git"
    subprocess.run(["git", "init", "-q", "--bare", str(agency)], check=True)
    names = (f"clone-{number}" for number in count())
    return lambda **kinds: Clone(make_repo(next(names)), agency, **kinds)


def test_a_toy_is_written_pushed_pulled_merged_and_checked(clones):
    one, other = clones(), clones()
    assert one.append(BEGUN, paint("red"), paint("red")).colours == ("red",)
    assert one.repo.git("log", "-1", "--skip=1", "--format=%s", REF) == "painted red"
    one.sync(push)
    other.sync(pull)
    assert other.tip() == one.tip()

    one.append(paint("blue"))
    other.append(paint("green"))
    one.sync(push)
    assert other.sync(push)[REF].result != REFUSED
    one.sync(pull)
    assert one.tip() == other.tip()
    assert one.repo.git("rev-list", "--count", "--merges", REF) == "1"
    assert set(one.state()["colours"]) == {"red", "blue", "green"}
    assert [entry["why"] for entry in one.state()["not_applied"]] == ["it had that colour already"]
    assert one.defects() == other.defects() == ()


def test_what_no_toy_may_hold_is_named_and_stays_out(clones):
    one, other = clones(), clones()
    one.append(BEGUN, Draft("painted", {"colour": 3}))
    assert {defect.code for defect in one.defects()} == {"event-schema", "state-schema"}
    one.repo.git("push", "-q", "agency", REF)
    refused = other.sync(pull)[REF]
    assert (refused.result, refused.why.split()[0]) == (REFUSED, "event-schema")


def test_a_ledger_keeps_format_1_until_an_event_needs_more(clones):
    one = clones()
    assert one.append(BEGUN, paint("red")).format == 1
    assert '"format":1' in one.read("event.json")
    assert one.append(light(5)).format == 2
    assert one.append(paint("blue")).format == 2
    assert json.loads(one.read("event.json"))["format"] == 2, "it stays, whatever comes later"
    assert one.defects() == ()


def test_one_key_of_a_body_can_need_a_higher_format(clones):
    one = clones()
    assert one.append(BEGUN, paint("red")).format == 1
    assert one.append(paint("blue", glow=True)).format == 2


def test_a_ledger_of_format_1_has_the_same_bytes_for_old_and_new(clones):
    one = clones()
    one.append(BEGUN, paint("red"), paint("red"))
    old = OLD["toy"].fold(("shelf", "duck"), ())
    new = NEW["toy"].fold(("shelf", "duck"), ())
    assert OLD["toy"].to_json(old) == NEW["toy"].to_json(new)
    one.kinds = OLD
    assert one.defects() == ()
    assert one.append(paint("blue")).format == 1
    one.kinds = NEW
    assert one.defects() == ()


@pytest.mark.parametrize("raised_first", [True, False])
def test_a_raised_format_survives_merges_in_both_orders(clones, raised_first):
    one, other = clones(), clones()
    one.append(BEGUN, paint("red"))
    one.sync(push)
    other.sync(pull)
    raising, plain = (one, other) if raised_first else (other, one)
    raising.append(light(5))
    plain.append(paint("blue"))
    one.sync(push)
    other.sync(push)
    one.sync(pull)
    assert one.tip() == other.tip()
    assert one.repo.git("rev-list", "--count", "--merges", REF) == "1"
    assert one.state()["format"] == 2
    assert plain.append(paint("green")).format == 2
    assert plain.defects() == ()


def test_an_event_with_another_format_than_its_ledger_has_is_named(clones):
    one = clones()
    one.append(BEGUN, light(5), paint("red"))
    event = json.loads(one.read("event.json"))
    data = canonical_json({**event, "format": 1})
    blob = one.repo.git("hash-object", "-w", "--stdin", stdin=data.decode())
    state = one.repo.git("rev-parse", f"{REF}:state.json")
    listed = f"100644 blob {blob}\tevent.json\n100644 blob {state}\tstate.json\n"
    tree = one.repo.git("mktree", stdin=listed)
    message = one.repo.git("log", "-1", "--format=%B", REF)
    forged = one.repo.git("commit-tree", tree, "-p", f"{REF}~1", stdin=message)
    one.repo.git("update-ref", REF, forged)
    assert {defect.code for defect in one.defects()} == {"event-format"}


def test_an_older_idse_says_newer_and_never_damaged_and_goes_on(clones):
    new, old = clones(), clones(kinds=OLD)
    new.append(BEGUN, paint("red"))
    new.append(BEGUN, paint("white"), names=("shelf", "bear"))
    new.sync(push)
    old.sync(pull)
    new.append(light(5))
    new.append(paint("black"), names=("shelf", "bear"))
    new.sync(push)
    before = old.tip()
    told = old.sync(pull)
    assert told[REF].result == REFUSED
    assert "format 2 needs a newer idse" in told[REF].why
    assert "pip install --upgrade" in told[REF].hint
    assert old.tip() == before
    assert old.tip("refs/idse/toys/shelf/bear") == new.tip("refs/idse/toys/shelf/bear")


def test_an_older_idse_leaves_a_newer_ledger_of_its_own_alone(clones):
    new, old = clones(), clones()
    new.append(BEGUN, paint("red"))
    new.append(BEGUN, names=("shelf", "bear"))
    new.sync(push)
    old.sync(pull)
    old.append(light(5))
    new.append(paint("blue"))
    new.append(paint("black"), names=("shelf", "bear"))
    new.sync(push)
    old.kinds = OLD
    mine = old.tip()
    told = old.sync(pull)
    assert told[REF].result == REFUSED
    assert "newer idse" in told[REF].why
    assert old.tip() == mine
    assert old.tip("refs/idse/toys/shelf/bear") == new.tip("refs/idse/toys/shelf/bear")
    with pytest.raises(NewerLedgerError, match="needs a newer idse"):
        old.append(paint("green"))
    assert {defect.code for defect in old.defects()} == {"newer-format"}


def test_events_of_an_absent_part_of_idse_cannot_be_judged_and_are_no_damage(clones):
    whole, bare = clones(), clones(kinds=NEW)
    session = ("shelf", "login")
    started = Draft("created", {"project": "shelf", "session": "login"})
    asked = Draft("handoff", {"action": "request", "stage": "spec", "to": "codex"})
    whole.append(started, asked, kind="session", names=session)
    whole.append(started, kind="session", names=("shelf", "other"))
    whole.sync(push)
    without = KINDS["session"]._replace(
        events={**KINDS["session"].events, "handoff": EventKind("idse_orchestrator.nowhere:fold")}
    )
    bare.kinds = KINDS.and_also(without)
    told = bare.sync(pull)["refs/idse/sessions/shelf/login"]
    assert told.result == REFUSED
    assert "lacks the part that reads them" in told.why
    assert bare.tip("refs/idse/sessions/shelf/other") == whole.tip("refs/idse/sessions/shelf/other")
    del_handoff = {name: taken for name, taken in without.events.items() if name != "handoff"}
    whole.kinds = KINDS.and_also(without._replace(events=del_handoff))
    assert {defect.code for defect in whole.defects()} == {"absent-part"}


def test_only_refs_with_two_names_are_toys(clones):
    del clones
    assert NEW.named(REF).names == ("shelf", "duck")
    assert NEW.published("refs/idse/toys/shelf") == ("ref-name", "idse gives no such name")
    assert KINDS.published(REF)[0] == "unknown-ref"
