"""Three people who rewrite, stash, rebase, thin out and switch, each in lines of his own: nobody conflicts.

Each has a line in two documents, far from those of the others, so that a conflict would be one of a person
with himself. After every step no ledger has a conflict, idse left `git status` as it was, and what is
committed is what the ledger has. In the end all clones hold the same, and no event that was seen is gone.

Ledgers travel before the code they belong to, and what a tool commits without hooks is not published. A line
that comes by code alone is an edit of whoever brings it in, and conflicts with its author's next one.
"""

from __future__ import annotations

import random
import time

import pytest

SOAK_SECONDS = 600
FOLDER = ".idse/projects/portal/sessions/__blueprint__"
REF = "refs/idse/sessions/portal/__blueprint__"
DOCUMENTS = ("spec.md", "plan.md")
PEOPLE = 3
WITHOUT_HOOKS = ("-c", "core.hooksPath=/dev/null")
FIXED = "".join(f"kept {number}\n" for number in range(4))


def document(lines):
    """The document in which each person has one line."""
    return FIXED + "".join(f"{line}\n{FIXED}" for line in lines)


class Person:
    """Somebody with a clone of the code, who pushes ledgers to the Agency."""

    def __init__(self, repo, number):
        self.repo = repo
        self.number = number
        self.steps = []
        self.stashed = False
        self.thin = False
        self.events = set()

    def git(self, *args):
        """Whether git did it; what it began and could not end is taken back."""
        self.steps.append(" ".join(args))
        done = self.repo.run("git", *args)
        if done.returncode != 0:
            for name in ("rebase", "merge", "cherry-pick"):
                self.repo.run("git", name, "--abort")
        return done.returncode == 0

    def idse(self, *args):
        """Runs idse, which leaves what git shows as it was, and never fails for want of a plan."""
        self.steps.append("idse " + " ".join(args))
        before = self.shown()
        done = self.repo.idse(*args)
        assert done.returncode != 70, done.stderr
        assert self.shown() == before, done.stderr
        return done

    def shown(self):
        """What `git status` shows."""
        return self.repo.git("status", "--porcelain")

    def out(self, *args):
        """What git says; "" where it fails."""
        return self.repo.run("git", *args).stdout.strip()

    @property
    def is_home(self):
        """On the branch that has documents."""
        return self.out("symbolic-ref", "--short", "HEAD") == "main"

    @property
    def is_clean(self):
        """Nothing is edited."""
        return not self.shown()

    @property
    def is_mine(self):
        """HEAD is a plain commit that nobody else has."""
        has_one_parent = len(self.out("rev-list", "--parents", "-1", "HEAD").split()) == 2
        return has_one_parent and not self.out("branch", "-r", "--contains", "HEAD")

    @property
    def is_recorded(self):
        """Hooks have seen every commit that nobody else has."""
        new = self.out("rev-list", "--no-merges", "origin/main..HEAD", "--", FOLDER).split()
        notes = "--notes=refs/idse/notes/commits"
        return all(self.out("log", "-1", "--format=%N", notes, commit) for commit in new)

    def line_in(self, text):
        """The line of this person in a document."""
        return text.splitlines()[4 + 5 * self.number] if text else ""


def edit(person, chance):
    name = chance.choice(DOCUMENTS)
    path = person.repo.path / FOLDER / name
    if person.is_home and path.exists():
        lines = path.read_text().splitlines()
        lines[4 + 5 * person.number] = f"person {person.number} says {chance.randrange(1_000_000)}"
        path.write_text("".join(f"{line}\n" for line in lines))
        person.steps.append(f"edit {name}")


def code(person, chance):
    person.repo.write(f"code-{person.number}.py", f"{chance.randrange(1_000_000)}\n")
    person.git("add", "--sparse", f"code-{person.number}.py")
    person.git("commit", "-q", "-m", "code", "--", f"code-{person.number}.py")


def commit(person, _chance):
    """Whether a hook told the ledger: of a commit of code alone it does not, whatever was reset before."""
    made = person.is_home and person.git("commit", "-qam", "edit")
    return made and person.out("diff", "HEAD~1", "HEAD", "--", FOLDER)


def commit_one(person, chance):
    if person.is_home:
        person.git("commit", "-qm", "one", "--only", f"{FOLDER}/{chance.choice(DOCUMENTS)}")


def amend(person, _chance):
    if person.is_home and person.is_mine:
        person.git("commit", "-qa", "--amend", "-m", "amended", "--allow-empty")


def amend_without_hooks(person, _chance):
    if person.is_home and person.is_mine:
        person.git(*WITHOUT_HOOKS, "commit", "-qa", "--amend", "-m", "by a tool", "--allow-empty")


def commit_without_hooks(person, _chance):
    if person.is_home:
        person.git(*WITHOUT_HOOKS, "commit", "-qam", "by a tool")


def reset(person, chance):
    if person.is_home and person.is_mine:
        person.git("reset", "-q", chance.choice(["--soft", "--mixed", "--hard"]), "HEAD~1")


def stash(person, _chance):
    if person.is_home and not person.stashed and not person.is_clean:
        person.stashed = person.git("stash", "-q")


def pop(person, _chance):
    if person.is_home and person.stashed and person.is_clean:
        person.stashed = not person.git("stash", "pop", "-q")
        if person.stashed:
            person.git("checkout", "-q", "-f", "HEAD", "--", ".")
            person.git("reset", "-q", "--hard")


