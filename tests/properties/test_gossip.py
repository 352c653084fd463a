"""Clones that edit, fetch and merge in any order end with one commit, and nobody's event is missing."""

from __future__ import annotations

import itertools
import pathlib
import subprocess
import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from here import discover, fold, ledger_writer
from idse_orchestrator.git.libgit2 import open_repository
from idse_orchestrator.ledger.events import Draft, event_from_json
from idse_orchestrator.pipeline.stage_state_model import state_to_json
from idse_orchestrator.wiring.ledgers import git_joiner

REF = "refs/idse/sessions/portal/login"
CREATED = {"project": "portal", "session": "login", "type": "feature"}
LINES = "abcdefgh"
SETTINGS = (
    {},
    {"merge.conflictStyle": "diff3", "core.autocrlf": "true"},
    {"diff.algorithm": "histogram", "i18n.commitEncoding": "ISO-8859-1", "merge.renames": "true"},
    {"commit.gpgSign": "true", "core.eol": "crlf"},
    {"user.name": "Somebody Else"},
)
ATTRIBUTES = ("", "* merge=union\n", "*.md -text merge=binary\n", "* text eol=crlf\n", "")


class Clone:
    """One clone of the ledger, set up in its own way, with its own idea of the time."""

    def __init__(self, folder, number):
        self.path = folder / str(number)
        self.path.mkdir()
        self.git("init", "--quiet")
        for key, value in SETTINGS[number].items():
            self.git("config", key, value)
        (self.path / ".git/info").mkdir(exist_ok=True)
        (self.path / ".git/info/attributes").write_text(ATTRIBUTES[number])
        self.repository = discover(str(self.path))
        self.now = 1_700_000_000 + (number - 2) * 500_000_000
        self.writer = ledger_writer(self.repository, clock=self.tick)
        self.store = open_repository(self.repository.common_dir)

    def tick(self):
        self.now += 1
        return self.now

    def git(self, *args):
        done = subprocess.run(["git", *args], cwd=self.path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    @property
    def tip(self):
        try:
            return str(self.store.lookup_reference(REF).target)
        except KeyError:
            return ""

    def files(self):
        if not self.tip:
            return {}
        tree = self.store[self.tip].tree
        return {entry.name: entry.data for entry in tree["artifacts"]} if "artifacts" in tree else {}

    def append(self, kind, body, files):
        builder = self.store.TreeBuilder()
        for name, data in files.items():
            builder.insert(name, self.store.create_blob(data), 0o100644)
        tree = str(builder.write()) if files else ""
        if not self.tip:
            self.writer.append("portal", "login", lambda _: Draft("created", CREATED, tree))
        self.writer.append("portal", "login", lambda _: Draft(kind, body, tree))

    def edit(self, name, line, text):
        files = self.files()
        lines = files.get(name, "\n".join(LINES).encode()).split(b"\n")
        lines[line % len(lines)] = text.encode()
        self.append("edited", {"changed": {}}, {**files, name: b"\n".join(lines)})

    def act(self, what):
        """One deed: a file edited at a line, a file removed, a stage moved, or a title given."""
        kind, number, word = what
        if kind == "edit":
            self.edit(f"{word}.md", number, f"{word}{number}")
        elif kind == "remove":
            self.append("edited", {}, dict(itertools.islice(self.files().items(), 1)))
        elif kind == "stage":
            body = {"stage": "intent", "action": word, "from": "", "to": "", "artifact": "", "upstream": {}}
            self.append("stage", body, self.files())
        else:
            self.append("described", {"title": word}, self.files())

    def meet(self, other):
        """Fetch from `other` and take in what it has; whether the tip moved."""
        if not other.tip or self.tip == other.tip:
            return False
        self.git("fetch", "--quiet", "--no-tags", str(other.path), f"+{REF}:refs/other/tip")
        before = self.tip
        made = git_joiner(self.repository).join(REF, before, other.tip) if before else other.tip
        if made != before:
            self.git("update-ref", REF, made)
        return made != before

    def events(self):
        commits = self.git("rev-list", "--max-parents=1", REF).split()
        return [event_from_json(self.store[commit].tree["event.json"].data) for commit in commits]


WORDS = st.sampled_from(["spec", "plan", "left"])
DEEDS = st.one_of(
    st.tuples(st.just("edit"), st.integers(0, 9), WORDS),
    st.tuples(st.just("remove"), st.just(0), st.just("")),
    st.tuples(st.just("stage"), st.just(0), st.sampled_from(["start", "complete", "reopen"])),
    st.tuples(st.just("title"), st.just(0), WORDS),
)
CLONES = st.integers(0, 4)
STEPS = st.lists(
    st.one_of(st.tuples(st.just("act"), CLONES, DEEDS), st.tuples(st.just("meet"), CLONES, CLONES)),
    min_size=8,
    max_size=24,
)


def settle(clones):
    """Let all meet, round after round, until a round moves nothing; how many rounds moved something."""
    for count in itertools.count():
        pairs = itertools.permutations(clones, 2)
        if not sum([one.meet(other) for one, other in pairs]):
            return count
        assert count <= len(clones)
    return None


def gossip(steps, count, strangers):
    """`strangers` of the clones begin by themselves; the others with the ledger of the first."""
    with tempfile.TemporaryDirectory() as folder:
        clones = [Clone(pathlib.Path(folder), number) for number in range(count)]
        clones[0].act(("title", 0, "first"))
        for clone in clones[1 : count - strangers]:
            clone.meet(clones[0])
        for kind, who, what in steps:
            clone = clones[who % count]
            if kind == "act":
                clone.act(what)
            else:
                clone.meet(clones[what % count])
        acted = {event.id for clone in clones if clone.tip for event in clone.events()}
        settle(clones)
        tips = {clone.tip for clone in clones}
        assert len(tips) == 1
        events = clones[0].events()
        assert {event.id for event in events} == acted
        state = clones[0].store[clones[0].tip].tree["state.json"].data
        assert state == state_to_json(fold("portal", "login", events))
        clones[0].git("fsck", "--strict")


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(2, 5), st.integers(0, 1))
def test_whoever_merges_in_whatever_order_all_end_with_one_commit(steps, count, strangers):
    gossip(steps, count, strangers)


@pytest.mark.soak
@settings(max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(2, 5), st.integers(0, 2))
def test_gossip_for_long(steps, count, strangers):
    gossip(steps, count, strangers)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(DEEDS, max_size=5), st.lists(DEEDS, max_size=5), st.lists(DEEDS, max_size=3))
def test_two_clones_set_up_otherwise_make_one_commit(shared, left, right):
    with tempfile.TemporaryDirectory() as folder:
        one, other = (Clone(pathlib.Path(folder), number) for number in (1, 2))
        for deed in shared:
            one.act(deed)
        other.meet(one)
        for clone, deeds in ((one, left), (other, right)):
            for deed in deeds:
                clone.act(deed)
        if one.tip and other.tip:
            tips = one.tip, other.tip
            for clone, peer in ((one, other), (other, one)):
                clone.git("fetch", "--quiet", str(peer.path), f"+{REF}:refs/other/tip")
            assert git_joiner(one.repository).join(REF, *tips) == git_joiner(other.repository).join(
                REF, *reversed(tips)
            )
