"""Clones that work and sync in any order end with the same refs, and nobody's event is missing."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from here import acting, discover, git_notes, ledger_writer
from idse_orchestrator.agents.handoff import handoffs_of
from idse_orchestrator.claims.claim import claims_of
from idse_orchestrator.errors import EXIT_CONFLICT, EXIT_OK
from idse_orchestrator.git.libgit2 import open_repository
from idse_orchestrator.ledger.events import Draft
from idse_orchestrator.ledger.fsck import check_ledgers
from idse_orchestrator.sync.agency import Agency
from idse_orchestrator.sync.points import GitSyncPoints
from idse_orchestrator.sync.pull import pull
from idse_orchestrator.sync.push import push
from idse_orchestrator.sync.syncing import open_syncing
from idse_orchestrator.sync.transport import GitRemote
from idse_orchestrator.wiring.ledgers import KINDS as LEDGERS
from idse_orchestrator.wiring.ledgers import git_joiner, git_source

YEAR = 365 * 24 * 3600
NOW = 1_770_000_000
CLOCKS = (NOW, NOW + 130 * YEAR, NOW - 50 * YEAR, NOW + 5, NOW - YEAR, NOW + 900)
"""What the clock of each clone shows at first: the second and third are wrong by decades."""
NOTES = "refs/idse/notes/commits"
LINES = "abcdef"
SESSIONS = ("__blueprint__", "login", "pay")
FILES = ("intent.md", "spec.md", "implementation/README.md")


class Clone:
    """One clone: what it does through the ledger writer, how it syncs, and what was promised to it."""

    def __init__(self, folder, remote, number):
        self.number = number
        self.path = folder / f"clone-{number}"
        git("init", "--quiet", str(self.path))
        self.repository = discover(str(self.path))
        name = "agency" if number % 2 else ""
        if name:
            git("config", "remote.agency.url", str(remote), cwd=self.path)
        self.agency = Agency(str(remote), name, "this test")
        self.now = CLOCKS[number]
        self.writer = ledger_writer(self.repository, clock=self.tick)
        self.notes = git_notes(self.repository)
        self.store = open_repository(self.repository.common_dir)
        self.promised = {}

    def tick(self):
        self.now += 1
        return self.now

    def refs(self):
        return refs_of(self.path)

    def promise(self, ref, commit):
        self.promised.setdefault(ref, set()).add(commit)

    def append(self, session, plan):
        ref = f"refs/idse/sessions/portal/{session}"
        before = self.refs().get(ref)
        tip = self.writer.append("portal", session, plan)
        if tip is not None and tip.commit != before:
            self.promise(ref, tip.commit)

    def create(self, session):
        body = {"project": "portal", "session": session, "type": "feature", "title": f"by {self.number}"}
        tree = self.planted({path: lines_of(LINES) for path in FILES})
        self.append(session, lambda tip: None if tip else Draft("created", body, tree))

    def project(self):
        body = {"project": "portal", "stack": f"stack {self.number}"}
        renamed = Draft("described", {"title": str(self.number)})
        tip = self.writer.append_to_project("portal", lambda tip: renamed if tip else Draft("created", body))
        self.promise("refs/idse/projects/portal", tip.commit)

    def team(self, changes):
        def plan(tip):
            return tip and Draft("assigned", {"changes": changes})

        tip = self.writer.append_to_project("portal", plan)
        if tip:
            self.promise("refs/idse/projects/portal", tip.commit)

    def hand(self, session, action, agent):
        """Ask for a handoff, or answer the first that is open here."""

        def plan(tip):
            if tip is None or (action != "request" and not handoffs_of(tip.state)):
                return None
            about = {} if action == "request" else {"handoff": handoffs_of(tip.state)[0].id}
            return Draft("handoff", {"action": action, "stage": "spec", "to": agent, **about})

        self.append(session, plan)

    def edit(self, session, path, line, text):
        def plan(tip):
            files = self.files(tip.artifacts) if tip else {}
            lines = files.get(path, lines_of("xy")).split(b"\n")
            lines[line % len(lines)] = text.encode()
            files[path] = b"\n".join(lines)
            return tip and Draft("edited", {"changed": {path: None}, "source": "save"}, self.planted(files))

        self.append(session, plan)

    def remove(self, session, number):
        def plan(tip):
            files = self.files(tip.artifacts) if tip else {}
            if not files:
                return None
            gone = sorted(files)[number % len(files)]
            del files[gone]
            return Draft("edited", {"changed": {gone: None}, "source": "save"}, self.planted(files))

        self.append(session, plan)

    def stage(self, session, stage, action):
        target = "complete" if action in ("complete", "confirm") else "in_progress"
        body = {
            "stage": stage,
            "action": action,
            "to": target,
            "artifact": "",
            "upstream": {},
            "reason": "so",
        }

        def plan(tip):
            if tip is None:
                return None
            record = tip.state.stages[stage]
            return Draft("stage", {**body, "from": record.status, "reopens": dict(record.reopens)})

        self.append(session, plan)

    def say(self, session, kind, word):
        bodies = {
            "described": {"title": word},
            "assigned": {"stage": "spec", "agent": word},
            "approved": {"rule": f"IDSE10{len(word)}", "reason": word},
            "validated": {"status": "passing", "constitution": word},
        }
        self.append(session, lambda tip: tip and Draft(kind, bodies[kind]))

    def claim(self, session, action):
        evidence = [{"session": "login", "stage": "spec", "commit": "a" * 40, "blob": "b" * 40}]

        def plan(tip):
            known = tip and claims_of(tip.state).get("c-0123456789")
            body = {"action": action, "claim": "c-0123456789", "text": "Whole cents", "reason": "so"}
            seen = {"demotions": dict(known.demotions if known else {}), "evidence": evidence}
            return tip and Draft("claimed", {**body, **seen})

        self.append(session, plan)

    def note(self, number, word):
        changed = self.notes.write_many({f"{number:040x}": f"idse: {word} {self.number}"}, "idse: note")
        if changed:
            self.promise(NOTES, self.refs()[NOTES])

    def planted(self, files):
        builder = self.store.TreeBuilder()
        inner = {}
        for path, data in files.items():
            folder, slash, name = path.rpartition("/")
            if slash:
                inner.setdefault(folder, {})[name] = data
            else:
                builder.insert(name, self.store.create_blob(data), 0o100644)
        for folder, below in inner.items():
            builder.insert(folder, self.planted(below), 0o040000)
        return str(builder.write())

    def files(self, tree, prefix=""):
        found = {}
        for entry in self.store[tree] if tree else ():
            if entry.type_str == "tree":
                found.update(self.files(str(entry.id), f"{prefix}{entry.name}/"))
            else:
                found[prefix + entry.name] = entry.data
        return found

    def sync(self, how):
        who = acting(self.repository).anybody
        with open_syncing(
            self.repository, lambda: LEDGERS, self.agency, GitRemote(self.repository, self.agency), who
        ) as parts:
            parts.points = GitSyncPoints(self.repository, parts.refs, who, self.tick)
            done = how(parts)
        assert done.exit_code == (EXIT_CONFLICT if done.conflicts else EXIT_OK), done
        return done


def git(*args, cwd=None, stdin=None):
    done = subprocess.run(["git", *args], cwd=cwd, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def lines_of(letters):
    return "\n".join(letters).encode()


def refs_of(path, below="refs/idse/"):
    rows = git("for-each-ref", "--format=%(refname) %(objectname)", below, cwd=path).splitlines()
    return dict(row.split(" ") for row in rows)


def act(clone, what):
    name, *rest = what
    if name in ("push", "pull"):
        clone.sync(push if name == "push" else pull)
    else:
        getattr(clone, name)(*rest)


def gossip(steps, count):
    """`count` clones do `steps`, are quiet then, and are compared."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        remote = folder / "agency.git"
        git("init", "--quiet", "--bare", str(remote))
        clones = [Clone(folder, remote, number) for number in range(count)]
        clones[0].create("__blueprint__")
        for who, what in steps:
            act(clones[who % count], what)
        for _ in clones:
            for clone in clones:
                clone.sync(push)
        assert_all_have_the_same(clones, remote)
        assert_nothing_is_missing(clones)
        before = refs_of(remote)
        for clone in clones:
            done = clone.sync(push)
            assert (done.refs, done.point) == ((), "")
            assert clone.sync(pull).refs == ()
        assert refs_of(remote) == before
        assert_all_have_the_same(clones, remote)
        assert_sound(clones[-1], remote)