def rebase(person, chance):
    pull(person, chance)
    person.git("fetch", "-q", "origin")
    if person.is_home:
        person.git("rebase", "-q", *chance.choice([(), ("--autostash",)]), "origin/main")


def merge(person, chance):
    pull(person, chance)
    person.git("fetch", "-q", "origin")
    if person.is_home:
        person.git("merge", "-q", "--no-edit", "origin/main")


def publish(person, chance):
    if person.is_home and person.is_clean and person.is_recorded:
        save(person, chance)
        push(person, chance)
        person.git("push", "-q", "--no-verify", "origin", "main")


def away(person, _chance):
    if person.is_home:
        person.git("switch", "-q", "without")


def home(person, _chance):
    person.git("switch", "-q", "main")


def thin(person, _chance):
    if person.is_home and person.is_clean:
        person.thin = person.git("sparse-checkout", "set", "nothing-of-it") or person.thin


def whole(person, _chance):
    person.git("sparse-checkout", "disable")
    person.thin = False


def save(person, _chance):
    if person.is_home:
        assert person.idse("save").returncode == 0
    return person.is_home


def stage(person, chance):
    name, action = chance.choice(["intent", "context"]), chance.choice(["start", "complete", "reopen"])
    person.idse("stage", action, name, *(["-m", "again"] if action == "reopen" else []))


def push(person, _chance):
    assert person.idse("sync", "push").returncode == 0


def pull(person, _chance):
    assert person.idse("sync", "pull").returncode == 0


STEPS = (
    *(edit,) * 6,
    *(commit,) * 4,
    commit_one,
    code,
    amend,
    amend_without_hooks,
    commit_without_hooks,
    *(reset,) * 3,
    stash,
    pop,
    rebase,
    merge,
    publish,
    away,
    *(home,) * 3,
    thin,
    *(whole,) * 2,
    *(save,) * 2,
    stage,
    push,
    pull,
)
TELLS_LEDGER = {commit, save}


@pytest.fixture
def people(loop, bare_remote, tmp_path):
    """Three clones of one repository, with their ledgers, and a branch that knows nothing of idse."""
    for name in DOCUMENTS:
        loop.edit(name, document([f"line of {number}" for number in range(PEOPLE)]))
    loop.commit("begin")
    loop.git("clone", "-q", "--bare", str(loop.path), str(tmp_path / "code.git"))
    found = []
    for number in range(PEOPLE):
        loop.git("clone", "-q", str(tmp_path / "code.git"), str(tmp_path / f"person-{number}"))
        repo = type(loop.repo)(tmp_path / f"person-{number}")
        repo.git("config", "user.name", f"person {number}")
        repo.git("switch", "-q", "--orphan", "without")
        repo.write("alone.txt", "alone\n")
        repo.git("add", "alone.txt")
        repo.git("commit", "-q", "-m", "without")
        repo.git("switch", "-q", "main")
        found.append(Person(repo, number))
    loop.does("sync", "setup", str(bare_remote.path))
    loop.does("sync", "push")
    for person in found:
        assert person.repo.idse("init", "--agency", str(bare_remote.path)).returncode == 0
    return found


def look(person, *, is_told=False):
    """Holds the ledger to what must be true after each step, and after one that told it of the documents."""
    ledger = {name: person.out("show", f"{REF}:artifacts/{name}") for name in DOCUMENTS}
    for name, text in ledger.items():
        assert "<<<<<<<" not in text, f"{name} conflicts"
        assert len(text.splitlines()) == len(document(range(PEOPLE)).splitlines()), f"{name} lost lines"
    if is_told and person.is_clean:
        for name, text in ledger.items():
            assert person.line_in(text) == person.line_in(person.out("show", f"HEAD:{FOLDER}/{name}")), name
    listed = person.out("log", "--format=%(trailers:key=Idse-Event,valueonly)", REF)
    person.events |= set(listed.split())


def settle(people):
    """Brings all clones together, and looks whether anything is gone."""
    for _ in range(2):
        for person in people:
            push(person, None)
    pulled = [pull(person, None) for person in people]
    assert len({person.out("rev-parse", REF) for person in people}) == 1, pulled
    seen = set().union(*(person.events for person in people))
    for person in people:
        look(person)
        assert person.events == seen
        assert person.idse("fsck").returncode == 0


def walk(people, seed, count):
    """Takes `count` steps by chance."""
    chance = random.Random(seed)
    for _ in range(count):
        person, step = chance.choice(people), chance.choice(STEPS)
        try:
            is_told = step(person, chance)
            look(person, is_told=step in TELLS_LEDGER and is_told)
        except AssertionError as error:
            steps = "\n".join(person.steps[-25:])
            raise AssertionError(f"seed {seed}, person {person.number}: {error}\n{steps}") from error
    settle(people)


@pytest.mark.parametrize("seed", [1, 2])
def test_nobody_conflicts_with_himself(people, seed):
    walk(people, seed, 60)


@pytest.mark.soak
def test_nobody_conflicts_with_himself_for_long(people):
    seed, end = random.randrange(1_000_000), time.monotonic() + SOAK_SECONDS
    while time.monotonic() < end:
        walk(people, seed, 100)
        seed += 1