def assert_all_have_the_same(clones, remote):
    there = refs_of(remote)
    for clone in clones:
        assert clone.refs() == there
        assert refs_of(clone.path, "refs/idse-local/pending/") == {}


def assert_nothing_is_missing(clones):
    """Every promised commit is there, and besides those, only merges: nothing is doubled either."""
    promised = {}
    for clone in clones:
        for ref, commits in clone.promised.items():
            promised.setdefault(ref, set()).update(commits)
    for ref, commits in promised.items():
        roots = ("--min-parents=1",) if ref == NOTES else ()
        kept = git("rev-list", "--max-parents=1", *roots, ref, cwd=clones[0].path).split()
        assert set(kept) == commits


def assert_sound(clone, remote):
    report = check_ledgers(git_source(clone.repository), expected=git_joiner(clone.repository).expected)
    assert report.defects == ()
    for path in (clone.path, remote):
        git("fsck", "--strict", "--no-dangling", cwd=path)


SESSION = st.sampled_from(SESSIONS)
STAGES = st.sampled_from(["intent", "spec"])
WORDS = st.sampled_from(["left", "right", "up"])
KINDS = st.sampled_from(["described", "assigned", "approved", "validated"])
ACTIONS = st.sampled_from(["start", "complete", "reopen", "confirm"])
AGENTS = st.sampled_from(["ada", "bob"])
RULES = st.builds(
    lambda one, two: {"from_stage": "spec", "to_stage": "plan", "from_agent": one, "to_agent": two},
    AGENTS,
    AGENTS,
)
CHANGES = st.one_of(
    st.builds(lambda who, word: {"action": "add", "agent": {"id": who, "role": word}}, AGENTS, WORDS),
    st.builds(lambda who: {"action": "remove", "agent": who}, AGENTS),
    st.builds(lambda who, word: {"action": "set", "agent": who, "fields": {"role": word}}, AGENTS, WORDS),
    st.builds(lambda who: {"action": "order", "agents": [who]}, AGENTS),
    st.builds(
        lambda act, rule: {"action": act, "rule": rule}, st.sampled_from(["add-rule", "remove-rule"]), RULES
    ),
)
ANSWERS = st.sampled_from(["request", "request", "accept", "reject"])
DEEDS = st.one_of(
    st.tuples(st.just("team"), st.lists(CHANGES, min_size=1, max_size=3)),
    st.tuples(st.just("hand"), SESSION, ANSWERS, AGENTS),
    st.tuples(st.just("create"), SESSION),
    st.tuples(st.just("edit"), SESSION, st.sampled_from(FILES), st.integers(0, 5), WORDS),
    st.tuples(st.just("remove"), SESSION, st.integers(0, 2)),
    st.tuples(st.just("stage"), SESSION, STAGES, ACTIONS),
    st.tuples(st.just("say"), SESSION, KINDS, WORDS),
    st.tuples(st.just("claim"), SESSION, st.sampled_from(["declare", "promote", "reinforce", "demote"])),
    st.tuples(st.just("note"), st.integers(1, 3), WORDS),
    st.tuples(st.just("project")),
)
SYNCS = st.tuples(st.sampled_from(["push", "pull"]))


def steps(most):
    """Twice as many deeds as syncs: histories grow apart before they meet."""
    return st.lists(st.tuples(st.integers(0, 5), st.one_of(DEEDS, DEEDS, SYNCS)), min_size=5, max_size=most)


IN_CONFLICT = [
    (0, ("team", [{"action": "add", "agent": {"id": "ada", "role": "left"}}])),
    (0, ("hand", "__blueprint__", "request", "ada")),
    (1, ("create", "__blueprint__")),
    (0, ("project",)),
    (0, ("hand", "__blueprint__", "request", "ada")),
    (0, ("edit", "__blueprint__", "intent.md", 0, "left")),
]
"""Two clones give one line two texts: their sync ends with 3."""


@settings(max_examples=7, suppress_health_check=[HealthCheck.too_slow])
@example(IN_CONFLICT, 2)
@given(steps(16), st.integers(2, 4))
def test_clones_that_sync_in_any_order_end_with_the_same_refs_everywhere(steps, count):
    gossip(steps, count)


@pytest.mark.soak
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(steps(60), st.integers(2, 6))
def test_clones_sync_for_long(steps, count):
    gossip(steps, count)
